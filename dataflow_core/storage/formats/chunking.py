"""Fixed pieces of rows, so that a file's bytes do not depend on how its rows arrived."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from dataflow_core.storage.formats.base import SourceBatch


class Rechunker:
    """Cuts tables that arrive in any size into tables of a fixed number of rows, each in one chunk.

    Args:
        schema: The columns to keep, in this order.
        rows: The number of rows of a piece.
    """

    def __init__(self, schema: pa.Schema, rows: int) -> None:
        self._schema = schema
        self._rows = rows
        self._waiting: list[pa.Table] = []
        self._count = 0

    def add(self, table: pa.Table) -> Iterator[pa.Table]:
        """Take a table, and yield the pieces that are full."""
        table = table.select(self._schema.names)
        while self._count + table.num_rows >= self._rows:
            room = self._rows - self._count
            self._waiting.append(table.slice(0, room))
            yield self._take()
            table = table.slice(room)
        if table.num_rows:
            self._waiting.append(table)
            self._count += table.num_rows

    def rest(self) -> Iterator[pa.Table]:
        """Yield the last piece, if there are rows left."""
        if self._count:
            yield self._take()

    def _take(self) -> pa.Table:
        # A lone slice would not be copied, and its padding would hold bytes of its neighbours.
        tables = [*self._waiting, self._waiting[0].slice(0, 0)]
        piece = pa.concat_tables(tables).cast(self._schema).combine_chunks()
        self._waiting, self._count = [], 0
        return piece


def rows_for(row_bytes: int, batch_rows: int, batch_bytes: int) -> int:
    """Return how many rows of about this size make a batch within both limits."""
    return max(1, min(batch_rows, batch_bytes // max(1, row_bytes)))


def split(table: pa.Table, rows: int) -> Iterator[pa.Table]:
    """Yield slices of at most ``rows`` rows."""
    for start in range(0, table.num_rows, rows):
        yield table.slice(start, rows)


def cut(batch: SourceBatch, rows: int) -> Iterator[SourceBatch]:
    """Yield a batch in batches of at most ``rows`` rows; bad rows stay between their neighbours."""
    if batch.table.num_rows <= rows:
        yield batch
        return
    start = 0
    bad = list(batch.bad_rows)
    for piece in split(batch.table, rows):
        end = start + piece.num_rows
        last = batch.positions[end - 1] if end < batch.table.num_rows else np.iinfo(np.int64).max
        now = tuple(row for row in bad if row.position < last)
        yield SourceBatch(piece, batch.positions[start:end], now)
        bad = bad[len(now) :]
        start = end
