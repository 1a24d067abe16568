"""Repeated n-grams of words."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from dataflow_text.evaluate.vocabulary import owners_of, word_codes
from dataflow_text.texts import TextEvaluator, TextFilter

_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)


class NgramRepetitionEvaluator(TextEvaluator):
    """Measure the share of distinct n-grams of words among all of a text: 1 repeats nothing.

    The share lies above 0 and is at most 1. Words stand between white space, in lower case and
    without punctuation; in Chinese, Japanese, Thai, Lao, Khmer and Burmese each letter is a word,
    so that n-grams there are of characters. A text of fewer than ``n`` words, an empty one too,
    has 1: it repeats nothing.

    Since any long text says some things twice, n-grams are compared only within stretches of
    ``window`` n-grams, and the share is that of all stretches together. It does not fall with the
    length of a text, and one bound serves for short and long.

    Source: distinct-n (Li et al. 2016), here per text and stretch.

    Attributes:
        n: The number of words of an n-gram.
        window: The number of n-grams of a stretch.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "Buy now! Buy now! Buy now!"}, {"text": "Once"}])
        >>> NgramRepetitionEvaluator(n=2).run(table)
        >>> [row["distinct_ngram_share"] for row in table.rows()]
        [0.4, 1.0]
    """

    measure_name: ClassVar[str] = "distinct_ngram_share"

    n: int = Field(5, ge=1, le=100)
    window: int = Field(1000, ge=1)

    def measure(self, texts: pa.Array) -> pa.Array:
        """Return the share of distinct n-grams of each text."""
        codes, places = word_codes(texts)
        totals = np.maximum(np.diff(places) - self.n + 1, 0)
        distinct = self._count_distinct(codes, places, totals)
        shares = np.where(totals, distinct / np.maximum(totals, 1), 1.0)
        return pa.array(shares, mask=np.asarray(texts.is_null()))

    def _count_distinct(
        self,
        codes: npt.NDArray[np.int64],
        places: npt.NDArray[np.int64],
        totals: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.int64]:
        """Count the distinct n-grams of the stretches of each text."""
        owners = owners_of(places)
        positions = np.arange(len(codes)) - places[:-1][owners]
        begins = positions < totals[owners]
        stretches = -(-totals // self.window)
        first = np.cumsum(stretches) - stretches
        stretch = first[owners[begins]] + positions[begins] // self.window
        # Sorted by stretch, then by what is left of 64 bits of hash, equal n-grams stand together.
        bits = np.uint64(int(stretches.sum() + 1).bit_length())
        hashes = hash_windows(codes, self.n)[begins]
        keys = (hashes >> bits) | (stretch.astype(np.uint64) << (np.uint64(64) - bits))
        keys.sort()
        firsts = np.ones(len(keys), bool)
        np.not_equal(keys[1:], keys[:-1], out=firsts[1:])
        found = (keys[firsts] >> (np.uint64(64) - bits)).astype(np.int64)
        return np.bincount(
            owners_of(np.append(first, stretches.sum()))[found], minlength=len(first)
        )


class NgramRepetitionFilter(TextFilter):
    """Drop texts whose share of distinct n-grams is below ``min_value``: they repeat themselves.

    `NgramRepetitionEvaluator` says what is measured. Short texts stay: they repeat nothing.
    In scripts without spaces each letter is a word.

    Source: distinct-n (Li et al. 2016), here per text and stretch.

    Attributes:
        n: The number of words of an n-gram.
        window: The number of n-grams of a stretch.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "na na na na na na na na"}, {"text": "Only once"}])
        >>> NgramRepetitionFilter().run(table)
        >>> table.rows()
        [{'text': 'Only once', 'distinct_ngram_share': 1.0}]
    """

    evaluator: ClassVar = NgramRepetitionEvaluator

    n: int = Field(5, ge=1, le=100)
    window: int = Field(1000, ge=1)
    min_value: float | None = 0.8


def hash_windows(codes: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.uint64]:
    """Return a hash of the ``n`` numbers from each position on; the last have wrapped ends.

    Args:
        codes: The numbers.
        n: How many numbers a window holds.
    """
    mixed = _mix(codes.astype(np.uint64) + np.uint64(1))
    hashes = mixed.copy()
    for shift in range(1, min(n, len(codes) + 1)):
        hashes *= _SPREAD
        hashes += np.roll(mixed, -shift)
    return _mix(hashes)


def _mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Spread the bits of each value over all 64."""
    values = values * _SPREAD
    values ^= values >> _SHIFT
    values *= _SPREAD
    values ^= values >> _SHIFT
    return values
