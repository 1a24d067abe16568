"""JSON texts to rows, strictly: what a parser would alter in silence becomes a bad row instead."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

Row = dict[str, Any]


@dataclass(frozen=True)
class RawRow:
    """The text of one row, not yet parsed.

    Attributes:
        position: The row's number within the file, from 0.
        line: The line that it starts on, from 1.
        raw: Its bytes.
        column: The column that it starts in, from 1.
    """

    position: int
    line: int
    raw: bytes
    column: int = 1


class RowFault(ValueError):
    """A text is not a row.

    Args:
        message: What is wrong.
        line: The line of the fault within the text, from 1.
        column: The column of the fault, from 1; None for the whole row.
    """

    def __init__(self, message: str, line: int = 1, column: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


def parse_rows(texts: Sequence[bytes]) -> list[Row | RowFault]:
    """Parse texts of one row each.

    Integers of any size stay exact. Broken JSON, invalid UTF-8, lone surrogates, numbers beyond a
    double, repeated keys, and values that are no objects come back as faults.

    Args:
        texts: The texts; none is blank.

    Returns:
        One row or fault a text.
    """
    rows = [_parse(text) for text in texts]
    for place in _suspects(texts, rows):
        rows[place] = _parse_exactly(texts[place])
    return rows


def _parse(text: bytes) -> Row | RowFault:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return _fault(text, error)
    if type(value) is dict:
        return value
    return RowFault(f"a row must be a JSON object, found {_NAMES[type(value)]}")


def _fault(text: bytes, error: orjson.JSONDecodeError) -> RowFault:
    try:
        text.decode()
    except UnicodeDecodeError as invalid:
        line = text.count(b"\n", 0, invalid.start) + 1
        column = invalid.start - text.rfind(b"\n", 0, invalid.start)
        return RowFault(f"invalid UTF-8 (byte 0x{text[invalid.start]:02x})", line, column)
    return RowFault(f"invalid JSON ({error.msg})", error.lineno, error.colno)


def _suspects(texts: Sequence[bytes], rows: Sequence[Row | RowFault]) -> Iterator[int]:
    """Yield where the quick parser may have dropped a repeated key or rounded a long integer."""
    for start in range(0, len(rows), _GROUP):
        group = slice(start, start + _GROUP)
        if _is_sure(b"\n".join(texts[group]), rows[group]):
            continue
        for place, row in enumerate(rows[group], start):
            if type(row) is dict and not _is_sure(texts[place], [row]):
                yield place


def _is_sure(text: bytes, rows: Sequence[Row | RowFault]) -> bool:
    """Tell whether a text has no more keys than were parsed, and no integer too long for the parser.

    A key ends with a quotation mark and a colon, unless there are spaces between them. Such a pair may
    also stand within a string, where the quotation mark is escaped, so in doubt those are left out.
    """
    if _LONG_NUMBER in text.translate(_DIGITS) or _HIDDEN_KEY.search(text):
        return False
    parsed = sum(_keys(row) for row in rows if type(row) is dict)
    pairs = text.count(b'":')
    if pairs == parsed:
        return True
    # After two backslashes the quotation mark is none of the string's: it may end a key.
    return b'\\\\":' not in text and pairs - text.count(b'\\":') == parsed


def _keys(value: Any) -> int:
    """Count the keys of a value, at all depths."""
    parts = value.values() if type(value) is dict else value
    count = len(value) if type(value) is dict else 0
    for part in parts:
        if type(part) is dict or type(part) is list:
            count += _keys(part)
    return count


def _parse_exactly(text: bytes) -> Row | RowFault:
    try:
        row = json.loads(text, object_pairs_hook=_without_repeats)
    except RowFault as fault:
        return fault
    except (ValueError, RecursionError) as error:
        return RowFault(f"invalid JSON ({error})")
    return row if type(row) is dict else RowFault("a row must be a JSON object")


def _without_repeats(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise RowFault(f"the key {repeated!r} occurs twice in one object")
    return row


_DIGITS = bytes(48 if 48 <= byte <= 57 else byte for byte in range(256))
_LONG_NUMBER = b"0" * 19
_HIDDEN_KEY = re.compile(rb'"[ \t\r\n]+:')
# Rows are checked by the group; in a group that is in doubt, each one.
_GROUP = 32
_NAMES = {
    list: "an array (a file that is one JSON array must end in .json)",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}
