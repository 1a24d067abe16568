"""Near-deduplication by MinHash and locality-sensitive hashing."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pydantic import Field

from dataflow_text.deduplicate.comparing import Digests, NearDeduplicator, Similarity
from dataflow_text.deduplicate.neighbours import Keys, Positions, repeats_of, row_keys
from dataflow_text.deduplicate.shingles import Shingles, Unit, mixed, shingle_blocks

_EMPTY = np.uint32(0xFFFFFFFF)
_ROUNDS = 4
# A candidate that is none costs one comparison; a pair that is no candidate is missed.
_FALSE_POSITIVE_WEIGHT, _FALSE_NEGATIVE_WEIGHT = 0.05, 0.95


class DeduplicateMinhash(NearDeduplicator):
    """Keep the first of texts that share most of their n-grams, by MinHash signatures.

    The Jaccard similarity of two texts is the share of n-grams that both have among those that
    either has, 0 to 1. It is estimated as the share of equal slots in their signatures, with a
    standard deviation of at most ``0.5 / sqrt(num_permutations)`` (0.032 at 0.85 with 128). Rows
    whose signatures share a band are candidates (locality-sensitive hashing; bands are chosen so
    that few pairs beyond the threshold are missed), and their estimate is checked. A row is dropped
    when an earlier row that stays is near enough; it is no chain of near texts, at whose ends
    there might be two that share nothing.

    Each dropped row has reason ``"near_duplicate"``, the estimate as value, and the id of the
    nearest row that it repeats. A text shorter than one n-gram repeats only texts equal to it; a
    null text repeats nothing; what is no text fails with reason ``"no_text"``. Words are what
    stands between white space; in scripts that write none, letters. Two bytes a slot are kept of
    each row, and the cost is linear in the rows.

    Source: MinHash (Broder 1997); Fast Similarity Sketching (Dahlgaard et al. 2017), which fills
    the slots. Bands are as in Mining of Massive Datasets (Leskovec, Rajaraman and Ullman 2014),
    section 3.4.

    Attributes:
        threshold: The least estimated similarity at which a text is a duplicate. At 1, texts that
            differ in very few n-grams may yet count as equal; `DeduplicateExact` tells those apart.
        num_permutations: The number of slots of a signature.
        n: The length of the n-grams.
        unit: What they consist of, ``"character"`` or ``"word"``.
        ignore_case: Whether upper and lower case count as equal (Unicode's full case folding, so
            ``ß`` and ``ss`` do, and ``ς`` and ``σ``; so do ``İ`` and ``i``, but not ``ı``).
        ignore_whitespace: Whether all white space between words counts as one space.
        ignore_punctuation: Whether punctuation (Unicode category P) counts as absent.
        ignore_digits: Whether all decimal digits count as equal.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> texts = ["The quick brown fox jumps over it.", "the quick brown fox jumps over it", "a"]
        >>> table = MemoryStorage([{"text": text} for text in texts])
        >>> DeduplicateMinhash(threshold=0.8).run(table)
        >>> table.rows()
        [{'text': 'The quick brown fox jumps over it.'}, {'text': 'a'}]
    """

    threshold: Similarity = 0.85
    num_permutations: int = Field(default=128, ge=16, le=4096)
    n: int = Field(default=5, ge=1, le=100)
    unit: Unit = "character"
    ignore_case: bool = True
    ignore_whitespace: bool = True

    def digest(self, texts: pa.Array) -> pa.Array:
        """Return the signature of each text: two bytes a slot."""
        blocks = shingle_blocks(texts, self.n, self.unit)
        rows = [_signatures(block, self.num_permutations) for block in blocks]
        data = b"".join(row.tobytes() for row in rows)
        valid = np.packbits(np.asarray(texts.is_valid()), bitorder="little").tobytes()
        kind = pa.binary(2 * self.num_permutations)
        return pa.Array.from_buffers(kind, len(texts), [pa.py_buffer(valid), pa.py_buffer(data)])

    def decide(self, sketches: pd.DataFrame) -> pd.DataFrame:
        """Drop each row that is near an earlier row that stays."""
        digests = Digests(sketches)
        signatures = _matrix(digests, self.num_permutations)
        band_count, width = lsh_bands(self.threshold, self.num_permutations)

        def bands(rows: Positions) -> Iterator[tuple[Positions, Keys]]:
            for band in range(band_count):
                slots = slice(band * width, (band + 1) * width)
                yield rows, row_keys(signatures[rows, slots])

        def similarity(row: int, others: Positions) -> npt.NDArray[np.float64]:
            equal = signatures[others] == signatures[row]
            return np.count_nonzero(equal, axis=1) / self.num_permutations

        repeats = repeats_of(
            row_keys(signatures),
            bands,
            similarity,
            groups=digests.groups,
            least=self.threshold,
            most=1.0,
        )
        return repeats.decision(digests.ids, repeats.nearness)


@functools.cache
def lsh_bands(threshold: float, slots: int) -> tuple[int, int]:
    """Return the number of bands, and of slots in each, that fit a threshold best.

    With a width go as many bands as there is room for. Best is the least weighted sum of two areas
    under the curve of the chance to be a candidate: that below the threshold, and that which is
    missing above it. So does the library datasketch, with other weights by default.

    Args:
        threshold: The similarity from which pairs are wanted.
        slots: The slots of a signature.
    """
    similarity = (np.arange(200) + 0.5) / 200
    above = similarity >= threshold

    def loss(shape: tuple[int, int]) -> float:
        chance = 1 - (1 - similarity ** shape[1]) ** shape[0]
        false_negatives = (1 - chance[above]).sum()
        return float(
            _FALSE_POSITIVE_WEIGHT * chance[~above].sum() + _FALSE_NEGATIVE_WEIGHT * false_negatives
        )

    return min(((slots // width, width) for width in range(1, slots + 1)), key=loss)


def _signatures(shingles: Shingles, slots: int) -> npt.NDArray[np.uint16]:
    """Return a signature for each text.

    In each round every n-gram chooses one slot, and a slot empty until then gets the least value
    of those that chose it. Slots still empty after a few rounds get the least over all n-grams.
    """
    least = _one_round(shingles, slots, 0)
    rows = np.flatnonzero((least == _EMPTY).any(axis=1))
    for number in range(1, _ROUNDS):
        if not len(rows):
            break
        values = _one_round(_chosen(shingles, rows), slots, number)
        least[rows] = np.where(least[rows] == _EMPTY, values, least[rows])
        rows = rows[(least[rows] == _EMPTY).any(axis=1)]
    if len(rows):
        least[rows] = _filled(_chosen(shingles, rows), least[rows])
    return (least * np.uint32(0x9E3779B1) >> np.uint32(16)).astype(np.uint16)


def _one_round(shingles: Shingles, slots: int, number: int) -> npt.NDArray[np.uint32]:
    hashes = shingles.hashes
    if number:
        hashes = mixed(hashes + np.uint64(number))
    chosen = (((hashes >> np.uint64(32)) * np.uint64(slots)) >> np.uint64(32)).view(np.int64)
    chosen += np.repeat(np.arange(len(shingles.counts)) * slots, shingles.counts)
    values = np.full(len(shingles.counts) * slots, _EMPTY)
    np.minimum.at(values, chosen, hashes.astype(np.uint32))
    return values.reshape(-1, slots)


def _chosen(shingles: Shingles, rows: Positions) -> Shingles:
    chosen = np.zeros(len(shingles.counts), dtype=bool)
    chosen[rows] = True
    return Shingles(shingles.hashes[np.repeat(chosen, shingles.counts)], shingles.counts[rows])


def _filled(shingles: Shingles, least: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Fill each empty slot with the least value of all n-grams, hashed for that slot alone."""
    rows, slots = np.nonzero(least == _EMPTY)
    sizes = shingles.counts[rows]
    ends = np.cumsum(sizes)
    places = np.arange(ends[-1]) - np.repeat(ends - sizes - shingles.starts[rows], sizes)
    seeds = np.repeat((slots + _ROUNDS).astype(np.uint64), sizes)
    hashes = mixed(shingles.hashes[places] + seeds)
    least[rows, slots] = np.minimum.reduceat(hashes.astype(np.uint32), ends - sizes)
    return least


def _matrix(digests: Digests, slots: int) -> npt.NDArray[np.uint16]:
    signatures = np.empty((len(digests), slots), np.uint16)
    start = 0
    for piece in digests.pieces():
        rows = np.frombuffer(piece.buffers()[1], np.uint16).reshape(-1, slots)
        end = start + len(piece)
        signatures[start:end] = rows[piece.offset : piece.offset + len(piece)]
        start = end
    return signatures
