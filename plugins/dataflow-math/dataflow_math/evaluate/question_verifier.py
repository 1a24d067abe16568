"""The five checks of a question by MathQ-Verify, and the filter on the first that fails."""

from __future__ import annotations

from typing import ClassVar

from dataflow_core import Evaluator, Filter, Storage
from dataflow_core.operators import Prompted, TextColumn
from dataflow_core.prompts import Prompt

SOUND = "none"
"""What is said of a question that fails no check."""


class _Checking(Prompted):
    answers: ClassVar = ("json",)

    prompt: Prompt = Prompt("math/question_verifier")


class QuestionVerifier(_Checking, Evaluator):
    """Have a model go through five checks of a question, and name the first one that fails.

    The checks, in order: ``format`` (one question of mathematics and nothing else), ``language``
    (clear wording and notation), ``premises`` (each statement is possible by itself),
    ``consistency`` (none contradicts another), ``completeness`` (they suffice for an answer). The
    column has the first that fails, or ``"none"``. An answer that names none of these is a failure
    of the row, never a verdict; an explanation may be missing, and then is null. Null and blank
    questions get null; others may be in all languages that the model knows.

    Source: MathQ-Verify (Shen et al. 2025), arXiv:2505.13903, its five stages in one prompt.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_core.testing import ScriptedServing
        >>> table = MemoryStorage([{"question": "A triangle has angles of 90, 80 and 70 degrees."}])
        >>> told = '{"explanation": "The angles sum up to 240.", "failed_check": "consistency"}'
        >>> QuestionVerifier(serving=ScriptedServing(lambda text: told)).run(table)
        >>> table.rows()[0]["failed_check"]
        'consistency'
    """

    def run(
        self,
        storage: Storage,
        input_question: TextColumn = "question",
        output_failed_check: TextColumn = "failed_check",
        output_explanation: TextColumn | None = "explanation",
    ) -> None:
        """Add the verdicts.

        Args:
            storage: The table.
            input_question: The column of questions.
            output_failed_check: The column for the first check that fails, or ``"none"``.
            output_explanation: The column for what was found; None for none.
        """
        asked = self.ask(storage, {"question": input_question})
        columns = {output_failed_check: asked.column(lambda told: told["failed_check"])}
        if output_explanation is not None:
            columns[output_explanation] = asked.column(lambda told: told.get("explanation"))
        asked.write(storage, columns)


class QuestionFilter(_Checking, Filter):
    """Keep the questions in which a model finds nothing wrong, by the five checks of MathQ-Verify.

    Rows are dropped with the check that fails as the reason, and the explanation as the value
    (`QuestionVerifier` has the checks); null and blank questions with ``"no_question"``. A row for
    which there is no answer, or none that names a check, goes to quarantine: it is neither sound
    nor unsound. Questions may be in all languages that the model knows.

    Source: MathQ-Verify (Shen et al. 2025), arXiv:2505.13903.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_core.testing import ScriptedServing
        >>> table = MemoryStorage([{"question": "What is 3 + 4?"}, {"question": "Translate: 3."}])
        >>> def check(text):
        ...     failed = "format" if "Translate" in text else "none"
        ...     return '{"explanation": "Looked at.", "failed_check": "%s"}' % failed
        >>> QuestionFilter(serving=ScriptedServing(check)).run(table)
        >>> [row["question"] for row in table.rows()], table.dropped()["reason"].tolist()
        (['What is 3 + 4?'], ['format'])
    """

    def run(
        self,
        storage: Storage,
        input_question: TextColumn = "question",
        output_failed_check: TextColumn = "failed_check",
        output_explanation: TextColumn = "explanation",
    ) -> None:
        """Drop the questions that fail a check.

        Args:
            storage: The table.
            input_question: The column of questions.
            output_failed_check: The column for the check that fails: of what is kept, ``"none"``.
            output_explanation: The column for what was found.
        """
        fields = {name: getattr(self, name) for name in _Checking.model_fields}
        QuestionVerifier(**fields).run(
            storage, input_question, output_failed_check, output_explanation
        )
        table = storage.read([output_failed_check, output_explanation])
        failed = table[output_failed_check].fillna("no_question")
        self.keep(storage, failed == SOUND, reason=failed, value=table[output_explanation])
