"""Gopher's rules: the quality of documents, and repetition within them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from dataflow_text.analysis.shared import Measure
from dataflow_text.analysis.spans import Integers, Numbers, ratio
from dataflow_text.analysis.texts import Texts
from dataflow_text.quality.line_rules import bullet_line_share, ellipsis_line_share
from dataflow_text.quality.rule_set import Check, RuleSet
from dataflow_text.quality.word_rules import GOPHER_STOP_WORDS

Length = Annotated[int, Field(ge=1, le=100)]
"""The words of an n-gram."""


class GopherQuality(RuleSet):
    """Drop texts that break a quality rule of Gopher.

    Words are cut as linguists cut them: punctuation marks are tokens of their own, which count in
    the shares but are no words. Made for English; of other languages with spaces, change or drop
    the stop words. Scripts without spaces have too few words of this kind.

    Attributes:
        min_words: The fewest words.
        max_words: The most words.
        min_mean_word_length: The smallest mean number of characters of a word.
        max_mean_word_length: The largest.
        max_symbol_ratio: The most hash marks, and the most ellipses, for each token.
        max_bullet_line_share: The largest share of lines that begin with a bullet.
        max_ellipsis_line_share: The largest share of lines that end with an ellipsis.
        min_alphabetic_share: The smallest share of tokens that have a letter.
        min_stop_words: The fewest different stop words.
        drop: Whether texts that break a rule go; False to measure alone.

    Source: Gopher (Rae et al. 2021), appendix A.1.1.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> long = "This sentence belongs to the longer one. " * 9
        >>> table = MemoryStorage([{"text": long}, {"text": "too short a text"}])
        >>> GopherQuality().run(table)
        >>> len(table), table.dropped()["reason"].tolist()
        (1, ['too_few_words'])
    """

    min_words: int | None = 50
    max_words: int | None = 100_000
    min_mean_word_length: float | None = 3
    max_mean_word_length: float | None = 10
    max_symbol_ratio: float | None = 0.1
    max_bullet_line_share: float | None = 0.9
    max_ellipsis_line_share: float | None = 0.3
    min_alphabetic_share: float | None = 0.8
    min_stop_words: int | None = 2

    def checks(self) -> Sequence[Check]:
        """Return the rules."""
        return (
            Check("too_few_words", words, at_least=self.min_words),
            Check("too_many_words", words, at_most=self.max_words),
            Check("short_words", mean_length, at_least=self.min_mean_word_length),
            Check("long_words", mean_length, at_most=self.max_mean_word_length),
            Check("many_hash_marks", hash_ratio, at_most=self.max_symbol_ratio),
            Check("many_ellipses", ellipsis_ratio, at_most=self.max_symbol_ratio),
            Check("bullet_lines", bullet_line_share.measure(), at_most=self.max_bullet_line_share),
            Check(
                "ellipsis_lines",
                ellipsis_line_share.measure(),
                at_most=self.max_ellipsis_line_share,
            ),
            Check("few_letters", alphabetic_share, at_least=self.min_alphabetic_share),
            Check("few_stop_words", different_stop_words, at_least=self.min_stop_words),
        )


class GopherRepetition(RuleSet):
    """Drop texts that repeat themselves, after Gopher.

    Measured are the share of lines and of paragraphs that occurred before in the text, the share of
    characters in them, the share of characters in the commonest n-gram of 2 to 4 words, and that in
    n-grams of 5 to 10 words that occurred before. Words are cut as linguists cut them; in scripts
    without spaces they are runs between punctuation, which makes the rules on n-grams rarely apply.

    Attributes:
        max_duplicate_lines: The largest share of repeated lines, and of repeated paragraphs.
        max_duplicate_line_characters: The largest share of characters in them.
        max_top_ngram: The largest share of characters in the commonest n-gram, by n.
        max_duplicate_ngram: The largest share of characters in repeated n-grams, by n.
        drop: Whether texts that break a rule go; False to measure alone.

    Source: Gopher (Rae et al. 2021), appendix A.1.1, table A1.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "over and over again " * 9}, {"text": "Only once."}])
        >>> GopherRepetition().run(table)
        >>> table.rows()
        [{'text': 'Only once.'}]
    """

    max_duplicate_lines: float | None = 0.3
    max_duplicate_line_characters: float | None = 0.2
    max_top_ngram: dict[Length, float | None] = Field({2: 0.2, 3: 0.18, 4: 0.16})
    max_duplicate_ngram: dict[Length, float | None] = Field(
        {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.1}
    )

    def checks(self) -> Sequence[Check]:
        """Return the rules."""
        lines, characters = self.max_duplicate_lines, self.max_duplicate_line_characters
        return (
            Check("duplicate_paragraphs", duplicate_paragraphs, at_most=lines),
            Check("duplicate_paragraph_characters", duplicate_paragraph_characters,
                  at_most=characters),
            Check("duplicate_lines", duplicate_lines, at_most=lines),
            Check("duplicate_line_characters", duplicate_line_characters, at_most=characters),
            *(Check(f"top_{n}_gram", top_ngram(n), at_most=most)
              for n, most in self.max_top_ngram.items()),
            *(Check(f"duplicate_{n}_grams", duplicate_ngrams(n), at_most=most)
              for n, most in self.max_duplicate_ngram.items()),
        )  # fmt: skip


def words(texts: Texts) -> Integers:
    """Return the number of words, punctuation marks aside."""
    return texts.linguistic.words.count


def mean_length(texts: Texts) -> Numbers:
    """Return the mean length of a word."""
    found = texts.linguistic.words
    return ratio(found.sums(found.lengths), found.count)


def hash_ratio(texts: Texts) -> Numbers:
    """Return the number of hash marks for each token."""
    return ratio(texts.count(texts.where("#")), texts.linguistic.count)


def ellipsis_ratio(texts: Texts) -> Numbers:
    """Return the number of ellipses for each token."""
    return ratio(texts.count(texts.ellipses), texts.linguistic.count)


def alphabetic_share(texts: Texts) -> Numbers:
    """Return the share of tokens with a letter."""
    return ratio(texts.linguistic.alphabetic, texts.linguistic.count)


def different_stop_words(texts: Texts) -> Integers:
    """Return how many of Gopher's stop words occur."""
    found = [texts.words.sums(texts.phrases((word,))) > 0 for word in GOPHER_STOP_WORDS]
    return np.sum(found, axis=0)


def duplicate_lines(texts: Texts) -> Numbers:
    """Return the share of lines that occurred before."""
    return texts.lines.share(texts.line_keys.repeats)


def duplicate_line_characters(texts: Texts) -> Numbers:
    """Return the share of characters in lines that occurred before."""
    return ratio(texts.lines.sums(texts.line_keys.repeats * texts.lines.lengths), texts.characters)


def duplicate_paragraphs(texts: Texts) -> Numbers:
    """Return the share of paragraphs that occurred before."""
    return texts.paragraphs.share(texts.paragraph_keys.repeats)


def duplicate_paragraph_characters(texts: Texts) -> Numbers:
    """Return the share of characters in paragraphs that occurred before."""
    lengths = texts.paragraph_keys.repeats * texts.paragraphs.lengths
    return ratio(texts.paragraphs.sums(lengths), texts.characters)


@functools.cache
def top_ngram(n: int) -> Measure:
    """Return the measure of the characters in the commonest n-gram, as a share of all."""
    return functools.partial(_top_ngram, n=n)


@functools.cache
def duplicate_ngrams(n: int) -> Measure:
    """Return the measure of the characters in repeated n-grams, as a share of all."""
    return functools.partial(_duplicate_ngrams, n=n)


def _top_ngram(texts: Texts, *, n: int) -> Numbers:
    grams, first = texts.linguistic.keys.grams(n)
    found = texts.linguistic.words
    lengths = found.ends[first + n - 1] - found.begins[first] if len(first) else first
    codes, _ = pd.factorize(grams.of_text)
    counts = np.bincount(codes)[codes] if len(codes) else codes
    common = np.where(counts > 1, counts * lengths, 0)
    share = np.zeros(len(texts))
    filled = np.diff(grams.places) > 0
    if filled.any():
        share[filled] = np.maximum.reduceat(common, grams.places[:-1][filled])
    return ratio(share, texts.characters)


def _duplicate_ngrams(texts: Texts, *, n: int) -> Numbers:
    grams, first = texts.linguistic.keys.grams(n)
    found = texts.linguistic.words
    starts = first[grams.repeats]
    covered = np.zeros(len(found.begins) + n + 1, dtype=np.int64)
    np.add.at(covered, starts, 1)
    np.add.at(covered, starts + n, -1)
    inside = np.cumsum(covered)[: len(found.begins)] > 0
    return ratio(found.sums(inside * found.lengths), texts.characters)
