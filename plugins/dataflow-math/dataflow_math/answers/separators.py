"""Decimal commas, and points, spaces and apostrophes that separate thousands."""

from __future__ import annotations

import re

_SPACE = "[ \u00a0\u202f\u2009]"
_THOUSANDS = re.compile(
    rf"(?<![\d.,'’/^_])(?<!\d{_SPACE})\d{{1,3}}(?:(?:{_SPACE}\d{{3}})+|(?:['’]\d{{3}})+|(?:\.\d{{3}}){{2,}})"
    rf"(?!{_SPACE}?[\d/'’]|[.,]\d{{3}}(?!\d))"
)
_ONLY_A_DECIMAL = re.compile(r"(?<![\d.,])(0|\d{1,3}(?:\.\d{3})+),(\d+)(?![\d.,])")
_COMMA = re.compile(
    rf"(?<![\d.,(\[])((?:\d{{1,3}}(?:(?:\.|{_SPACE}|['’])\d{{3}})+|\d+))(?:,|\{{,\}})(\d+)(?![\d.]|,\d)"
)
_POINTS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:\.\d{3})+(?![\d.])")
_NO_DIGIT = re.compile(r"\D")


def joined_thousands(text: str) -> str:
    """Return a text whose thousands are not separated by spaces, apostrophes or several points.

    Groups have three digits: ``1 1/2`` and ``2 300/7`` are mixed numbers, and stay.

    Example:
        >>> joined_thousands("1 000 000"), joined_thousands("1'000"), joined_thousands("1.000.000")
        ('1000000', '1000', '1000000')
        >>> joined_thousands("12 34"), joined_thousands("2 300/7"), joined_thousands("1.000")
        ('12 34', '2 300/7', '1.000')
    """
    return _THOUSANDS.sub(lambda found: _NO_DIGIT.sub("", found[0]), text)


def only_decimals(text: str) -> str:
    """Return a text with a point for each comma that can only be a decimal one.

    Example:
        >>> only_decimals("0,5"), only_decimals("1.234,56"), only_decimals("1,5")
        ('0.5', '1234.56', '1,5')
    """
    return _ONLY_A_DECIMAL.sub(_pointed, text) if "," in text else text


def with_points(text: str, *, points_separate: bool) -> str:
    r"""Return a text with decimal commas as it would be written with points.

    For texts of languages with a decimal comma; commas within brackets, and between more than two
    numbers, separate elements.

    Args:
        text: A statement in such a language.
        points_separate: Whether a point before three digits separates thousands there.

    Example:
        >>> with_points("1,5", points_separate=False), with_points("(1,5)", points_separate=True)
        ('1.5', '(1,5)')
        >>> with_points("1.000", points_separate=True), with_points("0.125", points_separate=True)
        ('1000', '0.125')
    """
    text = _COMMA.sub(_pointed, text)
    if points_separate:
        text = _POINTS.sub(lambda found: _NO_DIGIT.sub("", found[0]), text)
    return joined_thousands(text)


def _pointed(found: re.Match[str]) -> str:
    return f"{_NO_DIGIT.sub('', found[1])}.{found[2]}"
