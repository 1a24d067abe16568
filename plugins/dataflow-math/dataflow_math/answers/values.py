r"""The value of simple expressions, which tells many that differ apart without a computer algebra.

Only what can be read in one way counts: numbers, letters, ``+ - \cdot \times / ^ \frac \sqrt \pi``,
brackets, and products without a sign, such as ``2x``; i and e have their own values, and degrees
count as numbers. It proves nothing equal.
"""

from __future__ import annotations

import cmath
import functools
import re
from collections.abc import Mapping

_TOKEN = re.compile(
    r"\s*(?:(\d+(?:\.\d+)?|\.\d+)|(\\frac|\\sqrt|\\pi|\\cdot|\\times)(?![a-zA-Z])"
    r"|([a-zA-Z])|([-+*/^(){}]))"
)
_UNCLEAR = re.compile(r"\d\s+[\d.]|\d\s*\\frac|(?<![\\a-zA-Z])(?:[a-zA-Z]{3,}|ln|lg)")
_MOST_CHARACTERS = 200
_MOST_POWER = 64
# Any positive values will do that are not related by any likely equation.
_POINTS = (0.7390851332, 1.9634954085)
_APART = 1e-4
_CONSTANTS = {"i": 1j, "e": cmath.e}


def differ(a: str, b: str, tolerance: float = 0.0) -> bool:
    r"""Tell whether two canonical expressions surely have different values.

    Args:
        a: An expression.
        b: Another one.
        tolerance: A difference that counts as none, relative to the larger value.

    Example:
        >>> differ(r"\frac{\sqrt{65}}{2}", "70"), differ("x+1", "1+x"), differ("x+1", r"\ln x")
        (True, False, False)
    """
    letters = sorted(_letters(a) | _letters(b))
    for point in _POINTS:
        at = {one: point * (1 + 0.618034 * n) for n, one in enumerate(letters)} | _CONSTANTS
        first, second = _value(a, at), _value(b, at)
        if first is None or second is None:
            return False
        if abs(first - second) > max(_APART, 2 * tolerance) * max(1.0, abs(first), abs(second)):
            return True
    return False


def is_simple(text: str) -> bool:
    r"""Tell whether a canonical text is one expression whose value is known here.

    Example:
        >>> is_simple(r"2\sqrt{3}x"), is_simple("(1,2)"), is_simple("x=1")
        (True, False, False)
    """
    return _value(text, dict.fromkeys(_letters(text), _POINTS[0]) | _CONSTANTS) is not None


def is_constant(text: str) -> bool:
    r"""Tell whether a canonical text is an expression of numbers alone, whose value is known here.

    Example:
        >>> is_constant(r"2 \times 3"), is_constant("2x"), is_constant("2,3")
        (True, False, False)
    """
    return not _letters(text) and is_simple(text)


def _letters(text: str) -> set[str]:
    tokens = _tokens(text)
    return {one for one in tokens if len(one) == 1 and one.isalpha()} if tokens else set()


def _value(text: str, at: Mapping[str, complex]) -> complex | None:
    tokens = _tokens(text)
    if not tokens:
        return None
    reader = _Reader(tokens, at)
    try:
        value = reader.sum()
    except (_Unreadable, ArithmeticError, ValueError, RecursionError):
        return None
    return value if reader.place == len(tokens) and cmath.isfinite(value) else None


@functools.lru_cache(maxsize=2048)
def _tokens(text: str) -> tuple[str, ...]:
    r"""Return the parts of an expression; none where there is anything else in it.

    Numbers side by side may be a mixed fraction, and three letters a function; they are not read.
    """
    if len(text) > _MOST_CHARACTERS or _UNCLEAR.search(text):
        return ()
    found, place = [], 0
    text = text.replace("°", "").rstrip()
    while place < len(text):
        token = _TOKEN.match(text, place)
        if token is None:
            return ()
        found.append(next(part for part in token.groups() if part))
        place = token.end()
    return tuple(found)


class _Unreadable(Exception):
    """The expression has another form than is known here."""


class _Reader:
    """Reads tokens by descent: sums of products of powers of atoms."""

    def __init__(self, tokens: tuple[str, ...], at: Mapping[str, complex]) -> None:
        self.tokens, self.at, self.place = tokens, at, 0

    def sum(self) -> complex:
        negative = self._next() == "-"
        if self._next() in {"+", "-"}:
            self._take()
        value = -self.product() if negative else self.product()
        while self._next() in {"+", "-"}:
            sign = -1 if self._take() == "-" else 1
            value += sign * self.product()
        return value

    def product(self) -> complex:
        value = self._power()
        while (mark := self._next()) is not None and mark not in {"+", "-", ")", "}"}:
            if mark == "/":
                self._take()
                value /= self._divisor()
                continue
            if mark in {"*", "\\cdot", "\\times"}:
                self._take()
            value *= self._power()
        return value

    def _divisor(self) -> complex:
        """Return what is divided by: a number or bracket, as ``1/2x`` can be read in two ways."""
        value = self._power()
        if self._next() not in {None, "+", "-", ")", "}", "*", "\\cdot", "\\times"}:
            raise _Unreadable
        return value

    def _power(self) -> complex:
        value = self._atom()
        if self._next() != "^":
            return value
        self._take()
        power = self._argument()
        if abs(power) > _MOST_POWER or self._next() == "^":
            raise _Unreadable
        return complex(value**power)

    def _atom(self) -> complex:
        mark = self._take()
        if mark in {"(", "{"}:
            value = self.sum()
            if self._take() != {"(": ")", "{": "}"}[mark]:
                raise _Unreadable
            return value
        if mark == "\\frac":
            top = self._group()
            return top / self._group()
        if mark == "\\sqrt":
            return cmath.sqrt(self._group())
        if mark == "\\pi":
            return cmath.pi
        if mark in self.at:
            if self._next() == "(":  # f(x) is no product
                raise _Unreadable
            return self.at[mark]
        if mark[0] not in ".0123456789":
            raise _Unreadable
        return float(mark)

    def _group(self) -> complex:
        if self._next() != "{":
            raise _Unreadable
        return self._atom()

    def _argument(self) -> complex:
        """Return an exponent: a group, a digit or a letter."""
        mark = self._next()
        if mark is None or not (mark == "{" or len(mark) == 1):
            raise _Unreadable
        return self._atom()

    def _next(self) -> str | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def _take(self) -> str:
        token = self._next()
        if token is None:
            raise _Unreadable
        self.place += 1
        return token
