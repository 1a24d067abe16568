"""Rows that the conformance kit makes up, after the kinds of the columns that an operator reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataflow_core.operators.columns import Parameter

_TEXTS = (
    "The harbour froze over in January, and nobody could leave for six weeks.",
    "A train leaves at nine and travels 120 kilometres in two hours. How fast does it go?",
    "Bread needs flour, water, salt, and time.\n\nMost people forget the time.",
    "Nobody had told her that the house was hers; the letter came a year late.",
    "The harbour froze over in January, and nobody could leave for six weeks.",
    "Write to the office before Friday, or the seat goes to somebody else.",
)
VALUES: Mapping[str, Sequence[Any]] = {
    "any": _TEXTS,
    "text": _TEXTS,
    "number": (0.5, 1.0, 2.25, -1.0, 0.5, 40.0),
    "integer": (0, 1, 2, -1, 0, 40),
    "boolean": (True, False, True, True, True, False),
    "list": (["a", "b"], ["c"], ["b", "d", "e"], [], ["a", "b"], ["f"]),
}
"""The values of each kind of column; one row comes twice."""

ROWS = len(_TEXTS)


def column_of(parameter: Parameter) -> str:
    """Return what to call the column of a parameter that has no default."""
    return parameter.name.partition("_")[2]


def made_rows(columns: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return rows with columns of these kinds; columns of one kind have different values.

    Args:
        columns: The kind of each column, by name.
    """
    made = {}
    for place, (name, kind) in enumerate(columns.items()):
        values = VALUES[kind]
        made[name] = [values[(at + place) % ROWS] for at in range(ROWS)]
    return [{name: made[name][at] for name in made} for at in range(ROWS)]
