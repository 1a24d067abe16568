"""The main job: solve questions, and check the answers against references."""

from __future__ import annotations

from dataflow_core import Pipeline, Storage
from dataflow_core.errors import ConfigurationError
from dataflow_core.serving import Serving
from dataflow_math.evaluate.answer_verifier import AnswerFilter, AnswerVerifier
from dataflow_math.generate.answer_extractor import AnswerExtractor
from dataflow_math.generate.answer_generator import AnswerGenerator
from dataflow_math.generate.self_consistency import SelfConsistency

_OWN = ("solution", "agreement", "is_correct")
"""The columns that the pipeline makes, besides the answers."""


class SolveAndVerify(Pipeline):
    """Have a model solve questions, and mark which answers equal the references.

    The result has three more columns: ``solution``, the model's; ``answer``, what it states; and
    ``is_correct``, whether that equals the reference as mathematics; null where there is none, or
    where the question is null or blank, so that nothing was asked. With ``samples`` above 1, each
    question is solved so often, the answer is the one that most solutions agree on, and
    ``agreement`` says how many.

    Args:
        storage: The table.
        serving: The model that solves.
        question_column: The column of questions.
        reference_column: The column of reference answers, or of whole reference solutions.
        answer_column: The column for the model's answers.
        samples: How often each question is solved, 1 to 1000.
        temperature: How freely words are chosen; None for 0, or with several samples 0.7.
        max_tokens: The most tokens of a solution; None for what the serving says.
        only_correct: Whether rows with wrong answers, or without a reference or question, are
            dropped.

    Raises:
        ConfigurationError: ``samples`` is below 1, a sampling setting is impossible, or two of the
            columns are one: an answer must not stand where its question or reference does.
    """

    def __init__(
        self,
        storage: Storage | None = None,
        *,
        serving: Serving,
        question_column: str = "question",
        reference_column: str = "reference",
        answer_column: str = "answer",
        samples: int = 1,
        temperature: float | None = None,
        max_tokens: int | None = None,
        only_correct: bool = False,
    ) -> None:
        super().__init__(storage)
        if samples < 1:
            raise ConfigurationError(f"samples must be 1 or more, found {samples}")
        _require_apart(
            question_column=question_column,
            reference_column=reference_column,
            answer_column=answer_column,
        )
        self.question_column = question_column
        self.reference_column = reference_column
        self.answer_column = answer_column
        given = {"temperature": temperature, "max_tokens": max_tokens}
        sampling = {name: value for name, value in given.items() if value is not None}
        self.solve: AnswerGenerator | SelfConsistency
        if samples > 1:
            sampling = {"temperature": 0.7, **sampling}
            self.solve = SelfConsistency(serving=serving, samples=samples, sampling=sampling)
        else:
            self.solve = AnswerGenerator(serving=serving, sampling=sampling)
        self.extract = AnswerExtractor() if samples == 1 else None
        self.verify: AnswerFilter | AnswerVerifier = (
            AnswerFilter() if only_correct else AnswerVerifier()
        )

    def forward(self) -> None:
        """Solve, then compare."""
        self.solve.run(self.storage, input_question=self.question_column)
        if self.extract is not None:
            self.extract.run(self.storage, input_text="solution", output_answer=self.answer_column)
        self.verify.run(
            self.storage,
            input_answer=self.answer_column,
            input_reference=self.reference_column,
            output_verdict="is_correct",
            input_question=self.question_column,
        )


def _require_apart(**columns: str) -> None:
    """Raise where a column would be overwritten before it is read."""
    taken = dict.fromkeys(_OWN, "a column that the pipeline makes")
    for parameter, column in columns.items():
        if column in taken:
            raise ConfigurationError(
                f"{parameter} is {column!r}, and so is {taken[column]}: one would overwrite the "
                "other, and answers be compared with themselves. Give each a name of its own"
                + (", or rename the column of the input." if parameter != "answer_column" else ".")
            )
        taken[column] = parameter
