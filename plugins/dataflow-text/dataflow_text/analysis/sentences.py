"""Where sentences end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dataflow_text.analysis.characters import UPPER, WHITE, members
from dataflow_text.analysis.spans import Integers, Mask

if TYPE_CHECKING:
    from dataflow_text.analysis.texts import Texts

_ENDS = ".!?…"
_WIDE_ENDS = "。！？｡۔؟።։।॥༎།။។៕‼⁇⁈⁉"
_THAI, _LAO = 0x0E01, 0x0EFF
"""The first letter of Thai, and the last code of Lao, which follows it."""

_CLOSERS = "\"')]}»”’」』）"
ABBREVIATIONS = (
    *(
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "st",
        "jr",
        "sr",
        "vs",
        "etc",
        "eg",
        "ie",
        "fig",
        "figs",
        "eq",
    ),
    *(
        "no",
        "vol",
        "pp",
        "inc",
        "ltd",
        "co",
        "corp",
        "gen",
        "col",
        "sen",
        "rep",
        "gov",
        "dept",
        "est",
    ),
    *("approx", "cf", "al", "ca", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept"),
    *("oct", "nov", "dec"),
)


def sentence_counts(texts: Texts, lines: Mask | None = None) -> Integers:
    """Return the number of sentences of each text.

    Args:
        texts: The texts.
        lines: Which lines count; None for all.
    """
    bounds = np.concatenate([_sentence_ends(texts), texts.line_ends])
    bounds = np.sort(bounds, kind="stable")  # which merges the two
    # What lies between two bounds is a sentence if a word of more than punctuation begins in it.
    begins = texts.words.begins[texts.word_keys.keys != 0]
    firsts = np.searchsorted(begins, bounds)
    sentences = begins[firsts[:-1][np.diff(firsts) > 0]]
    if lines is not None:
        home = np.searchsorted(texts.lines.begins, sentences, side="right") - 1
        sentences = sentences[lines[home]]
    return texts.count(sentences)


def _sentence_ends(texts: Texts) -> Integers:
    """Return the position of the last mark of each sentence."""
    codes, flags = texts.codes, texts.flags
    marks = texts.phrase_ends
    marks = marks[members(_ENDS + _WIDE_ENDS)[codes[marks]]]
    marks = marks[~members(_ENDS + _WIDE_ENDS)[codes[marks + 1]]]
    wide = members(_WIDE_ENDS)[codes[marks]]
    after = marks + 1
    for _ in range(3):
        after = after + members(_CLOSERS)[codes[after]]
    spaced = flags[after] & WHITE != 0
    stops = codes[marks] == ord(".")
    found = marks[wide | (spaced & ~(stops & _goes_on(texts, marks, after)))]
    return found if texts.words is texts.tokens else np.union1d(found, _unmarked_ends(texts))


def _unmarked_ends(texts: Texts) -> Integers:
    """Return the white space between letters of Thai and Lao, whose sentences have no end mark."""
    gaps = texts.has(WHITE)[1:-1]
    beside = np.stack([texts.codes[gaps - 1], texts.codes[gaps + 1]])
    return gaps[((beside >= _THAI) & (beside <= _LAO)).all(axis=0)]


def _goes_on(texts: Texts, marks: Integers, after: Integers) -> Mask:
    """Tell where a full stop ends no sentence: before a small letter, after an abbreviation."""
    codes, flags = texts.codes, texts.flags
    following = np.minimum(after + 1, len(codes) - 1)
    small = (codes[following] >= ord("a")) & (codes[following] <= ord("z"))
    small &= codes[after] != ord("\n")
    initial = (flags[marks - 1] & UPPER != 0) & (flags[marks - 2] & WHITE != 0)
    word = np.searchsorted(texts.words.begins, marks, side="right") - 1
    return small | initial | texts.are_words(ABBREVIATIONS, word)
