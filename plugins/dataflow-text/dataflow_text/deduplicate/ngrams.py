"""Near-deduplication by the n-grams that texts share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pydantic import Field

from dataflow_text.analysis.spans import ranges
from dataflow_text.deduplicate.comparing import Digests, NearDeduplicator, Similarity
from dataflow_text.deduplicate.neighbours import REMEMBERED, Keys, Positions, repeats_of
from dataflow_text.deduplicate.shingles import Shingles, Unit, distinct, mixed, shingle_blocks

# The n-grams of a row that are looked up; if most of them are frequent, others as well.
_KEYS = 24
# Hashes are looked up in so many tables, one after the other, and rows are taken so many at a time.
_TABLES = 16
_STRETCH = 1 << 14
# How often an element comes is counted in slots, a power of two of them.
_LEAST_SLOT_BITS, _MOST_SLOT_BITS = 16, 25
# The bound of a set of which every hash is known.
_IN_FULL = np.uint32(0xFFFFFFFF)
# A digest begins with so many numbers of 32 bits for the key of the whole set.
_KEY_WORDS = 2


class DeduplicateNgrams(NearDeduplicator):
    """Keep the first of texts that share most of their word n-grams, counted one by one.

    The overlap of two texts is the share of distinct n-grams that both have among those that either
    has (their Jaccard similarity), 0 to 1. It is exact, but for hashes of 32 bits, for texts of at
    most ``max_ngrams`` distinct n-grams; of longer texts those with the smallest hashes stand for
    all, with a standard deviation of at most ``0.5 / sqrt(max_ngrams)`` (0.044 with 128). A key of
    64 bits tells whether two texts have the same n-grams.

    Texts that share a good part of their smallest hashes are found by an inverted index, and their
    overlap is checked. An n-gram that very many rows have leads only to the last 32 of these that
    stay; so texts with much boilerplate are looked up by the other n-grams that are kept of them,
    and are missed if among these none is in both. A row is dropped when an earlier row that stays
    overlaps enough.

    Each dropped row has reason ``"near_duplicate"``, the overlap as value, and the id of the
    nearest row that it repeats. A text shorter than one n-gram repeats only texts with the same
    words; a null text repeats nothing; what is no text fails with reason ``"no_text"``. Words are
    what stands between white space; in scripts that write none, letters. Eight bytes are kept of
    each row and four for each of at most ``max_ngrams``; a row is compared with 32 others at most.

    Source: Resemblance by smallest hashes (Broder 1997).

    Attributes:
        threshold: The least overlap at which a text is a duplicate.
        max_ngrams: The most n-grams kept of a text.
        n: The length of the n-grams.
        unit: What they consist of, ``"word"`` or ``"character"``.
        ignore_case: Whether upper and lower case count as equal (Unicode's full case folding, so
            ``ß`` and ``ss`` do, and ``ς`` and ``σ``; so do ``İ`` and ``i``, but not ``ı``).
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

    threshold: Similarity = 0.7
    max_ngrams: int = Field(default=128, ge=32, le=65536)
    n: int = Field(default=3, ge=1, le=100)
    unit: Unit = "word"
    ignore_case: bool = True
    ignore_whitespace: bool = True

    def digest(self, texts: pa.Array) -> pa.Array:
        """Return the bytes of each text's key of 64 bits, and of its smallest hashes, ascending."""
        sizes, data = [np.zeros(1, np.int64)], []
        for block in shingle_blocks(texts, self.n, self.unit):
            words, counts = _digests(block, self.max_ngrams)
            sizes.append(counts)
            data.append(words.tobytes())
        places = (np.cumsum(np.concatenate(sizes)) * 4).astype(np.int32).tobytes()
        valid = np.packbits(np.asarray(texts.is_valid()), bitorder="little").tobytes()
        buffers = [pa.py_buffer(part) for part in (valid, places, b"".join(data))]
        return pa.Array.from_buffers(pa.binary(), len(texts), buffers)

    def decide(self, sketches: pd.DataFrame) -> pd.DataFrame:
        """Drop each row that overlaps with an earlier row that stays."""
        digests = Digests(sketches)
        sets = _Samples(digests, self.max_ngrams)
        # Of two sets with this overlap, so many elements of either are in both.
        common = 2 * self.threshold / (1 + self.threshold)
        repeats = repeats_of(
            sets.keys,
            sets.tables,
            sets.overlaps,
            groups=digests.groups,
            least=self.threshold,
            most=1.0,
            expected=np.minimum(sets.sizes, _KEYS) * common,
        )
        return repeats.decision(digests.ids, repeats.nearness)


class _Samples:
    """Sets of hashes, those of each row ascending; of larger sets the smallest ones.

    Args:
        digests: What `DeduplicateNgrams.digest` returned.
        limit: The size from which sets are cut.

    Attributes:
        keys: A key of each set as a whole, equal for equal sets.
        sizes: How many hashes are known of each.
    """

    def __init__(self, digests: Digests, limit: int) -> None:
        self._hashes, self._places, self.keys = _flat(digests)
        self.sizes = np.diff(self._places)
        # Up to its bound, a set is known in full.
        self._bounds = np.full(len(self.sizes), _IN_FULL)
        cut = self.sizes == limit
        self._bounds[cut] = self._hashes[self._places[1:][cut] - 1]

    def tables(self, rows: Positions) -> Iterator[tuple[Positions, Keys]]:
        """Yield some of the elements of some sets, with their rows, some at a time."""
        often = self._often()
        found = [np.empty((2, 0), np.uint32)]
        for part in _stretches(len(rows)):
            found += self._looked_up(rows[part], often)
        hashes, members = np.concatenate(found, axis=1)
        del found
        for number in range(_TABLES):
            chosen = hashes % _TABLES == number
            yield members[chosen].astype(np.int64), mixed(hashes[chosen].astype(np.uint64))

    def _often(self) -> npt.NDArray[np.bool_]:
        """Return which slots hold elements of more sets than are remembered of one."""
        total = len(self._hashes)
        slots = 1 << min(max(total.bit_length(), _LEAST_SLOT_BITS), _MOST_SLOT_BITS)
        counts = np.zeros(slots, np.uint32)
        for start in range(0, total, _STRETCH * _KEYS):
            taken = _slots(self._hashes[start : start + _STRETCH * _KEYS], slots)
            np.add.at(counts, taken, np.uint32(1))  # a plain 1 takes numpy ten times as long
        # What strays into a slot is no reason to call its elements frequent.
        return counts > REMEMBERED + 2 * (total // slots)

    def _looked_up(
        self, rows: Positions, often: npt.NDArray[np.bool_]
    ) -> Iterator[npt.NDArray[np.uint32]]:
        """Yield elements of sets, above their rows: the smallest ones, and others.

        Where most of the smallest are frequent, as many follow that are not.
        """
        counts = np.minimum(self.sizes[rows], _KEYS)
        hashes = self._hashes[ranges(self._places[rows], counts)]
        yield np.stack([hashes, np.repeat(rows, counts).astype(np.uint32)])
        frequent = often[_slots(hashes, len(often))]
        wanted = np.add.reduceat(frequent, np.cumsum(counts) - counts, dtype=np.int64)
        larger = (wanted > _KEYS // 2) & (self.sizes[rows] > _KEYS)
        rows, wanted = rows[larger], wanted[larger]
        if len(rows):
            counts = self.sizes[rows] - _KEYS
            hashes = self._hashes[ranges(self._places[rows] + _KEYS, counts)]
            members = np.repeat(np.arange(len(rows)), counts)
            spare = ~often[_slots(hashes, len(often))]
            hashes, members = hashes[spare], members[spare]
            ahead = np.searchsorted(members, np.arange(len(rows)))
            taken = np.arange(len(hashes)) - ahead[members] < wanted[members]
            yield np.stack([hashes[taken], rows[members[taken]].astype(np.uint32)])

    def overlaps(self, row: int, others: Positions) -> npt.NDArray[np.float64]:
        """Return the overlap of a set with others, as far as both are known in full."""
        mine = self._hashes[self._places[row] : self._places[row + 1]]
        sizes = self.sizes[others]
        theirs = self._hashes[ranges(self._places[others], sizes)]
        bounds = np.minimum(self._bounds[others], self._bounds[row])
        known = theirs <= np.repeat(bounds, sizes)
        at = np.minimum(np.searchsorted(mine, theirs), len(mine) - 1)
        cuts = np.cumsum(sizes) - sizes
        both = np.add.reduceat((mine[at] == theirs) & known, cuts, dtype=np.int64)
        either = np.searchsorted(mine, bounds, side="right") - both
        either += np.add.reduceat(known, cuts, dtype=np.int64)
        # Where all hashes agree of sets known in full that differ, two n-grams share a hash.
        wrong = (both == either) & (bounds == _IN_FULL) & (self.keys[others] != self.keys[row])
        return (both - wrong) / (either + wrong)


def _digests(
    shingles: Shingles, limit: int
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """Return the key and the smallest hashes of each text, and how many numbers those are."""
    hashes, counts = ngrams = distinct(shingles)
    rank = np.arange(len(hashes)) - np.repeat(ngrams.starts, counts)
    smallest = (hashes[rank < limit] >> np.uint64(16)).astype(np.uint32)
    known = np.minimum(counts, limit)
    keys = np.add.reduceat(mixed(hashes), ngrams.starts) + counts.astype(np.uint64)
    # Of one n-gram all 64 bits count: nothing else would tell such texts apart.
    keys[counts == 1] = shingles.hashes[shingles.starts[counts == 1]]
    before = np.repeat(np.cumsum(known) - known, _KEY_WORDS)
    return np.insert(smallest, before, keys.astype("<u8").view("<u4")), known + _KEY_WORDS


def _slots(hashes: npt.NDArray[np.uint32], slots: int) -> npt.NDArray[np.uint32]:
    """Return a slot for each hash; the smallest hashes of many texts are no even numbers."""
    return hashes * np.uint32(0x9E3779B1) >> np.uint32(33 - slots.bit_length())


def _stretches(rows: int) -> Iterator[slice]:
    """Yield stretches of so many rows, few enough that what is worked out for each is small."""
    return (slice(start, min(start + _STRETCH, rows)) for start in range(0, rows, _STRETCH))


def _flat(digests: Digests) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64], Keys]:
    """Return the hashes of all rows, where those of each begin and the last end, and the keys."""
    hashes = np.empty(digests.size // 4 - _KEY_WORDS * len(digests), np.uint32)
    sizes, keys = [np.zeros(1, np.int64)], [np.empty(0, np.uint64)]
    start = 0
    for piece in digests.pieces():
        _, offsets, data = piece.buffers()
        places = np.frombuffer(offsets, np.int32)[piece.offset : piece.offset + len(piece) + 1] // 4
        words = np.frombuffer(data, np.uint32)[places[0] : places[-1]]
        firsts = (places[:-1] - places[0])[:, None] + np.arange(_KEY_WORDS)
        keys.append(words[firsts].view("<u8")[:, 0])
        sizes.append(np.diff(places) - _KEY_WORDS)
        found = np.delete(words, firsts.ravel())
        hashes[start : start + len(found)] = found
        start += len(found)
    return hashes, np.cumsum(np.concatenate(sizes)), np.concatenate(keys)
