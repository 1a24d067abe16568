"""Cells that hold answers: texts, or numbers, since references are often stored as such."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa

from dataflow_core import Storage
from dataflow_core.operators import RowFailure, arrow_column, python_values, set_aside


def texts_in(column: pd.Series) -> list[str | RowFailure | None]:
    """Return the text of each cell: that of a number is how it is written; null stays null.

    A list, a struct or a boolean is no answer, but a failure of its row.
    """
    return [_text(value) for value in _values(column)]


def assign_sound(
    storage: Storage, read: str, columns: dict[str, tuple[list[Any], pa.DataType]]
) -> None:
    """Set columns in which cells may be failures, whose rows go to quarantine.

    Args:
        storage: The table.
        read: A column of it.
        columns: Values and type of each column.
    """
    rows = list(zip(*(values for values, _ in columns.values()), strict=True))
    failures = [next((c for c in row if isinstance(c, RowFailure)), None) for row in rows]
    set_aside(storage, failures, read=[read])
    for name, (values, kind) in columns.items():
        sound = [value for value, bad in zip(values, failures, strict=True) if bad is None]
        storage.assign(name, pa.array(sound, kind))


def _values(column: pd.Series) -> list[Any]:
    return column.tolist() if column.dtype == object else python_values(arrow_column(column))


def _text(value: Any) -> str | RowFailure | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return RowFailure("no_text", f"a text or number wanted, found {value!r:.60}")
    if value != value or isinstance(value, Decimal):  # noqa: PLR0124  NaN is no number
        return None
    return repr(value)
