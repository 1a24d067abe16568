"""E-mail addresses, of ASCII alone or internationalised (RFC 6531), and how they end in a text."""

from __future__ import annotations

import functools
import importlib
import re
from typing import Any

from dataflow_text.analysis.characters import UNSPACED_LETTERS

# As in O'Brien, not as in Python's f'ann@example.com'. Two at most: long rows of them would cost.
_APOSTROPHE = r"(?<!\b[bfruBFRU])(?<=[A-Za-z])'(?=[A-Za-z])"
_ASCII = re.compile(
    r"(?<![A-Za-z0-9._%+-])(?P<it>[A-Za-z0-9_%+][A-Za-z0-9._%+-]*+"
    rf"(?:{_APOSTROPHE}[A-Za-z0-9._%+-]++){{0,2}}@"
    r"(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}+\.)+(?:[A-Za-z]{2,24}|xn--[A-Za-z0-9-]{1,59}))"
    r"(?![A-Za-z0-9_-])"
)

# Sets of the library regex, version 1.
_UNSPACED = "[" + re.sub(r"\\x\{(\w+)\}", r"\\u\1", UNSPACED_LETTERS) + "]"
# Variation selectors belong to the emoji that may stand before an address.
_MARK = r"[[\p{Mn}\p{Mc}\u200C\u200D]--[\uFE00-\uFE0F]]"
_FIRST = r"[\p{L}\p{Nd}_%+]"
_ANY = rf"[\p{{L}}\p{{Nd}}{_MARK}_]"
_LOCAL = rf"[{_ANY}.%+\-]"
_SPACED_FIRST = rf"[{_FIRST}--{_UNSPACED}]"
_SPACED_LOCAL = rf"[{_LOCAL}--{_UNSPACED}]"
_DOMAIN = (
    rf"(?:[\p{{L}}\p{{Nd}}][{_ANY}\-]{{0,62}}+\.){{1,126}}(?:"  # of 255 octets at most
    # Letters of other scripts may touch it, such as Korean particles.
    rf"(?:[A-Za-z]{{2,24}}|xn--[A-Za-z0-9\-]{{1,59}})(?![\p{{Latin}}\p{{Nd}}{_MARK}_\-])"
    rf"|[\p{{L}}--[A-Za-z]--{_UNSPACED}][{_ANY}--{_UNSPACED}]{{1,62}}+(?!-)"
    rf"|{_UNSPACED}{{2,20}}+(?![{_ANY}\-]))"
)


def address_patterns(text: str) -> tuple[Any, ...]:
    """Return the patterns that find the addresses of a text, in their group ``it``.

    One pattern of the standard library for an ASCII text, two of the library regex for others. An
    address is of letters, marks and digits of all scripts. One whose local part ends in a letter of
    a script without spaces (Chinese, Thai) goes back to what is no letter, 21 characters at most,
    and one whose domain ends in such letters, on to what is none: in a sentence of such a script,
    what stands between cannot be told from the address. Around others, such letters are the text's.

    Args:
        text: The text.
    """
    return (_ASCII,) if text.isascii() else _international()


@functools.cache
def _international() -> tuple[Any, ...]:
    # The library is slow to load, and texts in ASCII need none of it.
    regex = importlib.import_module("regex")
    local = rf"{_SPACED_FIRST}{_SPACED_LOCAL}*+(?:{_APOSTROPHE}{_SPACED_LOCAL}++){{0,2}}"
    spaced = rf"(?<!{_SPACED_LOCAL})(?P<it>{local}@{_DOMAIN})"
    unspaced = rf"(?<!{_LOCAL})(?P<it>{_FIRST}{_LOCAL}{{0,20}}+(?<={_UNSPACED})@{_DOMAIN})"
    return tuple(regex.compile(f"(?V1){pattern}") for pattern in (spaced, unspaced))
