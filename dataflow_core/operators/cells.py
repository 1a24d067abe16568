"""Columns whose cells have one Arrow type, or are the failures of their rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from dataflow_core.serving.messages import is_null
from dataflow_core.storage.base import Storage
from dataflow_core.table.failures import RowFailure

_PIECE = 1 << 16
"""The most rows of one Arrow array, whose offsets count its items in 32 bits."""


def assign_cells(
    storage: Storage, column: str, cells: Sequence[Any], kind: pa.DataType, *, read: Sequence[str]
) -> None:
    """Set a column of a given type; rows of which the cell is a failure go to quarantine.

    Args:
        storage: The table.
        column: The column, new or not.
        cells: One a row, in the order of the table: a value of the type, None, or a `RowFailure`.
        kind: The type, whatever the values are.
        read: The columns that the operator has read.
    """
    failures = [cell if isinstance(cell, RowFailure) else None for cell in cells]
    set_aside(storage, failures, read=read)
    sound = [cell for cell in cells if not isinstance(cell, RowFailure)]
    pieces = [pa.array(sound[at : at + _PIECE], kind) for at in range(0, len(sound), _PIECE)]
    storage.assign(column, pa.chunked_array(pieces, kind))


def no_text(value: Any, parameter: str) -> RowFailure | None:
    """Return the failure of a row whose cell is no text where a `TextColumn` is wanted.

    Numbers and booleans are none, as in plans, where their columns are refused.

    Args:
        value: The cell; a null one, or a text, is no failure.
        parameter: The parameter that names the column.
    """
    if isinstance(value, str) or is_null(value):
        return None
    told = f"{parameter}: a text wanted, found {type(value).__name__} {value!r:.60}"
    return RowFailure("no_text", told, repr(value)[:200])


def set_aside(
    storage: Storage, failures: Sequence[RowFailure | None], *, read: Sequence[str]
) -> None:
    """Send rows to quarantine; no column changes.

    Args:
        storage: The table.
        failures: One a row, in the order of the table; None for rows that stay.
        read: The columns that the operator has read; they would be removed if not written again.
    """
    if not any(failures):
        return
    name = "failure"
    while name in (storage.columns() or {}):
        name += "_"
    table = storage.read(read)
    table[name] = pd.Series(list(failures), index=table.index, dtype=object)
    storage.write(table)
    storage.write(storage.read([*read, name]).drop(columns=name))
