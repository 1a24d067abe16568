"""Lexical diversity: how varied the words of a text are, whatever its length."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from dataflow_core import Operator
from dataflow_text.evaluate.vocabulary import owners_of, word_codes
from dataflow_text.texts import TextEvaluator, TextFilter

_FACTOR_TTR = 0.72
_DRAW = 42
_LEAST = {"mtld": 50.0, "hdd": 0.8}

Method = Literal["mtld", "hdd"]


class _Measured(Operator):
    # A class of its own, so that the default of min_value can depend on a field before it.
    method: Method = "mtld"
    min_words: int = Field(50, ge=_DRAW)


class LexicalDiversityEvaluator(TextEvaluator, _Measured):
    """Measure how varied the words of a text are, by MTLD or HD-D; neither falls with length.

    MTLD (above 1, without upper end; English prose has 50 to 150) is the mean length of the
    stretches of words over which the ratio of distinct words to words stays above 0.72, taken
    forward and backward. A text that repeats no word has the value of one that repeats a single
    word, the largest that a text of its length can have. HD-D (0 to 1; English prose has 0.75 to
    0.9) is the expected share of distinct words among 42 words drawn at random from the text.

    Words stand between white space, in lower case and without punctuation; in Chinese, Japanese,
    Thai, Lao, Khmer and Burmese each letter is a word, and values compare only within a language.
    A text of fewer than ``min_words`` words, an empty one too, has no measure.

    Source: HD-D (McCarthy and Jarvis 2007); MTLD (McCarthy and Jarvis 2010).

    Attributes:
        method: ``"mtld"`` or ``"hdd"``; also the default name of the column.
        min_words: The number of words below which a text is too short to be measured.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "word " * 200}, {"text": "too short"}])
        >>> LexicalDiversityEvaluator().run(table)
        >>> [row["mtld"] for row in table.rows()]
        [2.0, None]
    """

    def default_output(self) -> str:
        """Return the method's name."""
        return self.method

    def measure(self, texts: pa.Array) -> pa.Array:
        """Return the diversity of each text."""
        codes, places = word_codes(texts)
        short = np.diff(places) < self.min_words
        function = _mtld if self.method == "mtld" else _hdd
        return pa.array(function(codes, places, short), mask=short)


class LexicalDiversityFilter(TextFilter, _Measured):
    """Keep texts whose lexical diversity lies within bounds, and drop those too short to have one.

    `LexicalDiversityEvaluator` says what is measured. Unless ``min_value`` is given, texts below 50
    (MTLD) or 0.8 (HD-D) are dropped. In scripts without spaces each letter is a word.

    Source: HD-D (McCarthy and Jarvis 2007); MTLD (McCarthy and Jarvis 2010).

    Attributes:
        method: ``"mtld"`` or ``"hdd"``; also the default name of the column.
        min_words: The number of words below which a text is too short to be measured.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> varied = " ".join(f"word{number % 70}" for number in range(100))
        >>> table = MemoryStorage([{"text": varied}, {"text": "word " * 100}])
        >>> LexicalDiversityFilter(method="hdd").run(table)
        >>> [round(row["hdd"], 3) for row in table.rows()]
        [0.876]
    """

    evaluator: ClassVar = LexicalDiversityEvaluator

    min_value: float | None = Field(
        default_factory=lambda known: _LEAST[known.get("method", "mtld")]
    )


def _mtld(
    codes: npt.NDArray[np.int64], places: npt.NDArray[np.int64], short: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Return the mean of forward and backward MTLD of each text that is not short."""
    values = np.zeros(len(short))
    for row in np.flatnonzero(~short):
        words = codes[places[row] : places[row + 1]].tolist()
        values[row] = sum(len(words) / _factors(way) for way in (words, reversed(words))) / 2
    return values


def _factors(words: Iterable[int]) -> float:
    """Count the stretches in which the ratio of distinct words falls to 0.72, the last in part."""
    factors, length, total, seen = 0.0, 0, 0, set[int]()
    for word in words:
        length += 1
        if word not in seen:
            seen.add(word)
        # The ratio falls only where a word comes again.
        elif len(seen) / length <= _FACTOR_TTR:
            factors += 1
            total += length
            length = 0
            seen.clear()
    if length:
        factors += (1 - len(seen) / length) / (1 - _FACTOR_TTR)
    # A text without a repetition counts as one with a single repetition, not as infinite.
    return factors or 1 / ((total + length) * (1 - _FACTOR_TTR))


def _hdd(
    codes: npt.NDArray[np.int64], places: npt.NDArray[np.int64], short: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Return the HD-D of each text that is not short."""
    size = int(codes.max(initial=0)) + 1
    types, counts = np.unique(owners_of(places) * size + codes, return_counts=True)
    owners = types // size
    lengths = np.diff(places)[owners]
    counts, lengths, owners = (part[~short[owners]] for part in (counts, lengths, owners))
    # Texts share most pairs of their length and a word's count; each is worked out once.
    base = int(counts.max(initial=0)) + 1
    pairs, where = np.unique(lengths * base + counts, return_inverse=True)
    drawn = 1 - _missed(pairs // base, pairs % base)
    sums = np.bincount(owners, weights=drawn[where] / _DRAW, minlength=len(short))
    return np.asarray(sums, np.float64)


def _missed(
    lengths: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return the probability that 42 draws of so many words all miss one that occurs so often."""
    missed = np.ones(len(lengths))
    for draw in range(_DRAW):
        missed *= np.maximum(lengths - counts - draw, 0) / (lengths - draw)
    return missed
