"""Reading JSON as models write it: what they got wrong is mended where only one reading is left.

A reading never invents and never leaves out a value: a missing value, an ellipsis, an open bracket
or string, or two values without a comma make the text unreadable. Each repair is noted by name.
What can be read but is not JSON's (NaN, a key given twice with two values, half a character) is a
doubt: the value is there, and must not be used before it was asked for again.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dataflow_core.serving.structured.escapes import is_suspect, unescape

Path = tuple[str | int, ...]
MAX_DEPTH = 100
"""How deep values may be nested."""

_SPACE = re.compile(r"[\s\ufeff\u200b]*")
_COMMENT = re.compile(r"//[^\n]*|#[^\n]*|/\*(?s:.*?)\*/")
_NUMBER = re.compile(
    r"(?P<plus>\+?)(?P<whole>-?(?:(?:0|[1-9][0-9]*)(?P<tail>\.[0-9]*)?|(?P<bare>\.[0-9]+)))"
    r"(?P<exponent>[eE][+-]?[0-9]+)?(?![\w.])"
)
_WORD = re.compile(r"[+-]?[A-Za-z]+(?!\w)")
_BARE_KEY = re.compile(r"(?:[^\W\d][\w$-]*|\$[\w$-]+|[0-9]+)(?=\s*[:：])")
_NEXT_KEY = re.compile(r'"(?:[^"\\\n]|\\.)*"\s*:')
_AFTER_STRING = re.compile(r"[\s\ufeff\u200b]*(?:[,:}\]，：]|\Z|//|/\*|#)")
_CONTROL = re.compile(r"[\x00-\x1f]")
_CLOSING = {'"': '"', "'": "'", "“": "”", "‘": "’"}
_STOPS = {quote: re.compile(rf"\\.|{quote}", re.DOTALL) for quote in _CLOSING.values()}
_WORDS = {"true": True, "false": False, "null": None}
_PYTHON_WORDS = {"True": True, "False": False, "None": None}
_NOT_NUMBERS = frozenset({"nan", "infinity", "inf"})


@dataclass(frozen=True, slots=True)
class Doubt:
    """A value that was read but must not be used: where it is, and why."""

    path: Path
    message: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """A value that was read.

    Attributes:
        value: The value.
        end: Where its text ends.
        repairs: What had to be mended, by name, each once.
        doubts: What must not be used as it is.
    """

    value: Any
    end: int
    repairs: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()


class UnreadableJson(ValueError):
    """A text that is not JSON, and cannot be mended without a guess.

    Args:
        text: The text.
        position: Where it stops being JSON.
        wanted: What was wanted there.
    """

    def __init__(self, text: str, position: int, wanted: str) -> None:
        self.at_end = position >= len(text)
        line = text.count("\n", 0, position) + 1
        column = position - text.rfind("\n", 0, position)
        found = "the end" if self.at_end else repr(text[position : position + 24])
        super().__init__(f"line {line}, column {column}: wanted {wanted}, found {found}")


def parse(text: str, start: int = 0) -> Parsed:
    """Read the value whose text begins at a position.

    Raises:
        UnreadableJson: There is none, or it cannot be mended without a guess.

    Example:
        >>> parse("{'steps': [1, 2,], done: True}").value
        {'steps': [1, 2], 'done': True}
    """
    strict = parse_strictly(text, start)
    if strict is not None:
        return strict
    reader = _Reader(text, start)
    value = reader.value()
    return Parsed(value, reader.position, tuple(reader.repairs), tuple(reader.doubts))


def parse_strictly(text: str, start: int = 0) -> Parsed | None:
    """Read the value whose text begins at a position, if that needs no repair and has no doubts."""
    try:
        value, end = _STRICT.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    if _is_too_deep(text, value) or ("\\" in text and is_suspect(text[start:end])):
        return None
    return Parsed(value, end)


def parse_whole(text: str) -> Any:
    """Return the value of a text that is JSON from its start to its end.

    Faster than `parse`, and as strict as JSON, with integers exact and no key given twice.

    Raises:
        ValueError: It is not, or not without doubt.
    """
    value = _STRICT.decode(text)
    if "\\" in text and is_suspect(text):
        raise ValueError("the text has escapes that may be LaTeX's")
    if _is_too_deep(text, value):
        raise ValueError(f"the value has more than {MAX_DEPTH} levels")
    return value


def same(one: Any, other: Any) -> bool:
    """Return whether two values are the same JSON: 1, 1.0 and true are three values."""
    return dumped(one, sort_keys=True) == dumped(other, sort_keys=True)


def dumped(value: Any, *, sort_keys: bool = False) -> str:
    """Return a value as JSON text on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=sort_keys)


def _is_too_deep(text: str, value: Any) -> bool:
    """Return whether a value is nested too deep, which takes as many brackets in its text."""
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return False
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [part for one in level for part in _parts(one)]
    return bool(level)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key is given twice")
    return members


def _refused(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is too large")
    return number


# orjson is faster, but makes floats of long integers and keeps the last of two equal keys.
_STRICT = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_refused, parse_float=_finite)


class _Reader:
    """The reading of one value, with what was noted on the way."""

    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.position = start
        self.path: list[str | int] = []
        self.repairs: dict[str, None] = {}
        self.doubts: list[Doubt] = []

    def value(self) -> Any:
        char = self._next()
        if char == "{":
            return self._object()
        if char == "[":
            return self._array()
        if char in _CLOSING:
            return self._string()
        if char and (char.isdigit() or char in "+-."):
            return self._number()
        return self._word()

    def _object(self) -> dict[str, Any]:
        self._open()
        members: dict[str, Any] = {}
        while not self._take("}"):
            key = self._key()
            self._colon()
            self.path.append(key)
            self._add(members, key, self.value())
            self.path.pop()
            if not self._comma("}") and not self._key_follows():
                raise self._wanted("',' or '}'")
        return members

    def _array(self) -> list[Any]:
        self._open()
        items: list[Any] = []
        while not self._take("]"):
            self.path.append(len(items))
            items.append(self.value())
            self.path.pop()
            if not self._comma("]") and not self._bracket_follows():
                raise self._wanted("',' or ']'")
        return items

    def _open(self) -> None:
        if len(self.path) >= MAX_DEPTH:
            raise self._wanted(f"at most {MAX_DEPTH} levels of nesting")
        self.position += 1

    def _add(self, members: dict[str, Any], key: str, value: Any) -> None:
        if key not in members:
            members[key] = value
        elif same(members[key], value):
            self._note("repeated key")
        else:
            self._doubt("is given twice, with different values")

    def _comma(self, closing: str) -> bool:
        """Go over the comma after a value; False where there is neither one nor the end."""
        char = self._next()
        if char == closing:
            return True
        if char not in {",", "，"}:
            return False
        if char == "，":
            self._note("full-width punctuation")
        self.position += 1
        if self._next() == closing:
            self._note("trailing comma")
        return True

    def _key_follows(self) -> bool:
        follows = _NEXT_KEY.match(self.text, self.position) is not None
        if follows:
            self._note("missing comma")
        return follows

    def _bracket_follows(self) -> bool:
        between = self.text[: self.position].rstrip()[-1:] + self._next()
        follows = between in {"}{", "]["}
        if follows:
            self._note("missing comma")
        return follows

    def _colon(self) -> None:
        char = self._next()
        if char not in {":", "："}:
            raise self._wanted("':'")
        if char == "：":
            self._note("full-width punctuation")
        self.position += 1

    def _key(self) -> str:
        char = self._next()
        if char in _CLOSING:
            return self._quoted(char, self._quote_after(self.position + 1, _CLOSING[char]))
        bare = _BARE_KEY.match(self.text, self.position)
        if bare is None:
            raise self._wanted("a key in double quotes")
        self._note("unquoted key")
        self.position = bare.end()
        return bare[0]

    def _string(self) -> str:
        opening = self.text[self.position]
        if self.text.startswith('"""', self.position):
            return self._triple_quoted()
        start = self.position + 1
        return self._quoted(opening, self._end_of_string(start, _CLOSING[opening]))

    def _triple_quoted(self) -> str:
        start = self.position + 3
        end = self.text.find('"""', start)
        if end == -1:
            raise UnreadableJson(self.text, len(self.text), "the end of a string")
        self.position = end + 3
        self._note("quotes")
        return self._unescaped(self.text[start:end], python=True)

    def _quoted(self, opening: str, end: int) -> str:
        raw = self.text[self.position + 1 : end]
        self.position = end + 1
        if opening != '"':
            self._note("quotes")
        if _CONTROL.search(raw):
            self._note("line break in a string")
        return self._unescaped(raw, python=opening == "'")

    def _unescaped(self, raw: str, *, python: bool) -> str:
        found = unescape(raw, python=python)
        if found.repaired:
            self._note("escape")
        if found.halved:
            self._doubt("has half a character (a surrogate without its pair)")
        return found.text

    def _end_of_string(self, start: int, quote: str) -> int:
        """Return where a string ends, going over quotes inside it that cannot be its end."""
        at = self._quote_after(start, quote)
        while not _AFTER_STRING.match(self.text, at + 1):
            inner = self._inner_quote(at, start, quote)
            if inner is None:
                return at
            self._note("quote inside a string")
            at = self._quote_after(inner + 1, quote)
        return at

    def _inner_quote(self, at: int, start: int, quote: str) -> int | None:
        """Return the last of the quotes inside a string that begin at one; None where it ends."""
        before, after = self.text[at - 1], self.text[at + 1]
        if quote in "’”" or (quote == "'" and before.isalnum() and after.isalnum()):
            return at
        opens = at == start or before in " \t\n([{（【《" or before > "\u2e7f"
        if not opens or after.isspace() or after == quote:
            return None
        return self._partner(at, quote)

    def _partner(self, at: int, quote: str) -> int | None:
        """Return the quote that closes one inside a string; None if it may end the string too."""
        partner = self._quote_after(at + 1, quote)
        between = self.text[at + 1 : partner]
        if "\n" in between or between[-1].isspace() or _AFTER_STRING.match(self.text, partner + 1):
            return None
        return partner

    def _quote_after(self, start: int, quote: str) -> int:
        for found in _STOPS[quote].finditer(self.text, start):
            if found[0] == quote:
                return found.start()
        raise UnreadableJson(self.text, len(self.text), "the end of a string")

    def _number(self) -> Any:
        found = _NUMBER.match(self.text, self.position)
        if found is None:
            word = _WORD.match(self.text, self.position)
            if word is not None:
                return self._word()
            raise self._wanted("a number")
        self.position = found.end()
        if found["plus"] or found["bare"] or found["tail"] == ".":
            self._note("number")
        return self._number_of(found)

    def _number_of(self, found: re.Match[str]) -> Any:
        digits = found["whole"]
        if found["exponent"] is None and "." not in digits:
            return self._integer(digits)
        number = float(digits + (found["exponent"] or ""))
        if math.isinf(number):
            self._doubt(f"is too large a number: {found[0][:40]}")
            return None
        return number

    def _integer(self, digits: str) -> int | None:
        try:
            return int(digits)
        except ValueError:  # Python's limit on digits
            self._doubt(f"is too long a number: {len(digits):,} digits")
            return None

    def _word(self) -> Any:
        found = _WORD.match(self.text, self.position)
        word = found[0] if found else ""
        if word.lstrip("+-").lower() in _NOT_NUMBERS:
            self._doubt(f"is {word}, which is not a number of JSON")
        elif word in _PYTHON_WORDS:
            self._note("Python word")
        elif word not in _WORDS:
            raise self._wanted("a value")
        self.position += len(word)
        return _WORDS.get(word, _PYTHON_WORDS.get(word))

    def _next(self) -> str:
        """Go over space and comments, and return the character after them; empty at the end."""
        while True:
            space = _SPACE.match(self.text, self.position)
            self.position = space.end() if space else self.position
            comment = _COMMENT.match(self.text, self.position)
            if comment is None:
                return self.text[self.position : self.position + 1]
            self._note("comment")
            self.position = comment.end()

    def _take(self, char: str) -> bool:
        taken = self._next() == char
        self.position += taken
        return taken

    def _note(self, repair: str) -> None:
        self.repairs[repair] = None

    def _doubt(self, message: str) -> None:
        self.doubts.append(Doubt(tuple(self.path), message))

    def _wanted(self, wanted: str) -> UnreadableJson:
        return UnreadableJson(self.text, self.position, wanted)
