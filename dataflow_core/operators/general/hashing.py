"""Digests of rows: 128 bits of xxh3 over the values of some columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.types as pat
import xxhash

from dataflow_core.table.frames import to_arrow

# Texts are hashed as they are, with seed 0; other seeds keep other values apart from every text.
_VALUE_SEED = 1
_NULL = xxhash.xxh3_128_digest(b"", seed=2)


def row_digests(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return a 128-bit digest of each row, equal for rows with equal values.

    Args:
        table: The table, indexed by row id.
        columns: The columns that count. 1 and 1.0 differ, as do 1 and "1",
            and null and an empty text.

    Returns:
        Columns ``high`` and ``low`` (uint64), and ``null`` (bool): whether all values are null.
    """
    digests = [_digests(table[name]) for name in columns]
    if len(digests) == 1:
        packed = digests[0]
    else:
        joined = np.hstack(digests).tobytes()
        width = 16 * len(digests)
        cuts = (joined[start : start + width] for start in range(0, len(joined), width))
        packed = _packed(map(xxhash.xxh3_128_digest, cuts))
    nulls = np.logical_and.reduce([table[name].isna().to_numpy(dtype=bool) for name in columns])
    high, low = packed.astype(np.uint64).T
    return pd.DataFrame({"high": high, "low": low, "null": nulls}, index=table.index)


def first_of_equals(
    digests: pd.DataFrame,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the positions of rows that repeat an earlier one, and of the first row of each.

    Args:
        digests: What `row_digests` returned, in order; rows whose values are all null repeat
            nothing.
    """
    high, low = digests["high"].to_numpy(), digests["low"].to_numpy()
    candidates = _repeated(high)
    candidates = candidates[~digests["null"].to_numpy()[candidates]]
    # lexsort is stable, so the first of equals in sorted order is the first in the table.
    order = candidates[np.lexsort((low[candidates], high[candidates]))]
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = (np.diff(high[order]) != 0) | (np.diff(low[order]) != 0)
    firsts = order[np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))]
    repeats, firsts = order[~fresh], firsts[~fresh]
    in_order = np.argsort(repeats)
    return repeats[in_order], firsts[in_order]


def _repeated(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Return the positions of values that come more than once, ascending."""
    order = np.argsort(values)
    equal = np.diff(values[order]) == 0
    twice = np.zeros(len(values), dtype=bool)
    twice[1:] = equal
    twice[:-1] |= equal
    return np.sort(order[twice])


def _digests(values: pd.Series) -> npt.NDArray[np.uint64]:
    """Return the digest of each value, as two big-endian numbers."""
    if values.dtype == object:
        return _packed(map(_digest, values))
    column = to_arrow(values.array, None)
    if pat.is_string(column.type) or pat.is_large_string(column.type):
        return np.concatenate([_packed([]), *map(_text_digests, column.chunks)])
    return _packed(map(_digest, column.to_pylist()))


def _text_digests(array: pa.Array) -> npt.NDArray[np.uint64]:
    """Hash a text column's own memory, without making Python strings."""
    width = np.int64 if pat.is_large_string(array.type) else np.int32
    _, offset_buffer, data = array.buffers()
    if not len(array) or offset_buffer is None:
        return _packed([])
    offsets = np.frombuffer(offset_buffer, dtype=width)[
        array.offset : array.offset + len(array) + 1
    ]
    memory, places = memoryview(data or b""), offsets.tolist()
    # Lazily, so that no cut outlives its digest and wakes the garbage collector.
    cuts = map(memory.__getitem__, map(slice, places[:-1], places[1:]))
    digests = _packed(map(xxhash.xxh3_128_digest, cuts))
    if array.null_count:
        digests[np.asarray(array.is_null())] = _packed([_NULL])
    return digests


def _packed(digests: Iterable[bytes]) -> npt.NDArray[np.uint64]:
    return np.frombuffer(bytearray().join(digests), dtype=">u8").reshape(-1, 2)


def _digest(value: Any) -> bytes:
    if value is None:
        return _NULL
    if isinstance(value, str):
        return xxhash.xxh3_128_digest(value.encode("utf-8", "surrogatepass"))
    return xxhash.xxh3_128_digest(_canonical(value), seed=_VALUE_SEED)


def _canonical(value: Any) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return repr(value).encode("utf-8", "surrogatepass")
