"""One run of a plan, from its sources to its output and report."""

from __future__ import annotations

import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

import dataflow_core
from dataflow_core.engine.ledger import LEDGER_SCHEMA, output_entries
from dataflow_core.engine.local import EngineOptions, LocalEngine, Notify, ignore
from dataflow_core.engine.parts import PartTable
from dataflow_core.engine.report import Report
from dataflow_core.engine.rundir import RunDirectory
from dataflow_core.engine.sources import source_of
from dataflow_core.errors import ConfigurationError
from dataflow_core.pipeline.plan import SOURCE, Plan
from dataflow_core.pipeline.recipe import plan_as_dict
from dataflow_core.storage.formats import SchemaMisfit, writer_for
from dataflow_core.storage.source import BATCH_ROWS, Source
from dataflow_core.storage.targets import open_target, refuse_to_overwrite
from dataflow_core.table.types import visible


def run_plan(
    plan: Plan,
    *,
    output: str | Path | None = None,
    run_dir: str | Path | None = None,
    limit: int | None = None,
    batch_size: int | None = None,
    max_failures: float = 0.05,
    notify: Notify | None = None,
    progress: Callable[[str, int], None] | None = None,
) -> Report:
    """Run a plan over all rows of its source.

    Args:
        plan: The plan, whose sources are given.
        output: Where the result goes: a path whose ending names the format, a folder, a pattern
            such as ``part-*.parquet``; None for ``output.parquet`` in the run directory.
        run_dir: The run directory, which must be new or empty; None for a new one below
            ``dataflow-runs/``.
        limit: The most rows of the main source; None for all.
        batch_size: The most rows a batch; changes speed and memory, never the result.
        max_failures: The share of a step's rows that may fail, 0 to 1, judged when the step is
            through; above 0, up to ten rows always may, unless they are half of all. With 0, the
            first failure stops the run.
        notify: Called with each life-cycle event of the run, by name.
        progress: Called with a table's name and its rows so far, after every batch.

    Returns:
        The report.

    Raises:
        RunError: The run directory is taken, or too many rows failed.
        DataflowError: The run failed; what was committed stays in the run directory.
    """
    for name, number in (("limit", limit), ("batch_size", batch_size)):
        if number is not None and number < 1:
            raise ConfigurationError(f"{name} is {number}; it takes a whole number from 1 on.")
    for name, storage in plan.sources.items():
        source_of(name, storage)  # A plan without sources fails here, before anything is made.
    directory = RunDirectory.create(Path(run_dir) if run_dir else None, plan.name)
    options = EngineOptions(
        batch_rows=batch_size or BATCH_ROWS,
        limit=limit,
        max_failures=max_failures,
        notify=notify or ignore,
        progress=progress or ignore,
    )
    goal = str(output) if output is not None else str(directory.path / "output.parquet")
    return _Run(plan, goal, directory, options).run()


@dataclass(frozen=True)
class _Run:
    plan: Plan
    output: str
    directory: RunDirectory
    options: EngineOptions

    def run(self) -> Report:
        started = time.perf_counter()
        notify = self.options.notify
        self._note("running")
        notify("before_pipeline", plan=self.plan, run_dir=self.directory.path)
        try:
            self._check_output()
            engine, result = self._execute()
            rows_out = self._export(result)
        except BaseException as error:
            self._note("failed" if isinstance(error, Exception) else "interrupted", str(error))
            notify("on_pipeline_error", plan=self.plan, error=error)
            raise
        report = Report(
            pipeline=self.plan.name,
            run_dir=self.directory.path,
            output=self.output,
            rows_in=engine.rows_in(),
            rows_out=rows_out,
            unreadable=engine.unreadable(),
            seconds=time.perf_counter() - started,
            steps=tuple(engine.accounts.values()),
            samples=tuple(engine.samples.taken),
        )
        self.directory.write_json("report.json", report.as_dict())
        self._note("done")
        notify("after_pipeline", plan=self.plan, run_dir=self.directory.path, report=report)
        return report

    def _check_output(self) -> None:
        """Find out before the work whether its result can be written where and as asked."""
        for name, storage in self.plan.sources.items():
            refuse_to_overwrite(self.output, source_of(name, storage))
        storage = self.plan.sources[SOURCE]
        columns = (storage.columns() if storage is not None else None) or {}
        expected = self.plan.columns(columns)[self.plan.result]
        open_target(self.output, pa.schema(list(expected.items()))).discard()

    def _execute(self) -> tuple[LocalEngine, PartTable]:
        """Run; when a row does not fit the types of the source's head, begin again with exact ones.

        So every batch of a run has the same types, whatever its size and place.
        """
        engine = LocalEngine(self.plan, self.directory, self.options)
        try:
            return engine, engine.run()
        except SchemaMisfit:
            self.directory.clear()
        engine = LocalEngine(self.plan, self.directory, self.options, exact=True)
        return engine, engine.run()

    def _export(self, result: PartTable) -> int:
        """Write the result and the ledger; return the rows of the result."""
        schema = result.schema()
        rows = 0
        ledger_file = writer_for(self.directory.path / "ledger.parquet", LEDGER_SCHEMA)
        with ledger_file as ledger, open_target(self.output, visible(schema)) as target:
            for name in (*self.plan.sources, *(step.name for step in self.plan.steps)):
                for entries in self.directory.table("ledger", name).tables(LEDGER_SCHEMA):
                    ledger.write(entries)
            for frame in result.frames(schema):
                rows += len(frame)
                target.write(frame.to_arrow())
                ledger.write(output_entries(frame))
        shutil.rmtree(self.directory.path / "ledger", ignore_errors=True)
        return rows

    def _note(self, state: str, error: str | None = None) -> None:
        """Write down what was asked and how far it came."""
        content: dict[str, Any] = {
            "format": 1,
            "state": state,
            "plan": plan_as_dict(self.plan, named=None),
            "sources": {n: _described(source_of(n, s)) for n, s in self.plan.sources.items()},
            "output": self.output,
            "options": {
                name: getattr(self.options, name)
                for name in ("batch_rows", "limit", "max_failures")
            },
            "versions": {
                "dataflow-llm-core": dataflow_core.__version__,
                "python": platform.python_version(),
                "pyarrow": pa.__version__,
            },
        }
        if error is not None:
            content["error"] = error
        self.directory.write_json("run.json", content)


def _described(source: Source) -> dict[str, str]:
    return {"source": source.describe(), "fingerprint": source.fingerprint()}
