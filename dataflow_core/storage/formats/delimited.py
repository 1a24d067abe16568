"""CSV and TSV: text in columns; an empty value is null, and a quoted empty one the empty text.

Well-formed blocks of records go through Arrow's parser; what that refuses is read record by record.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.types as pat

from dataflow_core.errors import ConfigurationError, FormatError, SourceError, did_you_mean
from dataflow_core.storage.formats.base import (
    BadRow,
    Reader,
    ReadOptions,
    SourceBatch,
    Writer,
    check_column_names,
    check_target_names,
    fit,
)
from dataflow_core.storage.formats.chunking import cut
from dataflow_core.storage.formats.compression import TextTarget, open_text
from dataflow_core.storage.formats.delimited_records import (
    Block,
    Record,
    RecordFault,
    Syntax,
    blocks,
    records,
)
from dataflow_core.storage.formats.delimited_values import TYPES, is_valid, texts_of, typed
from dataflow_core.table.types import visible

_HEADER_BYTES = 1 << 16


class DelimitedReader(Reader):
    """Reads records of values with a delimiter between them.

    Args:
        path: The file.
        options: How to read it; `ReadOptions.types` asks for other types than text.

    Raises:
        ConfigurationError: `ReadOptions.types` names an unknown type.
    """

    format_name: str
    delimiter: bytes

    def __init__(self, path: Path, options: ReadOptions) -> None:
        super().__init__(path, options)
        self._syntax = Syntax(self.delimiter)
        for column, kind in options.types.items():
            if kind not in TYPES:
                raise ConfigurationError(
                    f"{path}: type {kind!r} of column {column!r} is unknown."
                    f"{did_you_mean(kind, TYPES)} Known types: {', '.join(TYPES)}."
                )

    def sample_schema(self) -> pa.Schema:
        """Return the columns of the header: text, or the type that the options ask for."""
        with self._blocks(_HEADER_BYTES) as (schema, _):
            return pa.schema([field for field in schema if self.options.wants(field.name)])

    def batches(
        self, schema: pa.Schema, batch_rows: int, batch_bytes: int
    ) -> Iterator[SourceBatch]:
        """Yield the rows in order."""
        with self._blocks(batch_bytes) as (own, found):
            parser = _BlockParser(self.path, self._syntax, own)
            wanted = [name for name in own.names if self.options.wants(name)]
            position = 0
            for block in found:
                batch = parser.parse(block, position)
                if batch.bad_rows and self.options.on_bad_row == "error":
                    batch.bad_rows[0].refuse()
                position += batch.table.num_rows + len(batch.bad_rows)
                # CSV cannot tell a missing key from a null: there is no column of absent keys.
                table = fit(batch.table.select(wanted), schema)
                yield from cut(SourceBatch(table, batch.positions, batch.bad_rows), batch_rows)

    @contextmanager
    def _blocks(self, size: int) -> Iterator[tuple[pa.Schema, Iterator[Block]]]:
        with open_text(self.path, self.format_name) as stream:
            found = blocks(stream, self._syntax, size)
            header, rest = self._header(found)
            yield self._schema(header), (block for block in chain([rest], found) if block.text)

    def _header(self, found: Iterator[Block]) -> tuple[Record, Block]:
        for block in found:
            for record in records(block, self._syntax, 0, keep_blank=False):
                line = block.line + block.text.count(b"\n", 0, record.end)
                return record, Block(block.text[record.end :], line, block.good)
        raise SourceError(f"{self.path} is empty (it has blank lines only).")

    def _schema(self, header: Record) -> pa.Schema:
        try:
            names = [(value or b"").decode() for value in self._syntax.values(header.raw)]
        except (RecordFault, UnicodeDecodeError) as error:
            raise SourceError(
                f"{self.path}, line {header.line}: the header cannot be read: {error}."
            ) from error
        check_column_names(self.path, names)
        kinds = self.options.types
        unknown = [name for name in kinds if name not in names]
        if unknown:
            raise SourceError(
                f"{self.path} has no column {unknown[0]!r}, for which a type was asked."
                f"{did_you_mean(unknown[0], names)} Its columns: {', '.join(names)}."
            )
        return pa.schema([pa.field(name, TYPES[kinds.get(name, "string")]) for name in names])


class CsvReader(DelimitedReader):
    """Reads a CSV file: values with commas between them."""

    format_name = "CSV"
    delimiter = b","


class TsvReader(DelimitedReader):
    """Reads a TSV file: values with tabs between them."""

    format_name = "TSV"
    delimiter = b"\t"


class DelimitedWriter(Writer):
    """Writes records; text is quoted, so that the empty text and null differ.

    Args:
        path: The file to make or replace; packed if it ends in .gz, .zst or .bz2.
        schema: The columns and types of every table to come.

    Raises:
        FormatError: The format cannot express a column.
        StorageError: The file cannot be made.
    """

    format_name: str
    delimiter: str

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._schema = visible(schema).remove_metadata()
        check_target_names(path, self._schema)
        for field in self._schema:
            self._check_type(path, field)
        self._target = TextTarget(path)
        options = pcsv.WriteOptions(delimiter=self.delimiter, quoting_style="needed")
        plain = texts_of(self._schema.empty_table()).schema
        self._writer = pcsv.CSVWriter(
            pa.PythonFile(_Sink(self._target), mode="w"), plain, write_options=options
        )

    def write(self, table: pa.Table) -> None:
        """Append the rows of a table."""
        if table.num_rows:
            self._writer.write_table(texts_of(table.select(self._schema.names)))

    def close(self) -> None:
        """Finish the file and put it in its place."""
        self._writer.close()
        self._target.commit()

    def discard(self) -> None:
        """Throw away what was written."""
        self._target.discard()

    def _check_type(self, path: Path, field: pa.Field) -> None:
        if not _is_expressible(field.type):
            raise FormatError(
                f"{path}: {self.format_name} cannot hold column {field.name!r} of type "
                f"{field.type}. Write .jsonl, .parquet or .arrow instead, or make a text column "
                "of it first."
            )


class CsvWriter(DelimitedWriter):
    """Writes a CSV file: values with commas between them."""

    format_name = "CSV"
    delimiter = ","


class TsvWriter(DelimitedWriter):
    """Writes a TSV file: values with tabs between them."""

    format_name = "TSV"
    delimiter = "\t"


class _BlockParser:
    """Parses the blocks of one file.

    Args:
        path: The file.
        syntax: Its grammar.
        schema: All its columns, with the types asked for.
    """

    def __init__(self, path: Path, syntax: Syntax, schema: pa.Schema) -> None:
        self._path = path
        self._syntax = syntax
        self._schema = schema
        self._parsing = pcsv.ParseOptions(
            delimiter=syntax.delimiter,
            newlines_in_values=True,
            ignore_empty_lines=len(schema) > 1,
        )
        self._converting = pcsv.ConvertOptions(
            column_types=dict.fromkeys(schema.names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )

    def parse(self, block: Block, position: int) -> SourceBatch:
        """Return the rows of a block, the first of which has this number."""
        table = self._at_once(block)
        if table is None:
            return self._one_by_one(block, position)
        return SourceBatch(table, np.arange(position, position + table.num_rows))

    def _at_once(self, block: Block) -> pa.Table | None:
        if not block.good:
            return None
        reading = pcsv.ReadOptions(
            use_threads=False, block_size=len(block.text) + 1, column_names=self._schema.names
        )
        try:
            source = pa.BufferReader(block.text)
            return self._typed(pcsv.read_csv(source, reading, self._parsing, self._converting))
        except pa.ArrowInvalid:
            return None

    def _one_by_one(self, block: Block, position: int) -> SourceBatch:
        keep_blank = len(self._schema) == 1
        good: list[list[str | None]] = []
        positions: list[int] = []
        bad: list[BadRow] = []
        for record in records(block, self._syntax, position, keep_blank=keep_blank):
            try:
                good.append(self._values(record))
                positions.append(record.position)
            except RecordFault as fault:
                bad.append(self._bad(record, fault))
        columns = list(zip(*good, strict=True)) or [()] * len(self._schema)
        arrays = [pa.array(column, pa.string()) for column in columns]
        # `_values` has checked every value.
        table = cast("pa.Table", self._typed(pa.table(arrays, names=self._schema.names)))
        return SourceBatch(table, np.array(positions, np.int64), tuple(bad))

    def _typed(self, table: pa.Table) -> pa.Table | None:
        columns = {}
        for field in self._schema:
            column = typed(table[field.name], field.type)
            if column is None:
                return None
            columns[field.name] = column
        return pa.table(columns)

    def _values(self, record: Record) -> list[str | None]:
        raws = self._syntax.values(record.raw)
        if len(raws) != len(self._schema):
            raise RecordFault(
                f"the header has {len(self._schema)} columns, this row has {len(raws)} values", None
            )
        try:
            record.raw.decode()
        except UnicodeDecodeError as error:
            found = record.raw[error.start]
            raise RecordFault(f"invalid UTF-8 (byte 0x{found:02x})", error.start + 1) from error
        values = [None if raw is None else raw.decode() for raw in raws]
        for field, value in zip(self._schema, values, strict=True):
            if value is not None and not is_valid(value, field.type):
                raise RecordFault(f"column {field.name!r} is asked for as {field.type}", None)
        return values

    def _bad(self, record: Record, fault: RecordFault) -> BadRow:
        return BadRow(
            path=str(self._path),
            position=record.position,
            line=record.line,
            column=fault.column,
            message=str(fault),
            raw=record.raw,
        )


class _Sink(io.RawIOBase):
    """What Arrow's writer takes for a file."""

    def __init__(self, target: TextTarget) -> None:
        super().__init__()
        self._target = target

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._target.write(memoryview(data))


def _is_expressible(kind: pa.DataType) -> bool:
    if pat.is_dictionary(kind):
        return _is_expressible(kind.value_type)
    return bool(
        pat.is_null(kind)
        or pat.is_boolean(kind)
        or pat.is_integer(kind)
        or pat.is_floating(kind)
        or pat.is_string(kind)
        or pat.is_large_string(kind)
        or (pat.is_temporal(kind) and not pat.is_duration(kind) and not pat.is_interval(kind))
        or pat.is_decimal(kind)
    )
