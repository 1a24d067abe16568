"""Have a model judge whether answers say the same as references, and keep those that do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dataflow_core.operators.base import Evaluator
from dataflow_core.operators.columns import BooleanColumn, TextColumn
from dataflow_core.operators.filters import Filter
from dataflow_core.operators.prompted import PromptedForJson, is_blank, object_of, rows_of
from dataflow_core.prompts import Prompt
from dataflow_core.storage.base import Storage


class Judging(PromptedForJson):
    """What evaluator and filter share: what is asked, and how it is answered.

    Attributes:
        criteria: What counts as the same, where that needs saying: ``"A rounded number is
            correct."``
    """

    may_be_blank = frozenset({"question"})
    spared = ("explanation",)

    criteria: str = ""
    prompt: Prompt = Prompt("core/judge_answers")

    @property
    def wanted(self) -> dict[str, Any]:
        """An object with an explanation, and the verdict."""
        verdict = {"type": "string", "enum": ["correct", "incorrect"]}
        return object_of({"explanation": {"type": "string"}, "verdict": verdict})


class JudgeAnswers(Judging, Evaluator):
    """Have a model judge whether each answer says the same as the reference.

    The model explains, and then says ``correct`` or ``incorrect`` in a field of JSON: no other
    word of its answer counts, and an answer without that field fails; one without explanation does
    not. A row without reference gets
    null. A blank answer to which there is a reference is incorrect, and no model is asked.

    Attributes:
        criteria: What counts as the same, where that needs saying: ``"A rounded number is
            correct."``

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_core.testing import ScriptedServing
        >>> rows = [{"answer": "six", "reference": "6"}, {"answer": "", "reference": "7"}]
        >>> table = MemoryStorage(rows)
        >>> told = '{"explanation": "The same number.", "verdict": "correct"}'
        >>> JudgeAnswers(serving=ScriptedServing(lambda text: told)).run(table)
        >>> [row["is_correct"] for row in table.rows()]
        [True, False]
    """

    def run(
        self,
        storage: Storage,
        input_answer: TextColumn = "answer",
        input_reference: TextColumn = "reference",
        input_question: TextColumn | None = None,
        output_verdict: BooleanColumn = "is_correct",
        output_explanation: TextColumn | None = None,
    ) -> None:
        """Add the verdicts.

        Args:
            storage: The table.
            input_answer: The column of answers.
            input_reference: The column of references.
            input_question: The column of questions; None for none.
            output_verdict: The column for the verdicts.
            output_explanation: The column for the explanations, null where a verdict has none; None
                for no column.
        """
        columns = {
            "answer": input_answer,
            "reference": input_reference,
            "question": input_question,
        }
        asked = self.ask(storage, columns)
        unasked = [_unasked(row) for row in rows_of(asked.table, columns)]
        made = {output_verdict: asked.column(is_correct, unasked)}
        if output_explanation is not None:
            made[output_explanation] = asked.column(lambda answer: answer["explanation"])
        asked.write(storage, made)


class JudgeFilter(Judging, Filter):
    """Keep the answers that a model judges to say the same as the reference.

    The verdicts stay as a column. Rows are dropped with reason ``judged_incorrect`` or
    ``no_reference``; a row on which there is no verdict goes to quarantine, and counts as neither.

    Attributes:
        criteria: What counts as the same, where that needs saying.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_core.testing import ScriptedServing
        >>> rows = [{"answer": "six", "reference": "6"}, {"answer": "", "reference": "7"}]
        >>> table = MemoryStorage(rows)
        >>> told = '{"explanation": "The same number.", "verdict": "correct"}'
        >>> JudgeFilter(serving=ScriptedServing(lambda text: told)).run(table)
        >>> [row["answer"] for row in table.rows()]
        ['six']
    """

    def run(
        self,
        storage: Storage,
        input_answer: TextColumn = "answer",
        input_reference: TextColumn = "reference",
        input_question: TextColumn | None = None,
        output_verdict: BooleanColumn = "is_correct",
    ) -> None:
        """Add the verdicts, and drop the rows that are not judged correct.

        Args:
            storage: The table.
            input_answer: The column of answers.
            input_reference: The column of references.
            input_question: The column of questions; None for none.
            output_verdict: The column for the verdicts.
        """
        fields = {name: getattr(self, name) for name in Judging.model_fields}
        JudgeAnswers(**fields).run(
            storage, input_answer, input_reference, input_question, output_verdict
        )
        verdicts = storage.read([output_verdict])[output_verdict]
        reasons = np.where(verdicts.isna(), "no_reference", "judged_incorrect")
        self.keep(storage, verdicts, reason=reasons.tolist())


def is_correct(answer: Mapping[str, Any]) -> bool:
    """Tell whether a judge's answer says that what was judged is correct."""
    return bool(answer["verdict"] == "correct")


def _unasked(row: Mapping[str, Any]) -> bool | None:
    """Return the verdict on a row about which nothing is asked."""
    return None if is_blank(row["reference"]) else False
