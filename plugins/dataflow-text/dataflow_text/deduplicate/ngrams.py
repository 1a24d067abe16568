"""Near-deduplication by the n-grams that texts share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pydantic import Field

from dataflow_text.deduplicate.comparing import Digests, TextDeduplicator
from dataflow_text.deduplicate.neighbours import Keys, Positions, ranges, repeats_of
from dataflow_text.deduplicate.shingles import Shingles, Unit, distinct, mixed, shingle_blocks

# The n-grams of a row that are looked up, and the share of what a duplicate is expected to have in
# common with them that a candidate must have.
_KEYS = 24
_SUPPORT = 0.5
# Hashes are looked up in so many tables, one after the other, and rows are taken so many at a time.
_TABLES = 16
_STRETCH = 1 << 14


class DeduplicateNgrams(TextDeduplicator):
    """Keep the first of texts that share most of their word n-grams, counted one by one.

    The overlap of two texts is the share of distinct n-grams that both have among those that either
    has (their Jaccard similarity), 0 to 1. It is exact, but for hashes of 32 bits, for texts of at
    most ``max_ngrams`` distinct n-grams; of longer texts those with the smallest hashes stand for
    all, with a standard deviation of at most ``0.5 / sqrt(max_ngrams)`` (0.044 with 128). Texts
    that share a good part of their smallest hashes are found by an inverted index, and their
    overlap is checked. A row is dropped when an earlier row that stays overlaps enough.

    Each dropped row has reason ``"near_duplicate"``, the overlap as value, and the id of the
    nearest row that it repeats. A text shorter than one n-gram repeats only texts with the same
    words; a null text repeats nothing; what is no text fails with reason ``"no_text"``. Words are
    what stands between white space; in scripts that write none, letters. At most four bytes for
    each of ``max_ngrams`` are kept of each row, and each row is compared with 32 others at most.

    Source: Resemblance by smallest hashes (Broder 1997).

    Attributes:
        threshold: The least overlap at which a text is a duplicate.
        max_ngrams: The most n-grams kept of a text.
        n: The length of the n-grams.
        unit: What they consist of, ``"word"`` or ``"character"``.
        ignore_case: Whether upper and lower case count as equal.
        ignore_whitespace: Whether all white space between words counts as one space, which makes a
            difference for n-grams of characters only.
        ignore_punctuation: Whether punctuation (Unicode category P) counts as absent.
        ignore_digits: Whether all decimal digits count as equal.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> texts = ["one two three four five", "One two three four five six", "six five four"]
        >>> table = MemoryStorage([{"text": text} for text in texts])
        >>> DeduplicateNgrams(threshold=0.7).run(table)
        >>> table.rows()
        [{'text': 'one two three four five'}, {'text': 'six five four'}]
    """

    threshold: float = Field(default=0.7, gt=0, le=1)
    max_ngrams: int = Field(default=128, ge=32, le=65536)
    n: int = Field(default=3, ge=1, le=100)
    unit: Unit = "word"
    ignore_case: bool = True
    ignore_whitespace: bool = True

    def digest(self, texts: pa.Array) -> pa.Array:
        """Return the smallest hashes of each text, ascending, as bytes."""
        sizes, data = [np.zeros(1, np.int64)], []
        for block in shingle_blocks(texts, self.n, self.unit):
            hashes, counts = _smallest(block, self.max_ngrams)
            sizes.append(counts)
            data.append(hashes.tobytes())
        places = (np.cumsum(np.concatenate(sizes)) * 4).astype(np.int32).tobytes()
        valid = np.packbits(np.asarray(texts.is_valid()), bitorder="little").tobytes()
        buffers = [pa.py_buffer(part) for part in (valid, places, b"".join(data))]
        return pa.Array.from_buffers(pa.binary(), len(texts), buffers)

    def decide(self, sketches: pd.DataFrame) -> pd.DataFrame:
        """Drop each row that overlaps with an earlier row that stays."""
        digests = Digests(sketches)
        hashes, places = _flat(digests)
        sets = _Samples(hashes, places, self.max_ngrams)
        looked_up = np.minimum(np.diff(places), _KEYS)
        # Of two sets with this overlap, so many elements of either are in both.
        common = 2 * self.threshold / (1 + self.threshold)
        repeats = repeats_of(
            sets.keys(),
            lambda rows: sets.smallest(rows, looked_up[rows]),
            sets.overlaps,
            groups=digests.groups,
            least=self.threshold,
            most=1.0,
            support=np.ceil(looked_up * common * _SUPPORT).astype(np.int64),
        )
        return repeats.decision(digests.ids, repeats.nearness)


class _Samples:
    """Sets of hashes, those of each row ascending; of larger sets the smallest ones.

    Args:
        hashes: The hashes, row after row.
        places: Where those of each row begin, and the last end.
        limit: The size from which sets are cut.
    """

    def __init__(
        self, hashes: npt.NDArray[np.uint32], places: npt.NDArray[np.int64], limit: int
    ) -> None:
        self._hashes, self._places = hashes, places
        sizes = np.diff(places)
        # Up to its bound, a set is known in full.
        self._bounds = np.full(len(sizes), np.iinfo(np.uint32).max, np.uint32)
        self._bounds[sizes == limit] = hashes[places[1:][sizes == limit] - 1]

    def keys(self) -> Keys:
        """Return a key for each set, equal for equal sets."""
        keys = np.diff(self._places).astype(np.uint64)
        for rows in _stretches(len(keys)):
            places = self._places[rows.start : rows.stop + 1]
            hashes = self._hashes[places[0] : places[-1]].astype(np.uint64)
            keys[rows] += np.add.reduceat(mixed(hashes), places[:-1] - places[0])
        return mixed(keys)

    def smallest(self, rows: Positions, counts: Positions) -> Iterator[tuple[Positions, Keys]]:
        """Yield the first few elements of some sets, some at a time."""
        parts = (
            self._hashes[ranges(self._places[rows[part]], counts[part])]
            for part in _stretches(len(rows))
        )
        hashes = np.concatenate([np.empty(0, np.uint32), *parts])
        members = np.repeat(rows.astype(np.uint32), counts)
        for number in range(_TABLES):
            chosen = hashes % _TABLES == number
            yield members[chosen].astype(np.int64), mixed(hashes[chosen].astype(np.uint64))

    def overlaps(self, row: int, others: Positions) -> npt.NDArray[np.float64]:
        """Return the overlap of a set with others, as far as both are known in full."""
        mine = self._hashes[self._places[row] : self._places[row + 1]]
        sizes = self._places[others + 1] - self._places[others]
        theirs = self._hashes[ranges(self._places[others], sizes)]
        bounds = np.minimum(self._bounds[others], self._bounds[row])
        known = theirs <= np.repeat(bounds, sizes)
        at = np.minimum(np.searchsorted(mine, theirs), len(mine) - 1)
        cuts = np.cumsum(sizes) - sizes
        both = np.add.reduceat((mine[at] == theirs) & known, cuts, dtype=np.int64)
        either = np.searchsorted(mine, bounds, side="right") - both
        either += np.add.reduceat(known, cuts, dtype=np.int64)
        return both / either


def _smallest(
    shingles: Shingles, limit: int
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """Return the smallest distinct hashes of each text, ascending, and how many they are."""
    hashes, counts = ngrams = distinct(shingles)
    rank = np.arange(len(hashes)) - np.repeat(ngrams.starts, counts)
    smallest = (hashes[rank < limit] >> np.uint64(16)).astype(np.uint32)
    return smallest, np.minimum(counts, limit)


def _stretches(rows: int) -> Iterator[slice]:
    """Yield stretches of so many rows, few enough that what is worked out for each is small."""
    return (slice(start, min(start + _STRETCH, rows)) for start in range(0, rows, _STRETCH))


def _flat(digests: Digests) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """Return the hashes of all rows, and where those of each begin, and the last end."""
    hashes = np.empty(digests.size // 4, np.uint32)
    sizes = [np.zeros(1, np.int64)]
    start = 0
    for piece in digests.pieces():
        _, offsets, data = piece.buffers()
        places = np.frombuffer(offsets, np.int32)[piece.offset : piece.offset + len(piece) + 1] // 4
        end = start + int(places[-1] - places[0])
        hashes[start:end] = np.frombuffer(data, np.uint32)[places[0] : places[-1]]
        sizes.append(np.diff(places))
        start = end
    return hashes, np.cumsum(np.concatenate(sizes))
