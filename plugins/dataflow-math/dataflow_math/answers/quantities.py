r"""Plain numbers, with percent sign, unit or currency: read exactly, compared as rationals."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from fractions import Fraction

from dataflow_math.answers.multipliers import factor_of
from dataflow_math.answers.spelled import NUMBER_WORDS, in_digits, repeating, repeating_value
from dataflow_math.answers.unit_names import LETTERS
from dataflow_math.answers.units import CURRENCIES, same_unit, unit_of

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
    \s*(?P<after>[^\d\s.].*|)
    """,
    re.VERBOSE | re.DOTALL,
)
_PER = re.compile(r"per\s|an?\s|/")
_PERCENT = re.compile(
    r"(?:%|(?:percent(?:age)?|per\s+cent|prozent|pour\s+cent|por\s+cento?|per\s+cento"
    r"|процент(?:а|ов)?|퍼센트|パーセント)(?!\w))\s*(?P<of>.*)",
    re.IGNORECASE | re.DOTALL,
)
_OF = re.compile(r"(?:of|de[rs]?|di|от)\s+(?:the\s+|all\s+)?", re.IGNORECASE)
_ABOUT = re.compile(
    r"(?:\\approx(?![a-zA-Z])|~|(?:about|approximately|exactly|roughly|around|circa|environ|etwa"
    r"|genau|exactement|ungefähr|примерно|约|大约|約)(?![a-z]))\s*(?=[-+\d.$\\])",
    re.IGNORECASE,
)
_IN_ALL = re.compile(
    r"(?:^|\s+)(?:in\s+(?:total|all)|altogether|total|overall|insgesamt|au\s+total|en\s+total"
    r"|in\s+totale|no\s+total|всего)$"
)
_FRACTION_WORD = re.compile(
    r"(?:fif|six|seven|eigh|nin|ten|twelf|twentie|hundred|thousand|million|billion)ths?|fourths?"
    r"|(?:dritt|viert|fünft|sechst|siebt|acht|neunt|zehnt|hundertst|tausendst)el|tiers|quarts?"
    r"|\w+ièmes?|(?:terci|cuart|quint|terç|quart)os?|(?:décim|centésim|milésim)[oa]s?|terzi|quarti"
    r"|quinti|decimi|centesimi|millesimi|третьих|четвёртых|пятых|десятых|сотых|тысячных"
)
_LETTER_UNIT = re.compile(r"(.*\d)\s*([a-zA-Z]+)(?:\^\{?([23])\}?)?", re.DOTALL)
_NOUNS = re.compile(r"(?:[^\W\d_]{3,}|[^\W\d_a-zA-Z]+)(?:[ '-][^\W\d_]+)*")
_NOT_NOUNS = frozenset(
    """
    and or to of over times plus minus divided mod modulo choose squared cubed hundred
    thousand million billion trillion dozen half halves third thirds quarter quarters
    fifths sixths tenths pi sin cos tan cot sec csc log ln lg exp sqrt root inf infinity
    factorial if for when where not is are was more less than from by deg base fewer below above
    under beyond negative zero power root raised hundreds thousands millions billions trillions
    hoch quadrat kubik carré cube cuadrado cubo quadrado quadrato null zéro cero zero нуля ноля
    квадрате кубе степени минус puissance potencia potência potenza und et oder ou mais menos plus
    moins mehr weniger più meno más иль или больше меньше demi demie mezzo medio meia halb
    twos threes fours fives sixes sevens eights nines tens scores
    平方 立方 的平方 的立方 次方 分之 阶乘 负 平方根 乗 以上 以下 多 左右 제곱 이상 이하
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
    if len(text) > _MOST_DIGITS:
        return None
    text = in_digits(text)
    text = text[about.end() :] if (about := _ABOUT.match(text)) else text
    found = _NUMBER.fullmatch(text)
    value = _value(found) if found else None
    read = _with_unit(found, value) if found and value is not None else None
    if read is None and (again := repeating(text)) is not None:
        return Quantity(again, is_exact=True)
    return read


def letter_quantity(text: str, unit: str) -> Quantity | None:
    """Read a canonical answer whose unit is a letter; None where that is not the unit expected.

    A letter alone is a variable. Beside another answer in seconds, ``5 s`` can only be seconds.

    Example:
        >>> letter_quantity("5 s", "second").value, letter_quantity("5 s", "meter")
        (Fraction(5, 1), None)
    """
    found = _LETTER_UNIT.fullmatch(text) if len(text) <= _MOST_DIGITS else None
    if found is None:
        return None
    named = LETTERS.get(found[2], ())
    if unit not in {f"{one}^{found[3]}" if found[3] else one for one in named}:
        return None
    return quantity(found[1].rstrip())


def _with_unit(found: re.Match[str], value: Fraction) -> Quantity | None:
    """Return a number with the percent sign, multiplier and unit that follow it."""
    after, apart = found["after"].strip(), found.string[found.start("after") - 1] == " "
    if (found["sign"] == "-") != (found["inner"] == "-"):
        value = -value
    if percent := _PERCENT.fullmatch(after):
        of = _OF.sub("", percent["of"], count=1)
        if found["before"] or (of and _noun(of, apart=True) is None):
            return None
        return Quantity(value, _is_exact(found), is_percent=True)
    factor, after = (1, after) if unit_of(after) else factor_of(after)
    value, after, apart = value * factor, _IN_ALL.sub("", after), apart or factor != 1
    if factor != 1 and NUMBER_WORDS.keys() & set(after.split()):
        return None  # of "two hundred twenty" the rest is not read
    unit = unit_of(found["before"]) if found["before"] else None
    if unit and _PER.match(after):
        unit = unit_of(f"{unit} {after}")
        if unit is None:
            return None
    elif after:
        named = unit_of(after) or _noun(after, apart=apart)
        if named is None or (unit and named != unit):
            return None
        unit = named
    return Quantity(value, _is_exact(found), unit=unit)


def _is_exact(found: re.Match[str]) -> bool:
    """Tell whether a number is written as an integer or a fraction."""
    exact = found["plain"] is None or (found["plain"].isdigit() and not found["exponent"])
    return exact and "." not in (found["top"] or "") + (found["over"] or "")


def same_quantity(a: Quantity, b: Quantity, tolerance: float) -> bool:
    """Tell whether two quantities are the same.

    - Integers and fractions are compared exactly; where one is a decimal, the difference may be
      ``tolerance`` of the larger.
    - A percentage equals the same number without the sign, and the hundredth of it: 50% is 50 and
      0.5, but 50 is not 0.5.
    - Units and currencies count where both have one; a percentage has a unit of its own.
    """
    if (a.is_percent and b.unit) or (b.is_percent and a.unit):
        return False
    if a.unit and b.unit and not same_unit(a.unit, b.unit):
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
        return repeating_value(found["integral"], found["fixed"], found["repeated"])
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
    if any(_FRACTION_WORD.fullmatch(part) for part in parts):
        return None
    return " ".join(parts)
