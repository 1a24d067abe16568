"""What every file format has in common: the contracts of readers and writers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Literal, NoReturn, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as pat

from dataflow_core.errors import BadRowError, FormatError, SourceError, StorageError
from dataflow_core.table.types import TypeMisfit, conform, visible

RESERVED_PREFIX = "__dataflow_"
"""Column names that begin like this are the project's own."""

Positions = npt.NDArray[np.int64]


class SchemaMisfit(StorageError):
    """A row does not fit the schema asked for: start again with `Reader.exact_schema`."""


@dataclass(frozen=True)
class ReadOptions:
    """How to read a file.

    Attributes:
        columns: The columns wanted, None for all. The others are skipped, but still count when a
            row is judged good or bad.
        on_bad_row: ``"error"`` raises BadRowError at the first row that cannot be read,
            ``"quarantine"`` hands such rows out in `SourceBatch.bad_rows`.
        types: The types of columns of a format that has none (CSV, TSV): ``"string"`` (the
            default), ``"int64"``, ``"float64"`` or ``"bool"``.
    """

    columns: tuple[str, ...] | None = None
    on_bad_row: Literal["error", "quarantine"] = "error"
    types: Mapping[str, str] = field(default_factory=dict)

    def wants(self, column: str) -> bool:
        """Tell whether a column is wanted."""
        return self.columns is None or column in self.columns


@dataclass(frozen=True)
class BadRow:
    """A row that could not be read; nothing of it is lost.

    Attributes:
        path: The file.
        position: The row's number within the file, from 0; bad rows count.
        line: The line that it starts on, from 1, where the format has lines.
        column: The column of the fault, from 1, where known.
        message: What is wrong.
        raw: The bytes of the row.
    """

    path: str
    position: int
    line: int | None
    column: int | None
    message: str
    raw: bytes

    def where(self) -> str:
        """Return the place of the fault, for people."""
        parts = [self.path]
        parts.append(f"row {self.position}" if self.line is None else f"line {self.line}")
        if self.column is not None:
            parts.append(f"column {self.column}")
        return ", ".join(parts)

    def refuse(self) -> NoReturn:
        """Raise the error that this row is where bad rows are not set aside."""
        raise BadRowError(
            f"{self.where()}: {self.message}; found {shorten(self.raw)}. Correct the row, or set "
            'bad rows aside with --on-bad-row quarantine (in Python: on_bad_row="quarantine").'
        )


@dataclass(frozen=True)
class SourceBatch:
    """Rows of one file.

    Attributes:
        table: The rows, in the schema that was asked for, plus the hidden column `ABSENT` where the
            format can tell a missing key from a null and a row lacks one.
        positions: The row number within the file of each row.
        bad_rows: The rows in between that could not be read, in quarantine mode.
    """

    table: pa.Table
    positions: Positions
    bad_rows: tuple[BadRow, ...] = ()


class Reader(ABC):
    """Reads one file, as often as asked, always the same rows in the same order.

    Args:
        path: The file.
        options: How to read it.
    """

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self.path = path
        self.options = options

    extent_is_rows: ClassVar[bool] = False
    """Whether `extent` is a number of rows, and not of bytes."""

    @abstractmethod
    def sample_schema(self) -> pa.Schema:
        """Return the columns and types as far as the head (or footer) of the file tells.

        Raises:
            SourceError: The file is missing, empty, unreadable, or not what its ending says.
        """

    def exact_schema(self) -> pa.Schema:
        """Return the columns and types of all rows, reading them all where need be.

        Raises:
            SourceError: The file is missing, empty, unreadable, or not what its ending says.
            BadRowError: A row cannot be read, and bad rows are not set aside.
        """
        return self.sample_schema()

    @abstractmethod
    def batches(
        self, schema: pa.Schema, batch_rows: int, batch_bytes: int
    ) -> Iterator[SourceBatch]:
        """Yield the rows in order.

        Args:
            schema: The wanted columns and types. Columns that the file lacks come as null.
            batch_rows: The most rows a batch.
            batch_bytes: About the most bytes a batch; one row may be larger.

        Raises:
            SchemaMisfit: A row does not fit the schema, or has a column that it lacks.
            BadRowError: A row cannot be read, and bad rows are not set aside.
            SourceError: The file is missing, empty, unreadable, or not what its ending says.
        """

    def extent(self) -> int | None:
        """Return the length of the file, in rows or bytes; None where it is read from its front.

        A format whose rows can be found anywhere in a file, without reading what stands before,
        defines this and `rows_within`.
        """
        return None

    def rows_within(
        self, schema: pa.Schema, spans: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[int, SourceBatch]]:
        """Yield the rows that begin within stretches of the file, and only they are read.

        Args:
            schema: The wanted columns and types.
            spans: Stretches of `extent`, in order, that do not overlap.

        Yields:
            The number of a stretch and rows of it; their positions are not those in the file.

        Raises:
            SchemaMisfit: A row does not fit the schema, or has a column that it lacks.
            BadRowError: A row cannot be read, and bad rows are not set aside.
        """
        raise NotImplementedError(f"{type(self).__name__} reads files from their beginning only")


class Writer(ABC):
    """Writes one file, which appears whole when the writer is closed, or not at all.

    Args:
        path: The file to make or replace.
        schema: The columns and types of every table to come; hidden columns do not count.

    Raises:
        FormatError: The format cannot express a column.
        StorageError: The file cannot be made.
    """

    @abstractmethod
    def __init__(self, path: Path, schema: pa.Schema) -> None: ...

    @abstractmethod
    def write(self, table: pa.Table) -> None:
        """Append the rows of a table.

        Raises:
            FormatError: The format cannot express a value.
            StorageError: The file cannot be written.
        """

    @abstractmethod
    def close(self) -> None:
        """Finish the file and put it in its place."""

    @abstractmethod
    def discard(self) -> None:
        """Throw away what was written; whatever was at the path before stays."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


def fit(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Bring a table of a typed format to the schema asked for, exactly.

    Raises:
        SchemaMisfit: The table has a column that the schema lacks, or a value that does not fit.
    """
    extra = [name for name in table.column_names if name not in schema.names]
    if extra:
        raise SchemaMisfit(f"column {extra[0]!r} is not in the schema asked for")
    try:
        return conform(table, visible(schema))
    except (TypeMisfit, FormatError) as error:
        raise SchemaMisfit(str(error)) from error


def without_views(schema: pa.Schema) -> pa.Schema:
    """Return the schema with plain texts for views of them, which most of Arrow cannot work on.

    The values are the same; polars, for one, writes all texts of ``.arrow`` files as views.
    """
    return pa.schema([field.with_type(_without_views(field.type)) for field in schema])


def _without_views(kind: pa.DataType) -> pa.DataType:
    if pat.is_string_view(kind):
        return pa.string()
    if pat.is_binary_view(kind):
        return pa.binary()
    if pat.is_list(kind) or pat.is_large_list(kind):
        make = pa.list_ if pat.is_list(kind) else pa.large_list
        return make(kind.value_field.with_type(_without_views(kind.value_type)))
    if pat.is_struct(kind):
        return pa.struct([field.with_type(_without_views(field.type)) for field in kind.fields])
    return kind


def check_column_names(path: Path, names: list[str]) -> None:
    """Refuse a source with two columns of one name, or with a reserved name.

    Raises:
        SourceError: A name is used twice or reserved.
    """
    for name in names:
        if name.startswith(RESERVED_PREFIX):
            raise SourceError(
                f"{path}: column {name!r} begins with {RESERVED_PREFIX!r}, which is reserved for "
                "hidden columns; rename it in the source."
            )
    repeated = _repeated(names)
    if repeated:
        raise SourceError(
            f"{path}: two columns are named {repeated[0]!r} "
            f"(repeated: {', '.join(map(repr, repeated))}); rename one of them in the source."
        )


def check_target_names(path: Path, schema: pa.Schema) -> None:
    """Refuse to write two columns of one name.

    Raises:
        FormatError: A name is used twice.
    """
    repeated = _repeated(schema.names)
    if repeated:
        raise FormatError(
            f"{path}: two columns are named {repeated[0]!r}; rename one of them before writing."
        )


def shorten(raw: bytes, limit: int = 80) -> str:
    """Return the beginning of some bytes as a quoted text."""
    text = raw[: limit * 4].decode("utf-8", "backslashreplace")
    return repr(text if len(text) <= limit else text[:limit] + "…")


def _repeated(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
