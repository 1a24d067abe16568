"""One run of a plan, from its sources to its output and report; or what is left of it."""

from __future__ import annotations

import datetime as dt
import platform
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

import dataflow_core
from dataflow_core.engine.calls import as_tally, asking_steps, require_asking, require_prices
from dataflow_core.engine.failure_limit import FailureLimit
from dataflow_core.engine.fingerprints import Fingerprints, Mark
from dataflow_core.engine.interrupts import say_stopping, stop_on_interrupt
from dataflow_core.engine.ledger import LEDGER_SCHEMA, output_entries, removed_entries
from dataflow_core.engine.local import LocalEngine
from dataflow_core.engine.lockfile import write_lock
from dataflow_core.engine.options import (
    COMMIT_SECONDS,
    AskAgain,
    EngineOptions,
    Notify,
    ignore,
)
from dataflow_core.engine.report import Report
from dataflow_core.engine.report_writer import ReportWriter
from dataflow_core.engine.retry import relabel
from dataflow_core.engine.reuse import unfinished
from dataflow_core.engine.run_changes import differences
from dataflow_core.engine.run_paths import RUNS
from dataflow_core.engine.rundir import RunDirectory
from dataflow_core.engine.samples import take_samples
from dataflow_core.engine.sources import source_of
from dataflow_core.engine.stored_runs import ASKED_AGAIN, FORMAT, RETRIED, hash_of
from dataflow_core.errors import BudgetReached, ConfigurationError, RunError, RunStopped
from dataflow_core.pipeline.plan import SOURCE, Plan
from dataflow_core.pipeline.recipe import plan_as_dict
from dataflow_core.secrets import without_secrets
from dataflow_core.serving.store.database import require_place
from dataflow_core.serving.tally import Tally
from dataflow_core.storage.formats import SchemaMisfit, writer_for
from dataflow_core.storage.formats.atomic import remove_temporaries
from dataflow_core.storage.source import BATCH_ROWS
from dataflow_core.storage.targets import Target, open_target, output_pattern, refuse_to_overwrite
from dataflow_core.table.types import visible


def run_plan(
    plan: Plan,
    *,
    output: str | Path | None = None,
    run_dir: str | Path | None = None,
    limit: int | None = None,
    batch_size: int | None = None,
    max_failures: float | str = 0.05,
    workers: int = 1,
    step_timeout: float | None = None,
    may_fork: bool = False,
    fresh: bool = False,
    retry_failed: bool = False,
    budget: float | str | None = None,
    cache: str | Path | None = None,
    ask_again: AskAgain | None = None,
    commit_seconds: float = COMMIT_SECONDS,
    notify: Notify | None = None,
    on_stop: Callable[[], None] = say_stopping,
) -> Report:
    """Run a plan over all rows of its source, or go on with an earlier run of it.

    A run directory that holds a run is taken up: what was done of the same work is kept, and what
    a change of the plan, of an operator's code, of an input or of a file that an operator reads
    concerns is done again. The result is the one of a run without a break.

    Args:
        plan: The plan, whose sources are given.
        output: Where the result goes: a path whose ending names the format, a folder, a pattern
            such as ``part-*.parquet``; None for ``output.parquet`` in the run directory.
        run_dir: The run directory: new, empty, or that of an earlier run of the same pipeline.
            None for the one below ``dataflow-runs/`` of the same run that was cut short, or else
            a new one; what runs beside it have done already is taken over.
        limit: The most rows of the main source; None for all.
        batch_size: The most rows a batch; changes speed and memory, never the result.
        max_failures: How many of a step's rows may fail: a share, 0 to 1 or ``"5%"``, judged when
            the step is through (above 0, up to ten rows always may, unless they are half of all);
            or from the integer 1 on a number of rows. With 0, the first failure stops the run.
        workers: How many processes work at a time; 1 for this one alone. Operators of a script or
            notebook itself, and such with a function of one's own, stay in this one.
        step_timeout: How many seconds a worker may be in one step of a batch, before it is killed,
            and the row sought on which it hangs; None for ever. It takes two workers or more.
        may_fork: Whether workers may be copies of this process, which saves them their imports. For
            a program that has started no threads, and whose own libraries bear it; Linux only.
        fresh: Whether to begin again, whatever earlier runs have done.
        retry_failed: Whether to do the rows again that have failed in the run in ``run_dir``, and
            no others, and put what comes of them in their places. What the rest has become stays,
            whatever has changed in operators since then; steps behind that need all rows are done
            again.
        budget: What answers of models may cost, for this run directory in all: US dollars, or a
            text as `dataflow_core.serving.budget.Budget.parse` takes it, such as ``"2Mtok"``. When
            the next request could exceed it, the run stops, and goes on with a larger one.
        cache: A file in which answers are kept in place of the run directory's own store; several
            runs may share it. Answers in runs beside this one are found in any case.
        ask_again: Which answers are not taken from there but asked for again, with all that is made
            of them: those that were ``"truncated"`` (or filtered), also those that ``"failed"`` to
            be of use, or ``"all"``.
        commit_seconds: How long work goes on before it is written down: what a crash may cost.
        notify: Called with each event of the run, by name, as in ``notify("before_step", step=…)``;
            `dataflow_core.plugins.hookspecs` says which there are. What it raises ends the run.
        on_stop: Called when Ctrl-C asks the run to stop, within the signal's handler, where it may
            wait for nothing; by itself it says so in a line on the error stream.

    Returns:
        The report.

    Raises:
        RunError: The run directory is taken or in use, or too many rows failed.
        RunStopped: Ctrl-C was pressed, or the budget is spent; what was done is kept.
        StoreError: There can be no store at `cache`.
        ServingError: A model cannot be asked at all; what was done is kept.
        DataflowError: The run failed; what was committed stays in the run directory.
    """
    _require_whole(limit=limit, batch_size=batch_size, workers=workers)
    if step_timeout is not None and workers == 1:
        raise ConfigurationError(
            "step_timeout needs worker processes, which can be killed: let workers be 2 or more."
        )
    if retry_failed and (run_dir is None or fresh):
        raise ConfigurationError(
            "retry_failed takes run_dir, the directory of the run whose failed rows are to be done "
            "again, and not fresh."
        )
    if budget is not None:
        require_prices(plan, str(budget))
    if cache is not None:
        require_place(Path(cache))
    if ask_again is not None:
        require_asking(plan, ask_again, retry_failed=retry_failed)
    for name, storage in plan.sources.items():
        source_of(name, storage)  # A plan without sources fails here, before anything is made.
    options = EngineOptions(
        batch_rows=batch_size or BATCH_ROWS,
        limit=limit,
        max_failures=FailureLimit.of(max_failures),
        commit_seconds=commit_seconds,
        workers=workers,
        step_timeout=step_timeout,
        may_fork=may_fork and workers > 1 and sys.platform == "linux",
        fresh=fresh,
        notify=notify or ignore,
        budget=None if budget is None else str(budget),
        cache=None if cache is None else Path(cache),
        ask_again=ask_again,
    )
    asked_dir, files = Path(run_dir) if run_dir else None, None
    if asked_dir is None and not fresh:
        known = Fingerprints.of(plan, limit=limit)
        goal = None if output is None else str(output)
        asked_dir, files = unfinished(RUNS, plan.name, goal, known.parts), known.files
    with RunDirectory.create(asked_dir, plan.name) as directory:
        goal = str(output) if output is not None else str(directory.path / "output.parquet")
        earlier = None if fresh else directory.read_json("run.json")
        if earlier is None or earlier.get("format") != FORMAT:
            directory.clear()
            earlier = None
        with stop_on_interrupt(on_stop) as asked:
            options = replace(options, stop=asked)
            return _Run(plan, goal, directory, options, earlier, files, retry_failed).run()


def _require_whole(**numbers: int | None) -> None:
    """Refuse numbers below 1.

    Raises:
        ConfigurationError: One is.
    """
    for name, number in numbers.items():
        if number is not None and number < 1:
            raise ConfigurationError(f"{name} is {number}; it takes a whole number from 1 on.")


@dataclass
class _Run:
    plan: Plan
    output: str
    directory: RunDirectory
    options: EngineOptions
    earlier: dict[str, Any] | None
    files: dict[str, list[Any]] | None
    """Hashes of files that were read for them already."""
    retry_failed: bool = False
    engine: LocalEngine | None = None

    def run(self) -> Report:
        started, clock = dt.datetime.now().astimezone(), time.perf_counter()
        notify = self.options.notify
        self._refuse_another_pipeline()
        earlier = self.earlier or {}
        if "labels" in earlier:  # it was killed before all of its work had them
            relabel(self.directory, earlier["labels"])
        # What came of runs that were stopped since the last one that was done counts as of now.
        self.since = earlier.get("since") or earlier.get("fingerprints", {})
        self.exact = bool(earlier.get("exact"))
        self.exported: dict[str, Any] | None = earlier.get("exported")
        self.spent: dict[str, Any] | None = earlier.get("spent")
        failed = self._failed_steps() if self.retry_failed else []
        self.retry_failed = self.retry_failed and bool(failed)
        self.fingerprints = Fingerprints.of(
            self.plan,
            limit=self.options.limit,
            files=self.files or earlier.get("files"),
            before=earlier.get("fingerprints"),
            mark=self._mark(failed),
        )
        self.labels = self._new_labels() if self.retry_failed else {}
        self._note("running")
        if self.labels:
            relabel(self.directory, self.labels)
        notify("before_pipeline", plan=self.plan, run_dir=self.directory.path)
        try:
            self._check_output()
            engine = self._execute()
            self._remove_other_plans(engine)
            self._export(engine)
        except (KeyboardInterrupt, RunStopped) as error:
            self._note("interrupted")
            notify("on_pipeline_error", plan=self.plan, error=error)
            raise self._stopped(error) from error
        except BaseException as error:
            self._note("failed", str(error))
            notify("on_pipeline_error", plan=self.plan, error=error)
            raise
        report = Report(
            pipeline=self.plan.name,
            run_dir=self.directory.path,
            output=self.output,
            rows_in=engine.rows_in(),
            rows_out=self.exported["rows"] if self.exported else 0,
            unreadable=engine.unreadable(),
            seconds=time.perf_counter() - clock,
            steps=tuple(engine.accounts.values()),
            samples=tuple(take_samples(self.directory, self.plan, engine.accounts)),
            changes=self._changes(),
            reused=engine.reused,
            reused_from={name: str(engine.reused_from[name]) for name in engine.reused},
            retried=engine.retried,
            started=started,
            spent=None if self.spent is None else Tally.from_dict(self.spent),
        )
        writer = ReportWriter(self.directory, self._asked())
        told: dict[str, Any] = {"plan": self.plan, "run_dir": self.directory.path}
        writer("after_pipeline", report=report, **told)
        report = replace(report, page=writer.page)
        write_lock(self.directory, self.plan, self.fingerprints, self.options.limit)
        self._note("done")
        notify("after_pipeline", report=report, **told)
        return report

    def _mark(self, failed: Sequence[str]) -> Mark | None:
        """Return what marks the tables in which something is done again."""
        if self.retry_failed:
            return Mark(secrets.token_hex(8), failed)
        earlier = self.earlier or {}
        asked = self.options.ask_again
        # A run that was stopped while it did that goes on with it, and has the mark already.
        if asked is None or (
            earlier.get("state", "done") != "done" and earlier["options"].get("ask_again") == asked
        ):
            return None
        return Mark(secrets.token_hex(8), asking_steps(self.plan), ASKED_AGAIN)

    def _stopped(self, error: BaseException) -> RunStopped:
        """Return what tells that the run was stopped, and how it goes on."""
        if isinstance(error, BudgetReached):
            return BudgetReached(f"{error} {self._standing()}{self.directory.path}.")
        return RunStopped(
            "Interrupted. What was done is kept, and the same command goes on with it: "
            f"{self.directory.path}."
        )

    def _standing(self) -> str:
        """Return how far the steps that ask models are, in words."""
        engine = self.engine
        if engine is None:
            return ""
        return "".join(f"{told}; " for told in engine.standing.in_words(engine.works))

    def _refuse_another_pipeline(self) -> None:
        before = (self.earlier or {}).get("plan", {}).get("name")
        if before is not None and before != self.plan.name:
            raise RunError(
                f"run directory {self.directory.path} holds a run of {before}, not of "
                f"{self.plan.name}. Name a new one with --run-dir, or begin again with --fresh."
            )

    def _failed_steps(self) -> list[str]:
        """Return the steps in which rows failed."""
        names = (step.name for step in self.plan.steps)
        return [name for name in names if self.directory.table("quarantine", name).stored()]

    def _new_labels(self) -> dict[str, str]:
        """Return the labels that work gets which stays as it is, by those that it has.

        Raises:
            RunError: The input is another one than that of the rows that stay.
        """
        before = (self.earlier or {})["fingerprints"]
        for name in self.plan.sources:
            parts = self.fingerprints.parts[name]
            for part in ("content", "columns", "limit"):
                if before.get(name, {}).get(part) != parts[part]:
                    raise RunError(
                        f"the {part} of {name!r} changed since the run in {self.directory.path}: "
                        "its other rows would be of another input than the failed ones. Give the "
                        "input as it was, or run the pipeline again without retrying."
                    )
        old = {name: hash_of(parts) for name, parts in before.items()}
        new = self.fingerprints.hashes
        labels = {old[name]: new[name] for name in old.keys() & new.keys()}  # of decisions
        for work in self._engine().works:
            if {work.table, *(step.name for step in work.steps)} <= old.keys():
                labels[work.label(old)] = work.label(new)
        return {one: other for one, other in labels.items() if one != other}

    def _changes(self) -> tuple[str, ...]:
        """Return what differs from the earlier run in this directory, in sentences."""
        found = differences(self.since, self.fingerprints.parts) if self.since else ()
        return tuple(one.sentence for one in found if one.part != RETRIED)  # that is told apart

    def _check_output(self) -> None:
        """Find out before the work whether its result can be written where and as asked."""
        for name, storage in self.plan.sources.items():
            refuse_to_overwrite(self.output, source_of(name, storage))
        self._remove_leftovers()
        if self._is_exported():
            return
        storage = self.plan.sources[SOURCE]
        columns = (storage.columns() if storage is not None else None) or {}
        expected = self.plan.columns(columns)[self.plan.result]
        open_target(self.output, pa.schema(list(expected.items()))).discard()

    def _remove_other_plans(self, engine: LocalEngine) -> None:
        """Remove what an earlier plan in this directory has left, and this one has not."""
        folders = [folder for work in engine.works for folder in work.folders()]
        folders += [("decisions", step.name) for step in self.plan.steps]
        self.directory.keep_only(folders, [work.journal for work in engine.works])

    def _execute(self) -> LocalEngine:
        """Run; when a row does not fit the types of the source's head, begin again with exact ones.

        So every batch of a run has the same types, whatever its size and place.
        """
        if not self.exact:
            try:
                return self._run_engine()
            except SchemaMisfit:
                self.directory.clear()
            self.exact = True
            self._note("running")
        return self._run_engine()

    def _run_engine(self) -> LocalEngine:
        self.engine = engine = self._engine()
        try:
            engine.run()
        finally:
            if engine.calls.spent is not None:
                self.spent = as_tally(engine.calls.spent, engine.calls.lost).as_dict()
        return engine

    def _engine(self) -> LocalEngine:
        return LocalEngine(
            self.plan,
            self.directory,
            self.options,
            self.fingerprints,
            exact=self.exact,
            retry=self.retry_failed,
            careful=(self.earlier or {}).get("state") == "running",  # it was killed
        )

    def _export(self, engine: LocalEngine) -> None:
        """Write the result and the ledger, where they are not there yet."""
        if self._is_exported():
            return
        result = self.plan.result
        schema = engine.table(result).schema()
        rows = 0
        ledger_file = writer_for(self.directory.path / "ledger.parquet", LEDGER_SCHEMA)
        with ledger_file as ledger:
            target = open_target(self.output, visible(schema))
            try:
                for entries in self._entries():
                    self._heed_stop()
                    ledger.write(entries)
                for frame in engine.checked_frames(result, schema):
                    self._heed_stop()
                    rows += len(frame)
                    target.write(frame.to_arrow())
                    ledger.write(output_entries(frame))
            except BaseException:
                target.discard()
                raise
            self._put_in_place(target, rows)

    def _heed_stop(self) -> None:
        if self.options.stop():
            raise RunStopped("stopped")

    def _put_in_place(self, target: Target, rows: int) -> None:
        """Give the files of the result their names, so that a crash meanwhile can be mended."""
        paths = [str(path) for path in target.paths]
        self.exported = {"paths": paths, "rows": rows, "table": self._result()}
        self._note("exporting")
        target.close()
        self.exported["stats"] = [_stat(Path(path)) for path in paths]

    def _is_exported(self) -> bool:
        """Tell whether the output is there as an earlier run wrote it, and would be the same."""
        told = self.exported
        if told is None or told["table"] != self._result() or "stats" not in told:
            return False
        ledger = self.directory.path / "ledger.parquet"
        stats = [_stat(Path(path)) for path in told["paths"]]
        return ledger.exists() and stats == told["stats"] and None not in stats

    def _result(self) -> str:
        return f"{self.fingerprints.hashes[self.plan.result]} {self.output}"

    def _remove_leftovers(self) -> None:
        """Remove files that an earlier run in this directory had written or begun to write.

        They are its own: before it began, it made sure that nothing of others was there.
        """
        if self.earlier is not None and self.earlier["output"] == self.output:
            remove_temporaries(output_pattern(self.output))
        told = self.exported
        if told is None or "*" not in output_pattern(self.output).name:
            return
        stats = dict(zip(told["paths"], told.get("stats") or [], strict=False))
        if self._is_exported():
            return
        for path in map(Path, told["paths"]):
            known = stats.get(str(path))
            if path.exists() and (known is None or known == _stat(path)):
                path.unlink()

    def _entries(self) -> Iterator[pa.Table]:
        """Yield the ledger's lines of all rows that are not in the result."""
        for name in (*self.plan.sources, *(step.name for step in self.plan.steps)):
            for rows in self.directory.table("dropped", name).batches():
                yield removed_entries(rows, "dropped")
            for rows in self.directory.table("quarantine", name).batches():
                yield removed_entries(rows, "quarantined")
            yield from self.directory.table("ledger", name).batches()

    def _note(self, state: str, error: str | None = None) -> None:
        """Write down what was asked and how far it came."""
        content = {"format": FORMAT, "state": state, **self._asked()}
        if state != "done":
            content["since"] = self.since
            if self.labels:
                content["labels"] = self.labels
        if error is not None:
            content["error"] = error
        self.directory.write_json("run.json", content)

    def _asked(self) -> dict[str, Any]:
        """Return what was asked, and what is known of it so far."""
        return {
            "plan": plan_as_dict(self.plan, named=None),
            "sources": {
                name: without_secrets(source_of(name, storage).describe())
                for name, storage in self.plan.sources.items()
            },
            "output": self.output,
            "options": {
                "batch_rows": self.options.batch_rows,
                "limit": self.options.limit,
                "max_failures": str(self.options.max_failures),
                "workers": self.options.workers,
                "budget": self.options.budget,
                "cache": None if self.options.cache is None else str(self.options.cache.absolute()),
                "ask_again": self.options.ask_again,
            },
            "spent": self.spent,
            "versions": {
                "dataflow-llm-core": dataflow_core.__version__,
                "python": platform.python_version(),
                "pyarrow": pa.__version__,
            },
            "exact": self.exact,
            "exported": self.exported,
            "fingerprints": self.fingerprints.parts,
            "files": self.fingerprints.files,
        }


def _stat(path: Path) -> list[int] | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return [stat.st_size, stat.st_mtime_ns]
