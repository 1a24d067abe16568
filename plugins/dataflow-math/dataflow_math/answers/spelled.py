"""Numbers that are written out, in English up to ninety-nine, and decimals that repeat."""

from __future__ import annotations

import re
from fractions import Fraction

_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    *("nineteen", "twenty"),
)
_TENS = ("thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
NUMBER_WORDS = {word: n for n, word in enumerate(_SMALL)} | {
    word: 10 * n for n, word in enumerate(_TENS, 3)
}
"""The value of each word."""

_WORDS = re.compile(
    rf"(?:({'|'.join(['twenty', *_TENS])})(?:[ -]({'|'.join(_SMALL[1:10])}))?|({'|'.join(_SMALL)}))"
    r"(?![\w-])",
    re.IGNORECASE,
)
_DOTTED = re.compile(r"(-?\d*)\.(\d*)\\dot\s*\{?(\d)\}?(?:(\d*)\\dot\s*\{?(\d)\}?)?")
_BRACKETED = re.compile(r"(-?\d*)\.(\d*)\((\d+)\)")
_TRAILING = re.compile(r"(-?\d*)\.(\d+)\s*(?:\.\.\.|…|\\[lc]?dots)")
_MOST_DIGITS = 60


def in_digits(text: str) -> str:
    """Return a text with the number that it begins with in digits, where it is written out.

    Example:
        >>> in_digits("twelve apples"), in_digits("Twenty-one"), in_digits("seven-sided")
        ('12 apples', '21', 'seven-sided')
    """
    found = _WORDS.match(text)
    if found is None:
        return text
    value = sum(NUMBER_WORDS[word.lower()] for word in found.groups() if word)
    return f"{value}{text[found.end() :]}"


def repeating(text: str) -> Fraction | None:
    r"""Return the value of a decimal that repeats: ``0.\dot{3}``, ``0.(3)``, ``0.333...``.

    Of the last kind, the digits that repeat stand there three times, or twice where they are two or
    more; ``3.14...`` has no value.

    Example:
        >>> repeating("0.333..."), repeating(r"0.1\dot{6}"), repeating("0.(142857)")
        (Fraction(1, 3), Fraction(1, 6), Fraction(1, 7))
        >>> repeating("3.14...") is repeating("0.33") is None
        True
    """
    if len(text) > _MOST_DIGITS or "." not in text:
        return None
    if found := _DOTTED.fullmatch(text):
        first, between, last = found[3], found[4] or "", found[5] or ""
        return repeating_value(found[1], found[2], first + between + last)
    if found := _BRACKETED.fullmatch(text):
        return repeating_value(found[1], found[2], found[3])
    if found := _TRAILING.fullmatch(text):
        digits = found[2]
        for size in range(1, len(digits) // 2 + 1):
            times = 3 if size == 1 else 2
            if digits.endswith(digits[-size:] * times):
                return repeating_value(found[1], digits, digits[-size:])
    return None


def repeating_value(whole: str, fixed: str, repeated: str) -> Fraction:
    """Return the value of a decimal that repeats.

    Args:
        whole: The digits before the point, which may be none, with the sign.
        fixed: The digits after it that do not repeat.
        repeated: Those that do.
    """
    sign = -1 if whole.startswith("-") else 1
    shift = 10 ** len(fixed)
    tail = Fraction(int(repeated), shift * (10 ** len(repeated) - 1))
    return sign * (Fraction(int(whole.lstrip("-") or 0)) + Fraction(int(fixed or 0), shift) + tail)
