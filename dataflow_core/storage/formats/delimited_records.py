"""Where the records of a CSV or TSV text begin and end, and the values in them (RFC 4180).

A quotation mark means something only at the start of a value. A record whose quotation marks do not
fit is malformed: it ends with its line, and the next line begins anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dataflow_core.storage.formats.compression import ByteStream

LONGEST = 64 << 20
"""A quoted value that is not closed within so many bytes counts as never closed."""

_BOM = b"\xef\xbb\xbf"


class RecordFault(ValueError):
    """A record is malformed.

    Args:
        message: What is wrong.
        column: The byte of the fault within the record, from 1; None for the whole record.
    """

    def __init__(self, message: str, column: int | None) -> None:
        super().__init__(message)
        self.column = column


@dataclass(frozen=True)
class Record:
    """The text of one record.

    Attributes:
        position: Its number among the records after the header, from 0.
        line: The line that it starts on, from 1.
        raw: Its bytes, without the line end.
        end: Where the next one begins in the block.
    """

    position: int
    line: int
    raw: bytes
    end: int


class Syntax:
    """The grammar of records.

    Args:
        delimiter: The byte between values.
    """

    def __init__(self, delimiter: bytes) -> None:
        mark = re.escape(delimiter)
        open_quote = rb'"(?:[^"]++|"")*+'
        bare = rb'[^"%b\r\n][^%b\r\n]*+' % (mark, mark)
        value = rb'(?:%b"|%b)?+' % (open_quote, bare)
        record = rb"%b(?:%b%b)*+\r?\n" % (value, mark, value)
        self.delimiter = delimiter.decode()
        self._record = re.compile(record)
        self._records = re.compile(rb"(?:%b)*+" % record)
        self._unclosed = re.compile(rb"(?:%b%b)*+%b\Z" % (value, mark, open_quote))
        self._unfinished = re.compile(rb"%b(?:%b%b)*+\r?\Z" % (value, mark, value))
        self._value = re.compile(rb'(?:(%b")|(%b))?+(%b|\Z)' % (open_quote, bare, mark))

    def end_of_records(self, text: bytes, start: int, *, last: bool) -> tuple[int, bool]:
        """Return where the last whole record ends, and whether all of them are well formed.

        Args:
            text: Some text; when it is the last of the file, it ends with a line end.
            start: Where a record begins.
            last: Whether nothing follows the text.
        """
        if b'"' not in text:
            end = text.rfind(b"\n") + 1
            return max(end, start), text.count(b"\r", start, end) == text.count(b"\r\n", start, end)
        good = True
        at = self._run(text, start)
        while at < len(text):
            line_end = text.find(b"\n", at)
            if line_end < 0 or (not last and self._may_go_on(text, at)):
                break
            good = False
            at = self._run(text, line_end + 1)
        return at, good

    def record_end(self, text: bytes, start: int) -> int:
        """Return where the record that starts here ends, its line end included."""
        found = self._record.match(text, start)
        return found.end() if found else text.index(b"\n", start) + 1

    def values(self, raw: bytes) -> list[bytes | None]:
        """Return the values of a record; an empty value without quotation marks is None.

        Raises:
            RecordFault: The record is malformed.
        """
        values: list[bytes | None] = []
        at = 0
        while True:
            found = self._value.match(raw, at)
            if found is None:
                raise self._fault(raw, at)
            quoted, bare, mark = found.groups()
            values.append(bare if quoted is None else quoted[1:-1].replace(b'""', b'"'))
            at = found.end()
            if not mark:
                return values

    def _run(self, text: bytes, start: int) -> int:
        found = self._records.match(text, start)
        return found.end() if found else start

    def _may_go_on(self, text: bytes, at: int) -> bool:
        if self._unclosed.match(text, at):
            return len(text) - at < LONGEST
        return self._unfinished.match(text, at) is not None

    def _fault(self, raw: bytes, at: int) -> RecordFault:
        if raw[at : at + 1] != b'"':
            at = raw.find(b"\r", at)
            return RecordFault("a carriage return stands outside quotation marks", at + 1)
        if self._unclosed.match(raw, at):
            return RecordFault("a quotation mark opens here and is never closed", at + 1)
        return RecordFault("text follows the closing quotation mark of this value", at + 1)


@dataclass(frozen=True)
class Block:
    """Some whole records.

    Attributes:
        text: Their text; it ends with a line end.
        line: The line that it starts on, from 1.
        good: Whether all records are well formed.
    """

    text: bytes
    line: int
    good: bool


def blocks(stream: ByteStream, syntax: Syntax, size: int) -> Iterator[Block]:
    """Yield the records of a stream in blocks of about one size, or of one longer record."""
    size = max(1, size)
    line, rest, ended = 1, b"", False
    first = True
    while not ended:
        data = stream.read(max(size, len(rest)))
        ended = not data
        rest += data
        if first and (len(rest) >= len(_BOM) or ended):
            rest, first = rest.removeprefix(_BOM), False
        if ended and rest and not rest.endswith(b"\n"):
            rest += b"\n"
        end, good = syntax.end_of_records(rest, 0, last=ended)
        if end and not first:
            yield Block(rest[:end], line, good)
            line += rest.count(b"\n", 0, end)
            rest = rest[end:]


def records(block: Block, syntax: Syntax, position: int, *, keep_blank: bool) -> Iterator[Record]:
    """Yield the records of a block.

    Args:
        block: The block.
        syntax: Its grammar.
        position: The number of its first record.
        keep_blank: Whether a blank line is a record (it is where there is one column only).
    """
    at, line = 0, block.line
    while at < len(block.text):
        end = syntax.record_end(block.text, at)
        raw = block.text[at:end].removesuffix(b"\n").removesuffix(b"\r")
        if raw or keep_blank:
            yield Record(position, line, raw, end)
            position += 1
        line += block.text.count(b"\n", at, end)
        at = end
