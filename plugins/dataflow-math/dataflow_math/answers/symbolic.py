"""Expressions compared by Math-Verify and SymPy; only worker processes import them.

Source: Math-Verify (Kydlíček 2025), with latex2sympy2_extended.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from typing import Any

_DECIMAL = re.compile(r"\d\.\d|\.\d")
# What latex2sympy reads in part, or as something else: 5 2 as 7, 3:1 as 3, x' as x.
_MISREAD = re.compile(
    r"[:'\"$?]|\\[cl]?dots|\.\.|\\approx|(?<![\d._^])\d+(?:\.\d+)?\s+\d|\d\s*\{\s*\d|\d\s*_|\d\.\d+\.\d"
)
_JOINED = re.compile(r"\s+(?:and|or)\s+")
_DEGREES = re.compile(r"(\d+(?:\.\d+)?)\s*°")
_ANGLE = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)(?![a-zA-Z])")


def comparer(tolerance: float, *, relations_as_sets: bool = True) -> Callable[[str, str], bool]:
    """Return the function that compares two canonical expressions, reference first.

    An expression is read as a whole, never by a part of it; one that cannot be read equals nothing
    (but itself, which the texts have told before). Both directions must agree, as Math-Verify
    gives ``x + 2 = 0`` for ``0`` and not the reverse.

    Args:
        tolerance: How much the values of two expressions may differ, relative to the larger, where
            one has a decimal; within sets, tuples, relations and matrices, the decimal places that
            this amounts to.
        relations_as_sets: Whether an inequality equals the set that it describes.

    Raises:
        MemoryError, RecursionError: An expression is beyond the limits of this process.
    """
    import math_verify

    places = max(0, round(-math.log10(tolerance))) if tolerance > 0 else 15

    def same(a: str, b: str) -> bool:
        first, second = _parsed(a), _parsed(b)
        if first is None or second is None:
            return False
        if _JOINED.search(a) or _JOINED.search(b):
            return _same_sets(first, second, relations_as_sets)
        first, second = _with_imaginary(first), _with_imaginary(second)
        if _DECIMAL.search(a) or _DECIMAL.search(b):
            close = _close(first, second, tolerance)
            if close is not None:
                return close
        if _are_multiples(first, second):
            return True
        verify = functools.partial(
            math_verify.verify,
            float_rounding=places,
            allow_set_relation_comp=relations_as_sets,
            timeout_seconds=None,
        )
        return bool(verify(first, second)) and bool(verify(second, first))

    return same


@functools.lru_cache(maxsize=512)
def _parsed(text: str) -> Any:
    r"""Return the expression of a canonical text; None where it is none as a whole."""
    from math_verify import parse

    if _MISREAD.search(text):
        return None
    if len(parts := _JOINED.split(text)) > 1:
        return _joined(
            [_parsed(part) for part in parts], {word.strip() for word in _JOINED.findall(text)}
        )
    if _ANGLE.search(text):
        text = _DEGREES.sub(r"{(\1\\cdot\\frac{\\pi}{180})}", text)
    found = parse(
        f"${text.replace('°', '')}$", [_whole()], fallback_mode="no_fallback", parsing_timeout=None
    )
    return found[0] if found else None


@functools.cache
def _whole() -> Any:
    """Return the way to read LaTeX: all of it, and no unit taken away."""
    from latex2sympy2_extended.latex2sympy2 import NormalizationConfig
    from math_verify import LatexExtractionConfig

    return LatexExtractionConfig(
        normalization_config=NormalizationConfig(
            basic_latex=True, malformed_operators=True, boxed="none"
        )
    )


def _with_imaginary(expression: Any) -> Any:
    """Return an expression with the letter i as the imaginary unit.

    Complex numbers have no order: in inequalities and intervals, i is a variable.
    """
    from sympy import Basic, I, Interval
    from sympy.core.relational import GreaterThan, LessThan, StrictGreaterThan, StrictLessThan

    letters = [one for one in _free_symbols(expression) if one.name == "i"]
    if not (isinstance(expression, Basic) and letters):
        return expression
    if expression.has(GreaterThan, LessThan, StrictGreaterThan, StrictLessThan, Interval):
        return expression
    return expression.subs(letters[0], I)


def _free_symbols(expression: Any) -> set[Any]:
    return getattr(expression, "free_symbols", set())


def _joined(parts: list[Any], words: set[str]) -> Any:
    """Return inequalities of one variable that "and" or "or" joins; None for anything else."""
    from sympy import And, Or
    from sympy.logic.boolalg import Boolean

    letters = {one for part in parts for one in _free_symbols(part)}
    if len(words) > 1 or len(letters) != 1 or not all(isinstance(one, Boolean) for one in parts):
        return None
    try:
        return (And if words == {"and"} else Or)(*parts)
    except TypeError:  # 0/0 cannot be put in an order
        return None


def _same_sets(a: Any, b: Any, relations_as_sets: bool) -> bool:
    """Compare the numbers that two inequalities describe, or an inequality with a set."""
    from sympy import Set
    from sympy.logic.boolalg import Boolean

    sets = isinstance(a, Set), isinstance(b, Set)
    if any(sets) and not relations_as_sets:
        return False
    letters = [_free_symbols(one) for one in (a, b) if not isinstance(one, Set)]
    if any(one != letters[0] for one in letters):
        return False
    try:
        first, second = (
            one.as_set() if isinstance(one, Boolean) else one if isinstance(one, Set) else None
            for one in (a, b)
        )
    except (NotImplementedError, TypeError):  # sin x > 0, and comparisons with 1/0
        return False
    return first is not None and first == second


def _are_multiples(a: Any, b: Any) -> bool:
    """Tell whether two equations are multiples of each other: quicker than to solve them."""
    from sympy import Eq, expand

    if not (isinstance(a, Eq) and isinstance(b, Eq)):
        return False
    try:
        first, second = expand(a.lhs - a.rhs), expand(b.lhs - b.rhs)
        ratio = (first / second).simplify()
    except (AttributeError, TypeError, ValueError):
        return False
    return bool(ratio.is_number and ratio.is_finite and ratio.is_nonzero)


def _close(a: Any, b: Any, tolerance: float) -> bool | None:
    """Compare the values of two real numbers; None where one is none."""
    try:
        if not (a.is_number and b.is_number and a.is_real and b.is_real):
            return None
        first, second = float(a.doit()), float(b.doit())
    except (AttributeError, TypeError, ValueError, OverflowError):
        return None
    return abs(first - second) <= tolerance * max(abs(first), abs(second))
