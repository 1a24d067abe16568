"""The vocabulary of a data set: how many words, how many different ones, the commonest."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pydantic import Field

from dataflow_core import Storage
from dataflow_core.errors import OperatorError
from dataflow_core.operators import DatasetEvaluator, TextColumn, arrow_column, as_series
from dataflow_text.analysis import characters
from dataflow_text.analysis.spans import Integers, Spans, ranges
from dataflow_text.analysis.texts import Texts
from dataflow_text.analysis.word_keys import WordKeys, stripped
from dataflow_text.survey.columns import texts_in

_PERCENTS = (50, 90, 95, 99)
_SPELT = 80
"""Longer words, such as encoded data, are told by so many characters."""


class VocabularyEvaluator(DatasetEvaluator):
    """Tell what vocabulary a data set has; all rows go through as they are.

    Words stand between white space, in lower case and without the punctuation around them; what is
    punctuation, or symbols of ASCII such as ``|``, alone is no word, and typographic apostrophes
    are plain ones. In scripts that write no spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese)
    each letter is a word. Null, and what is no text, has no words.

    The findings are ``tokens`` (words) and ``types`` (different words); ``hapaxes``, the types that
    come once, and ``hapax_share`` of the types; ``type_token_ratio``; ``unseen_share``, hapaxes by
    tokens, which estimates how likely the next word is a new one; ``entropy`` of a word in bits;
    ``coverage``, how many of the commonest types make 50, 90, 95 and 99 % of the tokens; and
    ``top_words``, the commonest with their counts, equal counts in order of spelling. Were the
    words in random order, the vocabulary would grow here by the ``hapax_share``-th power of the
    tokens (the exponent of Heaps' law).

    Types are told apart by 64-bit hashes. Of each, 20 bytes are kept, and up to 200 while the
    counts of batches are put together (1 GB for 5 million), however many the rows.

    Source: unseen words (Good 1953); Heaps' law (Heaps 1978), section 7.5.

    Attributes:
        top: How many of the commonest words to list.
        max_types: The most different words; beyond, the run stops rather than fill the memory.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> texts = ["To be, or not to be.", "是", None]
        >>> table = MemoryStorage([{"text": text} for text in texts])
        >>> VocabularyEvaluator(top=2).run(table)
        >>> found = table.findings()["vocabulary_evaluator"]
        >>> found["tokens"], found["types"], found["hapaxes"], found["top_words"]
        (7, 5, 3, {'be': 2, 'to': 2})
    """

    top: int = Field(default=100, ge=0)
    max_types: int = Field(default=20_000_000, ge=1)

    def run(self, storage: Storage, input_text: TextColumn = "text") -> None:
        """Note the findings.

        Args:
            storage: The table.
            input_text: The column of texts.

        Raises:
            OperatorError: There are more than ``max_types`` different words.
        """
        self.run_phases(storage, input_text=input_text)

    def sketch(self, storage: Storage, **bindings: Any) -> pd.DataFrame:
        """Return the key, the count and the spelling of each different word."""
        analysis = texts_in(storage, bindings["input_text"])
        return _together([_NOTHING, *map(_words_of, analysis.pieces())])

    def merge(self, sketches: pd.DataFrame) -> pd.DataFrame:
        """Add the counts, and keep the spelling of the commonest words alone.

        A word that is not among them now and will be, comes again, with its spelling.
        """
        merged = _together([sketches])
        if len(merged) > self.max_types:
            raise OperatorError(
                f"VocabularyEvaluator: more than {self.max_types:,} different words (max_types). "
                "Raise max_types, if there are 200 bytes of memory for each, or look at fewer rows "
                "(core/sample)."
            )
        chosen = np.zeros(len(merged), dtype=bool)
        chosen[self._commonest(merged)] = True
        merged["word"] = merged["word"].where(chosen, None)
        return merged

    def findings(self, sketches: pd.DataFrame) -> Mapping[str, Any]:
        """Return what the vocabulary is like."""
        merged = self.merge(sketches)
        counts = np.sort(merged["count"].to_numpy())[::-1]
        tokens, types = int(counts.sum()), len(counts)
        hapaxes = int(np.count_nonzero(counts == 1))
        top: Counter[str] = Counter()
        for row in self._commonest(merged).tolist():
            top[merged["word"].iat[row]] += int(merged["count"].iat[row])
        return {
            "tokens": tokens,
            "types": types,
            "hapaxes": hapaxes,
            "hapax_share": _ratio(hapaxes, types),
            "type_token_ratio": _ratio(types, tokens),
            "unseen_share": _ratio(hapaxes, tokens),
            "entropy": _entropy(counts),
            "coverage": _coverage(counts),
            "top_words": dict(top),
        }

    def _commonest(self, merged: pd.DataFrame) -> Integers:
        """Return the positions of the commonest words, in order."""
        counts = merged["count"].to_numpy()
        if not self.top or not len(counts):
            return np.empty(0, np.int64)
        last = min(self.top, len(counts)) - 1
        least = -np.partition(-counts, last)[last]
        # A word whose spelling is gone was behind all of these when it last came.
        known = np.flatnonzero((counts >= least) & merged["word"].notna().to_numpy())
        words, keys = merged["word"].iloc[known].tolist(), merged["key"].to_numpy()[known].tolist()
        ranked = sorted(zip((-counts[known]).tolist(), words, keys, known.tolist(), strict=True))
        return np.array([row for *_, row in ranked[: self.top]], np.int64)


def _sketch(keys: npt.NDArray[np.uint64], counts: Integers, words: pa.Array) -> pd.DataFrame:
    spelt = as_series(pa.chunked_array([words.cast(pa.large_string())]), pd.RangeIndex(len(words)))
    return pd.DataFrame({"key": keys, "count": counts, "word": spelt})


_NOTHING = _sketch(np.empty(0, np.uint64), np.empty(0, np.int64), pa.array([], pa.string()))


def _words_of(texts: Texts) -> pd.DataFrame:
    """Return the different words of some texts."""
    codes = _spelling(texts)
    words = _meaning_something(texts)
    numbers, keys = pd.factorize(WordKeys.exact(codes, words).keys)
    first = np.empty(len(keys), np.int64)
    first[numbers[::-1]] = np.arange(len(numbers))[::-1]
    counts = np.bincount(numbers, minlength=len(keys))
    return _sketch(keys, counts, pa.array(_spelt(codes, words.at(first)), pa.string()))


def _meaning_something(texts: Texts) -> Spans:
    """Return the words that are not of punctuation and symbols alone."""
    bare = texts.bare_words
    words = bare.at(np.flatnonzero(bare.begins < bare.ends))
    solid = characters.in_words()
    doubtful = np.flatnonzero(~solid[texts.codes[words.begins]])
    if not len(doubtful):
        return words
    inside = stripped(solid[texts.codes], words.at(doubtful))
    chosen = np.ones(len(words.begins), dtype=bool)
    chosen[doubtful[inside.begins == inside.ends]] = False
    return words.at(np.flatnonzero(chosen))


def _together(sketches: list[pd.DataFrame]) -> pd.DataFrame:
    """Return each word once, with the sum of its counts and any spelling that is known."""
    parts = pd.concat(sketches, ignore_index=True)
    numbers, keys = pd.factorize(parts["key"].to_numpy())
    counts = np.zeros(len(keys), np.int64)
    np.add.at(counts, numbers, parts["count"].to_numpy())
    places = np.full(len(keys), -1)
    known = np.flatnonzero(parts["word"].notna())
    places[numbers[known]] = known
    chosen = pa.array(places, mask=places < 0)
    return _sketch(keys, counts, arrow_column(parts["word"]).take(chosen))


def _spelling(texts: Texts) -> npt.NDArray[Any]:
    """Return the code points of texts as words are spelt."""
    if texts.codes.dtype == np.uint8:
        return np.frombuffer(texts.codes.tobytes().lower(), np.uint8)
    return np.take(_spelling_table(), texts.codes)


@functools.cache
def _spelling_table() -> npt.NDArray[np.uint32]:
    table = characters.lower().copy()
    table[ord("’")] = ord("'")
    return table


def _spelt(codes: npt.NDArray[Any], words: Spans) -> list[str]:
    """Return some words as texts."""
    lengths = np.minimum(words.lengths, _SPELT)
    taken = codes[ranges(words.begins, lengths + 1)]  # with one more each, for the line end
    taken[np.cumsum(lengths + 1) - 1] = ord("\n")
    encoding = "ascii" if taken.dtype == np.uint8 else "utf-32-le"
    found = taken.tobytes().decode(encoding).split("\n")[:-1]
    for number in np.flatnonzero(words.lengths > _SPELT).tolist():
        found[number] += "…"
    return found


def _entropy(counts: Integers) -> float | None:
    if not len(counts):
        return None
    shares = counts / counts.sum()
    return float(-(shares * np.log2(shares)).sum()) + 0.0  # no negative zero


def _coverage(counts: Integers) -> dict[str, int | None]:
    sums = np.cumsum(counts)
    if not len(sums):
        return {f"{percent}%": None for percent in _PERCENTS}
    needed = {p: np.searchsorted(sums, -(-p * int(sums[-1]) // 100)) for p in _PERCENTS}
    return {f"{percent}%": int(place) + 1 for percent, place in needed.items()}


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
