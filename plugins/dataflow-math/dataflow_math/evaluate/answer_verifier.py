"""Answers compared with references, and the filter on the verdict."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import Field

from dataflow_core import Evaluator, Filter, Operator, Storage
from dataflow_core.operators import BooleanColumn, RowFailure, TextOrNumberColumn
from dataflow_math.answers.equality import TOLERANCE, equal
from dataflow_math.answers.extraction import Answer, extract_answer, reference_answer
from dataflow_math.answers.pool import Pair, pool_of
from dataflow_math.cells import assign_sound, texts_in

_EXPLAINED = {
    "time_limit": "the comparison took more than {limit:g} s of processor time",
    "too_complex": "the comparison took more memory than there is for it, or nested too deeply",
}

Cell = str | RowFailure | None
Verdict = bool | RowFailure | None


class _Comparing(Operator):
    tolerance: float = Field(TOLERANCE, ge=0, lt=1)
    time_limit: float = Field(5.0, gt=0, le=3600)
    workers: int = Field(2, ge=1, le=64)
    relations_as_sets: bool = True


class AnswerVerifier(_Comparing, Evaluator):
    r"""Mark whether an answer equals the reference answer, as mathematics rather than as text.

    Both columns may hold answers or whole solutions, of which the answer is taken as
    `AnswerExtractor` does (of a reference, only one that is boxed, tagged, stated or chosen, or a
    text that is nothing but an answer: the last number of a text may be any). Numbers, of
    all types, count as texts.

    The verdict is null where there is no reference or none can be read, or no question where a
    column of them is named; false where there is a reference and no answer, since what states
    nothing is not correct; else true or false.

    Equal are, in this order of trying: answers that differ only in how they are written (spaces,
    ``\dfrac``, ``\left``, ``\text``, ``$…$``, the comma of ``1,234`` outside of brackets, a full
    stop); numbers of the same value; lists and sets with the same elements, tuples and intervals
    with the same elements in order and the same brackets, ``x = 5`` and ``5``, ``\pm 2`` and ``2,
    -2``; and expressions, equations, inequalities and matrices that Math-Verify proves equal. Never
    is a part of an answer compared. Words are compared without case, in all languages; units and
    currencies count where both have one. ``50%`` equals ``50`` and ``0.5``, but ``50`` is not
    ``0.5``, nor ``50%`` 50 of any unit. Dates and ranges, as ``5-7``, equal themselves alone.

    Math-Verify runs in processes of its own, which start when an expression needs them; they are
    shared by all operators of a process, and end with it or after two minutes without work. A
    comparison that takes longer than the limit sends its row, and no other, to quarantine, reason
    ``"time_limit"`` (``"too_complex"`` where memory or depth end it).

    Source: Math-Verify (Kydlíček 2025); Qwen2.5-Math (Yang et al. 2024), evaluation.

    Attributes:
        tolerance: How much two numbers may differ where one of them is a decimal, relative to the
            larger: 1e-6 takes 0.333333 for 1/3, and not 0.3333; and 1000000.75 for 1000000.25,
            which only 1e-7 tells apart. Integers and fractions are compared exactly.
        time_limit: The most seconds of processor time for one comparison of expressions (and at
            most four times as many by the clock).
        workers: The most processes that compare expressions at once.
        relations_as_sets: Whether ``-2 \le x \le 7`` equals ``x \in [-2, 7]``.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([
        ...     {"answer": r"So we get $\boxed{\frac{3}{4}}$.", "reference": "0.75"},
        ...     {"answer": "(1, 2)", "reference": "(2, 1)"},
        ...     {"answer": "The answer is $1+x$", "reference": "x+1"},
        ...     {"answer": "5", "reference": None},
        ... ])
        >>> AnswerVerifier().run(table)
        >>> [row["is_correct"] for row in table.rows()]
        [True, False, True, None]
    """

    def run(
        self,
        storage: Storage,
        input_answer: TextOrNumberColumn = "answer",
        input_reference: TextOrNumberColumn = "reference",
        output_verdict: BooleanColumn = "is_correct",
        input_question: TextOrNumberColumn | None = None,
    ) -> None:
        """Add the verdict.

        Args:
            storage: The table.
            input_answer: The column of answers or solutions to judge.
            input_reference: The column of reference answers or solutions.
            output_verdict: The column for the verdict.
            input_question: The column of questions, if rows are to have no verdict where that is
                null or blank; None for none.
        """
        columns = [input_answer, input_reference, input_question]
        table = storage.read([one for one in dict.fromkeys(columns) if one is not None])
        answers = texts_in(table[input_answer])
        references = texts_in(table[input_reference])
        if input_question is not None:
            asked = _asked(table[input_question])
            references = [one if two else None for one, two in zip(references, asked, strict=True)]
        verdicts = self._judge(references, answers)
        assign_sound(storage, input_answer, {output_verdict: (verdicts, pa.bool_())})

    def _judge(self, references: list[Cell], answers: list[Cell]) -> list[Verdict]:
        verdicts: list[Verdict] = []
        open_pairs: dict[Pair, list[int]] = {}
        for place, (reference, answer) in enumerate(zip(references, answers, strict=True)):
            pair = _pair(reference, answer)
            if not isinstance(pair, tuple):
                verdicts.append(pair)
                continue
            verdict = equal(*pair, tolerance=self.tolerance)
            verdicts.append(verdict)
            if verdict is None:
                open_pairs.setdefault(pair, []).append(place)
        told = pool_of(self.workers).compare(
            list(open_pairs),
            tolerance=self.tolerance,
            limit=self.time_limit,
            relations_as_sets=self.relations_as_sets,
        )
        for places, one in zip(open_pairs.values(), told, strict=True):
            for place in places:
                verdicts[place] = one if isinstance(one, bool) else self._failure(one)
        return verdicts

    def _failure(self, reason: str) -> RowFailure:
        return RowFailure(reason, _EXPLAINED[reason].format(limit=self.time_limit))


class AnswerFilter(_Comparing, Filter):
    r"""Keep rows whose answer equals the reference answer, as mathematics rather than as text.

    The verdict stays as a column; `AnswerVerifier` says how it comes about, in all languages. Rows
    go with reason ``"wrong_answer"``, also where there is no answer, or ``"no_reference"``, where
    there is nothing to compare with, or ``"no_question"``, where a column of questions is named and
    nothing was asked; a comparison that is given up sends its row to quarantine.

    Source: Math-Verify (Kydlíček 2025); Qwen2.5-Math (Yang et al. 2024), evaluation.

    Attributes:
        tolerance: How much two numbers may differ where one of them is a decimal, relative to the
            larger.
        time_limit: The most seconds of processor time for one comparison of expressions.
        workers: The most processes that compare expressions at once.
        relations_as_sets: Whether an inequality equals the set that it describes.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> answers = [r"$\boxed{1/2}$", "The answer is 2.", "I do not know"]
        >>> table = MemoryStorage([{"answer": text, "reference": "0.5"} for text in answers])
        >>> AnswerFilter().run(table)
        >>> [row["answer"] for row in table.rows()]
        ['$\\boxed{1/2}$']
        >>> table.dropped()["reason"].tolist()
        ['wrong_answer', 'wrong_answer']
    """

    def run(
        self,
        storage: Storage,
        input_answer: TextOrNumberColumn = "answer",
        input_reference: TextOrNumberColumn = "reference",
        output_verdict: BooleanColumn = "is_correct",
        input_question: TextOrNumberColumn | None = None,
    ) -> None:
        """Add the verdict, and drop the rows where it is not true.

        Args:
            storage: The table.
            input_answer: The column of answers or solutions to judge.
            input_reference: The column of reference answers or solutions.
            output_verdict: The column for the verdict.
            input_question: The column of questions, if rows are to have no verdict where that is
                null or blank; None for none.
        """
        fields = {name: getattr(self, name) for name in _Comparing.model_fields}
        AnswerVerifier(**fields).run(
            storage, input_answer, input_reference, output_verdict, input_question
        )
        verdict = storage.read([output_verdict])[output_verdict]
        reasons = np.where(verdict.isna(), "no_reference", "wrong_answer")
        if input_question is not None:
            asked = _asked(storage.read([input_question])[input_question])
            reasons = np.where(asked, reasons, "no_question")
        self.keep(storage, verdict, reason=pd.Series(reasons, index=verdict.index))


def _asked(questions: pd.Series) -> list[bool]:
    """Tell of each question whether there is one."""
    return [one is not None and bool(str(one).strip()) for one in texts_in(questions)]


def _pair(reference: Cell, answer: Cell) -> Pair | Verdict:
    """Return what is to be compared, or what the verdict is without comparing."""
    if isinstance(reference, RowFailure):
        return reference
    if isinstance(answer, RowFailure):
        return answer
    wanted = reference_answer(reference) if reference is not None else None
    if wanted is None:
        return None
    given = _given(answer)
    return (wanted.text, given.text) if given else False


def _given(answer: str | None) -> Answer | None:
    return extract_answer(answer) if answer is not None else None
