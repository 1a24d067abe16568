"""Digests of rows: 128 bits of xxh3 over the values of some columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.types as pat
import xxhash

from dataflow_core.table.frames import arrow_column

_NULL = b"\x00null"


def row_digests(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return a 128-bit digest of each row, equal for rows with equal values.

    Args:
        table: The table, indexed by row id.
        columns: The columns that count. 1 and 1.0 differ, as do null and an empty text.

    Returns:
        Columns ``high`` and ``low`` (uint64), and ``null`` (bool): whether all values are null.
    """
    values = [_value_bytes(table[name]) for name in columns]
    if len(values) == 1:
        digests = map(xxhash.xxh3_128_digest, values[0])
    else:
        digests = map(xxhash.xxh3_128_digest, map(_joined, zip(*values, strict=True)))
    packed = np.frombuffer(b"".join(digests), dtype=">u8").reshape(-1, 2)
    nulls = np.logical_and.reduce([table[name].isna().to_numpy(dtype=bool) for name in columns])
    return pd.DataFrame(
        {"high": packed[:, 0].astype(np.uint64), "low": packed[:, 1].astype(np.uint64), "null": nulls},
        index=table.index,
    )


def first_of_equals(digests: pd.DataFrame) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the positions of rows that repeat an earlier one, and of the first row of each.

    Args:
        digests: What `row_digests` returned, in order; rows whose values are all null repeat nothing.
    """
    high, low = digests["high"].to_numpy(), digests["low"].to_numpy()
    order = np.lexsort((low, high))
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = (high[order][1:] != high[order][:-1]) | (low[order][1:] != low[order][:-1])
    # lexsort is stable, so the first of equals in sorted order is the first in the table.
    first = np.empty(len(order), dtype=np.int64)
    first[order] = order[np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))]
    repeats = (first != np.arange(len(order))) & ~digests["null"].to_numpy()
    positions = np.flatnonzero(repeats)
    return positions, first[positions]


def _value_bytes(values: pd.Series) -> Iterable[bytes]:
    if values.dtype == object:
        return [_NULL if v is None else _canonical(v) for v in values]
    array = arrow_column(values)
    if pat.is_string(array.type) or pat.is_large_string(array.type):
        return _text_bytes(array)
    return [_NULL if v is None else _canonical(v) for v in array.to_pylist()]


def _text_bytes(array: pa.Array) -> Iterable[bytes]:
    """Cut a text column's own memory into values, without making Python strings."""
    width = np.int64 if pat.is_large_string(array.type) else np.int32
    _, offset_buffer, data = array.buffers()
    if data is None or offset_buffer is None:
        return [_NULL] * len(array)
    offsets = np.frombuffer(offset_buffer, dtype=width)[array.offset : array.offset + len(array) + 1]
    memory, places = memoryview(data), offsets.tolist()
    cut = [memory[start:end] for start, end in zip(places[:-1], places[1:], strict=True)]
    if array.null_count:
        valid = array.is_valid().to_pylist()
        return [piece if ok else _NULL for piece, ok in zip(cut, valid, strict=True)]
    return cut


def _canonical(value: Any) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return repr(value).encode("utf-8", "surrogatepass")


def _joined(values: tuple[bytes, ...]) -> bytes:
    return b"".join(len(value).to_bytes(8, "big") + bytes(value) for value in values)
