"""Near-deduplication by SimHash fingerprints."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pydantic import Field

from dataflow_text.deduplicate.comparing import Digests, NearDeduplicator
from dataflow_text.deduplicate.neighbours import Keys, Positions, repeats_of, row_keys
from dataflow_text.deduplicate.shingles import Shingles, Unit, distinct, mixed, shingle_blocks

_BITS = 64
# Tables with keys of so many bits hold few fingerprints under one key.
_KEY_BITS = 20
# Eight counters of 8 bits each fit a number of 64 bits, and count so far.
_LANES = np.uint64(0x0101010101010101)
_LANE_LIMIT = 255


class DeduplicateSimhash(NearDeduplicator):
    """Keep the first of texts whose SimHash fingerprints differ in few bits.

    A bit of a text's 64-bit fingerprint is set when more than half of its distinct n-grams have
    this bit set in their hash. (Repetitions do not count: else all texts with long rules of dashes
    would be alike.) The share of bits that differ estimates the angle between the texts' sets of
    n-grams, as a share of 180 degrees. Pairs within the Hamming distance are found with tables
    keyed by all choices of blocks of bits, some of which must agree in such a pair. A row is
    dropped when an earlier row that stays is near enough.

    A distance of 3 finds copies with slight changes and about half of those with 3 in 100 n-grams
    changed; `DeduplicateMinhash` finds more, this keeps less of each row.

    Of pages that share a template it drops different ones, since what they share decides most bits:
    of 2,000 with 270 random words in common and 30 of their own, 472 (919 with n-grams of 3 words);
    with 140 in common and 60 of their own, 5 (33). A ``max_distance`` of 1 drops 27 of the former;
    `DeduplicateMinhash` none, with a threshold clearly above what the template alone makes alike.

    Each dropped row has reason ``"near_duplicate"``, the distance as value, and the id of the
    nearest row that it repeats. A text shorter than one n-gram is one n-gram, the whole text; a
    null text repeats nothing; what is no text fails with reason ``"no_text"``. Words are what
    stands between white space; in scripts that write none, letters. Eight bytes are kept of each
    row, and the cost is linear in the rows.

    Source: SimHash (Charikar 2002), section 3; Manku, Jain and Das Sarma (2007), section 3, for the
    tables.

    Attributes:
        max_distance: The most bits that may differ between duplicates.
        n: The length of the n-grams.
        unit: What they consist of, ``"character"`` or ``"word"``.
        ignore_case: Whether upper and lower case count as equal (Unicode's full case folding, so
            ``ß`` and ``ss`` do, and ``ς`` and ``σ``; so do ``İ`` and ``i``, but not ``ı``).
        ignore_whitespace: Whether all white space between words counts as one space.
        ignore_punctuation: Whether punctuation (Unicode category P) counts as absent.
        ignore_digits: Whether all decimal digits count as equal.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> texts = ["The quick brown fox.", "the quick  brown fox.", "A slow red fox."]
        >>> table = MemoryStorage([{"text": text} for text in texts])
        >>> DeduplicateSimhash().run(table)
        >>> table.rows()
        [{'text': 'The quick brown fox.'}, {'text': 'A slow red fox.'}]
    """

    max_distance: int = Field(default=3, ge=0, le=6)
    n: int = Field(default=5, ge=1, le=100)
    unit: Unit = "character"
    ignore_case: bool = True
    ignore_whitespace: bool = True

    def digest(self, texts: pa.Array) -> pa.Array:
        """Return the fingerprint of each text."""
        blocks = shingle_blocks(texts, self.n, self.unit)
        prints = [np.empty(0, np.uint64), *map(_fingerprints, blocks)]
        return pa.array(np.concatenate(prints), mask=np.asarray(texts.is_null()))

    def decide(self, sketches: pd.DataFrame) -> pd.DataFrame:
        """Drop each row that is near an earlier row that stays."""
        digests = Digests(sketches)
        prints = np.concatenate([np.empty(0, np.uint64), *digests.pieces()])

        def tables(rows: Positions) -> Iterator[tuple[Positions, Keys]]:
            for mask in key_masks(self.max_distance):
                yield rows, row_keys(prints[rows, None] & mask)

        def closeness(row: int, others: Positions) -> npt.NDArray[np.float64]:
            return -np.bitwise_count(prints[others] ^ prints[row]).astype(np.float64)

        repeats = repeats_of(
            row_keys(prints[:, None]),
            tables,
            closeness,
            groups=digests.groups,
            least=-self.max_distance,
            most=0.0,
        )
        return repeats.decision(digests.ids, (-repeats.nearness).astype(np.int64))


def key_masks(max_distance: int) -> list[np.uint64]:
    """Return masks such that fingerprints within a distance agree on the bits of one at least.

    The bits are cut into blocks, more than may differ; a mask is a choice of the blocks that
    cannot all be spared.

    Args:
        max_distance: The most bits that differ.
    """
    agreeing = math.ceil(_KEY_BITS * max_distance / (_BITS - _KEY_BITS)) or 1
    edges = np.linspace(0, _BITS, max_distance + agreeing + 1).astype(int).tolist()
    blocks = [(1 << end) - (1 << start) for start, end in pairwise(edges)]
    return [np.uint64(sum(chosen)) for chosen in combinations(blocks, agreeing)]


def _fingerprints(shingles: Shingles) -> Keys:
    """Return the majority of each bit over the distinct n-grams of each text.

    The bits of eight lanes are counted at a time, in stretches short enough for 8-bit counters.
    """
    ngrams = distinct(shingles)
    hashes, starts, counts = mixed(ngrams.hashes), ngrams.starts, ngrams.counts
    stretches = -(-counts // _LANE_LIMIT)
    firsts = np.cumsum(stretches) - stretches
    within = np.arange(stretches.sum()) - np.repeat(firsts, stretches)
    cuts = np.repeat(starts, stretches) + within * _LANE_LIMIT
    prints = np.zeros(len(counts), np.uint64)
    for shift in range(8):
        bits = (hashes >> np.uint64(shift)) & _LANES
        lanes = np.add.reduceat(bits, cuts).astype("<u8").view(np.uint8).reshape(-1, 8)
        totals = np.add.reduceat(lanes, firsts, axis=0, dtype=np.int64)
        majority = np.packbits(totals * 2 > counts[:, None], axis=1, bitorder="little")[:, 0]
        prints |= _spread(majority) << np.uint64(shift)
    return prints


def _spread(lanes: npt.NDArray[np.uint8]) -> Keys:
    """Return numbers whose bytes are the bits of the given ones."""
    spread = np.zeros(len(lanes), np.uint64)
    for bit in range(8):
        spread |= ((lanes >> np.uint8(bit)) & np.uint8(1)).astype(np.uint64) << np.uint64(8 * bit)
    return spread
