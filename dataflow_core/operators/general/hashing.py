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

from dataflow_core.operators.decoding import plain
from dataflow_core.table.columns import to_arrow

# Texts are hashed as they are, with seed 0; other seeds keep other values apart from every text.
_VALUE_SEED = 1
_NULL = xxhash.xxh3_128_digest(b"", seed=2)
_PLAIN_JSON = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)


def row_digests(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return a 128-bit digest of each row, equal for rows with equal values.

    Args:
        table: The table, indexed by row id.
        columns: The columns that count. 1 and 1.0 differ, as do 1 and "1", null and an empty
            text, and null, NaN and the infinities; NaN equals NaN.

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
    nulls = np.logical_and.reduce([null_values(table[name]) for name in columns])
    high, low = packed.astype(np.uint64).T
    return pd.DataFrame({"high": high, "low": low, "null": nulls}, index=table.index)


def null_values(values: pd.Series) -> npt.NDArray[np.bool_]:
    """Tell which values of a column are null; NaN is not."""
    if values.dtype == object:
        return np.array([value is None or value is pd.NA for value in values], dtype=bool)
    return np.asarray(to_arrow(values.array, None).is_null(), dtype=bool)


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
    column = plain(to_arrow(values.array, None))
    if pat.is_string(column.type) or pat.is_large_string(column.type):
        return np.concatenate([_packed([]), *map(_text_digests, column.chunks)])
    return _packed(map(_digest, _counted(column).to_pylist()))


def _counted(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column with its times as numbers, of which Python's times would cut nanoseconds."""
    kind = _counted_type(column.type)
    return column if kind.equals(column.type) else column.cast(kind)


def _counted_type(kind: pa.DataType) -> pa.DataType:
    if pat.is_date32(kind) or pat.is_time32(kind):
        return pa.int32()
    if (
        pat.is_date64(kind)
        or pat.is_time64(kind)
        or pat.is_timestamp(kind)
        or pat.is_duration(kind)
    ):
        return pa.int64()
    if pat.is_list(kind):
        return pa.list_(_counted_field(kind.value_field))
    if pat.is_large_list(kind):
        return pa.large_list(_counted_field(kind.value_field))
    if pat.is_fixed_size_list(kind):
        return pa.list_(_counted_field(kind.value_field), kind.list_size)
    return pa.struct([_counted_field(f) for f in kind]) if pat.is_struct(kind) else kind


def _counted_field(field: pa.Field) -> pa.Field:
    return field.with_type(_counted_type(field.type))


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
    if value is None or value is pd.NA:
        return _NULL
    if isinstance(value, str):
        return xxhash.xxh3_128_digest(value.encode("utf-8", "surrogatepass"))
    return xxhash.xxh3_128_digest(_canonical(value), seed=_VALUE_SEED)


def _canonical(value: Any) -> bytes:
    try:
        form = orjson.dumps(value, option=_PLAIN_JSON)
    except TypeError:
        return _spelled_out(value).encode("utf-8", "surrogatepass")
    # JSON writes NaN and the infinities as null.
    return _spelled_out(value).encode() if b"null" in form else form


def _spelled_out(value: Any) -> str:
    """Return a form that differs for different values of any type, whatever the order of keys."""
    if isinstance(value, dict):
        items = sorted(f"{key!r}:{_spelled_out(item)}" for key, item in value.items())
        return "{" + ",".join(items) + "}"
    if isinstance(value, (list, tuple, np.ndarray)):
        return "[" + ",".join(map(_spelled_out, value)) + "]"
    return repr(value)
