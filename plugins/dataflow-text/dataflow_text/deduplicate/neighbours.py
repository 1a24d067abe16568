"""The one rule of near-deduplication: a row goes if it is near enough to an earlier row that stays.

Candidates are rows that share a key: a band of a signature, a block of a fingerprint, an n-gram.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from dataflow_text.analysis.spans import ranges

Positions = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
Nearness = Callable[[int, Positions], npt.NDArray[np.float64]]
"""Called as ``nearness(row, earlier)``: how near a row is to each of some; larger is nearer."""

# Of rows that share a key yet are not near, the last so many are remembered; and of those that
# share any key with a row, as many that share most are compared. Both make the cost linear.
REMEMBERED = 32
_COMPARED = 32
# The share of the keys that a near row is expected to share which a candidate must share.
_SUPPORT = 0.5
# A key that still leads to all rows with it tells more than any number of those that do not.
_WHOLE = 1 << 20
# So many rows look for candidates at a time, with so many keys; both bound what that takes.
_BLOCK_ROWS = 256
_BLOCK_KEYS = 4096
_HALF = np.uint64(32)


class Repeats(NamedTuple):
    """The rows to drop, ascending.

    Attributes:
        rows: Their positions.
        firsts: The position of the row that each repeats, which stays.
        nearness: How near the two are.
    """

    rows: Positions
    firsts: Positions
    nearness: npt.NDArray[np.float64]

    def decision(self, index: pd.Index, value: npt.NDArray[np.generic]) -> pd.DataFrame:
        """Return them as the decision of a `DatasetFilter`.

        Args:
            index: The ids of all rows.
            value: What to tell as the value that decided.
        """
        return pd.DataFrame(
            {
                "reason": ["near_duplicate"] * len(self.rows),
                "value": value,
                "duplicate_of": index[self.firsts],
            },
            index=index[self.rows],
        )


def repeats_of(
    equal: Keys,
    tables: Callable[[Positions], Iterator[tuple[Positions, Keys]]],
    nearness: Nearness,
    *,
    groups: Keys,
    least: float,
    most: float,
    expected: npt.NDArray[np.float64] | None = None,
) -> Repeats:
    """Return the rows that are near an earlier row that stays, each with the nearest such row.

    Args:
        equal: A key for each row; rows of a group with equal keys are as near as rows can be.
        tables: Called with positions; yields tables of some of them with their keys. Rows that
            share a key in a table may be compared.
        nearness: How near rows are.
        groups: The digest of each row's group; rows of different groups are never near.
        least: The least nearness of which a row is dropped.
        most: The nearness of equal rows.
        expected: How many keys each row is expected to share with one that is just near enough; to
            be compared, half of them must be shared, but for those that very many rows share. None
            if one key is enough.
    """
    first = _first_with(equal ^ groups)
    alone = np.flatnonzero(first == np.arange(len(first)))
    kept, near = np.arange(len(first)), np.full(len(first), most)
    buckets = _Buckets(_shared(tables(alone), groups))
    for block in buckets.blocks():
        for row, candidates in buckets.candidates(block, expected):
            wanted = (kept[candidates] == candidates) & (groups[candidates] == groups[row])
            found = np.sort(candidates[wanted][:_COMPARED])
            if len(found):
                scores = nearness(row, found)
                best = int(np.argmax(scores))
                if scores[best] >= least:
                    kept[row], near[row] = found[best], scores[best]
        buckets.remember(block, kept)
    # A row equal to a dropped one repeats what that one repeats.
    kept, near = kept[first], near[first]
    gone = np.flatnonzero(kept != np.arange(len(kept)))
    return Repeats(gone, kept[gone], near[gone])


def row_keys(columns: npt.NDArray[np.unsignedinteger]) -> Keys:
    """Return a 64-bit key of each row of a matrix of numbers, equal for equal rows."""
    keys = np.zeros(len(columns), np.uint64)
    for column in columns.T:
        keys ^= column
        keys *= np.uint64(0x9FB21C651E98DF25)
        keys ^= keys >> np.uint64(29)
    return keys


def _first_with(keys: Keys) -> Positions:
    """Return the position of the first row with the key of each row."""
    order = np.argsort(keys, kind="stable")
    fresh = np.append(True, np.diff(keys[order]) != 0)[: len(order)]
    first = np.empty(len(keys), np.int64)
    first[order] = order[np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))]
    return first


def _shared(tables: Iterator[tuple[Positions, Keys]], groups: Keys) -> Keys:
    """Return rows, ascending, with the buckets that they share, as two halves of a number.

    Buckets are numbered over all tables. Keys count by their upper halves, so a few more rows share
    one than would by the whole.
    """
    found, used = [np.empty(0, np.uint64)], 0
    for rows, keys in tables:
        packed = (keys ^ groups[rows]) >> _HALF << _HALF | rows.astype(np.uint64)
        packed.sort()
        same = np.diff(packed >> _HALF) == 0
        repeated = np.append(False, same)[: len(packed)]
        shared = repeated | np.append(same, False)[: len(packed)]
        numbers = np.cumsum(~repeated[shared], dtype=np.uint64)
        found.append(packed[shared] << _HALF | (numbers + np.uint64(used) - np.uint64(1)))
        used += int(numbers[-1]) if len(numbers) else 0
    together = np.concatenate(found)
    together.sort()
    return together


class _Buckets:
    """What rows share a key, and which of them stay: for each bucket the last few, in a ring.

    Args:
        shared: What `_shared` returned.
    """

    def __init__(self, shared: Keys) -> None:
        rows = (shared >> _HALF).astype(np.uint32)
        self._buckets = shared.astype(np.uint32)
        begins = np.flatnonzero(np.append(True, np.diff(rows) != 0)[: len(rows)])
        self._rows = rows[begins].astype(np.int64)
        self._places = np.append(begins, len(rows))
        sizes = np.bincount(self._buckets)
        self._room = np.minimum(sizes, REMEMBERED).astype(np.uint32)
        self._rings = np.cumsum(self._room, dtype=np.int64) - self._room
        self._ring_rows = np.empty(int(self._room.sum()), np.uint32)
        self._seen = np.zeros(len(sizes), np.uint32)

    def blocks(self) -> Iterator[slice]:
        """Yield stretches of the rows that share a key."""
        keys = np.arange(0, self._places[-1], _BLOCK_KEYS)
        cuts = np.searchsorted(self._places, keys)
        every = np.arange(0, len(self._rows), _BLOCK_ROWS)
        edges = np.unique(np.concatenate([cuts, every, [len(self._rows)]]))
        return (slice(start, end) for start, end in pairwise(edges.tolist()))

    def candidates(
        self, block: slice, expected: npt.NDArray[np.float64] | None
    ) -> Iterator[tuple[int, Positions]]:
        """Yield rows with the rows before that share enough keys, those first that share most."""
        owners, buckets = self._keys(block)
        cut = self._seen[buckets] > self._room[buckets]
        pairs = [self._remembered(owners, buckets, cut), self._within(block, owners, buckets, cut)]
        both, shared = _counted(np.concatenate(pairs))
        rows = self._rows[block]
        if expected is not None:
            askers = (both >> _HALF).astype(np.int64)
            # At worst the row shares all keys that no longer lead to each row with them.
            lost = np.bincount(owners, cut, minlength=len(rows))
            least = np.ceil(_SUPPORT * expected[rows])
            least_whole = np.maximum(np.ceil(_SUPPORT * (expected[rows] - lost)), 1) * _WHOLE
            keys = (shared & (_WHOLE - 1)) + shared // _WHOLE
            enough = (shared >= least_whole[askers]) | (keys >= least[askers])
            both, shared = both[enough], shared[enough]
        places, others = both >> _HALF, both.astype(np.uint32).astype(np.int64)
        order = np.lexsort((-shared, places))
        begins, sizes = _runs(places)
        owners = rows[places[begins].astype(np.int64)]
        for row, begin, size in zip(owners.tolist(), begins.tolist(), sizes.tolist(), strict=True):
            yield row, others[order[begin : begin + size]]

    def remember(self, block: slice, kept: Positions) -> None:
        """Put those rows of a block into their rings that stay."""
        rows = self._rows[block]
        owners, buckets = self._keys(block)
        stays = (kept[rows] == rows)[owners]
        owners, buckets = owners[stays], buckets[stays]
        order = np.argsort(buckets, kind="stable")
        owners, buckets = owners[order], buckets[order]
        begins, counts = _runs(buckets)
        rank = np.arange(len(buckets)) - np.repeat(begins, counts)
        at = (self._seen[buckets] + rank) % self._room[buckets]
        self._ring_rows[self._rings[buckets] + at] = rows[owners]
        self._seen[buckets[begins]] += counts.astype(np.uint32)

    def _keys(self, block: slice) -> tuple[Positions, npt.NDArray[np.uint32]]:
        """Return the buckets of a block's rows, and which row of the block has each."""
        places = self._places[block.start : block.stop + 1]
        owners = np.repeat(np.arange(len(places) - 1), np.diff(places))
        return owners, self._buckets[places[0] : places[-1]]

    def _remembered(
        self, owners: Positions, buckets: npt.NDArray[np.uint32], cut: npt.NDArray[np.bool_]
    ) -> Keys:
        """Pair rows of a block with those before it."""
        counts = np.minimum(self._seen[buckets], self._room[buckets]).astype(np.int64)
        others = self._ring_rows[ranges(self._rings[buckets], counts)]
        return _paired(np.repeat(owners, counts), others, np.repeat(cut, counts))

    def _within(
        self,
        block: slice,
        owners: Positions,
        buckets: npt.NDArray[np.uint32],
        cut: npt.NDArray[np.bool_],
    ) -> Keys:
        """Pair rows of a block with earlier ones of it."""
        order = np.argsort(buckets, kind="stable")
        begins, counts = _runs(buckets[order])
        starts = np.repeat(begins, counts)
        before = np.arange(len(order)) - starts
        others = self._rows[block][owners[order[ranges(starts, before)]]]
        return _paired(np.repeat(owners[order], before), others, np.repeat(cut[order], before))


def _paired(owners: Positions, others: npt.NDArray[np.integer], cut: npt.NDArray[np.bool_]) -> Keys:
    """Return pairs of rows as numbers: the one's place in its block, the other, the key's kind."""
    pairs = owners.astype(np.uint64) << _HALF | others.astype(np.uint64)
    return pairs << np.uint64(1) | cut


def _counted(pairs: Keys) -> tuple[Keys, Positions]:
    """Return each pair once, ascending, with the number of shared keys; a whole one counts more."""
    kinds, counts = np.unique(pairs, return_counts=True)
    counts[kinds & np.uint64(1) == 0] *= _WHOLE
    both = kinds >> np.uint64(1)
    begins, _ = _runs(both)
    if len(begins) < len(both):
        both, counts = both[begins], np.add.reduceat(counts, begins)
    return both, counts


def _runs(values: npt.NDArray[np.generic]) -> tuple[Positions, Positions]:
    """Return where each run of equal values begins, and its length."""
    begins = np.flatnonzero(np.append(True, values[1:] != values[:-1])[: len(values)])
    return begins, np.diff(np.append(begins, len(values)))
