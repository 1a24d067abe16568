r"""Numbers within text, as people write them, and whether they stand alone there.

A number that is a part of something larger (``2`` of ``√2``, ``2n``, ``5-2`` or "half of 2") says
nothing by itself; it is no value, since what it is a part of is not read here.
"""

from __future__ import annotations

import re

from dataflow_math.answers.multipliers import MULTIPLIER
from dataflow_math.answers.units import unit_of
from dataflow_math.answers.wording import alters

_LETTER = r"A-Za-z_\u00aa\u00b5\u00ba\u00c0-\u024f\u0370-\u052f"
_DIGITS = (
    r"\d{1,3}(?:(?:,|\{,\}|,\\!)\d{3})+(?![\d,]\d)|\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?![\d/])|\d+"
)
_NUMBER = re.compile(
    rf"""
    (?<![\d.{_LETTER}])
    (?:(?<![\d)\]}}%]\s)(?<!(?<!['’])\b\w\s)(?<![\w)\]}}%])[-−+])?  # a sign, and no subtraction
    (?:\\?\$)?
    (?:
        (?:\d+\s?)?\\[dtc]?frac\s*\{{\s*-?\d+\s*\}}\s*\{{\s*\d+\s*\}}
      | \d+[ ]\d+/\d+(?!\.?\d)
      | \d{{1,3}}(?:\.\d{{3}})+,\d+|\d{{1,3}}(?:['’]\d{{3}})+|\d+,\d{{1,2}}(?![\d,])
      | \d+:\d+(?::\d+)*(?:\s?[AaPp]\.?[Mm]\b\.?)?
      | (?:{_DIGITS})(?:\.\d+)?
        (?:\s*/\s*\d+(?!\.?\d)
          |\s?(?:×|\\times|\\cdot|x|\*)\s?10\s?\^\s?(?:\{{\s?[-−+]?\d+\s?\}}|[-−]?\d+)
          |\s?(?:\^|\*\*)\s?(?:\{{\s?[-−]?\d+\s?\}}|[-−]?\d+)|[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)?
      | \.\d+
    )
    (?:\s?\\?%|\s?\^\s?(?:\\circ(?![a-zA-Z])|\{{\\circ\}}))?
    """,
    re.VERBOSE,
)
_TRACE = re.compile(r"<<[^<>\n]*>>")
_MULTIPLIED = re.compile(rf"\s?{MULTIPLIER}(?:\s{MULTIPLIER})?", re.IGNORECASE)
_MARKS_BEFORE = re.compile(
    r"(?:\*{1,3}|_{1,3}|[`\"“'$€£¥₹]|\\[(\[$]|\\(?:text|textbf|mathbf|mathrm|boxed)\{|\{,?\}|<[a-z]+>"
    r"|#{2,6}\s"
    r"|[=-]>|\s)+$"
)
_MARKS_AFTER = re.compile(r"(?:\*{1,3}(?!\s?[\d(])|_{2,3}|[`\"”$}]|\\[)\]]|</[a-z]+>)+")
_PART_BEFORE = re.compile(
    r"""
    [-−–+*×÷/^≤≥√|&%#_{\[±∓]$ | [<>≠]$ | \\[a-zA-Z]+$ | \\[{|]$
    | [\w)\]}]\($                                    # f(2), sqrt(2)
    | (?:\d|\$|\\\))[ ]?  # lists and ranges
        (?:[,;、~]|[ ]:|(?:[,;][ ]?)?(?:and|or)|und|oder|et|ou|y|e|o|и|или|和|或|至|到|to|bis)$
    | \d[ ]?(?:feet|foot|ft|hours?|hrs?|minutes?|mins?|dollars?|euros?|pounds?|lbs?|years?|weeks?
        |days?|meters?|yards?|degrees?)[ ]?(?:and|,)?$              # 5 feet 4 inches
    | \d$
    | (?:\d[a-zA-Z]|[-+*/^]\s?[a-zA-Z]\w?|\^\{?\d\}?|\|)\s?=$           # 2x = 10
    """,
    re.VERBOSE,
)
_ALLOWED_COMMAND = re.compile(r"\\(?:approx|therefore|implies|Rightarrow|quad|qquad|to|is)$")
_PART_AFTER = re.compile(
    r"""
    \s?[-−–+*×÷/^=<>≤≥≠√±~](?![ ]?[A-Za-z]{3,}|\s*$)
    | \s?(?:!=|==|\\(?!\$|%|[)\]]|text|,|;|[ ]|!|quad|circ|mathrm|n\b))
    | [.,:/]\d | ![^\s"”)*] | ['’_({\[]\w
    | \s\d
    | \s?(?:,|;|、|and|or|und|oder|et|ou|to|和|或|至|到|-|–|—|~)\s?\\?\$?\d
    | \s[a-zA-Z](?=\s?[-+*/^=)]|\^) | \s?\([^)\s]*[-+\d^]
    """,
    re.VERBOSE,
)
_GLUED = re.compile(rf"[{_LETTER}][{_LETTER}/²³]*")
_METERS = re.compile(r"m[²³]")
_ORDINAL = re.compile(r"(?:st|nd|rd|th|er|ère|ème|º|ª)$", re.IGNORECASE)


def without_traces(text: str) -> str:
    """Return a text without the traces of a calculator, ``<<3*4=12>>``, which GSM8K has."""
    return _TRACE.sub("", text) if "<<" in text else text


def numbers_in(text: str) -> list[str]:
    """Return the numbers in a text, in order; digits within a word, such as in H2O, are none.

    Example:
        >>> numbers_in("H2O costs $1,234.50, -5% or 2 3/4; 10 -7")
        ['1,234.50', '-5%', '2 3/4', '10', '7']
    """
    return [_bare(found[0]) for found in _NUMBER.finditer(text)]


def value_at(text: str, number: re.Match[str]) -> str | None:
    """Return a number of a text with its multiplier; None where it is a part of something larger.

    Args:
        text: The text.
        number: A match of the pattern of numbers in it.
    """
    before, after = text[max(0, number.start() - 80) : number.start()], text[number.end() :]
    value = _bare(number[0])
    if found := _MULTIPLIED.match(after):
        value, after = value + found[0], after[found.end() :]
    elif (glued := _GLUED.match(after)) and not _ORDINAL.match(glued[0]):
        if unit_of(glued[0]) is None and not _METERS.fullmatch(glued[0]):
            return None
        value, after = value + glued[0], after[glued.end() :]
    return value if stands_alone(before, after) else None


def stands_alone(before: str, after: str) -> bool:
    """Tell whether a number or formula is no part of an expression, list or altering phrase.

    Args:
        before: What stands before it.
        after: What stands after it.
    """
    lead = _MARKS_BEFORE.sub("", before[-80:])
    if _PART_BEFORE.search(lead) and not _ALLOWED_COMMAND.search(lead):
        return False
    if lead.endswith("(") and _PART_AFTER.match(after[:80].partition(")")[2].lstrip()):
        return False
    marks = _MARKS_AFTER.match(after)
    rest = after[marks.end() :] if marks else after
    return not (_PART_AFTER.match(rest[:80]) or alters(lead, rest))


def first_value(text: str) -> str | None:
    """Return the first number of a text, if it stands alone there."""
    found = _NUMBER.search(text)
    return value_at(text, found) if found else None


def last_value(text: str) -> str | None:
    """Return the last number of a text, if it stands alone there.

    Whole are fractions, powers, ratios, and numbers with a percent sign or a word such as million.

    Example:
        >>> last_value("The chance is 1/6."), last_value("It has 10^6."), last_value("5 million!")
        ('1/6', '10^6', '5 million')
        >>> [last_value(text) for text in ("It is √2.", "half of 5", "2n", "So 3 - 5", "not 5")]
        [None, None, None, None, None]
    """
    found = None
    for found in _NUMBER.finditer(text):  # noqa: B007  the last one is wanted
        pass
    return value_at(text, found) if found else None


def _bare(number: str) -> str:
    """Return a number without the sign of a currency before it."""
    return number.replace("\\$", "").replace("$", "")
