"""Targets: where a result goes: one file, a folder, or a pattern such as ``part-*.jsonl``."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import pyarrow as pa

from dataflow_core.errors import FormatError, StorageError
from dataflow_core.storage.formats import Writer, writer_for
from dataflow_core.storage.source import Source

ROWS_PER_FILE = 100_000


class Target:
    """A place to which a table is written, whole or not at all.

    Args:
        paths: The path of a file by its number, from 0.
        schema: The table's schema.
        rows_per_file: The most rows a file; None for one file.
    """

    def __init__(self, pattern: Path, schema: pa.Schema, rows_per_file: int | None) -> None:
        self._pattern = pattern
        self._schema = schema
        self._rows_per_file = rows_per_file
        self._done: list[Writer] = []
        self._rows = 0
        self._writer = self._next()

    @property
    def paths(self) -> list[Path]:
        """The files so far."""
        return [self._path(number) for number in range(len(self._done) + 1)]

    def write(self, table: pa.Table) -> None:
        """Append rows."""
        if not self._schema.names and table.num_rows and ".json" not in self._pattern.name:
            raise FormatError(
                f"{self._pattern}: rows without any column can only be written as JSON. "
                "Write .jsonl, or keep a column."
            )
        while self._rows_per_file is not None and self._rows + table.num_rows > self._rows_per_file:
            room = self._rows_per_file - self._rows
            self._writer.write(table.slice(0, room))
            table = table.slice(room)
            self._done.append(self._writer)
            self._writer, self._rows = self._next(), 0
        self._writer.write(table)
        self._rows += table.num_rows

    def close(self) -> None:
        """Put the files in place."""
        for writer in (*self._done, self._writer):
            writer.close()

    def discard(self) -> None:
        """Throw away what was written."""
        for writer in (*self._done, self._writer):
            writer.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def _next(self) -> Writer:
        return writer_for(self._path(len(self._done)), self._schema)

    def _path(self, number: int) -> Path:
        return self._pattern.with_name(self._pattern.name.replace("*", f"{number:05d}"))


def open_target(goal: str, schema: pa.Schema) -> Target:
    """Return a target for a table.

    Args:
        goal: A file whose ending names the format (``clean.jsonl``, ``clean.csv.gz``,
            ``clean.parquet``), a pattern with ``*`` in the file name (``out/part-*.jsonl.zst``), or
            a folder (``out/``), which gets ``part-*.parquet``. Patterns and folders get files of at
            most 100,000 rows.
        schema: The table's schema, without hidden columns.

    Raises:
        FormatError: The ending is unknown, or the format cannot express a column.
        StorageError: The place cannot be written to.
    """
    if not goal:
        raise FormatError("the output is empty; name a file, a pattern or a folder.")
    path = output_pattern(goal)
    if "*" in path.name:
        _refuse_leftovers(path)
        return Target(path, schema, ROWS_PER_FILE)
    return Target(path, schema, None)


def output_pattern(goal: str) -> Path:
    """Return the path of a goal; that of a folder is the pattern of the files that go into it."""
    path = Path(goal)
    return path / "part-*.parquet" if goal.endswith("/") or path.is_dir() else path


def refuse_to_overwrite(goal: str, source: Source) -> None:
    """Refuse a goal that the source reads, or would read the next time.

    Args:
        goal: Where rows would be written, as `open_target` takes it.
        source: The source.

    Raises:
        StorageError: It is one of the source's files, lies in its folder, or matches its pattern.
    """
    if source.would_read(Path(goal.replace("*", "00000"))):
        raise StorageError(
            f"the output {goal} would overwrite or join what is read from {source.describe()}. "
            "Name another place; sources are never written to."
        )


def _refuse_leftovers(pattern: Path) -> None:
    """Refuse to write beside files of an earlier result, so that rows of two runs do not mix."""
    if next(pattern.parent.glob(pattern.name), None) is not None:
        raise FormatError(
            f"{pattern.parent} holds part files already ({pattern.name}); name an empty folder or "
            "another pattern, or remove them first, so that rows of two runs do not mix."
        )
