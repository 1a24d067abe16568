"""Row ids: 64-bit numbers that a row keeps through every step, engine, batch size and resume.

The id of a source row is a mix of its source's key and its position; the id of a child row is a mix
of its parent's id, the step that made it, and its ordinal among its siblings. The mix is
SplitMix64's finaliser (Steele, Lea and Flood 2014), a bijection: rows of one source never collide.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

RowIds = npt.NDArray[np.uint64]

SOURCE_KEY = "source"
"""The key of a main source, from which the ids of its rows derive."""

_STEP, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_INVERSE_FIRST, _INVERSE_SECOND = (np.uint64(pow(n, -1, 1 << 64)) for n in (_FIRST, _SECOND))


class IdIndex:
    """Where ids stand among others, which are unique.

    Args:
        ids: The others.
    """

    def __init__(self, ids: RowIds) -> None:
        self._order = np.argsort(ids, kind="stable")
        self._sorted = ids[self._order]

    def positions(self, wanted: RowIds) -> npt.NDArray[np.int64]:
        """Return the position of each id, -1 where it is not among the others."""
        if not len(self._sorted):
            return np.full(len(wanted), -1)
        found = np.minimum(np.searchsorted(self._sorted, wanted), len(self._sorted) - 1)
        return np.where(self._sorted[found] == wanted, self._order[found], -1)


def source_ids(source_key: str, positions: npt.NDArray[np.int64]) -> RowIds:
    """Return the ids of the rows of a source.

    Args:
        source_key: The source's name in its plan, such as ``"source"``.
        positions: Row numbers within the whole source, from 0.

    Returns:
        One uint64 a row.
    """
    return _mix(np.uint64(_hash(source_key)) + positions.astype(np.uint64))


def child_ids(parents: RowIds, step_key: str, ordinals: npt.NDArray[np.int64]) -> RowIds:
    """Return the ids of rows that a step made of other rows.

    Args:
        parents: The parent's id of each new row.
        step_key: The name of the step that made them.
        ordinals: The row's number among the children of its parent, from 0.

    Returns:
        One uint64 a row.
    """
    return _mix(_mix(parents ^ np.uint64(_hash(step_key))) + ordinals.astype(np.uint64))


def ordinals(parents: RowIds) -> npt.NDArray[np.int64]:
    """Number the occurrences of each id from 0, in order."""
    order = np.argsort(parents, kind="stable")
    ranked = parents[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]]) if len(ranked) else order
    counts = np.diff(np.r_[starts, len(ranked)])
    numbers = np.empty(len(parents), dtype=np.int64)
    numbers[order] = np.arange(len(parents)) - np.repeat(starts, counts)
    return numbers


def checksum(ids: RowIds) -> int:
    """Return an order-independent sum of ids (modulo 2^64), to compare sets of rows."""
    return int(np.add.reduce(_mix(ids), dtype=np.uint64)) if len(ids) else 0


def format_id(row_id: int) -> str:
    """Return an id as people see it: 16 hexadecimal digits."""
    return f"{int(row_id):016x}"


def formatted(ids: RowIds, missing: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """Return ids as an Arrow column of texts, which JSON and pandas keep exact even beside nulls.

    Args:
        ids: The ids.
        missing: Where there is none; null in the column.
    """
    digits = pa.py_buffer(ids.astype(">u8").tobytes().hex().encode())
    offsets = pa.py_buffer(np.arange(0, 16 * len(ids) + 1, 16, dtype=np.int32))
    texts = pa.StringArray.from_buffers(len(ids), offsets, digits)
    if missing is None:
        return texts
    import pyarrow.compute as pc  # a third of pyarrow's start-up, which asking about runs saves

    return pc.if_else(missing, None, texts)


def parsed(texts: pa.Array | pa.ChunkedArray) -> RowIds:
    """Return the ids of a column of texts, all of which have 16 digits: `formatted` backwards."""
    digits = bytes.fromhex("".join(texts.to_pylist()))
    return np.frombuffer(digits, ">u8").astype(np.uint64)


def parse_id(text: str) -> int:
    """Return the id of its 16 hexadecimal digits.

    Raises:
        ValueError: The text is not 1 to 16 hexadecimal digits.
    """
    if not 1 <= len(text) <= 16:
        raise ValueError(f"a row id has up to 16 hexadecimal digits, found {text!r}")
    return int(text, 16)


def source_id(source_key: str, position: int) -> int:
    """Return the id of one row of a source; see `source_ids`."""
    return int(source_ids(source_key, np.array([position], np.int64))[0])


def positions_in_source(source_key: str, ids: RowIds) -> npt.NDArray[np.uint64]:
    """Return the positions at which rows of a source have these ids: `source_ids` backwards.

    Args:
        source_key: The source's name in its plan.
        ids: The ids.

    Returns:
        Positions, from 0; numbers beyond all rows where an id is of another origin.
    """
    with np.errstate(over="ignore"):
        mixed = ids ^ (ids >> np.uint64(31)) ^ (ids >> np.uint64(62))
        mixed = mixed * _INVERSE_SECOND
        mixed = mixed ^ (mixed >> np.uint64(27)) ^ (mixed >> np.uint64(54))
        mixed = mixed * _INVERSE_FIRST
        mixed = mixed ^ (mixed >> np.uint64(30)) ^ (mixed >> np.uint64(60))
        return mixed - np.uint64(_STEP) - np.uint64(_hash(source_key))


def position_of(source_key: str, row_id: int) -> int:
    """Return the position at which a row of a source has this id; see `positions_in_source`."""
    return int(positions_in_source(source_key, np.array([row_id], np.uint64))[0])


def _hash(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode())


def _mix(values: RowIds) -> RowIds:
    with np.errstate(over="ignore"):
        mixed = values + np.uint64(_STEP)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(_FIRST)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(_SECOND)
        return mixed ^ (mixed >> np.uint64(31))
