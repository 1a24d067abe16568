"""CSV and TSV (RFC 4180): text in columns; an empty value is null, and a quoted empty one the empty text.

Records are found first, so that blocks end where a record does and a bad one keeps its number; each
block then goes through Arrow's parser, or record by record where that one refuses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc_csv
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
from dataflow_core.storage.formats.compression import TextTarget, open_text
from dataflow_core.storage.formats.delimited_records import Record, RecordError, Records, Syntax
from dataflow_core.storage.formats.delimited_values import TYPES, Converter
from dataflow_core.table.types import is_json, visible


class _DelimitedReader(Reader):
    """Reads records of values between delimiters.

    Args:
        path: The file.
        options: How to read it; `ReadOptions.types` asks for other types than text.

    Raises:
        ConfigurationError: `ReadOptions.types` names an unknown type.
    """

    name: str
    delimiter: bytes

    def __init__(self, path: Path, options: ReadOptions) -> None:
        super().__init__(path, options)
        self._syntax = Syntax(self.delimiter)
        for column, kind in options.types.items():
            if kind not in TYPES:
                raise ConfigurationError(
                    f"type {kind!r} of column {column!r} is unknown.{did_you_mean(kind, TYPES)} "
                    f"Known types: {', '.join(TYPES)}."
                )

    def sample_schema(self) -> pa.Schema:
        """Return the columns of the header: text, or the type that the options ask for."""
        with self._open() as (names, _):
            return self._schema([name for name in names if self.options.wants(name)])

    def batches(
        self, schema: pa.Schema, batch_rows: int, batch_bytes: int
    ) -> Iterator[SourceBatch]:
        """Yield the rows in order."""
        with self._open() as (names, records):
            position = 0
            block = _Block(self, names, position)
            for record in records:
                if block.is_full(record, batch_rows, batch_bytes):
                    yield block.batch(schema)
                    block = _Block(self, names, block.end)
                block.add(record)
            if block.records:
                yield block.batch(schema)

    def _schema(self, names: list[str]) -> pa.Schema:
        kinds = self.options.types
        return pa.schema([pa.field(name, TYPES[kinds.get(name, "string")]) for name in names])

    @contextmanager
    def _open(self) -> Iterator[tuple[list[str], Iterator[Record]]]:
        with open_text(self.path, self.name) as stream:
            records = iter(Records(stream, self._syntax))
            yield self._header(records), records
