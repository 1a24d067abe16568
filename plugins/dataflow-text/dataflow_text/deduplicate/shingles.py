"""Hashes of the n-grams of texts, 64 bits each, of characters or of words."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dataflow_text.texts import bytes_of

Unit = Literal["character", "word"]
Hashes = npt.NDArray[np.uint64]

# Arrays of this many characters stay in the processor's cache.
_BLOCK_BYTES = 1 << 17
_HASH_BITS = np.uint64(48)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_INVERSE = np.uint64(pow(0x9E3779B97F4A7C15, -1, 1 << 64))

# Scripts without spaces between words, each letter of which is a word here: Thai and Lao, Myanmar,
# Khmer, kana, Han (with its extensions, and the ideographic iteration and closing marks).
_UNSPACED = (
    (0x0E01, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3005, 0x3007), (0x3041, 0x30FA),
    (0x30FC, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFF66, 0xFF9F),
    (0x20000, 0x3FFFF),
)  # fmt: skip
_SPACE, _LETTER, _UNSPACED_LETTER = range(3)


class Shingles(NamedTuple):
    """The n-grams of some texts, at least one each.

    Attributes:
        hashes: The n-grams' hashes, text after text, in order, repetitions included.
        counts: The number of n-grams of each text.
    """

    hashes: Hashes
    counts: npt.NDArray[np.int64]

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """Where the n-grams of each text begin."""
        return np.cumsum(self.counts) - self.counts


def shingle_blocks(texts: pa.Array, n: int, unit: Unit = "character") -> Iterator[Shingles]:
    """Yield the n-grams of a few texts at a time, in order.

    A text shorter than ``n`` has one n-gram, the whole text, which equals no n-gram of a longer
    text: such texts are alike when they are equal, else not at all.

    Args:
        texts: The texts; null counts as empty.
        n: The length of an n-gram.
        unit: What it is counted in: characters (code points), or words (runs of anything between
            white space; in scripts that write none, letters).
    """
    texts = pc.fill_null(texts, "")
    _, places = bytes_of(texts)
    cuts = np.searchsorted(places, np.arange(0, places[-1], _BLOCK_BYTES))
    for start, end in pairwise(np.unique([0, *cuts, len(texts)]).tolist()):
        elements, lengths = _characters(texts.slice(start, end - start))
        if unit == "word":
            elements, lengths = _words(elements, lengths)
        yield _windows(elements, lengths, n)


def distinct(shingles: Shingles) -> Shingles:
    """Return each n-gram of a text once, with a hash of 48 bits, ascending within the text.

    Args:
        shingles: The n-grams of at most 65,536 texts.
    """
    rows = np.repeat(np.arange(len(shingles.counts), dtype=np.uint64), shingles.counts)
    ordered = np.sort(rows << _HASH_BITS | shingles.hashes >> (np.uint64(64) - _HASH_BITS))
    ordered = ordered[np.append(True, np.diff(ordered) != 0)]
    rows = (ordered >> _HASH_BITS).astype(np.int64)
    hashes = ordered & ((np.uint64(1) << _HASH_BITS) - np.uint64(1))
    return Shingles(hashes, np.bincount(rows, minlength=len(shingles.counts)))


def mixed(hashes: Hashes) -> Hashes:
    """Return hashes, every bit of which depends on all bits of those given.

    The finalizer of MurmurHash3, for 64 bits.

    Args:
        hashes: The hashes, which are overwritten.
    """
    for shift, factor in ((33, 0xFF51AFD7ED558CCD), (33, 0xC4CEB9FE1A85EC53)):
        hashes ^= hashes >> np.uint64(shift)
        hashes *= np.uint64(factor)
    hashes ^= hashes >> np.uint64(33)
    return hashes


def _characters(texts: pa.Array) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """Return the code points of texts, a zero after each, and how many each has."""
    data, places = bytes_of(pc.binary_join_element_wise(texts, "", "\0"))
    if data.size and data.max() >= 0x80:
        codes = np.frombuffer(data.tobytes().decode().encode("utf-32-le"), np.uint32)
        return codes.astype(np.uint64), np.asarray(pc.utf8_length(texts), dtype=np.int64)
    return data.astype(np.uint64), np.diff(places).astype(np.int64) - 1


def _words(codes: Hashes, lengths: npt.NDArray[np.int64]) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """Return the hashes of the words of texts, a zero after each text, and how many each has."""
    text_ends = np.cumsum(lengths + 1)
    classes = _classes()[codes]
    classes[text_ends - 1] = _SPACE
    before = np.concatenate([[_SPACE], classes[:-1]]).astype(np.uint8)
    unspaced = classes == _UNSPACED_LETTER
    begins = np.flatnonzero(unspaced | ((classes == _LETTER) & (before != _LETTER)))
    after = np.append(classes[1:], np.uint8(_SPACE))
    ends = np.flatnonzero(unspaced | ((classes == _LETTER) & (after != _LETTER))) + 1
    counts = np.diff(np.searchsorted(begins, text_ends), prepend=0)
    words = _segments(codes, begins, ends)
    return np.insert(words, np.cumsum(counts), np.uint64(0)), counts


def _segments(codes: Hashes, begins: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> Hashes:
    """Return a hash of each segment: a polynomial in the code points, by differences of sums."""
    powers = np.cumprod(np.full(len(codes), _FACTOR))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum((codes + np.uint64(1)) * powers)])
    inverses = np.cumprod(np.full(len(codes), _INVERSE))
    return mixed((sums[ends] - sums[begins]) * inverses[begins])


def _windows(elements: Hashes, lengths: npt.NDArray[np.int64], n: int) -> Shingles:
    """Hash the windows of ``n`` elements that lie within a text; an element stands after each."""
    starts = np.cumsum(lengths + 1) - lengths - 1
    padded = np.concatenate([elements, np.zeros(n, np.uint64)])
    hashes = _polynomial([padded[k : k + len(elements)] for k in range(n)])
    within = np.ones(len(elements), dtype=bool)
    for k in range(min(n, int(lengths.max(initial=0)) + 1)):
        within[(starts + lengths - k)[lengths >= k]] = False
    short = np.flatnonzero(lengths < n)
    if len(short):
        places, sizes = starts[short], lengths[short]
        columns = [np.where(k < sizes, padded[places + k], np.uint64(0)) for k in range(n)]
        hashes[places] = _polynomial([*columns, ~sizes.astype(np.uint64)])
        within[places] = True
    return Shingles(mixed(hashes[within]), np.maximum(lengths - n + 1, 1))


def _polynomial(columns: list[Hashes]) -> Hashes:
    """Return one hash for the elements that stand at the same place of all columns."""
    hashes = columns[0].copy()
    for column in columns[1:]:
        hashes *= _FACTOR
        hashes += column
    return hashes


@functools.cache
def _classes() -> npt.NDArray[np.uint8]:
    """Return what each code point is: white space, a letter that is a word, or anything else."""
    classes = np.full(0x110000, _LETTER, dtype=np.uint8)
    classes[[code for code in range(0x3001) if chr(code).isspace()]] = _SPACE
    for first, last in _UNSPACED:
        classes[first : last + 1] = _UNSPACED_LETTER
    return classes
