"""What is left to compare of ``x = 5`` and ``2 + 3 = 5``: the value on their last side."""

from __future__ import annotations

import re

from dataflow_math.answers.brackets import enclosed, split_list
from dataflow_math.answers.quantities import quantity
from dataflow_math.answers.values import differ, is_constant

_ROUNDED = 0.005  # how much the sides of a chain may differ, as the last one is often rounded
EQUALS = re.compile(r"(?<![<>!=:\\])=(?!=)|\\in(?![a-zA-Z])")
_NAME = r"\\?[A-Za-z]+(?:_\{?[A-Za-z0-9]+\}?)?'?(?:\s*\([A-Za-z0-9, ]*\))?"
_NAMED = re.compile(
    rf"(?:{_NAME}|\|\s*[A-Za-z]+\s*\||\(\s*{_NAME}(?:\s*,\s*{_NAME})*\s*\)"
    rf"|\\frac\{{{_NAME}\}}\{{{_NAME}\}}|(?:\\angle|\\triangle|\\overline)\s*\{{?{_NAME}\}}?)"
)


def end_of_chain(text: str) -> str:
    """Return the last side of ``12 - 5 = 7``, where all sides are numbers of one value."""
    parts = [part.strip() for part in EQUALS.split(text)]
    if len(parts) < 2 or "\\in" in text:
        return text
    *others, last = (part.replace("\\$", "").replace("$", "") for part in parts)
    value = quantity(parts[-1])
    bare = last if value is None or value.unit is None else str(float(value.value))
    if not all(map(is_constant, others)) or any(differ(one, bare, _ROUNDED) for one in others):
        return text
    return parts[-1] if value or is_constant(last) else text


def inside(text: str) -> str:
    """Return the one expression that round brackets or braces enclose; else the text."""
    found = enclosed(text)
    if found and found[0] != "[" and found[2] != "]" and found[1].strip():
        return found[1].strip() if len(split_list(found[1])) == 1 else text
    return text


def assigned(text: str) -> tuple[str, str] | None:
    """Return name and last value of ``x = …``, ``f(x) = … = …``, ``x in …``."""
    parts = EQUALS.split(text)
    if len(parts) < 2 or not _NAMED.fullmatch(parts[0].strip()) or not parts[-1].strip():
        return None
    return parts[0].strip(), parts[-1].strip()


def is_equation(text: str) -> bool:
    """Tell whether a text is an equation that gives no value, as ``x = 5`` does."""
    return EQUALS.search(text) is not None and assigned(text) is None
