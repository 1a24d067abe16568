"""JSONL: one JSON object a line.

Blocks of lines whose columns are flat go through Arrow's parser, which is several times faster;
what is not proved to be read exactly is read again line by line.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from dataflow_core.errors import BadRowError, SourceError
from dataflow_core.storage.formats.base import Reader, ReadOptions, SourceBatch
from dataflow_core.storage.formats.chunking import cut
from dataflow_core.storage.formats.compression import ByteStream, codec_of, open_text
from dataflow_core.storage.formats.json_columns import RowParser, SchemaScan
from dataflow_core.storage.formats.json_flat import FlatParser
from dataflow_core.storage.formats.json_rows import RawRow
from dataflow_core.storage.formats.json_writing import JsonRowsWriter
from dataflow_core.table.types import conform, visible

SAMPLE_BYTES = 1 << 20
SCAN_BYTES = 2 << 20
_BOM = b"\xef\xbb\xbf"
_LINE_END, _BRACE = b"\n{"


class JsonLinesReader(Reader):
    """Reads a JSONL file.

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
        with self._open() as stream:
            for block in _Blocks(stream, SCAN_BYTES):
                scan.add(self._parser.parse(block.rows())[0])
        return scan.schema(self.options)

    def batches(
        self, schema: pa.Schema, batch_rows: int, batch_bytes: int
    ) -> Iterator[SourceBatch]:
        """Yield the rows in order."""
        schema = visible(schema)
        flat = self._flat_parser(schema)
        with self._open() as stream:
            for block in _Blocks(stream, batch_bytes):
                yield from cut(self._parsed(block, schema, flat), batch_rows)

    def extent(self) -> int | None:
        """Return the file's size in bytes; None for a packed file."""
        return None if codec_of(self.path) is not None else self.path.stat().st_size

    def rows_within(
        self, schema: pa.Schema, spans: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[int, SourceBatch]]:
        """Yield the rows whose lines begin within stretches of the file; see `Reader`."""
        schema = visible(schema)
        flat = self._flat_parser(schema)
        with self.path.open("rb") as file:
            for number, (start, stop) in enumerate(spans):
                first, lines = _lines_within(file, start, stop)
                try:
                    for block in _Blocks(io.BytesIO(lines), len(lines)):
                        yield number, self._parsed(block, schema, flat)
                except BadRowError:
                    # Only now it matters in which line of the file the row is.
                    count = _Count(lines=_lines_before(file, first))
                    for block in _Blocks(io.BytesIO(lines), len(lines), count):
                        self._parser.parse(block.rows())
                    raise

    def _parsed(self, block: _Block, schema: pa.Schema, flat: FlatParser | None) -> SourceBatch:
        table = flat.parse(block.data, block.lines) if flat and block.all_objects else None
        if table is None:
            return self._line_by_line(block, schema)
        numbers = np.arange(block.position, block.skip_rows())
        return SourceBatch(conform(table.select(_kept(table, schema)), schema), numbers)

    def _line_by_line(self, block: _Block, schema: pa.Schema) -> SourceBatch:
        rows, positions, bad = self._parser.parse(block.rows())
        return SourceBatch(self._parser.table(rows, schema), positions, bad)

    def _flat_parser(self, schema: pa.Schema) -> FlatParser | None:
        """Return the quick parser, if all columns of the file, wanted or not, are flat."""
        own = self._sample.schema(ReadOptions())
        if any(self.options.wants(name) and name not in schema.names for name in own.names):
            return None
        wanted = {field.name: field.type for field in schema}
        fields = [pa.field(field.name, wanted.get(field.name, field.type)) for field in own]
        return FlatParser.for_schema(pa.schema(fields))

    @cached_property
    def _sample(self) -> SchemaScan:
        scan = SchemaScan(self.path)
        found = taken = seen = 0
        with self._open() as stream:
            for block in _Blocks(stream, SAMPLE_BYTES):
                raws = block.rows()
                rows = self._parser.parse(raws, forgive=True)[0]
                scan.add(rows)
                found, seen, taken = found + len(rows), seen + len(raws), taken + len(block.data)
                # A block ends at its last whole line, so it is a little smaller than asked for.
                if found and taken >= SAMPLE_BYTES // 2:
                    break
        if not seen:
            raise SourceError(f"{self.path} is empty (it has blank lines only).")
        return scan

    @contextmanager
    def _open(self) -> Iterator[ByteStream]:
        with open_text(self.path, "JSONL") as stream:
            yield stream


class JsonLinesWriter(JsonRowsWriter):
    """Writes a JSONL file: one object a line, keys in the order of the columns.

    Args:
        path: The file to make or replace; packed if it ends in .gz, .zst or .bz2.
        schema: The columns and types of every table to come.

    Raises:
        FormatError: JSON cannot express a column.
        StorageError: The file cannot be made.
    """


class _Block:
    """Some whole lines of a file.

    Args:
        data: The lines.
        count: What lies behind, which the block adds itself to once it is taken.
    """

    def __init__(self, data: memoryview, count: _Count) -> None:
        self.data = data
        characters = np.frombuffer(data, np.uint8)
        ends = np.flatnonzero(characters == _LINE_END)
        whole = bool(len(ends)) and ends[-1] == len(data) - 1
        starts = np.concatenate([[0], ends[:-1] + 1 if whole else ends + 1])
        self.lines = len(starts)
        self.all_objects = bool((characters[starts] == _BRACE).all())
        self.position = count.rows
        self._count = count

    def skip_rows(self) -> int:
        """Count every line as a row, unparsed, and return the next position."""
        self._count.lines += self.lines
        self._count.rows += self.lines
        return self._count.rows

    def rows(self) -> list[RawRow]:
        """Return the lines that are not blank."""
        first = self._count.lines + 1
        lines = bytes(self.data).removesuffix(b"\n").split(b"\n")
        kept = [(n, text) for n, text in enumerate(lines, first) if text and not text.isspace()]
        raws = [RawRow(p, n, text) for p, (n, text) in enumerate(kept, self.position)]
        self._count.lines += self.lines
        self._count.rows += len(raws)
        return raws


@dataclass
class _Count:
    """How many lines and rows of a file are behind us."""

    lines: int = 0
    rows: int = 0


class _Blocks:
    """The lines of a stream in blocks of about one size; a longer line is a block of its own."""

    def __init__(self, stream: ByteStream, size: int, count: _Count | None = None) -> None:
        self._stream = stream
        self._size = max(1, size)
        self._count = _Count() if count is None else count

    def __iter__(self) -> Iterator[_Block]:
        first = True
        for data in self._pieces():
            skipped = len(_BOM) if first and bytes(data[: len(_BOM)]) == _BOM else 0
            first = False
            if len(data) > skipped:
                yield _Block(data[skipped:], self._count)

    def _pieces(self) -> Iterator[memoryview]:
        rest = b""
        while True:
            # A line longer than a block is taken in steps that double, so that it is copied seldom.
            buffer = bytearray(len(rest) + max(self._size, len(rest)))
            buffer[: len(rest)] = rest
            read = self._stream.readinto(memoryview(buffer)[len(rest) :])
            filled = len(rest) + read
            end = buffer.rfind(b"\n", len(rest), filled) + 1 if read else filled
            if end:
                yield memoryview(buffer)[:end]
            if not read:
                return
            rest = bytes(memoryview(buffer)[end:filled])


def _lines_within(file: BinaryIO, start: int, stop: int) -> tuple[int, bytes]:
    """Return where the first line begins that begins within a stretch, and all that do, whole."""
    file.seek(max(0, start - 1))
    if start:
        file.readline()
    first = file.tell()
    lines = file.read(max(0, stop - first))
    return first, lines if lines.endswith(b"\n") else lines + file.readline() if lines else b""


def _lines_before(file: BinaryIO, place: int) -> int:
    file.seek(0)
    lines = 0
    while data := file.read(min(SCAN_BYTES, place - file.tell())):
        lines += data.count(b"\n")
    return lines


def _kept(table: pa.Table, schema: pa.Schema) -> list[str]:
    return [name for name in table.column_names if name in schema.names]
