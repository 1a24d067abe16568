"""The result of a finished run, with the ids of its rows, as its directory keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from dataflow_core.engine.parts import PartTable
from dataflow_core.engine.run_paths import escaped
from dataflow_core.engine.stored_runs import StoredRun
from dataflow_core.errors import RunError, StorageError
from dataflow_core.export.row_source import RowBatch, RowSource
from dataflow_core.table.identity import SOURCE_KEY


class RunRows(RowSource):
    """The rows of a run's result.

    Args:
        run: The run.

    Raises:
        RunError: It is not done, or its result is not kept.
    """

    def __init__(self, run: StoredRun) -> None:
        self.run = run
        if run.state != "done":
            raise RunError(
                f"{run.path} is {run.state}, and has no whole result yet. Run the same command "
                "again to go on, then export."
            )
        if run.result == SOURCE_KEY:
            raise RunError(f"{run.path} has no steps; its result is its source. Export that.")
        if not run.parts("tables", run.result):
            raise RunError(
                f"{run.path} does not keep its result any more. Export its output file: "
                f"{run.asked['output']}"
            )

    def describe(self) -> str:
        """Return the run directory."""
        return str(self.run.path)

    @cached_property
    def _table(self) -> PartTable:
        return PartTable(self.run.path / "tables" / escaped(self.run.result))

    @cached_property
    def _schema(self) -> pa.Schema:
        return self._table.schema()

    def schema(self, *, exact: bool = False) -> pa.Schema:
        """Return the columns and types, which are always exact."""
        return self._schema

    def batches(self, *, exact: bool = False) -> Iterator[RowBatch]:
        """Yield the rows in the order of the result."""
        start = 0
        for frame in self._table.frames(self._schema):
            stop = start + len(frame)
            yield RowBatch(frame.to_arrow(), frame.ids, np.arange(start, stop, dtype=np.int64))
            start = stop

    def refuse_to_overwrite(self, path: Path) -> None:
        """Refuse what the run itself has written."""
        told = self.run.asked.get("exported") or {}
        own = {Path(one).resolve() for one in told.get("paths", ())}
        if path.resolve() in own:
            raise StorageError(f"{path} is the output of {self.run.path}. Name another place.")
