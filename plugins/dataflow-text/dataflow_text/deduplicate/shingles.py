"""Hashes of the n-grams of texts, 64 bits each, of characters or of words."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Literal, NamedTuple

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
        unit: What it is counted in: characters (code points), or words as quality rules count them
            (`Texts.words`: runs of anything between white space; in scripts that write none,
            letters, without the punctuation around them).
    """
    texts = pc.fill_null(texts, "")
    _, places = bytes_of(texts)
    cuts = np.searchsorted(places, np.arange(0, places[-1], _BLOCK_BYTES))
    for start, end in pairwise(np.unique([0, *cuts, len(texts)]).tolist()):
        block = texts.slice(start, end - start)
        yield _windows(*(_words(block) if unit == "word" else _characters(block)), n)


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


def _words(texts: pa.Array) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """Return the hashes of the words of texts, a zero after each text, and how many each has."""
    # What n-grams of characters need not import.
    from dataflow_text.analysis.texts import Texts

    analysis = Texts(texts)
    words = analysis.words
    hashes = _segments(analysis.codes, words.begins, words.ends)
    return np.insert(hashes, words.places[1:], np.uint64(0)), words.count


def _segments(
    codes: npt.NDArray[np.unsignedinteger[Any]],
    begins: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
) -> Hashes:
    """Return a hash of each segment: a polynomial in the code points, by differences of sums."""
    terms = (codes.astype(np.uint64) + np.uint64(1)) * _powers(_FACTOR, len(codes))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms)])
    return mixed((sums[ends] - sums[begins]) * _powers(_INVERSE, len(codes))[begins])


def _powers(factor: np.uint64, count: int) -> Hashes:
    """Return the powers of a factor, from the first on."""
    usual = _usual_powers(factor)
    return usual[:count] if count <= len(usual) else _powers_anew(factor, count)


@functools.cache
def _usual_powers(factor: np.uint64) -> Hashes:
    """Return as many as a block needs in which no text is very long."""
    return _powers_anew(factor, 2 * _BLOCK_BYTES)


def _powers_anew(factor: np.uint64, count: int) -> Hashes:
    return np.cumprod(np.full(count, factor), dtype=np.uint64)


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
