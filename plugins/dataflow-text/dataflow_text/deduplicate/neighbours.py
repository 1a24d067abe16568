"""The one rule of near-deduplication: a row goes if it is near enough to an earlier row that stays.

Candidates are rows that share a key: a band of a signature, a block of a fingerprint, an n-gram.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

Positions = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
Nearness = Callable[[int, Positions], npt.NDArray[np.float64]]
"""Called as ``nearness(row, earlier)``: how near a row is to each of some; larger is nearer."""

# Of rows that share a key yet are not near, the last so many are remembered; and of those that
# share any key with a row, as many that share most are compared. Both make the cost linear.
_REMEMBERED = 32
_COMPARED = 32


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
    least: float,
    most: float,
    support: Positions | None = None,
) -> Repeats:
    """Return the rows that are near an earlier row that stays, each with the nearest such row.

    Args:
        equal: A key for each row; rows with equal keys are as near as rows can be.
        tables: Called with positions; yields tables of some of them with their keys. Rows that
            share a key in a table may be compared.
        nearness: How near rows are.
        least: The least nearness of which a row is dropped.
        most: The nearness of equal rows.
        support: How many keys each row must share with a row to be compared with it; None for one.
    """
    first = _first_with(equal)
    alone = np.flatnonzero(first == np.arange(len(first)))
    kept, near = np.arange(len(first)), np.full(len(first), most)
    index: defaultdict[int, list[int]] = defaultdict(list)
    for row, keys in _by_row(*_shared(tables(alone))):
        members = [index[key] for key in keys]
        found = _candidates(members, 1 if support is None else int(support[row]))
        if len(found):
            scores = nearness(row, found)
            best = int(np.argmax(scores))
            if scores[best] >= least:
                kept[row], near[row] = found[best], scores[best]
                continue
        for bucket in members:
            bucket.append(row)
            del bucket[:-_REMEMBERED]
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


def _shared(tables: Iterator[tuple[Positions, Keys]]) -> tuple[Positions, Positions]:
    """Return rows and the buckets that they share with others, numbered over all tables."""
    members, buckets, used = [np.empty(0, np.int64)], [np.empty(0, np.int64)], 0
    for rows, keys in tables:
        order = np.argsort(keys, kind="stable")
        same = np.diff(keys[order]) == 0
        shared = (np.append(same, False) | np.append(False, same))[: len(order)]
        numbers = np.cumsum(np.append(True, ~same))[: len(order)] + used
        members.append(rows[order[shared]])
        buckets.append(numbers[shared])
        used += len(order) + 1
    return np.concatenate(members), np.concatenate(buckets)


def _by_row(rows: Positions, buckets: Positions) -> Iterator[tuple[int, list[int]]]:
    """Yield each row, ascending, with its buckets."""
    order = np.argsort(rows, kind="stable")
    rows, buckets = rows[order], buckets[order]
    starts = np.flatnonzero(np.append(True, np.diff(rows) != 0)[: len(rows)])
    ends = np.append(starts, len(rows))[1:]
    for start, end in zip(starts, ends, strict=True):
        yield int(rows[start]), buckets[start:end].tolist()


def _candidates(members: list[list[int]], support: int) -> Positions:
    """Return the rows that are in at least so many of some buckets, ascending."""
    counts = Counter(chain.from_iterable(members))
    found = [row for row, count in counts.items() if count >= support]
    if len(found) > _COMPARED:
        found = [row for row, _ in counts.most_common(_COMPARED)]
    return np.sort(np.array(found, dtype=np.int64))
