"""Engines run plans; `run_plan` is the one way in for Python and the command line."""

from __future__ import annotations

import platform
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dataflow_core
from dataflow_core.engine.ledger import LEDGER_SCHEMA, output_entries
from dataflow_core.engine.local import EngineOptions, LocalEngine, Notify
from dataflow_core.engine.parts import PartTable
from dataflow_core.engine.report import Report
from dataflow_core.engine.rundir import RunDirectory
from dataflow_core.engine.sources import source_of
from dataflow_core.errors import ConfigurationError, DataflowError
from dataflow_core.pipeline.plan import SOURCE, Plan
from dataflow_core.pipeline.recipe import plan_as_dict
from dataflow_core.storage.formats import SchemaMisfit, writer_for
from dataflow_core.storage.source import BATCH_ROWS
from dataflow_core.storage.targets import open_target
from dataflow_core.table.types import visible

__all__ = ["EngineOptions", "LocalEngine", "Report", "RunDirectory", "run_plan"]


def run_plan(
    plan: Plan,
    *,
    output: str | Path | None = None,
    run_dir: str | Path | None = None,
    limit: int | None = None,
    batch_size: int | None = None,
    max_failures: float = 0.05,
    notify: Notify | None = None,
    progress: Any = None,
) -> Report:
    """Run a plan over all rows of its source.

    Args:
        plan: The plan, whose sources are given.
        output: Where the result goes: a path whose ending names the format, a folder, a pattern such as
            ``part-*.parquet``; None for ``output.parquet`` in the run directory.
        run_dir: The run directory, which must be new or empty; None for a new one below
            ``dataflow-runs/``.
        limit: The most rows of the main source; None for all.
        batch_size: The most rows a batch; changes speed and memory, never the result.
        max_failures: The share of rows that may fail in a step before the run stops, 0 to 1.
        notify: Called with each life-cycle event of the run.
        progress: Called with a table's name and its rows so far.

    Returns:
        The report.

    Raises:
        RunError: The run directory is taken, or too many rows failed.
        DataflowError: The run failed; what was committed stays in the run directory.
    """
    for name, number in (("limit", limit), ("batch_size", batch_size)):
        if number is not None and number < 1:
            raise ConfigurationError(f"{name} is {number}; it takes a whole number from 1 on.")
    started = time.perf_counter()
    sources = {name: source_of(name, storage) for name, storage in plan.sources.items()}
    directory = RunDirectory.create(Path(run_dir) if run_dir else None, plan.name)
    goal = str(output) if output is not None else str(directory.path / "output.parquet")
    options = EngineOptions(
        batch_size or BATCH_ROWS, limit, max_failures,
        notify or EngineOptions.notify, progress or EngineOptions.progress,
    )  # fmt: skip
    asked = _asked(plan, {n: s.describe() for n, s in sources.items()}, goal, options)
    directory.write_json("run.json", asked | {"state": "running"})
    options.notify("before_pipeline", plan=plan, run_dir=directory.path)
    try:
        open_target(goal, _expected_schema(plan)).discard()
        engine, result = _run(plan, directory, options)
        rows_out = _export(result, goal, directory)
    except BaseException as error:
        state = "failed" if isinstance(error, DataflowError) else "interrupted"
        directory.write_json("run.json", asked | {"state": state, "error": str(error)})
        options.notify("on_pipeline_error", plan=plan, error=error)
        raise
    report = Report(
        plan.name, directory.path, goal, engine.rows_in(), rows_out, engine.unreadable(),
        time.perf_counter() - started, tuple(engine.accounts.values()), tuple(engine.samples.taken),
    )  # fmt: skip
    directory.write_json("report.json", report.as_dict())
    directory.write_json("run.json", asked | {"state": "done"})
    options.notify("after_pipeline", plan=plan, run_dir=directory.path, report=report)
    return report


def _run(
    plan: Plan, directory: RunDirectory, options: EngineOptions
) -> tuple[LocalEngine, PartTable]:
    """Run; when a row does not fit the types of the source's head, begin again with exact types.

    So every batch of a run has the same types, whatever its size and place.
    """
    engine = LocalEngine(plan, directory, options)
    try:
        return engine, engine.run()
    except SchemaMisfit:
        for kind in ("tables", "dropped", "quarantine", "ledger"):
            shutil.rmtree(directory.path / kind, ignore_errors=True)
    engine = LocalEngine(plan, directory, options, exact=True)
    return engine, engine.run()


def _export(result: PartTable, goal: str, directory: RunDirectory) -> int:
    """Write the result and the ledger; return the rows of the result."""
    schema = result.schema()
    rows = 0
    ledger_file = writer_for(directory.path / "ledger.parquet", LEDGER_SCHEMA)
    with open_target(goal, visible(schema)) as target, ledger_file as ledger:
        for frame in PartTable(directory.path / "ledger" / "ended").frames():
            ledger.write(frame.to_arrow().select(LEDGER_SCHEMA.names))
        for frame in result.frames(schema):
            rows += len(frame)
            target.write(frame.to_arrow())
            ledger.write(output_entries(frame))
    shutil.rmtree(directory.path / "ledger")
    return rows


def _expected_schema(plan: Plan) -> Any:
    import pyarrow as pa

    storage = plan.sources[SOURCE]
    columns = (storage.columns() if storage is not None else None) or {}
    return pa.schema(list(plan.columns(columns)[plan.result].items()))


def _asked(
    plan: Plan, sources: Mapping[str, str], output: str, options: EngineOptions
) -> dict[str, Any]:
    return {
        "format": 1,
        "plan": plan_as_dict(plan, named=None),
        "sources": dict(sources),
        "output": output,
        "options": {n: getattr(options, n) for n in ("batch_rows", "limit", "max_failures")},
        "versions": {"dataflow-llm-core": dataflow_core.__version__, "python": platform.python_version()},
    }


