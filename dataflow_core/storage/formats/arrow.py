"""Arrow: IPC files (also known as Feather version 2) and IPC streams."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.types as pat

from dataflow_core.errors import SourceError
from dataflow_core.storage.formats.atomic import AtomicFile
from dataflow_core.storage.formats.base import (
    Reader,
    SourceBatch,
    Writer,
    check_column_names,
    check_target_names,
    fit,
    without_views,
)
from dataflow_core.storage.formats.chunking import Rechunker, rows_for, split
from dataflow_core.storage.formats.signature import check_binary, head_of
from dataflow_core.table.types import visible

BATCH_ROWS = 10_000
"""Rows of a record batch, whatever the size of the tables that arrive."""


class _IpcReader(Reader):
    """Reads record batches of an Arrow file or stream."""

    kind: str

    def sample_schema(self) -> pa.Schema:
        """Return the columns and types in the file's header, which are exact."""
        with self._open() as (schema, _):
            return self._wanted(schema)

    def batches(
        self, schema: pa.Schema, batch_rows: int, batch_bytes: int
    ) -> Iterator[SourceBatch]:
        """Yield the rows in order."""
        with self._open() as (own, record_batches):
            names = self._wanted(own).names
            position = 0
            for batch in self._checked(record_batches):
                table = fit(pa.Table.from_batches([batch]).select(names), schema)
                size = rows_for(table.nbytes // max(1, table.num_rows), batch_rows, batch_bytes)
                for piece in split(table, size):
                    end = position + piece.num_rows
                    yield SourceBatch(piece, np.arange(position, end))
                    position = end

    def _checked(self, record_batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        try:
            for batch in record_batches:
                batch.validate()
                yield batch
        except (OSError, pa.ArrowException) as error:
            raise self._damaged(error) from error

    def _wanted(self, schema: pa.Schema) -> pa.Schema:
        schema = schema.remove_metadata()
        check_column_names(self.path, visible(schema).names)
        wanted = [field for field in visible(schema) if self.options.wants(field.name)]
        return without_views(pa.schema(wanted))

    @contextmanager
    def _open(self) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
        check_binary(self.path, head_of(self.path), self.kind, self.kind)
        with ExitStack() as stack:
            try:
                source = stack.enter_context(pa.OSFile(str(self.path), "rb"))
                opened = self._batches_of(source)
            except (OSError, pa.ArrowException) as error:
                raise self._damaged(error) from error
            yield opened

    @abstractmethod
    def _batches_of(self, source: pa.NativeFile) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """Return the schema and the record batches of an open file."""

    def _damaged(self, error: Exception) -> SourceError:
        return SourceError(
            f"{self.path} is not readable as {self.kind}: {error}. Was it cut short? "
            "Fetch or write it again."
        )


class ArrowReader(_IpcReader):
    """Reads an Arrow IPC file (``.arrow``, ``.feather``)."""

    kind = "an Arrow file"

    def _batches_of(self, source: pa.NativeFile) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        file = pa.ipc.open_file(source)
        if self.options.columns is not None:
            wanted = [n for n, name in enumerate(file.schema.names) if self.options.wants(name)]
            options = pa.ipc.IpcReadOptions(included_fields=wanted)
            file = pa.ipc.open_file(source, options=options)
        return file.schema, (file.get_batch(n) for n in range(file.num_record_batches))


class StreamReader(_IpcReader):
    """Reads an Arrow IPC stream (``.arrows``)."""

    kind = "an Arrow stream"

    def _batches_of(self, source: pa.NativeFile) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        stream = pa.ipc.open_stream(source)
        return stream.schema, iter(stream)


class ArrowWriter(Writer):
    """Writes an Arrow IPC file: uncompressed, record batches of `BATCH_ROWS` rows.

    Args:
        path: The file to make or replace.
        schema: The columns and types of every table to come.

    Raises:
        FormatError: Two columns have one name.
        StorageError: The file cannot be made.
    """

    _new: Callable[..., pa.ipc.RecordBatchStreamWriter] = staticmethod(pa.ipc.new_file)

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._schema = self._expressible(visible(schema).remove_metadata())
        check_target_names(path, self._schema)
        self._file = AtomicFile(path)
        self._writer = self._new(pa.PythonFile(self._file, mode="w"), self._schema)
        self._chunks = Rechunker(self._schema, BATCH_ROWS)

    @staticmethod
    def _expressible(schema: pa.Schema) -> pa.Schema:
        """Decode dictionaries: a file allows one a column, known before its first row."""
        return pa.schema(
            [
                pa.field(f.name, f.type.value_type) if pat.is_dictionary(f.type) else f
                for f in schema
            ]
        )

    def write(self, table: pa.Table) -> None:
        """Append the rows of a table; record batches are written as they fill."""
        for piece in self._chunks.add(table):
            self._writer.write_table(piece)

    def close(self) -> None:
        """Write the last record batch, and put the file in its place."""
        for piece in self._chunks.rest():
            self._writer.write_table(piece)
        self._writer.close()
        self._file.commit()

    def discard(self) -> None:
        """Throw away what was written."""
        self._file.discard()


class StreamWriter(ArrowWriter):
    """Writes an Arrow IPC stream, record batches of `BATCH_ROWS` rows."""

    _new = staticmethod(pa.ipc.new_stream)

    @staticmethod
    def _expressible(schema: pa.Schema) -> pa.Schema:
        """Keep dictionaries, which a stream may replace."""
        return schema
