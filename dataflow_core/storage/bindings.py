"""Column names in the bindings of a step, and the error for one that a table does not have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dataflow_core.errors import ColumnError, did_you_mean
from dataflow_core.storage.base import Bindings


def flat(value: Any) -> tuple[str, ...]:
    """Return the column names of one binding."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, (tuple, list)) else ()


def inputs(bindings: Bindings) -> dict[str, tuple[str, ...]]:
    """Return the columns that bindings read, by parameter."""
    return {name: flat(value) for name, value in bindings.items() if name.startswith("input_")}


def outputs(bindings: Bindings) -> dict[str, tuple[str, ...]]:
    """Return the columns that bindings write, by parameter."""
    return {name: flat(value) for name, value in bindings.items() if name.startswith("output_")}


def missing_column(where: str, column: str, known: Sequence[str]) -> ColumnError:
    """Return the error for a column that a table does not have."""
    listed = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
    return ColumnError(
        f"{where}: no column {column!r}.{did_you_mean(column, known)} "
        f"The table has: {listed or 'no columns'}."
    )
