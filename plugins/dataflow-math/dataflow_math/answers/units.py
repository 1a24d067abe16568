"""Names of units: which words and symbols after a number are one, and which mean the same."""

from __future__ import annotations

import re

from dataflow_math.answers.unit_names import SHARED, spellings

_PREFIXES = {"square": 2, "sq": 2, "sq.": 2, "cubic": 3, "cu": 3, "cu.": 3}
_POWER = re.compile(r"\s*\^\s*\{?\s*([23])\s*\}?$|(?<=m)([23])$")
_WORDS_AT_END = re.compile(r"(?<=[\w)}\]] )[a-zA-Z]{2,}(?=[a-zA-Z.^{}23/ ]*$)")
_MOST_CHARACTERS = 400
_SLASH = re.compile(r"\s*/\s*|\s+per\s+|\s+an?\s+")
_UNITS = spellings()
_AFTER_SLASH = {"h": "hour", "s": "second", "m": "meter", "g": "gram", "l": "liter"}
CURRENCIES = "".join(
    name for name in _UNITS if len(name) == 1 and not name.isalnum() and name != "°"
)
"""The symbols of currencies, which stand before or after a number."""


def same_unit(a: str, b: str) -> bool:
    """Tell whether two units are the same; a name that several share equals each of them.

    Example:
        >>> same_unit("gbp", "pound"), same_unit("lb", "pound"), same_unit("lb", "gbp")
        (True, True, False)
    """
    if a == b:
        return True
    ours, theirs = a.split("/"), b.split("/")
    if len(ours) != len(theirs):
        return False
    return all(_same_name(*pair) for pair in zip(ours, theirs, strict=True))


def unit_of(words: str) -> str | None:
    r"""Return the unit that words after a number name, in one spelling; None for other words.

    Single letters are no units, since they may be variables, but within ``km/h`` and the like, and
    where they have no other meaning: ``m^2`` is none. What is not known is none.

    Example:
        >>> unit_of("square feet"), unit_of("cm^2"), unit_of("miles per hour")
        ('foot^2', 'cm^2', 'mile/hour')
        >>> unit_of("m"), unit_of("t"), unit_of("kites")
        (None, None, None)
    """
    words = words.strip().replace("\\$", "$").casefold()
    if words in _UNITS:
        return _UNITS[words]
    over, *under = _SLASH.split(words)
    top = _power_of(over, single_letters=bool(under))
    below = [_power_of(one, single_letters=True) for one in under]
    if top is None or any(one is None for one in below):
        return None
    return "/".join([top, *(one for one in below if one is not None)])


def without_unit(text: str) -> tuple[str, str | None]:
    r"""Return a canonical expression without the unit at its end, and the unit; None for none.

    Example:
        >>> without_unit(r"25\pi square units"), without_unit(r"5\sqrt{2} x")
        (('25\\pi', 'unit^2'), ('5\\sqrt{2} x', None))
    """
    for found in _WORDS_AT_END.finditer(text) if len(text) <= _MOST_CHARACTERS else ():
        if unit := unit_of(text[found.start() :]):
            return text[: found.start()].rstrip(), unit
    return text, None


def _same_name(a: str, b: str) -> bool:
    if a == b or (min(a, b), max(a, b)) in SHARED:
        return True
    first, second = a.partition(" ")[0], b.partition(" ")[0]
    return first.rstrip("s") == second.rstrip("s") and a.isalpha() == b.isalpha()


def _power_of(words: str, *, single_letters: bool) -> str | None:
    prefix, _, rest = words.partition(" ")
    power = _PREFIXES.get(prefix, 0) if rest else 0
    name = rest if power else words
    if not power and (found := _POWER.search(name)):
        power, name = int(found[1] or found[2]), name[: found.start()]
    name = name.strip()
    unit = _UNITS.get(name) or (_AFTER_SLASH.get(name) if single_letters else None)
    if unit is None:
        return None
    return f"{unit}^{power}" if power else unit
