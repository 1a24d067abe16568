"""Have a model judge which of two answers is the better, in both orders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataflow_core.operators.base import Evaluator
from dataflow_core.operators.columns import BooleanColumn, TextColumn
from dataflow_core.operators.prompted import (
    PromptedForJson,
    Told,
    column_of,
    object_of,
    rows_of,
)
from dataflow_core.prompts import Prompt
from dataflow_core.storage.base import Storage
from dataflow_core.table.failures import RowFailure

_AS_GIVEN = {"A": "a", "B": "b", "tie": "tie"}
_SWAPPED = {"A": "b", "B": "a", "tie": "tie"}


class PairwiseJudge(PromptedForJson, Evaluator):
    """Have a model judge which of two answers to a question is the better.

    Models favour an answer for its place, so both orders are asked. An answer that wins in both is
    the winner; where the two verdicts differ, the winner is ``"tie"`` and the row not consistent.
    Where one order gets no verdict the row fails, naming the order. A row in which question or an
    answer is null or blank gets nulls.

    Source: MT-Bench (Zheng et al. 2023), section 3.4, arXiv:2306.05685: swapping positions.

    Attributes:
        criteria: What makes an answer the better one.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_core.testing import ScriptedServing
        >>> table = MemoryStorage([{"question": "2 + 2?", "answer_a": "4", "answer_b": "5"}])
        >>> def judge(text):
        ...     better = "A" if text.index("4") < text.index("5") else "B"
        ...     return f'{{"explanation": "4 is right.", "winner": "{better}"}}'
        >>> PairwiseJudge(serving=ScriptedServing(judge)).run(table)
        >>> table.rows()[0]["winner"], table.rows()[0]["is_consistent"]
        ('a', True)
    """

    spared = ("explanation",)

    criteria: Told = (
        "Which answer helps more whoever asked: right, complete, to the point and clear, in this "
        "order of weight? Length by itself is no merit."
    )
    prompt: Prompt = Prompt("core/pairwise_judge")

    @property
    def wanted(self) -> dict[str, Any]:
        """An object with an explanation, and the winner."""
        winner = {"type": "string", "enum": list(_AS_GIVEN)}
        return object_of({"explanation": {"type": "string"}, "winner": winner})

    def run(
        self,
        storage: Storage,
        input_question: TextColumn = "question",
        input_answer_a: TextColumn = "answer_a",
        input_answer_b: TextColumn = "answer_b",
        output_winner: TextColumn = "winner",
        output_consistent: BooleanColumn = "is_consistent",
    ) -> None:
        """Add the winners: ``"a"``, ``"b"`` or ``"tie"``.

        Args:
            storage: The table.
            input_question: The column of questions.
            input_answer_a: The column of the first answers.
            input_answer_b: The column of the second answers.
            output_winner: The column for the winners.
            output_consistent: The column for whether both orders have the same verdict.
        """
        table = storage.read([input_question, input_answer_a, input_answer_b])
        rows = rows_of(
            table,
            {
                "question": input_question,
                "answer_a": input_answer_a,
                "answer_b": input_answer_b,
            },
        )
        swapped = [
            {**row, "answer_a": row["answer_b"], "answer_b": row["answer_a"]} for row in rows
        ]
        ids = table.index.tolist()
        tags = [f"{one}/{order}" for order in ("as given", "swapped") for one in ids]
        form = self.form
        told = [one and form.value(one) for one in self.completions([*rows, *swapped], tags)]
        found = [_judged(*pair) for pair in zip(told[: len(rows)], told[len(rows) :], strict=True)]
        for place, output in enumerate((output_winner, output_consistent)):
            picked = [one[place] if isinstance(one, tuple) else one for one in found]
            table[output] = column_of(picked, table)
        storage.write(table)


def _judged(given: Any, swapped: Any) -> tuple[str, bool] | RowFailure | None:
    """Return the winner, and whether both orders have it; a failure, or None where none is told."""
    if given is None or swapped is None:
        return None
    first = _winner(given, _AS_GIVEN, "as given")
    second = _winner(swapped, _SWAPPED, "swapped")
    if isinstance(first, RowFailure):
        return first
    if isinstance(second, RowFailure):
        return second
    return (first, True) if first == second else ("tie", False)


def _winner(told: Any, names: Mapping[str, str], order: str) -> str | RowFailure:
    if isinstance(told, RowFailure):
        return RowFailure(told.reason, f"answers {order}: {told.message}", told.raw)
    return names[told["winner"]]
