"""Sources: where the rows of a run come from, in batches that share one schema."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dataflow_core.storage.formats import BadRow
from dataflow_core.table.identity import RowIds, formatted
from dataflow_core.table.types import concat

UNREADABLE = "unreadable"
"""The reason for which a row of a source that cannot be read is set aside."""

Origin = Literal["whole", "spread", "front", "fronts"]
"""Where the rows of a sample are from."""

BATCH_ROWS = 10_000
BATCH_BYTES = 4 << 20
"""Batches of about 2 MB stay in the processor's caches; larger ones measured slower."""


@dataclass(frozen=True)
class Batch:
    """Rows of a source.

    Attributes:
        table: The rows, in the schema that was asked for.
        positions: Their row numbers within the whole source, from 0.
        bad_rows: Rows in between that could not be read, in quarantine mode.
        bad_positions: Their row numbers within the whole source.
    """

    table: pa.Table
    positions: npt.NDArray[np.int64]
    bad_rows: tuple[BadRow, ...] = ()
    bad_positions: tuple[int, ...] = ()


@dataclass(frozen=True)
class SourceSample:
    """Rows of a source that stand for all of them.

    Attributes:
        blocks: Rows that lie together in the source, one table a place, all in one schema.
        unreadable: How many rows of each block could not be read, in quarantine mode.
        total: How many rows the source has, unreadable ones included.
        is_exact: Whether that many, or about that many.
        origin: Where the rows are from: the whole source; places spread over it; its front; or the
            fronts of several of its files.
    """

    blocks: tuple[pa.Table, ...]
    unreadable: tuple[int, ...]
    total: int
    is_exact: bool
    origin: Origin

    @property
    def rows(self) -> int:
        """The number of rows in the sample, unreadable ones included."""
        return sum(table.num_rows for table in self.blocks) + sum(self.unreadable)


def block_of(batches: Sequence[Batch], schema: pa.Schema) -> tuple[pa.Table, int]:
    """Return batches as one block of a sample: its rows, and how many were unreadable."""
    tables = [batch.table for batch in batches] or [schema.empty_table()]
    return concat(tables), sum(len(batch.bad_rows) for batch in batches)


def cut_into_blocks(
    batches: Sequence[Batch], schema: pa.Schema, blocks: int
) -> tuple[tuple[pa.Table, ...], tuple[int, ...]]:
    """Return batches as blocks of about as many batches each, and their unreadable rows."""
    groups: list[list[Batch]] = [[] for _ in range(max(1, min(blocks, len(batches))))]
    for number, batch in enumerate(batches):
        groups[number * len(groups) // len(batches)].append(batch)
    tables, unreadable = zip(*(block_of(group, schema) for group in groups), strict=True)
    return tables, unreadable


def coalesced(batches: Iterable[Batch], rows: int, size: int) -> Iterator[Batch]:
    """Yield batches joined while they stay within the limits: many small files make few batches.

    Args:
        batches: Batches in one schema.
        rows: The most rows a batch.
        size: About the most bytes a batch.
    """
    waiting: list[Batch] = []
    count = weight = 0
    for batch in batches:
        more, heavier = len(batch.positions), batch.table.nbytes
        if waiting and (count + more > rows or weight + heavier > size):
            yield _joined(waiting)
            waiting, count, weight = [], 0, 0
        waiting.append(batch)
        count, weight = count + more, weight + heavier
    if waiting:
        yield _joined(waiting)


def _joined(batches: list[Batch]) -> Batch:
    if len(batches) == 1:
        return batches[0]
    return Batch(
        concat([batch.table for batch in batches]),
        np.concatenate([batch.positions for batch in batches]),
        tuple(row for batch in batches for row in batch.bad_rows),
        tuple(position for batch in batches for position in batch.bad_positions),
    )


def unreadable_rows(batch: Batch, ids: RowIds, source: str) -> pa.Table:
    """Return the rows of a batch that could not be read, as quarantines keep them.

    Args:
        batch: The batch.
        ids: The ids of those rows.
        source: The source's name.
    """
    rows = batch.bad_rows
    return pa.table(
        {
            "row_id": formatted(ids),
            "step": pa.array([source] * len(rows), pa.string()),
            "reason": pa.array([UNREADABLE] * len(rows), pa.string()),
            "value": pa.nulls(len(rows), pa.string()),
            "message": pa.array([row.message for row in rows], pa.string()),
            "related_row_id": pa.nulls(len(rows), pa.string()),
            "path": pa.array([row.path for row in rows], pa.string()),
            "line": pa.array([row.line for row in rows], pa.int64()),
            "raw": pa.array([row.raw for row in rows], pa.binary()),
        }
    )


def _head(batches: Iterable[Batch], rows: int) -> tuple[list[Batch], bool]:
    """Return the first batches, of about so many rows, and whether there are no others."""
    found: list[Batch] = []
    count = 0
    for batch in batches:
        if count >= rows:
            return found, False
        found.append(batch)
        count += len(batch.positions) + len(batch.bad_rows)
    return found, True


class Source(ABC):
    """Rows that can be read again and again, always the same and in the same order."""

    @abstractmethod
    def schema(self) -> pa.Schema:
        """Return the columns and types as a cheap look tells (a footer, the first megabyte)."""

    def exact_schema(self) -> pa.Schema:
        """Return the columns and types of all rows, reading them all if need be."""
        return self.schema()

    @abstractmethod
    def batches(
        self,
        schema: pa.Schema,
        batch_rows: int = BATCH_ROWS,
        batch_bytes: int = BATCH_BYTES,
        limit: int | None = None,
    ) -> Iterator[Batch]:
        """Yield the rows in order.

        Args:
            schema: The wanted schema: `schema()` or `exact_schema()`.
            batch_rows: The most rows a batch.
            batch_bytes: About the most bytes a batch.
            limit: The most rows in all.

        Raises:
            SchemaMisfit: A row does not fit the schema: start again with `exact_schema()`.
            BadRowError: A row cannot be read.
        """

    def estimated_rows(self) -> int | None:
        """Return about how many rows there are, if that is quickly told."""
        return None

    def sample(self, schema: pa.Schema, rows: int, blocks: int) -> SourceSample:
        """Return rows that stand for all; where there are no more than asked for, all of them.

        A source that can be read in part returns rows from places spread evenly over it, in which
        each row has the same chance to be. This is the default, for all others: the first rows.

        Args:
            schema: The wanted schema: `schema()` or `exact_schema()`.
            rows: About how many rows.
            blocks: From how many places.

        Raises:
            SchemaMisfit: A row does not fit the schema: start again with `exact_schema()`.
            BadRowError: A row cannot be read.
        """
        found, is_whole = _head(self.batches(schema, max(1, rows // blocks)), rows)
        tables, unreadable = cut_into_blocks(found, schema, blocks)
        count = sum(table.num_rows for table in tables) + sum(unreadable)
        if is_whole:
            return SourceSample(tables, unreadable, count, is_exact=True, origin="whole")
        told = self.estimated_rows()
        total = self.count(schema) if told is None else max(told, count + 1)
        return SourceSample(tables, unreadable, total, is_exact=told is None, origin="front")

    def count(self, schema: pa.Schema) -> int:
        """Return how many rows there are, unreadable ones included, by reading them all."""
        return sum(len(batch.positions) + len(batch.bad_rows) for batch in self.batches(schema))

    def project(self, columns: Sequence[str]) -> Self:
        """Return a source of the same rows that need not read other columns; by default, itself."""
        return self

    @abstractmethod
    def describe(self) -> str:
        """Return where the rows come from, for people and run files: a path or URL, no secrets."""

    def would_read(self, path: Path) -> bool:
        """Tell whether the rows come from this file, or would if it were there."""
        return False

    def fingerprint(self) -> str:
        """Return a text that changes when the content does."""
        return self.describe()
