"""Keys of words: 64-bit hashes of what they say, case and punctuation aside.

Words are hashed eight bytes at a time, all of them together; longer spans, such as lines, by the
polynomial of their characters in an odd base, modulo 2^64, taken from one running sum over all of
them. Two of a batch share a key by chance about once in 10^8 batches.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xxhash

from dataflow_text.analysis import characters
from dataflow_text.analysis.spans import Integers, Mask, Spans, places_of, ranges

Keys = npt.NDArray[np.uint64]

_BASE = 0x9E3779B97F4A7C15 | 1
_INVERSE = pow(_BASE, -1, 2**64)
_GRAM_BASE = 0xD6E8FEB86659FD93
_CHUNKS = 8
_STRIPPED = 2
_BLOCK = 1 << 16
_KEPT_BLOCKS = 64


@dataclass(frozen=True)
class WordKeys:
    """The keys of the words of some texts.

    Attributes:
        keys: One a word; 0 for a word of punctuation alone.
        places: The number of each text's first word, and at last the number of all.
    """

    keys: Keys
    places: Integers

    @classmethod
    def of(cls, codes: npt.NDArray[np.unsignedinteger[Any]], words: Spans) -> WordKeys:
        """Return the keys of words.

        Args:
            codes: The code points.
            words: The words.
        """
        values = characters.folded_of(codes)
        bare = stripped(values, words)
        return cls(_keys_of_words(values, bare.begins, bare.ends), words.places)

    @classmethod
    def exact(cls, codes: npt.NDArray[np.unsignedinteger[Any]], spans: Spans) -> WordKeys:
        """Return keys that are equal for spans of the same characters only."""
        return cls(_hashed(codes.astype(np.uint64), spans.begins, spans.ends), spans.places)

    @classmethod
    def joined(cls, parts: Sequence[WordKeys]) -> WordKeys:
        """Return the keys of the texts of several."""
        places = places_of([np.diff(part.places) for part in parts])
        return cls(np.concatenate([part.keys for part in parts]), places)

    def of_texts(self, texts: Integers) -> WordKeys:
        """Return the keys of the words of some texts, by number."""
        counts = np.diff(self.places)[texts]
        return WordKeys(self.keys[ranges(self.places[texts], counts)], places_of([counts]))

    @functools.cached_property
    def distinct(self) -> Integers:
        """The number of different words of each text; words of punctuation alone do not count."""
        total = np.concatenate([[0], np.cumsum(~self.repeats & (self.keys != 0))])
        return np.diff(total[self.places])

    @functools.cached_property
    def repeats(self) -> Mask:
        """Which words occurred earlier in their text."""
        return pd.Series(self.of_text).duplicated().to_numpy()

    @functools.cached_property
    def of_text(self) -> Keys:
        """The keys with the number of their text mixed in, so that equal ones are of one text."""
        owners = np.repeat(np.arange(len(self.places) - 1, dtype=np.uint64), np.diff(self.places))
        return self.keys ^ (owners * np.uint64(_INVERSE))

    def grams(self, count: int) -> tuple[WordKeys, Integers]:
        """Return the keys of so many words in a row, and the number of each one's first word."""
        last = max(0, len(self.keys) - count + 1)
        keys = self.keys[:last].copy()
        for step in range(1, count):
            keys = keys * np.uint64(_GRAM_BASE) + self.keys[step : step + last]
        room = np.repeat(self.places[1:], np.diff(self.places))[:last]
        numbers = np.flatnonzero(np.arange(last) + count <= room)
        return WordKeys(keys[numbers], np.searchsorted(numbers, self.places)), numbers

    @functools.cached_property
    def counted(self) -> Integers:
        """The number of words of each text that are more than punctuation."""
        total = np.concatenate([[0], np.cumsum(self.keys != 0)])
        return np.diff(total[self.places])

    def among(self, wanted: Keys, numbers: Integers | None = None) -> Mask:
        """Tell which words, all or those of some numbers, have one of the wanted keys.

        Args:
            wanted: The keys, in order.
            numbers: The numbers of words; None for all.
        """
        if not len(self.keys) or not len(wanted):
            return np.zeros(len(self.keys) if numbers is None else len(numbers), dtype=bool)
        keys = self.keys if numbers is None else self.keys[numbers]
        places = np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)
        return wanted[places] == keys

    def find(self, phrase: WordKeys) -> Integers:
        """Return the numbers of the words at which a phrase begins.

        Args:
            phrase: The keys of one text, the phrase.
        """
        wanted = phrase.keys
        if not len(wanted):
            return np.empty(0, np.int64)
        found = np.flatnonzero(self.keys == wanted[0])
        for step, key in enumerate(wanted[1:], 1):
            found = found[found < len(self.keys) - step]
            found = found[self.keys[found + step] == key]
        return self._within_a_text(found, len(wanted))

    def _within_a_text(self, found: Integers, words: int) -> Integers:
        if words == 1 or not len(found):
            return found
        owner = np.searchsorted(self.places, found, side="right")
        last = np.searchsorted(self.places, found + words - 1, side="right")
        return found[owner == last]


def _hashed(values: Keys, begins: Integers, ends: Integers) -> Keys:
    """Return the key of each span of values, which are overwritten.

    In place, because fresh memory of this size costs more than the arithmetic.
    """
    values *= _powers(_BASE, len(values))
    np.cumsum(values, out=values)
    # Before the first text there is a line end, so that there is a character before each span.
    sums = values[ends - 1] - values[begins - 1]
    return np.where(begins < ends, sums * _powers(_INVERSE, len(values))[begins], np.uint64(0))


def _keys_of_words(values: npt.NDArray[Any], begins: Integers, ends: Integers) -> Keys:
    """Return the key of each word: its first eight bytes, then the next ones mixed in, and so on.

    Args:
        values: One or two bytes for each character.
        begins: Where each word begins.
        ends: Where it ends.
    """
    size = 8 // values.itemsize
    padded = np.concatenate([values, np.zeros(size, values.dtype)])
    chunks = np.ndarray((len(values) + 1,), "<u8", padded.data, strides=(values.itemsize,))
    lengths, masks = ends - begins, _masks(size)
    keys = _mixed(chunks[begins] & masks[np.minimum(lengths, size)])
    left = np.flatnonzero(lengths > size)
    for at in range(size, _CHUNKS * size, size):
        if not len(left):
            return keys
        rest = masks[np.minimum(lengths[left] - at, size)]
        keys[left] = _mixed(keys[left] ^ (chunks[begins[left] + at] & rest))
        left = left[lengths[left] > at + size]
    for word in left.tolist():  # few, and of any length
        keys[word] = xxhash.xxh3_64_intdigest(values[begins[word] : ends[word]].tobytes())
    return keys


def _mixed(keys: Keys) -> Keys:
    """Return other keys for other keys, and 0 for 0 alone."""
    keys = keys * np.uint64(_BASE)
    keys ^= keys >> np.uint64(32)
    return keys


@functools.cache
def _masks(size: int) -> Keys:
    """Return the bits that so many characters fill, of as many as fit eight bytes."""
    bits = 64 // size
    return np.array([(1 << bits * count) - 1 for count in range(size + 1)], np.uint64)


def stripped(values: npt.NDArray[Any], words: Spans) -> Spans:
    """Return words without the punctuation around them; one of nothing else is empty.

    Args:
        values: `characters.folded` of each character.
        words: The words.
    """
    begins, ends = words.begins.copy(), words.ends.copy()
    left = np.flatnonzero(values[begins] == 0)
    for _ in range(_STRIPPED):
        begins[left] += 1
        left = left[(begins[left] < ends[left]) & (values[begins[left]] == 0)]
    if len(left):  # few: rules of dashes and the like
        inside, starts = _inside(begins[left], ends[left])
        solid = np.where(values[inside] != 0, inside, len(values))
        begins[left] = np.minimum(np.minimum.reduceat(solid, starts), ends[left])
    left = np.flatnonzero((values[ends - 1] == 0) & (begins < ends))
    for _ in range(_STRIPPED):
        ends[left] -= 1
        left = left[values[ends[left] - 1] == 0]
    if len(left):
        inside, starts = _inside(begins[left], ends[left])
        ends[left] = np.maximum.reduceat(np.where(values[inside] != 0, inside, 0), starts) + 1
    return Spans(begins, ends, words.places)


def _inside(begins: Integers, ends: Integers) -> tuple[Integers, Integers]:
    """Return the positions inside of some spans, and where those of each begin among them."""
    lengths = ends - begins
    return ranges(begins, lengths), np.cumsum(lengths) - lengths


@functools.lru_cache(maxsize=32)
def _table(base: int, blocks: int) -> Keys:
    """Return the powers of a base modulo 2^64, for some blocks of exponents."""
    powers = np.empty(blocks * _BLOCK, dtype=np.uint64)
    powers[0] = 1
    filled = 1
    while filled < len(powers):
        more = min(filled, len(powers) - filled)
        step = np.uint64(pow(base, filled, 2**64))
        np.multiply(powers[:more], step, out=powers[filled : filled + more])
        filled += more
    return powers


def _powers(base: int, count: int) -> Keys:
    # In sizes that double, so that batches of about one size share a table.
    blocks = 1
    while blocks * _BLOCK < count:
        blocks *= 2
    # Those for one enormous text are not kept.
    table = _table if blocks <= _KEPT_BLOCKS else _table.__wrapped__
    return table(base, blocks)[:count]
