"""The local engine: one process, batches in memory, barriers only where a step needs all rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import pandas as pd
import pyarrow as pa

from dataflow_core.engine.batch import decide_step, pass_on, run_step, sketch_step
from dataflow_core.engine.decisions import Decision, Sketches
from dataflow_core.engine.ledger import StepAccount, TableSum, ledger_entries, unreadable_entries
from dataflow_core.engine.parts import PartTable, PartWriter
from dataflow_core.engine.rundir import RunDirectory
from dataflow_core.engine.samples import Samples
from dataflow_core.engine.sources import SourceReader, needed_columns, source_of
from dataflow_core.errors import DataflowError, RunError
from dataflow_core.operators.dataset import TwoPhase
from dataflow_core.pipeline.plan import SOURCE, Plan, Stage, Step
from dataflow_core.storage.outcome import Outcome
from dataflow_core.storage.source import BATCH_ROWS, Batch, unreadable_rows
from dataflow_core.storage.table_storage import TableStorage
from dataflow_core.table.frames import Frame, concat_frames
from dataflow_core.table.identity import RowIds

HOPELESS = 1_000
"""After so many rows of which none came through, a step need not go on failing."""

FEW = 10
"""So many rows may fail whatever the share, unless they are half of all, or the share is 0."""

Notify = Callable[..., None]
"""Called as ``notify("before_step", step=…)``: the observers of a run."""


def ignore(*_: object, **__: object) -> None:
    """Observe nothing."""


@dataclass(frozen=True)
class EngineOptions:
    """How to run, none of which changes the result.

    Attributes:
        batch_rows: The most rows a batch.
        limit: The most rows of the main source, or None for all (this one does change the result).
        max_failures: The share of rows that may fail before the run stops; 0 for none.
        notify: Observers of the run.
        progress: Called with a table's name and its rows so far, after every batch.
    """

    batch_rows: int = BATCH_ROWS
    limit: int | None = None
    max_failures: float = 0.05
    notify: Notify = ignore
    progress: Callable[[str, int], None] = ignore


@dataclass
class LocalEngine:
    """Runs the stages of a plan in order.

    Args:
        plan: The plan; its sources are all given.
        directory: Where to commit.
        options: How to run.
        exact: Whether to read all source rows for their types first.
    """

    plan: Plan
    directory: RunDirectory
    options: EngineOptions
    exact: bool = False
    accounts: dict[str, StepAccount] = field(default_factory=dict)
    samples: Samples = field(default_factory=Samples)
    _tables: dict[str, PartTable] = field(default_factory=dict)
    _sums: dict[str, TableSum] = field(default_factory=dict)
    _readers: dict[str, SourceReader] = field(default_factory=dict)
    _sketches: dict[str, Sketches] = field(default_factory=dict)
    _writers: dict[tuple[str, str], PartWriter] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.accounts = {step.name: StepAccount(step.name) for step in self.plan.steps}
        self._readers = {name: self._reader(name) for name in self.plan.sources}
        self._sketches = {
            step.name: Sketches(step.operator)
            for step in self.plan.steps
            if isinstance(step.operator, TwoPhase)
        }

    def run(self) -> PartTable:
        """Run all stages and return the result's table.

        Raises:
            SchemaMisfit: A row does not fit the types of its source's head; run again, exactly.
            DataflowError: The run failed; committed parts stay.
        """
        try:
            for name in self.plan.sources:
                if self._is_read_twice(name) or name == self.plan.result:
                    self._commit(name, self._frames(name))
            for stage in self.plan.stages:
                self._run_stage(stage)
        finally:
            for writer in self._writers.values():
                writer.close()
        for account in self.accounts.values():
            account.check()
        return self._tables[self.plan.result]

    def rows_in(self) -> int:
        """Return the rows read from the main source, unreadable ones included."""
        return self._readers[SOURCE].rows

    def unreadable(self) -> int:
        """Return the rows of all sources that could not be read."""
        return sum(reader.unreadable for reader in self._readers.values())

    def _run_stage(self, stage: Stage) -> None:
        for step in stage.steps:
            self.options.notify("before_step", step=step)
        self._commit(stage.result, self._stage_frames(stage))
        for step in stage.steps:
            if step.only_looks:
                self._decide(step)
            self._check_failures(self.accounts[step.name])
            self.options.notify("after_step", step=step, outcome=self.accounts[step.name])

    def _commit(self, name: str, frames: Iterator[Frame]) -> None:
        """Write a table; two-phase steps that come next sketch its rows while they are there."""
        total = TableSum()
        with self.directory.writer("tables", name) as writer:
            for frame in frames:
                writer.write(frame)
                self._sketch(name, frame)
                total.add(frame.ids)
                self.options.progress(name, total.rows)
        self._tables[name] = PartTable(writer.folder)
        self._sums[name] = total

    def _stage_frames(self, stage: Stage) -> Iterator[Frame]:
        first, *rest = stage.steps
        if stage.kind == "whole-table":
            for frame in self._whole_table(first):
                yield self._through(rest, frame)
        elif stage.kind == "two-phase":
            decision = self._decide(first)
            for frame in self._frames(stage.table):
                yield self._through(rest, self._step(first, frame, decision.of(frame.ids)))
        else:
            for frame in self._frames(stage.table):
                yield self._through(stage.steps, frame)

    def _through(self, steps: Sequence[Step], frame: Frame) -> Frame:
        for step in steps:
            frame = self._step(step, frame)
        return frame

    def _step(self, step: Step, frame: Frame, decision: pd.DataFrame | None = None) -> Frame:
        try:
            if step.only_looks:
                outcome = pass_on(step, frame, self._sketches[step.name])
            else:
                outcome = run_step(step, frame, self._second_tables(step), decision)
            self._note(step, outcome)
        except DataflowError as error:
            self.options.notify("on_step_error", step=step, error=error)
            raise
        return outcome.after

    def _whole_table(self, step: Step) -> Iterator[Frame]:
        table = self._load(step.table)
        after = self._step(step, table)
        rows = self.options.batch_rows
        for start in range(0, max(len(after), 1), rows):
            yield after.slice(start, rows)

    def _decide(self, step: Step) -> Decision:
        decision, findings = decide_step(step, self._sketches.pop(step.name).all())
        self.accounts[step.name].findings.update(findings)
        return Decision(decision)

    def _sketch(self, table: str, frame: Frame) -> None:
        for step in self.plan.consumers(table):
            if step.is_two_phase and step.table == table:
                started = time.perf_counter()
                sketch_step(step, frame, self._sketches[step.name])
                self.accounts[step.name].seconds += time.perf_counter() - started

    def _note(self, step: Step, outcome: Outcome) -> None:
        account = self.accounts[step.name]
        account.add(outcome)
        entries = ledger_entries(outcome)
        if entries is not None:
            self._enter(step.name, entries)
        for kind, removed in (("dropped", outcome.dropped), ("quarantine", outcome.failed)):
            if len(removed):
                self._set_aside(kind, step.name, removed.table(step.name))
        # Some rows may fail; where none may, or all of so many do, the end is certain.
        hopeless = account.quarantined == account.rows_in >= HOPELESS
        if hopeless or self.options.max_failures == 0:
            self._check_failures(account)

    def _check_failures(self, account: StepAccount) -> None:
        """Stop where more rows failed than allowed; judged over all rows, not batch by batch."""
        failed, rows = account.quarantined, account.rows_in
        share = self.options.max_failures
        few = share > 0 and failed <= FEW and failed * 2 < rows
        if not few and failed > share * rows:
            kinds = (
                f"{reason}: {' '.join(first.split()):.200}" if first else reason
                for reason, first in account.failures.items()
            )
            raise RunError(
                f"step {account.step!r}: {failed:,} of {rows:,} rows failed ({'; '.join(kinds)}), "
                f"more than the {share * 100:g}% allowed. The failed rows and their messages: "
                f"{self.directory.path}/quarantine."
            )

    def _set_aside(self, kind: str, step: str, rows: pa.Table) -> None:
        self._append(kind, step, rows)
        self.samples.add(rows)

    def _enter(self, step: str, entries: pa.Table) -> None:
        """Add lines to the ledger, step by step, so that the order does not depend on batches."""
        self._append("ledger", step, entries)

    def _append(self, kind: str, step: str, rows: pa.Table) -> None:
        if (kind, step) not in self._writers:
            self._writers[kind, step] = self.directory.writer(kind, step)
        self._writers[kind, step].write_table(rows)

    def _frames(self, name: str) -> Iterator[Frame]:
        if name not in self._tables:
            yield from self._readers[name].frames()
            return
        total = TableSum()
        for frame in self._tables[name].frames():
            total.add(frame.ids)
            yield frame
        self._sums[name].check(total, name)

    def _is_read_twice(self, name: str) -> bool:
        consumers = self.plan.consumers(name)
        return len(consumers) > 1 or any(
            step.is_two_phase and step.table == name for step in consumers
        )

    def _second_tables(self, step: Step) -> dict[str, TableStorage]:
        return {name: _LazyTable(partial(self._load, name)) for name in step.other_tables}

    def _load(self, name: str) -> Frame:
        return concat_frames(list(self._frames(name)))

    def _reader(self, name: str) -> SourceReader:
        def set_aside(batch: Batch, ids: RowIds) -> None:
            self._set_aside("quarantine", name, unreadable_rows(batch, ids, name))
            self._enter(name, unreadable_entries(ids, name))

        source = source_of(name, self.plan.sources[name])
        columns = source.schema().names
        needed = needed_columns(self.plan, name, columns)
        return SourceReader(
            name,
            source.project(needed) if len(needed) < len(columns) else source,
            batch_rows=self.options.batch_rows,
            limit=self.options.limit if name == SOURCE else None,
            exact=self.exact,
            set_aside=set_aside,
        )


class _LazyTable(TableStorage):
    """A second table, loaded when the operator asks for it."""

    def __init__(self, load: Callable[[], Frame]) -> None:
        super().__init__()
        self._load_frame = load

    def load(self) -> Frame:
        return self._load_frame()
