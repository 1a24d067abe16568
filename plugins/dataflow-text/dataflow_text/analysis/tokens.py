"""Tokens as linguists cut them: words without the punctuation around them, and each mark alone.

What the papers on web text call words, and count when they count words; `Texts.words` are cut at
white space only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from dataflow_text.analysis.characters import LETTER, UPPER, WHITE, in_words, members
from dataflow_text.analysis.sentences import ABBREVIATIONS
from dataflow_text.analysis.spans import Integers, Mask, Spans
from dataflow_text.analysis.word_keys import WordKeys

if TYPE_CHECKING:
    from dataflow_text.analysis.texts import Texts

_INNER = ".'’_@&"
"""Marks that belong to a word when they stand inside it."""

_INNER_OF_NUMBERS = ",:/"
"""Marks that belong to a number when they stand between its digits."""


@dataclass(frozen=True)
class Tokens:
    """The tokens of some texts.

    Attributes:
        texts: The texts.
        words: The words.
        marks: The number of punctuation marks of each text; a run of one mark counts once.
        contractions: The number of apostrophes inside words, each of which parts two tokens.
    """

    texts: Texts
    words: Spans
    marks: Integers
    contractions: Integers

    @property
    def count(self) -> Integers:
        """The number of tokens of each text, words and marks; "it's" is two."""
        return self.words.count + self.contractions + self.marks

    @cached_property
    def alphabetic(self) -> Integers:
        """The number of tokens of each text that have a letter."""
        if not len(self.words.begins):
            return self.words.count
        flags = np.bitwise_or.reduceat(self.texts.flags, self.words.begins)
        return self.words.sums(flags & LETTER != 0) + self.contractions

    @cached_property
    def keys(self) -> WordKeys:
        """Keys of the words, equal for equal ones."""
        return WordKeys.exact(self.texts.codes, self.words)


def tokens_of(texts: Texts) -> Tokens:
    """Return the tokens of some texts."""
    codes = texts.codes
    inside = in_words()[codes]
    marks = np.flatnonzero(~inside & (texts.flags & np.uint8(WHITE) == 0))
    before, mark, after = codes[marks - 1], codes[marks], codes[marks + 1]
    digits = members("0123456789")
    inner = inside[marks - 1] & inside[marks + 1] & members(_INNER)[mark]
    inner |= digits[before] & digits[after] & members(_INNER_OF_NUMBERS)[mark]
    inner |= _closes_an_abbreviation(texts, marks)
    inside[marks[inner]] = True
    contractions = texts.count(marks[inner & members("'’")[codes[marks]]])
    marks = marks[~inner]
    same = (np.diff(marks, prepend=-1) == 1) & (codes[marks] == codes[marks - 1])
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    begins = edges[::2]
    words = Spans(begins, edges[1::2], np.searchsorted(begins, texts.places))
    return Tokens(texts, words, texts.count(marks[~same]), contractions)


def _closes_an_abbreviation(texts: Texts, marks: Integers) -> Mask:
    """Tell which marks are the full stop of an abbreviation or initial: "a.m.", "Sept.", "J."."""
    codes, flags = texts.codes, texts.flags
    closing = np.zeros(len(marks), dtype=bool)
    stops = np.flatnonzero(codes[marks] == ord("."))
    at = marks[stops]
    single = (flags[at - 1] & LETTER != 0) & (
        (codes[at - 2] == ord(".")) | ((flags[at - 2] & WHITE != 0) & (flags[at - 1] & UPPER != 0))
    )
    word = np.searchsorted(texts.words.begins, at, side="right") - 1
    closing[stops] = single | texts.are_words(ABBREVIATIONS, word)
    return closing
