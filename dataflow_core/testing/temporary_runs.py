"""Runs of a few steps over a few rows, for tests: what came out, and what became of the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from dataflow_core.engine import Report, run_plan
from dataflow_core.engine.stored_runs import StoredRun
from dataflow_core.storage.base import Storage
from dataflow_core.storage.file import FileStorage
from dataflow_core.storage.memory import MemoryStorage
from dataflow_core.table.values import rows_of
from dataflow_core.testing.steps import Step, Steps


@dataclass(frozen=True)
class TemporaryRun:
    """A run that is done.

    Attributes:
        report: Its report.
        run_dir: Its directory.
    """

    report: Report
    run_dir: Path

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows that came out."""
        return written_rows(self.report)

    @property
    def dropped(self) -> list[dict[str, Any]]:
        """The rows that were dropped, with row_id, step, reason, value and message."""
        return self._removed("dropped")

    @property
    def quarantined(self) -> list[dict[str, Any]]:
        """The rows that failed, with row_id, step, reason, value (the raw answer) and message."""
        return self._removed("quarantine")

    def _removed(self, kind: str) -> list[dict[str, Any]]:
        run = StoredRun(self.run_dir)
        parts = [part for step in self.report.steps for part in run.parts(kind, step.step)]
        tables = [pa.ipc.open_file(pa.memory_map(str(part))).read_all() for part in parts]
        return [row for table in tables for row in table.to_pylist()]


def written_rows(report: Report) -> list[dict[str, Any]]:
    """Return the rows that a run has written."""
    return rows_of(FileStorage(report.output).frame.to_arrow())


def run_steps(
    source: Storage | Iterable[Mapping[str, Any]],
    steps: Iterable[Step],
    run_dir: Path,
    **options: Any,
) -> TemporaryRun:
    """Run operators, one after the other.

    Args:
        source: A storage, or rows.
        steps: The operators, those whose columns are not as by default as ``(operator, columns)``.
        run_dir: The run directory.
        **options: Those of `dataflow_core.engine.run_plan`, such as ``batch_size``; as many rows
            may fail as there are, unless ``max_failures`` is given.
    """
    storage = source if isinstance(source, Storage) else MemoryStorage(source)
    plan = Steps(storage, *steps).compile()
    report = run_plan(plan, run_dir=run_dir, **{"max_failures": 1.0, **options})
    return TemporaryRun(report, run_dir)
