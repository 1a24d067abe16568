"""Numbers within text, as people write them."""

from __future__ import annotations

import re

_NUMBER = re.compile(
    r"""
    (?<![\w.])(?:(?<![\d)\]}%]\s)(?<!\b\w\s)(?<![\w)\]}%])[-−+])?  # a sign, and no subtraction
    (?:
        (?:\d+\s?)?\\[dtc]?frac\s*\{\s*-?\d+\s*\}\s*\{\s*\d+\s*\}
      | \d+[ ]\d+/\d+(?![\d.])
      | (?:\d{1,3}(?:(?:,|\{,\}|,\\!)\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:\s*/\s*\d+(?![\d.]))?
      | \.\d+
    )
    (?:\s?\\?%)?
    """,
    re.VERBOSE,
)
_TRACE = re.compile(r"<<[^<>\n]*>>")


def without_traces(text: str) -> str:
    """Return a text without the traces of a calculator, ``<<3*4=12>>``, which GSM8K has."""
    return _TRACE.sub("", text) if "<<" in text else text


def numbers_in(text: str) -> list[str]:
    """Return the numbers in a text, in order; digits within a word, such as in H2O, are none.

    Example:
        >>> numbers_in("H2O costs $1,234.50, -5% or 2 3/4; 10 -7")
        ['1,234.50', '-5%', '2 3/4', '10', '7']
    """
    return [found[0] for found in _NUMBER.finditer(text)]
