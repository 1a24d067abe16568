"""Where sentences end."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dataflow_text.analysis.characters import UPPER, WHITE
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
    bounds = np.union1d(ends, texts.where("\n"))
    # What lies between two bounds is a sentence if a word begins in it.
    filled = np.diff(np.searchsorted(texts.words.begins, bounds)) > 0
    return texts.count(bounds[:-1][filled] + 1)


def _sentence_ends(texts: Texts) -> Integers:
    """Return the position of the last mark of each sentence."""
    codes, flags = texts.codes, texts.flags
    marks = texts.phrase_ends
    marks = marks[np.isin(codes[marks], _codes(_ENDS + _WIDE_ENDS))]
    marks = marks[~np.isin(codes[marks + 1], _codes(_ENDS + _WIDE_ENDS))]
    wide = np.isin(codes[marks], _codes(_WIDE_ENDS))
    after = marks + 1
    for _ in range(3):
        after = after + np.isin(codes[after], _codes(_CLOSERS))
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
    return small | initial | np.isin(texts.word_keys.keys[word], _abbreviations())


@functools.cache
def _codes(characters: str) -> npt.NDArray[np.uint32]:
    return np.array([ord(character) for character in characters], dtype=np.uint32)


@functools.cache
def _abbreviations() -> npt.NDArray[np.uint64]:
    import pyarrow as pa

    from dataflow_text.analysis.texts import Texts

    return np.unique(Texts(pa.array(_ABBREVIATIONS)).word_keys.keys)
