"""Strings that fit the keywords of a JSON schema: length, format and pattern."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as patterns  # type: ignore[attr-defined]
from typing import Any

Pick = Callable[[int], int]
"""Chooses one of so many: returns a number from 0 on."""

_FILLER = " and the row has"
_ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-.:/@,;!?#'\"()+*=%&$"


def fitting_string(schema: Mapping[str, Any], begin: str, pick: Pick) -> str | None:
    """Return a string that fits a schema; None where none is found.

    Args:
        schema: What it is to fit.
        begin: What it begins with, where the schema lets it.
        pick: Chooses where there is a choice.
    """
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    if "pattern" in schema:
        found = _matching(schema["pattern"], pick, least)
        return found if found is not None and len(found) >= least else None
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]](pick)
    if len(begin) < least:
        begin += (_FILLER * (least // len(_FILLER) + 1))[: least - len(begin)]
    return begin[:most]


def _matching(pattern: str, pick: Pick, least: int) -> str | None:
    """Return a string in which a regular expression is found; repeats come as often as needed."""
    try:
        parsed, compiled = patterns.parse(pattern), re.compile(pattern)
    except re.error:
        return None
    for more in (0, 1, 2, 3, least):
        written = _Written(pick, more)
        try:
            found = written.sequence(parsed)
        except KeyError:  # a condition, or a set of characters of which none is known here
            return None
        if compiled.search(found) and len(found) >= least:
            return found
    return None


class _Written:
    """Writes what the parts of a parsed regular expression stand for."""

    def __init__(self, pick: Pick, more: int) -> None:
        self._pick = pick
        self._more = more
        self._groups: dict[int, str] = {}
        self._parts: dict[Any, Callable[[Any], str]] = {
            codes.LITERAL: chr,
            codes.NOT_LITERAL: lambda code: self._other_than([(codes.LITERAL, code)]),
            codes.ANY: lambda _: self._one_in(_ALPHABET[:26]),
            codes.IN: self._in,
            codes.BRANCH: lambda given: self.sequence(given[1][self._pick(len(given[1]))]),
            codes.SUBPATTERN: self._group,
            codes.MAX_REPEAT: self._repeat,
            codes.MIN_REPEAT: self._repeat,
            codes.POSSESSIVE_REPEAT: self._repeat,
            # What is told of a place is left to chance: the whole is tried at last.
            **dict.fromkeys((codes.AT, codes.ASSERT, codes.ASSERT_NOT), lambda _: ""),
            codes.GROUPREF: lambda number: self._groups.get(number, ""),
        }

    def sequence(self, parts: Any) -> str:
        return "".join(self._parts[kind](given) for kind, given in parts)

    def _group(self, given: Any) -> str:
        number, _, _, parts = given
        self._groups[number] = self.sequence(parts)
        return self._groups[number]

    def _repeat(self, given: Any) -> str:
        least, most, parts = given
        return "".join(self.sequence(parts) for _ in range(min(most, least + self._more)))

    def _in(self, choices: list[Any]) -> str:
        if choices[0][0] is codes.NEGATE:
            return self._other_than(choices[1:])
        kind, given = choices[self._pick(len(choices))]
        if kind is codes.LITERAL:
            return chr(given)
        if kind is codes.RANGE:
            return chr(given[0] + self._pick(given[1] - given[0] + 1))
        return self._one_in([one for one in _ALPHABET if _is_in(one, kind, given)])

    def _other_than(self, choices: list[Any]) -> str:
        return self._one_in(
            [one for one in _ALPHABET if not any(_is_in(one, *choice) for choice in choices)]
        )

    def _one_in(self, characters: Any) -> str:
        if not characters:
            raise KeyError("no character is left")
        return str(characters[self._pick(len(characters))])


def _is_in(character: str, kind: Any, given: Any) -> bool:
    if kind is codes.LITERAL:
        return ord(character) == given
    if kind is codes.RANGE:
        return bool(given[0] <= ord(character) <= given[1])
    return _CATEGORIES[given](character)


_CATEGORIES: dict[Any, Callable[[str], bool]] = {
    codes.CATEGORY_DIGIT: str.isdigit,
    codes.CATEGORY_NOT_DIGIT: lambda one: not one.isdigit(),
    codes.CATEGORY_SPACE: str.isspace,
    codes.CATEGORY_NOT_SPACE: lambda one: not one.isspace(),
    codes.CATEGORY_WORD: lambda one: one.isalnum() or one == "_",
    codes.CATEGORY_NOT_WORD: lambda one: not (one.isalnum() or one == "_"),
}

_FORMATS: dict[str, Callable[[Pick], str]] = {
    "date": lambda pick: f"20{pick(90) + 10}-0{pick(9) + 1}-{pick(18) + 10}",
    "time": lambda pick: f"1{pick(10)}:{pick(50) + 10}:00Z",
    "date-time": lambda pick: f"20{pick(90) + 10}-0{pick(9) + 1}-{pick(18) + 10}T12:00:00Z",
    "duration": lambda pick: f"P{pick(30) + 1}D",
    "email": lambda pick: f"user{pick(1000)}@example.org",
    "hostname": lambda pick: f"host{pick(1000)}.example.org",
    "ipv4": lambda pick: f"192.0.2.{pick(256)}",
    "ipv6": lambda pick: f"2001:db8::{pick(10000):x}",
    "uri": lambda pick: f"https://example.org/{pick(1000)}",
    "uuid": lambda pick: f"{pick(2**32):08x}-{pick(2**16):04x}-4000-8000-{pick(2**48):012x}",
}
