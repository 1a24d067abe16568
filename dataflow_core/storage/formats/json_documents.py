"""JSON: one array of objects, or objects one after another, however they are laid out.

The file is read as a stream: a scanner finds where each value ends, in time that grows with the
value and no faster, and the rows are then parsed exactly as those of JSONL are.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import NoReturn

import pyarrow as pa

from dataflow_core.errors import BadRowError, SourceError
from dataflow_core.storage.formats.base import Reader, ReadOptions, SourceBatch, shorten
from dataflow_core.storage.formats.compression import ByteStream, open_text
from dataflow_core.storage.formats.json_columns import RowParser, SchemaScan
from dataflow_core.storage.formats.json_rows import RawRow
from dataflow_core.storage.formats.json_writing import JsonRowsWriter
from dataflow_core.table.types import visible

SAMPLE_BYTES = 1 << 20
SCAN_ROWS, SCAN_BYTES = 10_000, 2 << 20
_CHUNK = 1 << 16
_LONGEST_TOKEN = 16
_BLANK = " \t\r\n"


class JsonDocumentsReader(Reader):
    """Reads a JSON file.

    A value that is no object is a bad row like any other. Where the text itself is broken, no
    further row can be found, so that is an error in quarantine mode too.

    Args:
        path: The file.
        options: How to read it.
    """

    def __init__(self, path: Path, options: ReadOptions) -> None:
        super().__init__(path, options)
        self._parser = RowParser(path, options)

    def sample_schema(self) -> pa.Schema:
        """Return the columns and types of the first megabyte; bad rows do not count."""
        return self._sample.schema(self.options)

    def exact_schema(self) -> pa.Schema:
        """Return the columns and types of all rows."""
        scan = SchemaScan(self.path)
        for raws in self._groups(SCAN_ROWS, SCAN_BYTES):
            scan.add(self._parser.parse(raws)[0])
        return scan.schema(self.options)

    def batches(
        self, schema: pa.Schema, batch_rows: int, batch_bytes: int
    ) -> Iterator[SourceBatch]:
        """Yield the rows in order."""
        schema = visible(schema)
        for raws in self._groups(batch_rows, batch_bytes):
            rows, positions, bad = self._parser.parse(raws)
            yield SourceBatch(self._parser.table(rows, schema), positions, bad)

    def _groups(self, rows: int, size: int) -> Iterator[list[RawRow]]:
        with open_text(self.path, "JSON") as stream:
            yield from _grouped(_Scanner(self.path, stream).rows(), rows, size)

    @cached_property
    def _sample(self) -> SchemaScan:
        scan = SchemaScan(self.path)
        seen = False
        try:
            for raws in self._groups(SCAN_ROWS, SAMPLE_BYTES):
                seen = True
                rows = self._parser.parse(raws, forgive=True)[0]
                scan.add(rows)
                if rows:
                    break
        except BadRowError:
            if self.options.on_bad_row == "quarantine" or not seen:
                raise
        if not seen:
            raise SourceError(f"{self.path} is empty (it holds no rows).")
        return scan


class JsonDocumentsWriter(JsonRowsWriter):
    """Writes a JSON file: one array, one object a line, keys in the order of the columns.

    Args:
        path: The file to make or replace; packed if it ends in .gz, .zst or .bz2.
        schema: The columns and types of every table to come.

    Raises:
        FormatError: JSON cannot express a column.
        StorageError: The file cannot be made.
    """

    def close(self) -> None:
        """Close the array, and put the file in its place."""
        self._target.write(b"\n]\n" if self._rows else b"[]\n")
        super().close()

    def _text(self, rows: list[bytes]) -> bytes:
        start = b",\n" if self._rows else b"[\n"
        return start + b",\n".join([row[:-1] for row in rows])


class _Scanner:
    """Finds the values of a JSON text that arrives in pieces.

    Invalid UTF-8 passes through as lone surrogates, so that the row that holds it can be told.
    """

    def __init__(self, path: Path, stream: ByteStream) -> None:
        self._path = path
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._find_end = json.JSONDecoder().raw_decode
        self._text = ""
        self._at = 0
        self._ended = False
        self._line = 1
        self._column = 1

    def rows(self) -> Iterator[RawRow]:
        """Yield the text of each row."""
        if self._peek() == "\ufeff":
            self._skip(1)
        if self._peek() == "[":
            self._skip(1)
            yield from self._elements()
            if self._peek():
                self._break("there is more after the end of the array")
            return
        position = 0
        while self._peek():
            yield self._row(position)
            position += 1

    def _elements(self) -> Iterator[RawRow]:
        if self._peek() == "]":
            self._skip(1)
            return
        position = 0
        while True:
            self._peek()
            yield self._row(position)
            position += 1
            mark = self._peek()
            if mark not in (",", "]"):
                self._break("expected ',' or ']'" if mark else "the array is not closed")
            self._skip(1)
            if mark == "]":
                return

    def _row(self, position: int) -> RawRow:
        line, column = self._line, self._column
        end = self._value_end()
        text = self._text[self._at : end]
        self._skip(len(text))
        return RawRow(position, line, text.encode("utf-8", "surrogateescape"), column)

    def _value_end(self) -> int:
        """Return where the value that starts here ends, reading on (ever more) until it does."""
        while True:
            try:
                end = self._find_end(self._text, self._at)[1]
            except json.JSONDecodeError as error:
                if not self._may_go_on(error):
                    self._skip(error.pos - self._at)
                    self._break(error.msg)
            except RecursionError:
                self._break("nested too deeply")
            else:
                # A number at the very end of the text may have further digits.
                if end < len(self._text) or self._ended:
                    return end
            self._read_on()

    def _may_go_on(self, error: json.JSONDecodeError) -> bool:
        at_end = error.pos >= len(self._text) - _LONGEST_TOKEN
        return not self._ended and (at_end or error.msg.startswith("Unterminated string"))

    def _peek(self) -> str:
        """Return the next character that is not blank, or nothing at the end."""
        while True:
            self._skip(_blanks(self._text, self._at))
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._read_on()

    def _skip(self, count: int) -> None:
        end = self._at + count
        lines = self._text.count("\n", self._at, end)
        if lines:
            self._line += lines
            self._column = end - self._text.rfind("\n", self._at, end)
        else:
            self._column += count
        self._at = end

    def _read_on(self) -> None:
        rest = self._text[self._at :]
        data = self._stream.read(max(_CHUNK, len(rest)))
        self._ended = not data
        self._text = rest + self._decoder.decode(data, final=self._ended)
        self._at = 0

    def _break(self, message: str) -> NoReturn:
        found = self._text[self._at : self._at + 80].encode("utf-8", "surrogateescape")
        what = f"found {shorten(found)}" if found else "found the end of the file"
        raise BadRowError(
            f"{self._path}, line {self._line}, column {self._column}: invalid JSON ({message}); "
            f"{what}. Rows after it cannot be found, so it cannot be set aside. Correct the file; "
            "in JSONL (.jsonl, one object a line) bad rows can be set aside with "
            "--on-bad-row quarantine "
            '(in Python: on_bad_row="quarantine").'
        )


def _blanks(text: str, start: int) -> int:
    end = start
    while end < len(text) and text[end] in _BLANK:
        end += 1
    return end - start


def _grouped(raws: Iterable[RawRow], rows: int, size: int) -> Iterator[list[RawRow]]:
    group: list[RawRow] = []
    held = 0
    for raw in raws:
        group.append(raw)
        held += len(raw.raw)
        if len(group) >= rows or held >= size:
            yield group
            group, held = [], 0
    if group:
        yield group
