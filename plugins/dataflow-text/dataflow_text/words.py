"""Counting words: by white space, and by letters in scripts that write none."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dataflow_text.texts import bytes_of, count_in_each, replace_where

# Scripts that write no spaces between words (UAX #29 leaves their words to dictionaries), with the
# letters among them that Unicode counts as common to several scripts.
_UNSPACED = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\x{3006}\x{30FC}\x{FF70}"
)
# White space, and the punctuation of those scripts, beyond ASCII.
_WIDE_GAPS = (
    r"\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}-\x{3004}"
    r"\x{3008}-\x{3020}\x{30FB}\x{FE10}-\x{FE19}\x{FE30}-\x{FE6F}\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF20}"
    r"\x{FF3B}-\x{FF40}\x{FF5B}-\x{FF65}"
)

# What a character is; a run of odd ones is a word.
_GAP, _LETTER, _UNSPACED_LETTER, _ATTACHED = range(4)


def count_words(texts: pa.Array) -> pa.Array:
    """Return the number of words of each text, as `WordCountEvaluator` describes it; null for null.

    Args:
        texts: Some texts.
    """
    counts = pa.array(_count_by_ascii_space(texts), mask=np.asarray(texts.is_null()))
    beyond_ascii = pc.fill_null(pc.invert(pc.string_is_ascii(texts)), False)
    if not pc.any(beyond_ascii).as_py():
        return counts
    special = pc.match_substring_regex(texts.filter(beyond_ascii), f"[{_WIDE_GAPS}{_UNSPACED}]")
    special = replace_where(beyond_ascii, beyond_ascii, special)
    return replace_where(counts, special, pa.array(_count_by_class(texts.filter(special))))


def _count_by_ascii_space(texts: pa.Array) -> npt.NDArray[np.int64]:
    """Count the runs of bytes between ASCII white space."""
    data, places = bytes_of(texts)
    spaces = (data == ord(" ")) | (data - np.uint8(ord("\t")) <= ord("\r") - ord("\t"))
    starts = np.empty(len(data), dtype=bool)
    np.greater(spaces[:-1], spaces[1:], out=starts[1:])
    # A text's first letter begins a word, whatever ends the text before it.
    firsts = places[:-1][places[:-1] < len(data)]
    starts[firsts] = ~spaces[firsts]
    return count_in_each(np.flatnonzero(starts), places)


def _count_by_class(texts: pa.Array) -> npt.NDArray[np.int64]:
    """Count unspaced letters, and the runs between gaps and them that are more than punctuation."""
    joined = "\n".join(["", *texts.to_pylist(), ""])
    classes = _classes()[np.frombuffer(joined.encode("utf-32-le"), np.uint32)]
    # Where runs begin and end, by turns; the first and the last character are gaps.
    edges = np.flatnonzero(np.diff(classes & 1)) + 1
    begins, ends = edges[::2], edges[1::2]
    beside = (classes[begins - 1] == _UNSPACED_LETTER) | (classes[ends] == _UNSPACED_LETTER)
    has_letter = np.minimum.reduceat(classes, edges)[::2] == _LETTER if len(edges) else edges == 0
    places = np.cumsum(np.concatenate([[1], np.asarray(pc.utf8_length(texts)) + 1]))
    return count_in_each(begins[has_letter | ~beside], places) + count_in_each(
        np.flatnonzero(classes == _UNSPACED_LETTER), places
    )


@functools.cache
def _classes() -> npt.NDArray[np.uint8]:
    """Return the class of each code point."""
    codes = np.delete(np.arange(0x20000, dtype=np.uint32), np.s_[0xD800:0xE000])  # no surrogates
    characters = pa.array(codes.tobytes().decode("utf-32-le"), pa.string())
    classes = np.full(0x110000, _LETTER, dtype=np.uint8)
    classes[0x20000:0x40000] = _UNSPACED_LETTER  # the planes of rare Han
    for kind, members in (
        (_UNSPACED_LETTER, _UNSPACED),
        (_ATTACHED, r"\p{P}\p{M}\p{Cf}"),
        (_GAP, r"\t-\r " + _WIDE_GAPS),
    ):
        classes[codes[np.asarray(pc.match_substring_regex(characters, f"[{members}]"))]] = kind
    return classes
