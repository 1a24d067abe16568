"""Have a model solve questions several times, and take the answer that most solutions agree on."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from dataflow_core import Generator, Storage
from dataflow_core.operators import (
    ListColumn,
    NumberColumn,
    Prompted,
    RowFailure,
    SamplingChanges,
    TextColumn,
)
from dataflow_core.prompts import Prompt
from dataflow_core.serving import Completion
from dataflow_math.answers.equality import TOLERANCE
from dataflow_math.answers.extraction import METHODS, extract_answer
from dataflow_math.answers.votes import Ballot, count_votes

_METHODS = tuple(method for method in METHODS if method != "whole")


class SelfConsistency(Prompted, Generator):
    r"""Have a model solve each question ``samples`` times, and take the answer with most votes.

    Votes are counted by mathematical equality (``1/2``, ``0.5`` and ``\frac{1}{2}`` are one
    answer), as `AnswerVerifier` compares, in all languages. The agreement is the share of all
    samples that gave the winner, 0 to 1; a sample without an answer, or that failed, votes for
    nothing, so it can lower the agreement but never win. Answers are found as `AnswerExtractor`
    does, but that a few words alone are none. Of answers with equally many votes, the one that came
    first wins.
    Where no sample has an answer, the row goes to quarantine (``"no_answer"``), or with the reason
    for which all samples failed.

    Keep rows by agreement with `core/filter_rows` (``agreement >= 0.6``).

    Source: Self-consistency (Wang et al. 2022), arXiv:2203.11171.

    Attributes:
        samples: How often each question is solved.
        tolerance: How much two numbers may differ where one of them is a decimal, relative to the
            larger.
        time_limit: The most seconds of processor time for one comparison; answers that take longer
            count as different.
        workers: The most processes that compare expressions at once.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_core.testing import ScriptedServing
        >>> table = MemoryStorage([{"question": "What is half of one?"}])
        >>> answers = [r"\boxed{2}", r"\boxed{0.5}", r"\boxed{\frac{1}{2}}", "Who knows."]
        >>> serving = ScriptedServing(answers, max_concurrency=1)
        >>> SelfConsistency(serving=serving, samples=4).run(table)
        >>> row = table.rows()[0]
        >>> row["answer"], row["agreement"], row["solution"]
        ('0.5', 0.5, '\\boxed{0.5}')
    """

    samples: int = Field(5, ge=2, le=1000)
    tolerance: float = Field(TOLERANCE, ge=0, lt=1)
    time_limit: float = Field(5.0, gt=0, le=3600)
    workers: int = Field(2, ge=1, le=64)
    prompt: Prompt = Prompt("math/answer_generator")
    sampling: SamplingChanges = Field(default_factory=lambda: {"temperature": 0.7})

    def run(
        self,
        storage: Storage,
        input_question: TextColumn = "question",
        output_answer: TextColumn = "answer",
        output_agreement: NumberColumn = "agreement",
        output_solution: TextColumn | None = "solution",
        output_answers: ListColumn | None = None,
    ) -> None:
        """Add the answers that most samples agree on.

        Args:
            storage: The table.
            input_question: The column of questions.
            output_answer: The column for the answers.
            output_agreement: The column for the share of samples that agree.
            output_solution: The column for the first solution with that answer; None for none.
            output_answers: The column for the answers of all samples, null where one has none; None
                for none.
        """
        asked = self.ask(storage, {"question": input_question}, n=self.samples)
        votes = self._votes(asked.completions)
        outputs = {
            output_answer: "answer",
            output_agreement: "agreement",
            output_solution: "solution",
            output_answers: "answers",
        }
        asked.write(storage, {
            column: asked.cells(
                one if one is None or isinstance(one, RowFailure) else one[part] for one in votes
            )
            for column, part in outputs.items()
            if column is not None
        })  # fmt: skip

    def _votes(self, completions: list[Completion | None]) -> list[dict[str, Any] | Any]:
        samples = [() if one is None else one.samples or (one,) for one in completions]
        ballots = count_votes(
            [[_answer(sample) for sample in several] for several in samples],
            tolerance=self.tolerance,
            limit=self.time_limit,
            workers=self.workers,
        )
        return [
            _elected(several, ballot) if several else None
            for several, ballot in zip(samples, ballots, strict=True)
        ]


def _answer(sample: Completion) -> str | None:
    found = None if sample.text is None else extract_answer(sample.text, _METHODS)
    return None if found is None else found.text


def _elected(samples: tuple[Completion, ...], ballot: Ballot) -> dict[str, Any] | RowFailure:
    if not (winner := ballot.winner):
        return _nobody(samples)
    return {
        "answer": ballot.answers[winner[0]],
        "agreement": len(winner) / len(samples),
        "solution": samples[winner[0]].text,
        "answers": list(ballot.answers),
    }


def _nobody(samples: tuple[Completion, ...]) -> RowFailure:
    failed = [one.cell() for one in samples if not one.ok]
    if len(failed) == len(samples):
        first: RowFailure = failed[0]
        return first
    told = next(one.text for one in samples if one.ok)
    return RowFailure("no_answer", f"none of {len(samples)} solutions states an answer", told)
