"""Okapi BM25: how well texts fit a query by the words that they share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_NO_WORD = r"[^\pL\pN\pM]+"
_UNSPACED = (
    r"((?:[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー]\pM*)+)"
)
_MARK = "\x1f"
"""What goes before stretches of scripts without spaces; no word has it."""


class Bm25Index:
    """The words of a corpus, and where they are.

    A text's score is the sum over the query's words ``t`` of ``idf(t) * tf * (k1 + 1) / (tf + k1 *
    (1 - b + b * length / mean length))``, with ``idf(t) = ln(1 + (N - n + 0.5) / (n + 0.5))``.

    Source: Robertson and Zaragoza 2009, The Probabilistic Relevance Framework: BM25 and Beyond,
    equation 3.15; the 1 in the logarithm, which keeps it above zero, is Lucene's.

    Args:
        texts: The texts.
        k1: How much repetitions of a word count.
        b: How much a text's length counts, 0 to 1.
    """

    def __init__(self, texts: Sequence[str], k1: float, b: float) -> None:
        stretches = _stretches(texts)
        words = [_words(line) for line in stretches]
        lengths = np.array([*map(len, words)], np.int64)
        # Queries of one character find it in pairs too; that makes no text longer.
        found_by = [
            [*line, *_characters(parts)] for line, parts in zip(words, stretches, strict=True)
        ]
        self._size = len(texts)
        self._terms: dict[str, int] = {}
        terms = np.array(
            [self._terms.setdefault(w, len(self._terms)) for w in chain.from_iterable(found_by)],
            np.int64,
        )
        places = np.repeat(np.arange(self._size), [*map(len, found_by)])
        # Sorted by term, then by text: each pair once, with the number of times.
        pairs, times = np.unique(terms * self._size + places, return_counts=True)
        self._texts = pairs % max(self._size, 1)
        self._begins = np.searchsorted(pairs, np.arange(len(self._terms) + 1) * self._size)
        found = np.diff(self._begins)
        idf = np.log1p((self._size - found + 0.5) / (found + 0.5))
        relative = lengths / max(lengths.mean(), 1) if self._size else lengths
        damped = times + k1 * (1 - b + b * relative[self._texts])
        self._weights = np.repeat(idf, found) * times * (k1 + 1) / damped

    def scores(self, query: str) -> npt.NDArray[np.float64]:
        """Return the score of each text, 0 for one that has no word of the query.

        Args:
            query: The query; a word that it has twice counts twice.
        """
        scores = np.zeros(self._size)
        (words,) = words_of([query])
        for word in words:
            term = self._terms.get(word)
            if term is not None:
                found = slice(self._begins[term], self._begins[term + 1])
                scores[self._texts[found]] += self._weights[found]
        return scores


def words_of(texts: Sequence[str]) -> list[list[str]]:
    """Return the words of texts: letters, marks and digits side by side, in small letters (NFKC).

    What scripts without spaces write (Han, kana, Thai, Lao, Khmer, Burmese), and Hangul, becomes
    pairs of adjacent characters, a lone one itself.

    Args:
        texts: The texts.
    """
    return [_words(line) for line in _stretches(texts)]


def _stretches(texts: Sequence[str]) -> list[list[str]]:
    """Return what stands between spaces and marks; of scripts without spaces, behind `_MARK`."""
    small = pc.utf8_lower(pc.utf8_normalize(pa.array(texts, pa.large_string()), "NFKC"))
    spaced = pc.replace_substring_regex(small, _NO_WORD, " ")
    marked = pc.replace_substring_regex(spaced, _UNSPACED, rf" {_MARK}\1 ")
    return [line.split(" ") for line in marked.to_pylist()]


def _words(stretches: Sequence[str]) -> list[str]:
    return [*chain.from_iterable(map(_pairs, stretches))]


def _pairs(stretch: str) -> list[str]:
    if not stretch.startswith(_MARK):
        return [stretch] if stretch else []
    letters = stretch[1:]
    return [letters[at : at + 2] for at in range(max(len(letters) - 1, 1))]


def _characters(stretches: Sequence[str]) -> list[str]:
    """Return the characters of stretches that `_pairs` has in pairs alone."""
    several = [one[1:] for one in stretches if one.startswith(_MARK) and len(one) > 2]
    return [*chain.from_iterable(several)]
