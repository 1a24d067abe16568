"""Reading a plan's source: rows with ids, unreadable rows set aside, one schema for all batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from dataflow_core.engine.pieces import Piece, Unreadable
from dataflow_core.errors import RunError
from dataflow_core.pipeline.plan import Plan
from dataflow_core.storage.base import Storage
from dataflow_core.storage.source import BATCH_ROWS, Batch, Source, unreadable_rows
from dataflow_core.storage.table_storage import TableStorage
from dataflow_core.table.frames import Frame
from dataflow_core.table.identity import RowIds, source_ids


def source_of(name: str, storage: Storage | None) -> Source:
    """Return what a plan's storage reads from.

    Raises:
        RunError: There is no storage, or it is of a kind that the engine cannot stream.
    """
    if storage is None:
        raise RunError(
            f"the plan's table {name!r} has no source; pass one (--input on the command line)"
        )
    if not isinstance(storage, TableStorage):
        raise RunError(
            f"the engine cannot stream a {type(storage).__name__}; derive it from TableStorage "
            "and give it a source."
        )
    return storage.as_source()


def needed_columns(plan: Plan, name: str, columns: Sequence[str]) -> list[str]:
    """Return the columns of a source that its plan reads or keeps.

    A plan whose first step selects columns need not read the others.

    Args:
        plan: The plan.
        name: The source's name.
        columns: The columns of the source.
    """
    consumers = plan.consumers(name)
    if len(consumers) != 1 or consumers[0].table != name or plan.result == name:
        return list(columns)
    step = consumers[0]
    read = {column for read in step.operator.reads(step.columns).values() for column in read}
    kept = step.operator.columns_after(dict.fromkeys(columns, pa.null()), step.columns)
    return [column for column in columns if column in read or column in kept]


class SourceReader:
    """The rows of one source of a plan.

    Args:
        name: Its name in the plan, from which row ids derive.
        source: Where the rows come from.
        batch_rows: The most rows a batch.
        limit: The most rows in all.
        exact: Whether to read all rows for their types first; needed once a row did not fit.
    """

    def __init__(
        self, name: str, source: Source, *, batch_rows: int, limit: int | None, exact: bool
    ) -> None:
        self.name = name
        self._source = source
        self._batch_rows = batch_rows
        self._limit = limit
        self._exact = exact

    def schema(self) -> pa.Schema:
        """Return the schema of all batches."""
        return self._source.exact_schema() if self._exact else self._source.schema()

    def pieces(self) -> Iterator[Piece]:
        """Yield the rows in order, at least one piece even if it is empty."""
        schema, stop = self.schema(), 0
        for batch in self._source.batches(schema, self._batch_rows, limit=self._limit):
            start, stop = stop, _end(batch)
            frame = Frame.from_arrow(batch.table, self._ids(batch.positions))
            yield Piece(start, stop, frame, batch.positions, self._unreadable(batch))
        if not stop:
            nothing = np.empty(0, np.int64)
            frame = Frame.from_arrow(schema.empty_table(), self._ids(nothing))
            yield Piece(0, 0, frame, nothing)

    def _unreadable(self, batch: Batch) -> Unreadable | None:
        if not batch.bad_rows:
            return None
        places = np.array(batch.bad_positions, np.int64)
        return Unreadable(unreadable_rows(batch, self._ids(places), self.name), places)

    def _ids(self, positions: np.ndarray[tuple[int], np.dtype[np.int64]]) -> RowIds:
        return source_ids(self.name, positions)


def reader_of(
    plan: Plan, name: str, *, limit: int | None, exact: bool, batch_rows: int = BATCH_ROWS
) -> SourceReader:
    """Return a reader of a source, of the columns that the plan needs.

    Args:
        plan: The plan.
        name: The source's name.
        limit: The most rows in all.
        exact: See `SourceReader`.
        batch_rows: The most rows a batch.
    """
    source = source_of(name, plan.sources[name])
    columns = source.schema().names
    needed = needed_columns(plan, name, columns)
    projected = source.project(needed) if len(needed) < len(columns) else source
    return SourceReader(name, projected, batch_rows=batch_rows, limit=limit, exact=exact)


def _end(batch: Batch) -> int:
    last = int(batch.positions[-1]) if len(batch.positions) else -1
    return max([last, *batch.bad_positions]) + 1
