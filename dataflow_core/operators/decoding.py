"""Columns in the layout that every Arrow function knows, whatever layout they came in."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.types as pat


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type of a column's values without dictionary encoding and views."""
    if pat.is_dictionary(kind):
        return plain_type(kind.value_type)
    if kind.equals(pa.string_view()):
        return pa.string()
    return pa.binary() if kind.equals(pa.binary_view()) else kind


def plain(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Return a column without dictionary encoding and views."""
    kind = plain_type(column.type)
    return column if kind.equals(column.type) else column.cast(kind)
