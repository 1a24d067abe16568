"""Tables from files: one file, a pattern, or a folder, in any of the known formats."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

import pandas as pd
import pyarrow as pa

from dataflow_core.errors import ConfigurationError, FormatError, SourceError
from dataflow_core.storage.bindings import missing_column
from dataflow_core.storage.formats import (
    Reader,
    ReadOptions,
    SchemaMisfit,
    SourceBatch,
    expand_source,
    is_typed,
    reader_for,
)
from dataflow_core.storage.formats.discovery import is_data_folder
from dataflow_core.storage.formats.endings import format_of
from dataflow_core.storage.formats.estimates import estimated_rows_of
from dataflow_core.storage.source import (
    BATCH_BYTES,
    BATCH_ROWS,
    Batch,
    Source,
    SourceSample,
    block_of,
    coalesced,
    cut_into_blocks,
)
from dataflow_core.storage.spans import Span, parts_of, spread
from dataflow_core.storage.table_storage import TableStorage
from dataflow_core.storage.targets import open_target, refuse_to_overwrite
from dataflow_core.table.types import ABSENT, TypeMisfit, conform, unify_schemas, visible


class ReadersSource(Source):
    """The rows of files, one after the other, as one table, whatever their readers are.

    Args:
        source: A path, a pattern with ``*`` or ``**``, or a folder.
        options: What to read and what to do with rows that cannot be read.
    """

    def __init__(self, source: str, options: ReadOptions) -> None:
        self.name = source
        self.options = options

    @abstractmethod
    def find_readers(self) -> list[Reader]:
        """Return one reader a file, in order of name.

        Raises:
            SourceError: There is no file, or one that these readers are not for.
        """

    @abstractmethod
    def is_data(self, path: Path) -> bool:
        """Tell by its name whether a file of the folder or pattern would be read."""

    @cached_property
    def readers(self) -> list[Reader]:
        """One reader a file, in order of name."""
        return self.find_readers()

    def schema(self) -> pa.Schema:
        """Return the joint schema of all files, from their heads or footers."""
        return self._joint(self._sampled)

    def exact_schema(self) -> pa.Schema:
        """Return the joint schema of all rows."""
        return self._joint(self._exact, any_integer=True)

    def batches(
        self,
        schema: pa.Schema,
        batch_rows: int = BATCH_ROWS,
        batch_bytes: int = BATCH_BYTES,
        limit: int | None = None,
    ) -> Iterator[Batch]:
        """Yield the rows of all files in order; see `Source.batches`."""
        parts = self._parts(schema, batch_rows, batch_bytes, limit)
        return coalesced(parts, batch_rows, batch_bytes)

    def _parts(
        self, schema: pa.Schema, batch_rows: int, batch_bytes: int, limit: int | None
    ) -> Iterator[Batch]:
        base, left = 0, limit
        for reader, own in zip(self.readers, self._own_schemas(), strict=True):
            last = -1
            for part in reader.batches(_narrow(own, schema), batch_rows, batch_bytes):
                batch = _placed(part, base, schema, left)
                last = max(last, _last_position(part))
                yield batch
                if left is not None:
                    left -= batch.table.num_rows + len(batch.bad_rows)
                    if left <= 0:
                        return
            base += last + 1

    def estimated_rows(self) -> int | None:
        """Return about how many rows the files hold, where their formats tell."""
        return estimated_rows_of([reader.path for reader in self.readers])

    def sample(self, schema: pa.Schema, rows: int, blocks: int) -> SourceSample:
        """Return rows from places spread over all files; see `Source.sample`.

        Where the files can only be read from their fronts, these are of several files.
        """
        extents = [reader.extent() for reader in self.readers]
        about = self.estimated_rows()
        if about is not None and about <= rows:
            return super().sample(schema, rows, blocks)
        if None not in extents:
            return self._spread(schema, [extent or 0 for extent in extents], rows, blocks)
        if len(self.readers) > 1:
            return self._fronts(schema, rows, blocks)
        return super().sample(schema, rows, blocks)

    def _spread(
        self, schema: pa.Schema, extents: list[int], rows: int, blocks: int
    ) -> SourceSample:
        """Return rows from stretches of all files, laid end to end."""
        by_rows, whole = self.readers[0].extent_is_rows, sum(extents)
        total = whole if by_rows else self.estimated_rows() or 1
        spans = spread(whole, rows * whole // total, blocks)
        looked = sum(stop - start for start, stop in spans)
        asked: dict[int, list[tuple[int, Span]]] = {}
        for file, block, span in parts_of(spans, extents):
            asked.setdefault(file, []).append((block, span))
        found: list[list[Batch]] = [[] for _ in spans]
        for file, parts in asked.items():
            reader, own = self.readers[file], _narrow(self._own_schemas()[file], schema)
            for number, part in reader.rows_within(own, [span for _, span in parts]):
                found[parts[number][0]].append(_placed(part, 0, schema, None))
        tables, unreadable = zip(*(block_of(one, schema) for one in found), strict=True)
        seen = sum(table.num_rows for table in tables) + sum(unreadable)
        if not seen:  # the places fell within long lines, or on blank ones
            return super().sample(schema, rows, blocks)
        about = whole if by_rows else round(seen * whole / looked)
        return SourceSample(tables, unreadable, about, is_exact=by_rows, origin="spread")

    def _fronts(self, schema: pa.Schema, rows: int, blocks: int) -> SourceSample:
        """Return the first rows of files, of larger ones more often."""
        sizes = [max(1, reader.path.stat().st_size) for reader in self.readers]
        chosen = Counter(file for file, _, _ in parts_of(spread(sum(sizes), blocks, blocks), sizes))
        found: list[tuple[pa.Table, int]] = []
        for file, times in chosen.items():
            reader, own = self.readers[file], _narrow(self._own_schemas()[file], schema)
            left = times * max(1, rows // blocks)
            batches: list[Batch] = []
            for part in reader.batches(own, max(1, rows // blocks), BATCH_BYTES):
                batches.append(_placed(part, 0, schema, left))
                left -= batches[-1].table.num_rows + len(batches[-1].bad_rows)
                if left <= 0:
                    break
            found += zip(*cut_into_blocks(batches, schema, times), strict=True)
        tables, unreadable = zip(*found, strict=True)
        told = self.estimated_rows()
        seen = sum(table.num_rows for table in tables) + sum(unreadable)
        total = self.count(schema) if told is None else max(told, seen)
        return SourceSample(tables, unreadable, total, is_exact=told is None, origin="fronts")

    def describe(self) -> str:
        """Return the path, pattern or folder."""
        return self.name

    def would_read(self, path: Path) -> bool:
        """Tell whether a file is one of these, or would be if it were there."""
        wanted, source = path.resolve(), Path(self.name).resolve()
        if source.is_dir():
            inside = wanted.is_relative_to(source) and self.is_data(wanted)
            folders = [source / part for part in wanted.parents if part.is_relative_to(source)]
            return inside and all(folder == source or is_data_folder(folder) for folder in folders)
        if any(reader.path.resolve() == wanted for reader in self.readers):
            return True
        return "*" in self.name and wanted.match(str(source)) and self.is_data(wanted)

    def fingerprint(self) -> str:
        """Return the files with their sizes and times of change."""
        stats = [(str(r.path), r.path.stat()) for r in self.readers]
        return "; ".join(f"{path} {stat.st_size} {stat.st_mtime_ns}" for path, stat in stats)

    def _own_schemas(self) -> list[pa.Schema]:
        """Return each file's schema: the exact ones where the sampled ones proved too narrow."""
        return self._exact if "_exact" in self.__dict__ else self._sampled

    @cached_property
    def _sampled(self) -> list[pa.Schema]:
        return [reader.sample_schema() for reader in self.readers]

    @cached_property
    def _exact(self) -> list[pa.Schema]:
        return [reader.exact_schema() for reader in self.readers]

    def _joint(self, schemas: list[pa.Schema], *, any_integer: bool = False) -> pa.Schema:
        try:
            joint = unify_schemas(map(visible, schemas), any_integer=any_integer)
        except FormatError as error:
            raise SourceError(f"{self.name}: the files do not fit together: {error}") from error
        if self.options.columns is not None:
            for name in self.options.columns:
                if name not in joint.names:
                    raise missing_column(self.name, name, joint.names)
            joint = pa.schema([joint.field(name) for name in self.options.columns])
        return joint


class FileSource(ReadersSource):
    """The rows of files of the formats that the core knows."""

    def find_readers(self) -> list[Reader]:
        """Return one reader a file, in order of name."""
        paths = expand_source(self.name)
        typed = next((path for path in paths if is_typed(path)), None)
        if self.options.types and typed is not None:
            raise SourceError(
                f"{typed}: column types are for CSV and TSV, in which every value is text; this "
                "file has types of its own. Leave --column-type (types=) out, and convert with "
                "core/derive_column, such as CAST(score AS double)."
            )
        return [reader_for(path, self.options) for path in paths]

    def is_data(self, path: Path) -> bool:
        """Tell whether a file's ending is that of a known format."""
        return format_of(path) is not None

    def project(self, columns: Sequence[str]) -> Self:
        """Return the source of some columns; a format that can skips the others unparsed."""
        return type(self)(self.name, dataclasses.replace(self.options, columns=tuple(columns)))


class FileStorage(TableStorage):
    """A table from files; the files are never written to.

    Reads JSONL, JSON (an array, or objects one after the other), CSV, TSV, Parquet and Arrow; the
    text formats also packed (``.gz .zst .bz2 .xz``). In a pipeline that runs, rows are
    streamed; used directly, the table is loaded when first read, and operators change it in memory.

    Args:
        source: A path, a pattern (``data/*.jsonl.gz``, ``data/**/*.parquet``), or a folder.
        columns: The columns to read; None for all. The others are not even parsed where the format
            allows.
        types: For CSV and TSV, in which every value is text: the type of columns that are not
            (``{"score": "float64"}``; string, int64, float64 or bool).
        on_bad_row: What to do with a row that cannot be read: ``"error"`` stops and names file,
            line and column; ``"quarantine"`` goes on and keeps the row aside.

    Example:
        >>> storage = FileStorage("examples/reviews.jsonl")
        >>> storage.read(["text"]).shape
        (5, 1)
    """

    source: FileSource

    def __init__(
        self,
        source: str | Path,
        *,
        columns: Sequence[str] | None = None,
        types: Mapping[str, str] | None = None,
        on_bad_row: Literal["error", "quarantine"] = "error",
    ) -> None:
        super().__init__()
        options = ReadOptions(
            columns=tuple(columns) if columns is not None else None,
            types=dict(types or {}),
            on_bad_row=on_bad_row,
        )
        if not str(source):
            raise ConfigurationError(
                "FileStorage: the source is empty; name a file, pattern or folder."
            )
        self.source = FileSource(_path_of(str(source)), options)

    def read(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return the table; before any operator has run, only the wanted columns are read."""
        if columns is None or self._frame is not None or self.source.options.columns is not None:
            return super().read(columns)
        schema = self.source.schema()
        for name in columns:
            if name not in schema.names:
                raise missing_column(f"storage {self.source.name}", name, schema.names)
        projected = TableStorage()
        projected.source = self.source.project(columns)
        return projected.read()

    def save(self, path: str | Path) -> None:
        """Write the table as it stands to a file or folder; see `open_target`.

        Raises:
            FormatError: The format cannot express a column or value; nothing is written.
            StorageError: The place cannot be written to, or is one of the storage's own files.
        """
        refuse_to_overwrite(str(path), self.source)
        table = self.frame.to_arrow()
        with open_target(str(path), visible(table.schema)) as target:
            target.write(table)


def _narrow(own: pa.Schema, wanted: pa.Schema) -> pa.Schema:
    return pa.schema([field for field in own if field.name in wanted.names])


def _placed(part: SourceBatch, base: int, schema: pa.Schema, left: int | None) -> Batch:
    if left is not None and part.table.num_rows + len(part.bad_rows) > left:
        part = _cut(part, left)
    try:
        table = conform(part.table, schema) if schema.names else _empty_rows(len(part.positions))
    except TypeMisfit as error:
        raise SchemaMisfit(str(error)) from error
    bad = tuple(row.position + base for row in part.bad_rows)
    return Batch(table, part.positions + base, part.bad_rows, bad)


def _empty_rows(rows: int) -> pa.Table:
    """Return rows without columns, which an Arrow table cannot count without one."""
    return pa.table({ABSENT: pa.nulls(rows, pa.list_(pa.string()))})


def _cut(part: SourceBatch, rows: int) -> SourceBatch:
    all_positions = [*part.positions.tolist(), *(row.position for row in part.bad_rows)]
    end = sorted(all_positions)[rows - 1]
    keep = int((part.positions <= end).sum())
    bad = tuple(row for row in part.bad_rows if row.position <= end)
    return SourceBatch(part.table.slice(0, keep), part.positions[:keep], bad)


def _last_position(part: SourceBatch) -> int:
    last = int(part.positions[-1]) if len(part.positions) else -1
    return max([last, *(row.position for row in part.bad_rows)])


def _path_of(source: str) -> str:
    """Return a path, also of a ``file://`` URL."""
    if not source.startswith("file://"):
        return source
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    return url2pathname(urlsplit(source).path)
