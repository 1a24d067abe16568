"""What each Unicode character is to a text: white space, part of a word, the end of a phrase."""

from __future__ import annotations

import functools

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
_UNSPACED = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\x{3006}\x{30FC}\x{FF70}"
)
_WHITE = r"\t-\r \x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}"
_WIDE = (
    r"\x{3001}-\x{3004}\x{3008}-\x{3020}\x{30FB}\x{FE10}-\x{FE19}\x{FE30}-\x{FE6F}"
    r"\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF20}\x{FF3B}-\x{FF40}\x{FF5B}-\x{FF65}"
)
_BREAK = (
    r"\n.!?,;:/|\x{2013}\x{2014}\x{2022}\x{2026}\x{0964}\x{0965}\x{060C}\x{061B}\x{061F}\x{06D4}"
    r"\x{3001}\x{3002}\x{FF01}\x{FF0C}\x{FF0E}\x{FF0F}\x{FF1A}\x{FF1B}\x{FF1F}\x{FF5C}\x{FF61}\x{FF64}"
)
# Invisible format characters (joiners aside, which scripts of India and Persia need), the
# replacement character, empty boxes, private use, pictographs and dingbats.
_SPECIAL = (
    r"\x{200B}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2060}-\x{206F}\x{FEFF}\x{FFF9}-\x{FFFD}"
    r"\x{25A1}\x{E000}-\x{F8FF}\x{2600}-\x{27BF}\x{1F000}-\x{1FAFF}"
)
_PLANES = 0x20000
_ALL = 0x110000


@functools.cache
def flags() -> npt.NDArray[np.uint8]:
    """Return the bits of each code point."""
    table = np.zeros(_ALL, dtype=np.uint8)
    codes, characters = _characters()
    for bits, members in (
        (WHITE, _WHITE),
        (WIDE, _WIDE),
        (UNSPACED, _UNSPACED),
        (UPPER, r"\p{Lu}\p{Lt}"),
        (LOWER, r"\p{Ll}"),
        (LETTER, r"\p{Lm}\p{Lo}"),
        (ATTACHED, r"\p{P}\p{M}\p{Cf}"),
        (BREAK, _BREAK),
        (SPECIAL, _SPECIAL),
    ):
        table[codes[np.asarray(pc.match_substring_regex(characters, f"[{members}]"))]] |= bits
    table[_PLANES:0x40000] |= UNSPACED | LETTER  # the planes of rare Han
    # Marks and punctuation of those scripts are no letters of theirs.
    table[table & (ATTACHED | WHITE | WIDE) != 0] &= ~np.uint8(UNSPACED)
    return table


@functools.cache
def keys() -> npt.NDArray[np.uint32]:
    """Return what stands for each code point in the key of a word.

    The code of its lower case; 0 for punctuation and what cannot be part of a word, so that it
    does not count.
    """
    codes, characters = _characters()
    lower = pc.utf8_lower(characters)
    single = pc.equal(pc.utf8_length(lower), 1)
    text = "".join(pc.if_else(single, lower, " ").to_pylist())
    kept = np.asarray(single)
    table = np.arange(_ALL, dtype=np.uint32)
    table[codes[kept]] = np.frombuffer(text.encode("utf-32-le"), np.uint32)[kept]
    ignored = pc.match_substring_regex(characters, rf"[\p{{P}}\p{{Cf}}\p{{Cc}}{_WHITE}{_WIDE}]")
    table[codes[np.asarray(ignored)]] = 0
    return table


@functools.lru_cache(maxsize=64)
def members(characters: str) -> npt.NDArray[np.bool_]:
    """Return for each code point whether it is one of some characters."""
    table = np.zeros(_ALL, dtype=bool)
    table[[ord(character) for character in characters]] = True
    return table


def _characters() -> tuple[npt.NDArray[np.uint32], pa.Array]:
    codes = np.delete(np.arange(_PLANES, dtype=np.uint32), np.s_[0xD800:0xE000])  # no surrogates
    return codes, pa.array(codes.tobytes().decode("utf-32-le"), pa.string())
