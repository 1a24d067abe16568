"""Text values of CSV and TSV to the types that were asked for, exactly."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

TYPES: Mapping[str, pa.DataType] = MappingProxyType(
    {
        "string": pa.string(),
        "int64": pa.int64(),
        "float64": pa.float64(),
        "bool": pa.bool_(),
    }
)
"""The types that `ReadOptions.types` may ask for."""


def typed(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray | None:
    """Return a column of text in another type, or None if a value has no such form."""
    if kind.equals(pa.string()):
        return column
    values = column.to_pylist()
    if not all(value is None or is_valid(value, kind) for value in values):
        return None
    parse = _PARSERS[kind]
    parsed = [None if value is None else parse(value) for value in values]
    return pa.chunked_array([pa.array(parsed, kind)])


def is_valid(value: str, kind: pa.DataType) -> bool:
    """Tell whether a text is a value of a type."""
    if kind.equals(pa.string()):
        return True
    if kind.equals(pa.bool_()):
        return value.lower() in _BOOLEANS
    if kind.equals(pa.int64()):
        return bool(_INTEGER.fullmatch(value)) and -(1 << 63) <= int(value) < 1 << 63
    return bool(_NOT_FINITE.fullmatch(value)) or (
        bool(_NUMBER.fullmatch(value)) and math.isfinite(float(value))
    )


def texts_of(table: pa.Table) -> pa.Table:
    """Return a table without dictionaries, which the writer of CSV does not know inside lists."""
    columns = {}
    for name in table.column_names:
        column = table[name]
        if pa.types.is_dictionary(column.type):
            column = pc.cast(column, column.type.value_type)
        columns[name] = column
    return pa.table(columns)


_INTEGER = re.compile(r"[+-]?[0-9]{1,30}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_BOOLEANS = MappingProxyType({"true": True, "1": True, "false": False, "0": False})
_PARSERS: Mapping[pa.DataType, Callable[[str], object]] = MappingProxyType(
    {
        pa.int64(): int,
        pa.float64(): float,
        pa.bool_(): lambda text: _BOOLEANS[text.lower()],
    }
)
