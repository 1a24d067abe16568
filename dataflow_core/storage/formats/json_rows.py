"""JSON texts to rows, strictly: what a parser would alter in silence becomes a bad row instead."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

Row = dict[str, Any]
_Codes = npt.NDArray[np.uint8]
_Places = npt.NDArray[np.intp]


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
    """Yield where the quick parser may have dropped a repeated key or rounded a long integer.

    A key ends with a quotation mark and a colon. As many of those as keys in the parsed row, and no
    repeated key was dropped. Within a string the quotation mark is escaped, and so is not counted.
    """
    codes = np.frombuffer(b"\n\n\n" + b"\n".join(texts) + b"\n", np.uint8)
    ends = np.cumsum([len(text) + 1 for text in texts]) + 3
    colons = np.flatnonzero(codes[3:] == ord(":")) + 3
    pairs = colons[codes[colons - 1] == ord('"')]
    escaped = codes[pairs - 2] == ord("\\")
    doubts = [
        # After two backslashes the quotation mark is none of the string's: it may end a key.
        pairs[escaped & (codes[pairs - 3] == ord("\\"))],
        _spaced_pairs(codes, colons),
        _long_numbers(codes),
    ]
    found = np.bincount(np.searchsorted(ends, pairs[~escaped], "right"), minlength=len(rows))
    parsed = np.array([_keys(row) if type(row) is dict else -1 for row in rows])
    doubtful = found != parsed
    doubtful[np.searchsorted(ends, np.concatenate(doubts), "right")] = True
    doubtful[parsed < 0] = False
    yield from np.flatnonzero(doubtful).tolist()


def _spaced_pairs(codes: _Codes, colons: _Places) -> _Places:
    """Return the colons that follow a quotation mark and spaces (or too many spaces to tell)."""
    spaced = colons[codes[colons - 1] <= ord(" ")]
    at = spaced - 1
    for _ in range(_SPACES):
        at = at - (codes[at] <= ord(" "))
    places: _Places = spaced[(codes[at] == ord('"')) | (codes[at] <= ord(" "))]
    return places


def _long_numbers(codes: _Codes) -> _Places:
    """Return places in runs of 19 digits or more, which the quick parser may not keep exact."""
    digits = _is_digit(codes[::4])
    pairs = digits[1:] & digits[:-1]
    # Of 19 digits in a row, every fourth byte hits four at least.
    places = np.flatnonzero(pairs[2:] & pairs[:-2]) * 4
    long: _Places = places[_run(codes, places, 1) + _run(codes, places, -1) >= _LONG]
    return long


def _run(codes: _Codes, places: _Places, step: int) -> _Places:
    """Count the digits in a row after (or before) each place, up to `_LONG`."""
    length = np.zeros(len(places), np.intp)
    going = np.ones(len(places), bool)
    for distance in range(1, _LONG + 1):
        at = np.clip(places + step * distance, 0, len(codes) - 1)
        going &= _is_digit(codes[at])
        if not going.any():
            break
        length += going
    return length


def _is_digit(codes: _Codes) -> npt.NDArray[np.bool_]:
    return codes - np.uint8(ord("0")) < 10


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


_SPACES = 3
# A run of 19 digits: one, and 18 beside it.
_LONG = 18
_NAMES = {
    list: "an array (a file that is one JSON array must end in .json)",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}
