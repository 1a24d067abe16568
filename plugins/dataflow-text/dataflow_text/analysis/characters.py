"""What each Unicode character is to a text: white space, part of a word, the end of a phrase."""

from __future__ import annotations

import functools
import unicodedata
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

WHITE, WIDE, UNSPACED, UPPER, LOWER, ATTACHED, BREAK, SPECIAL = (1 << bit for bit in range(8))
"""White space; punctuation of scripts without spaces; letters of such scripts; upper case; lower
case (letters without case have both bits); punctuation, marks and format characters; what ends a
phrase; what has no place in prose."""

LETTER = UPPER | LOWER

# Scripts that write no spaces between words (UAX #29 leaves their words to dictionaries), with the
# letters among them that Unicode counts as common to several scripts.
UNSPACED_LETTERS = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\x{3006}\x{30FC}\x{FF70}"
)
# Ranges of code points, first and last.
_ASCII_WHITE = "09-0D 20"
_WIDE_WHITE = "85 A0 1680 2000-200A 2028-2029 202F 205F 3000"
_WIDE = "3001-3004 3008-3020 30FB FE10-FE19 FE30-FE6F FF01-FF0F FF1A-FF20 FF3B-FF40 FF5B-FF65"
_LINE_ENDS = "0A 0D 85 2028-2029"
_BREAK = (
    f"{_LINE_ENDS} 21 2C 2E-2F 3A-3B 3F 7C 0589 060C 061B 061F 06D4 0964-0965 0F0D-0F0E 104A-104B "
    "1362-1368 17D4-17D5 2013-2014 2022 2026 203C 2047-2049 3001-3002 FF01 FF0C FF0E-FF0F "
    "FF1A-FF1B FF1F FF5C FF61 FF64"
)
# Invisible format characters (joiners aside, which scripts of India and Persia need), the
# replacement character, empty boxes, private use, pictographs and dingbats.
_SPECIAL = (
    "AD 061C 180E 200B 200E-200F 202A-202E 2060-206F 231A-231B 23E9-23F3 23F8-23FA 25A1 2600-27BF "
    "2B05-2B07 2B1B-2B1C 2B50 2B55 E000-F8FF FEFF FFF9-FFFD 1F000-1FAFF E0000-E007F F0000-10FFFF"
)


def _as_regex(ranges: str) -> str:
    return "".join("-".join(rf"\x{{{code}}}" for code in one.split("-")) for one in ranges.split())


_WHITE = f"{_ASCII_WHITE} {_WIDE_WHITE}"

WIDE_GAPS = _as_regex(f"{_WIDE_WHITE} {_WIDE}")
"""White space beyond ASCII, and punctuation of scripts without spaces, for a regex class."""

UNSPACED_TEXT = f"[{UNSPACED_LETTERS}{_as_regex(_WIDE)}]"
"""A regex for what only texts have some of whose words are no runs between white space."""

_PLANES = 0x20000
_ALL = 0x110000
_SPREAD = 0x9E37


@functools.cache
def flags() -> npt.NDArray[np.uint8]:
    """Return the bits of each code point."""
    table = np.zeros(_ALL, dtype=np.uint8)
    categories, names = _categories()
    of_names = np.array([_bits_of(name) for name in names], dtype=np.uint8)
    table[: len(categories)] = of_names[categories]
    table[_unspaced()] |= UNSPACED
    table[_PLANES:0x40000] |= UNSPACED | LETTER  # the planes of rare Han
    for bits, ranges in ((WHITE, _WHITE), (WIDE, _WIDE), (BREAK, _BREAK), (SPECIAL, _SPECIAL)):
        table[_in_ranges(ranges)] |= bits
    # Marks and punctuation of those scripts are no letters of theirs.
    table[table & (ATTACHED | WHITE | WIDE) != 0] &= ~np.uint8(UNSPACED)
    return table


@functools.cache
def lower() -> npt.NDArray[np.uint32]:
    """Return the code of each code point's lower case, where that is one character."""
    codes, characters = _characters()
    lowered = pc.utf8_lower(characters)
    single = pc.equal(pc.utf8_length(lowered), 1)
    text = "".join(pc.if_else(single, lowered, " ").to_pylist())
    kept = np.asarray(single)
    table = np.arange(_ALL, dtype=np.uint32)
    table[codes[kept]] = np.frombuffer(text.encode("utf-32-le"), np.uint32)[kept]
    return table


@functools.cache
def folded() -> npt.NDArray[np.uint16]:
    """Return what stands for each code point where case and punctuation do not matter.

    Its lower case, in 16 bits; 0 for punctuation and what cannot be part of a word, so that it does
    not count. Beyond the basic plane, several characters share a number.
    """
    wide = lower()
    table = (wide ^ (wide >> 16) * np.uint32(_SPREAD)).astype(np.uint16)
    table[table == 0] = _SPREAD
    categories, names = _categories()
    ignored = np.array([name[0] == "P" or name in ("Cf", "Cc") for name in names])
    table[: len(categories)][ignored[categories]] = 0
    table[_in_ranges(_WHITE)] = table[_in_ranges(_WIDE)] = 0
    return table


def flags_of(codes: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Return the bits of `flags` for each of some code points."""
    if codes.dtype == np.uint8:
        return np.frombuffer(codes.tobytes().translate(_ascii_flags()), np.uint8)
    return np.take(flags(), codes)


def folded_of(codes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return `folded` for each of some code points; a byte where all are ASCII."""
    if codes.dtype == np.uint8:
        return np.frombuffer(codes.tobytes().translate(_ascii_folded()), np.uint8)
    return np.take(folded(), codes)


@functools.cache
def _ascii_flags() -> bytes:
    return flags()[:256].tobytes()


@functools.cache
def _ascii_folded() -> bytes:
    return folded()[:256].astype(np.uint8).tobytes()


@functools.cache
def in_spaced_words() -> npt.NDArray[np.bool_]:
    """Return for each code point whether words of scripts with spaces consist of it.

    Letters, the marks on them, digits, and currency signs.
    """
    table = np.zeros(_ALL, dtype=bool)
    categories, names = _categories()
    table[: len(categories)] = np.array([n[0] in "LMN" or n == "Sc" for n in names])[categories]
    table[_unspaced()] = False
    return table


@functools.cache
def in_words() -> npt.NDArray[np.bool_]:
    """Return for each code point whether it may be part of a word, apart from punctuation."""
    table = (folded() != 0) & ~members("$+<=>^`|~")
    return np.asarray(table)


@functools.lru_cache(maxsize=64)
def members(characters: str) -> npt.NDArray[np.bool_]:
    """Return for each code point whether it is one of some characters."""
    table = np.zeros(_ALL, dtype=bool)
    table[[ord(character) for character in characters]] = True
    return table


def _characters() -> tuple[npt.NDArray[np.uint32], pa.Array]:
    codes = np.delete(np.arange(_PLANES, dtype=np.uint32), np.s_[0xD800:0xE000])  # no surrogates
    return codes, pa.array(codes.tobytes().decode("utf-32-le"), pa.string())


@functools.cache
def _unspaced() -> npt.NDArray[np.uint32]:
    """Return the code points of scripts without spaces, marks and punctuation included."""
    codes, characters = _characters()
    return codes[np.asarray(pc.match_substring_regex(characters, f"[{UNSPACED_LETTERS}]"))]


@functools.cache
def _categories() -> tuple[npt.NDArray[np.uint8], list[str]]:
    """Return the number of the category of each code point, and their names."""
    found = list(map(unicodedata.category, map(chr, range(_PLANES))))
    names = sorted(set(found))
    numbers = {name: number for number, name in enumerate(names)}
    return np.frombuffer(bytes(map(numbers.__getitem__, found)), np.uint8), names


def _bits_of(category: str) -> int:
    if category[0] in "PM" or category == "Cf":
        return ATTACHED
    return {"Lu": UPPER, "Lt": UPPER, "Ll": LOWER, "Lm": LETTER, "Lo": LETTER}.get(category, 0)


def _in_ranges(ranges: str) -> npt.NDArray[np.int64]:
    bounds = [[int(code, 16) for code in one.split("-")] for one in ranges.split()]
    return np.concatenate([np.arange(bound[0], bound[-1] + 1) for bound in bounds])
