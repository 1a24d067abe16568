"""Where sentences end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dataflow_text.analysis.characters import UPPER, WHITE, members
from dataflow_text.analysis.spans import Integers

if TYPE_CHECKING:
    from dataflow_text.analysis.texts import Texts

_ENDS = ".!?…"
_WIDE_ENDS = "。！？｡۔؟।॥"
_CLOSERS = "\"')]}»”’」』）"
_ABBREVIATIONS = (
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


def sentence_counts(texts: Texts) -> Integers:
    """Return the number of sentences of each text."""
    ends = _sentence_ends(texts)
    bounds = np.sort(np.concatenate([ends, texts.line_ends]), kind="stable")  # merges runs
    # What lies between two bounds is a sentence if a word begins in it.
    filled = np.diff(np.searchsorted(texts.words.begins, bounds)) > 0
    return texts.count(bounds[:-1][filled] + 1)


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
    return marks[wide | (spaced & ~(stops & _goes_on(texts, marks, after)))]


def _goes_on(texts: Texts, marks: Integers, after: Integers) -> npt.NDArray[np.bool_]:
    """Tell where a full stop ends no sentence: before a small letter, after an abbreviation."""
    codes, flags = texts.codes, texts.flags
    following = np.minimum(after + 1, len(codes) - 1)
    small = (codes[following] >= ord("a")) & (codes[following] <= ord("z"))
    small &= codes[after] != ord("\n")
    initial = (flags[marks - 1] & UPPER != 0) & (flags[marks - 2] & WHITE != 0)
    word = np.searchsorted(texts.words.begins, marks, side="right") - 1
    return small | initial | texts.are_words(_ABBREVIATIONS, word)
