r"""Plain numbers, with percent sign, unit or currency: read exactly, compared as rationals."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from fractions import Fraction

from dataflow_math.answers.units import CURRENCIES, unit_of

_DIGITS = r"(?:\d+(?:\.\d*)?|\.\d+)"
_MOST_DIGITS = 400
_NUMBER = re.compile(
    rf"""
    (?P<sign>[-+]?)\s*
    (?P<before>\\?\$|[{re.escape(CURRENCIES)}])?\s*
    (?P<inner>[-+]?)\s*
    (?:
        (?:(?P<whole>\d+)\s*)?\\frac\{{\s*(?P<top>-?{_DIGITS})\s*\}}\{{\s*(?P<bottom>-?{_DIGITS})\s*\}}
      | (?:(?P<mixed>\d+)\s+)?(?P<over>{_DIGITS})\s*/\s*(?P<under>{_DIGITS})
      | (?P<integral>\d*)\.(?P<fixed>\d*)\\overline\s*\{{(?P<repeated>\d+)\}}
      | (?P<plain>{_DIGITS})
        (?:[eE](?P<exponent>[-+]?\d+)
          |\s*(?:\\times|\\cdot|\*)\s*10\s*\^\s*(?:\{{\s*(?P<power>[-+]?\d+)\s*\}}|(?P<digit>\d)))?
    )
    \s*(?P<after>%|percent(?:age)?\b|per\s+cent\b|[^\d\s.].*|)
    """,
    re.VERBOSE | re.DOTALL,
)
_PER = re.compile(r"per\s|an?\s|/")
_NOUNS = re.compile(r"(?:[^\W\d_]{3,}|[^\W\d_a-zA-Z]+)(?:[ '-][^\W\d_]+)*")
_NOT_NOUNS = frozenset(
    """
    and or to of over times plus minus divided mod modulo choose squared cubed hundred
    thousand million billion trillion dozen half halves third thirds quarter quarters
    fifths sixths tenths pi sin cos tan cot sec csc log ln lg exp sqrt root inf infinity
    factorial if for when where not is are was more less than from by deg base
    """.split()  # noqa: SIM905  easier to read than a list
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number and what stands with it.

    Attributes:
        value: The number.
        is_exact: Whether it is written as an integer or a fraction, not as a decimal.
        is_percent: Whether a percent sign follows.
        unit: The unit or currency, or the words after it; None where there are none.
    """

    value: Fraction
    is_exact: bool
    is_percent: bool = False
    unit: str | None = None


@functools.lru_cache(maxsize=4096)
def quantity(text: str) -> Quantity | None:
    r"""Read a canonical answer as a number; None where it is anything else.

    Known units (`unit_of`) and currencies are read, and words that can only be what is counted,
    such as ``7 DVDs``; never single letters, which are variables.

    Example:
        >>> quantity("12 cm")
        Quantity(value=Fraction(12, 1), is_exact=True, is_percent=False, unit='cm')
        >>> quantity("2x"), quantity("2 m"), quantity("7 or 8")
        (None, None, None)
    """
    found = _NUMBER.fullmatch(text) if len(text) <= _MOST_DIGITS else None
    if found is None:
        return None
    value = _value(found)
    if value is None:
        return None
    after = found["after"].strip()
    is_percent = after.startswith(("%", "percent", "per cent"))
    unit = unit_of(found["before"]) if found["before"] else None
    if unit and _PER.match(after):
        unit = unit_of(f"{unit} {after}")
        if unit is None:
            return None
    elif after and not is_percent:
        named = unit_of(after) or _noun(found["after"], apart=text[found.start("after") - 1] == " ")
        if named is None or (unit and named != unit):
            return None
        unit = named
    negative = (found["sign"] == "-") != (found["inner"] == "-")
    exact = found["plain"] is None or (found["plain"].isdigit() and not found["exponent"])
    exact = exact and "." not in (found["top"] or "") + (found["over"] or "")
    return Quantity(-value if negative else value, exact, is_percent, unit)


def same_quantity(a: Quantity, b: Quantity, tolerance: float) -> bool:
    """Tell whether two quantities are the same.

    - Integers and fractions are compared exactly; where one is a decimal, the difference may be
      ``tolerance`` of the larger.
    - A percentage equals the same number without the sign, and the hundredth of it: 50% is 50 and
      0.5, but 50 is not 0.5.
    - Units and currencies count where both have one.
    """
    if a.unit and b.unit and not _same_unit(a.unit, b.unit):
        return False
    exact = a.is_exact and b.is_exact
    if _close(a.value, b.value, exact, tolerance):
        return True
    if a.is_percent == b.is_percent:
        return False
    one, other = (a.value, b.value) if a.is_percent else (b.value, a.value)
    return _close(one / 100, other, exact, tolerance)


def _close(a: Fraction, b: Fraction, exact: bool, tolerance: float) -> bool:
    if a == b or exact:
        return a == b
    return abs(a - b) <= Fraction(tolerance).limit_denominator(10**12) * max(abs(a), abs(b))


def _same_unit(a: str, b: str) -> bool:
    if a == b:
        return True
    first, second = a.partition(" ")[0], b.partition(" ")[0]
    return first.rstrip("s") == second.rstrip("s") and a.isalpha() == b.isalpha()


def _value(found: re.Match[str]) -> Fraction | None:
    if found["sign"] and found["inner"]:
        return None
    if found["top"] is not None or found["over"] is not None:
        top, bottom = (
            (found["top"], found["bottom"]) if found["top"] else (found["over"], found["under"])
        )
        if Fraction(_filled(bottom)) == 0:
            return None
        part = Fraction(_filled(top)) / Fraction(_filled(bottom))
        whole = found["whole"] or found["mixed"]
        return part if whole is None else int(whole) + part if part >= 0 else None
    if found["repeated"] is not None:
        fixed, repeated = found["fixed"], found["repeated"]
        shift = 10 ** len(fixed)
        tail = Fraction(int(repeated), shift * (10 ** len(repeated) - 1))
        return Fraction(_filled(f"{found['integral']}.{fixed}")) + tail
    exponent = int(found["exponent"] or found["power"] or found["digit"] or 0)
    if abs(exponent) > _MOST_DIGITS:
        return None
    return Fraction(_filled(found["plain"])) * Fraction(10) ** exponent


def _filled(digits: str) -> str:
    """Return digits that Python reads: ``.5`` and ``5.`` get their zeros."""
    return f"{digits}0" if digits.endswith(".") else digits if digits[0] != "." else f"0{digits}"


def _noun(words: str, *, apart: bool) -> str | None:
    """Return words that can only be what is counted; not ``ab``, which may be a product."""
    words = words.strip()
    if not _NOUNS.fullmatch(words) or (words.isascii() and not apart):
        return None
    parts = words.casefold().replace("-", " ").split()
    if len(parts) > 6 or _NOT_NOUNS.intersection(parts):
        return None
    return " ".join(parts)
