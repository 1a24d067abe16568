"""Reading a plan's source: rows with ids, unreadable rows set aside, one schema for all batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from dataflow_core.errors import RunError
from dataflow_core.pipeline.plan import Plan
from dataflow_core.storage.base import Storage
from dataflow_core.storage.source import Batch, Source
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
        set_aside: Called with the unreadable rows of a batch and their ids.
    """

    def __init__(
        self,
        name: str,
        source: Source,
        *,
        batch_rows: int,
        limit: int | None,
        exact: bool,
        set_aside: Callable[[Batch, RowIds], None],
    ) -> None:
        self.name = name
        self.rows = 0
        self.unreadable = 0
        self._source = source
        self._batch_rows = batch_rows
        self._limit = limit
        self._exact = exact
        self._set_aside = set_aside

    def schema(self) -> pa.Schema:
        """Return the schema of all batches."""
        return self._source.exact_schema() if self._exact else self._source.schema()

    def frames(self) -> Iterator[Frame]:
        """Yield the rows in order, at least one batch even if it is empty; called once a run."""
        schema = self.schema()
        yielded = False
        for batch in self._source.batches(schema, self._batch_rows, limit=self._limit):
            self.rows += batch.table.num_rows + len(batch.bad_rows)
            self.unreadable += len(batch.bad_rows)
            if batch.bad_rows:
                self._set_aside(batch, self._ids(np.array(batch.bad_positions, np.int64)))
            if batch.table.num_rows:
                yielded = True
                yield Frame.from_arrow(batch.table, self._ids(batch.positions))
        if not yielded:
            yield Frame.from_arrow(schema.empty_table(), self._ids(np.empty(0, np.int64)))

    def _ids(self, positions: np.ndarray[tuple[int], np.dtype[np.int64]]) -> RowIds:
        return source_ids(self.name, positions)
