"""Parquet: rows stream batch by batch, whatever the size of the row groups in the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as pat

from dataflow_core.errors import FormatError, SourceError
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
from dataflow_core.storage.formats.chunking import Rechunker, rows_for
from dataflow_core.storage.formats.signature import check_binary, head_of
from dataflow_core.storage.spans import Span, overlaps
from dataflow_core.table.types import visible

GROUP_ROWS = 10_000
"""Rows of a row group, whatever the size of the tables that arrive."""


class ParquetReader(Reader):
    """Reads a Parquet file; only the columns wanted are touched."""

    extent_is_rows = True

    def sample_schema(self) -> pa.Schema:
        """Return the columns and types in the file's footer, which are exact."""
        with self._open() as file:
            return self._wanted(file)

    def batches(
        self, schema: pa.Schema, batch_rows: int, batch_bytes: int
    ) -> Iterator[SourceBatch]:
        """Yield the rows in order."""
        with self._open() as file:
            names = self._wanted(file).names
            size = rows_for(_row_bytes(file), batch_rows, batch_bytes)
            position = 0
            for batch in self._pieces(file, names, size):
                table = fit(pa.Table.from_batches([batch]), schema)
                yield SourceBatch(table, np.arange(position, position + batch.num_rows))
                position += batch.num_rows

    def extent(self) -> int:
        """Return the number of rows."""
        with self._open() as file:
            return int(file.metadata.num_rows)

    def rows_within(
        self, schema: pa.Schema, spans: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[int, SourceBatch]]:
        """Yield rows by their numbers; only row groups that hold some are read, as far as needed.

        Within a row group, nothing tells where a row is but the rows before it.
        """
        with self._open() as file:
            names, stop = self._wanted(file).names, 0
            for group in range(file.metadata.num_row_groups):
                start, stop = stop, stop + file.metadata.row_group(group).num_rows
                inside = dict(overlaps(spans, start, stop))
                end = max((last for _, last in inside.values()), default=0)
                for number, rows in self._head_of(file, group, names, inside, end):
                    yield number, SourceBatch(fit(rows, schema), np.arange(rows.num_rows))

    def _head_of(
        self, file: pq.ParquetFile, group: int, names: list[str], spans: dict[int, Span], end: int
    ) -> Iterator[tuple[int, pa.Table]]:
        """Yield the rows of stretches of a row group, which is read up to a row."""
        start = 0
        for batch in self._pieces(file, names, GROUP_ROWS, [group]) if end else ():
            stop = start + batch.num_rows
            for place, (low, high) in overlaps(list(spans.values()), start, stop):
                kept = batch.take(pa.array(range(low, high)))  # a slice would keep all of it
                yield list(spans)[place], pa.Table.from_batches([kept])
            start = stop
            if start >= end:
                return

    def _pieces(
        self,
        file: pq.ParquetFile,
        names: list[str],
        size: int,
        groups: list[int] | None = None,
    ) -> Iterator[pa.RecordBatch]:
        try:
            yield from file.iter_batches(
                batch_size=size, row_groups=groups, columns=names, use_threads=False
            )
        except (OSError, pa.ArrowException) as error:
            raise _damaged(self.path, error) from error

    def _wanted(self, file: pq.ParquetFile) -> pa.Schema:
        schema = file.schema_arrow.remove_metadata()
        check_column_names(self.path, schema.names)
        wanted = [field for field in visible(schema) if self.options.wants(field.name)]
        return without_views(pa.schema(wanted))

    @contextmanager
    def _open(self) -> Iterator[pq.ParquetFile]:
        check_binary(self.path, head_of(self.path), "Parquet", "Parquet")
        with ExitStack() as stack:
            try:
                source = stack.enter_context(pa.OSFile(str(self.path), "rb"))
                file = stack.enter_context(
                    pq.ParquetFile(source, pre_buffer=False, page_checksum_verification=True)
                )
            except (OSError, pa.ArrowException) as error:
                raise _damaged(self.path, error) from error
            yield file


class ParquetWriter(Writer):
    """Writes a Parquet file: zstd level 1, row groups of `GROUP_ROWS` rows.

    Args:
        path: The file to make or replace.
        schema: The columns and types of every table to come.

    Raises:
        FormatError: Parquet cannot express a column.
        StorageError: The file cannot be made.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._schema = visible(schema).remove_metadata()
        _check_schema(path, self._schema)
        self._file = AtomicFile(path)
        sink = pa.PythonFile(self._file, mode="w")
        self._writer = pq.ParquetWriter(
            sink, self._schema, compression="zstd", compression_level=1, write_page_checksum=True
        )
        self._chunks = Rechunker(self._schema, GROUP_ROWS)

    def write(self, table: pa.Table) -> None:
        """Append the rows of a table; row groups are written as they fill."""
        for group in self._chunks.add(table):
            self._writer.write_table(group, row_group_size=GROUP_ROWS)

    def close(self) -> None:
        """Write the last row group and the footer, and put the file in its place."""
        for group in self._chunks.rest():
            self._writer.write_table(group, row_group_size=GROUP_ROWS)
        self._writer.close()
        self._file.commit()

    def discard(self) -> None:
        """Throw away what was written."""
        self._file.discard()


def _row_bytes(file: pq.ParquetFile) -> int:
    metadata = file.metadata
    total = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    return int(total // max(1, metadata.num_rows))


def _damaged(path: Path, error: Exception) -> SourceError:
    return SourceError(
        f"{path} is not readable as Parquet: {error}. Was it cut short? Fetch or write it again."
    )


def _check_schema(path: Path, schema: pa.Schema) -> None:
    check_target_names(path, schema)
    for field in schema:
        fault = _inexpressible(field.type)
        if fault:
            raise FormatError(
                f"{path}: Parquet cannot hold column {field.name!r} of type {field.type}: {fault}. "
                "Write .jsonl or .arrow instead, or drop the column."
            )


def _inexpressible(kind: pa.DataType) -> str | None:
    if isinstance(kind, pa.BaseExtensionType):
        return _inexpressible(kind.storage_type)
    if pat.is_struct(kind) and kind.num_fields == 0:
        return "an object without fields has nothing to store"
    if pat.is_union(kind) or pat.is_run_end_encoded(kind) or pat.is_interval(kind):
        return "there is no such type in it"
    if pat.is_dictionary(kind):
        return _inexpressible(kind.value_type)
    faults = (_inexpressible(kind.field(i).type) for i in range(kind.num_fields))
    return next((fault for fault in faults if fault), None)
