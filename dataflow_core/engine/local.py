"""The local engine: stages of a plan, one after the other, each done piece by piece.

What is done is committed every few seconds, so that a run that was stopped goes on from there.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial

from dataflow_core.engine.batch import decide_step, run_step
from dataflow_core.engine.decisions import Decision, Sketches
from dataflow_core.engine.fingerprints import Fingerprints
from dataflow_core.engine.journal import Commit, Journal, Progress
from dataflow_core.engine.ledger import StepAccount, TableSum
from dataflow_core.engine.parts import PartTable
from dataflow_core.engine.pieces import Piece, piece_at, pieces_of
from dataflow_core.engine.rundir import RunDirectory
from dataflow_core.engine.sources import SourceReader, needed_columns, source_of
from dataflow_core.engine.stored_decisions import load_decision, save_decision
from dataflow_core.engine.stored_frames import from_stored
from dataflow_core.engine.work import Desk, Work
from dataflow_core.errors import DataflowError, RunError, RunStopped, StorageError
from dataflow_core.operators.dataset import TwoPhase
from dataflow_core.pipeline.plan import SOURCE, Plan, Step
from dataflow_core.storage.base import Storage
from dataflow_core.storage.source import BATCH_ROWS
from dataflow_core.storage.table_storage import TableStorage
from dataflow_core.table.frames import Frame, concat_frames

HOPELESS = 1_000
"""After so many rows of which none came through, a step need not go on failing."""

FEW = 10
"""So many rows may fail whatever the share, unless they are half of all, or the share is 0."""

COMMIT_SECONDS = 5.0
"""How much work a crash may cost."""

Notify = Callable[..., None]
"""Called as ``notify("before_step", step=…)``: the observers of a run."""


def ignore(*_: object, **__: object) -> None:
    """Observe nothing."""


def never() -> bool:
    """Return that nobody asked to stop."""
    return False


@dataclass(frozen=True)
class EngineOptions:
    """How to run, none of which changes the result.

    Attributes:
        batch_rows: The most rows a batch.
        limit: The most rows of the main source, or None for all (this one does change the result).
        max_failures: The share of rows that may fail before the run stops; 0 for none.
        commit_seconds: How long work goes on before it is written down.
        notify: Observers of the run.
        progress: Called with a table's name and its rows so far, after every batch.
        stop: Asked after every batch whether to stop, with what is done kept.
    """

    batch_rows: int = BATCH_ROWS
    limit: int | None = None
    max_failures: float = 0.05
    commit_seconds: float = COMMIT_SECONDS
    notify: Notify = ignore
    progress: Callable[[str, int], None] = ignore
    stop: Callable[[], bool] = never


@dataclass
class LocalEngine:
    """Runs the stages of a plan in order, and takes up what is done already.

    Args:
        plan: The plan; its sources are all given.
        directory: Where to commit.
        options: How to run.
        fingerprints: Those of the plan's tables.
        exact: Whether to read all source rows for their types first.
    """

    plan: Plan
    directory: RunDirectory
    options: EngineOptions
    fingerprints: Fingerprints
    exact: bool = False
    accounts: dict[str, StepAccount] = field(default_factory=dict)
    reused: dict[str, int] = field(default_factory=dict)
    _progress: dict[str, Progress] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.accounts = {step.name: StepAccount(step.name) for step in self.plan.steps}

    def run(self) -> PartTable:
        """Run all stages and return the result's table.

        Raises:
            SchemaMisfit: A row does not fit the types of its source's head; run again, exactly.
            RunStopped: Somebody asked to stop; what is done is committed.
            DataflowError: The run failed; what is committed stays.
        """
        for work in self.works:
            if work.kind == "sketch":
                continue  # when its decision is wanted
            for step in work.steps:
                self.options.notify("before_step", step=step)
            self._do(work)
            for step in work.steps:
                if step.only_looks:
                    self._decide(step)
                self._check_failures(self.accounts[step.name])
                self.accounts[step.name].check()
                self.options.notify("after_step", step=step, outcome=self.accounts[step.name])
        return self.table(self.plan.result)

    @cached_property
    def works(self) -> tuple[Work, ...]:
        """What there is to do, in order."""
        kept = [name for name in self.plan.sources if self._is_kept(name)]
        works = [Work(name, name, (), reads_source=True) for name in kept]
        for stage in self.plan.stages:
            direct = stage.table in self.plan.sources and stage.table not in kept
            if stage.kind == "two-phase":
                first = stage.steps[0]
                works.append(Work(first.name, stage.table, (first,), "sketch"))
            works.append(Work(stage.result, stage.table, stage.steps, stage.kind, direct))
        return tuple(works)

    def table(self, name: str) -> PartTable:
        """Return a committed table."""
        return self.directory.table("tables", name)

    def rows_in(self) -> int:
        """Return the rows read from the main source, unreadable ones included."""
        return self._reading(SOURCE).read

    def unreadable(self) -> int:
        """Return the rows of all sources that could not be read."""
        return sum(self._reading(name).unreadable for name in self.plan.sources)

    def _reading(self, source: str) -> Progress:
        """Return how far the work is that reads a source first."""
        for work in self.works:
            if work.table == source and work.journal in self._progress:
                return self._progress[work.journal]
        return Progress()

    def _is_kept(self, source: str) -> bool:
        """Tell whether the rows of a source are wanted more than once, or all together."""
        consumers = self.plan.consumers(source)
        return (
            source == self.plan.result
            or len(consumers) > 1
            or any(step.is_two_phase or source in step.other_tables for step in consumers)
        )

    def _do(self, work: Work) -> None:
        """Do what is left of some work."""
        journal, progress = self._take_up(work)
        self._progress[work.journal] = progress
        for name, account in progress.accounts.items():
            self.accounts[name].merge(account)
        if progress.finished:
            self.reused[work.journal] = progress.read
            return
        if progress.commits:
            self.reused[work.journal] = progress.read
        if work.kind == "whole-table":
            self._do_at_once(work, journal, progress)
        else:
            self._do_pieces(work, journal, progress)
        journal.finish()
        progress.finished = True

    def _take_up(self, work: Work) -> tuple[Journal, Progress]:
        """Return the journal of some work, and how far it is; begin it where it is other work."""
        journal, wanted = self.directory.journal(work.journal), self._fingerprint(work)
        known, progress = journal.read()
        whole = work.kind != "whole-table" or progress.finished
        if known == wanted and whole:
            self.directory.tidy(work.folders(), progress.files)
            return journal, progress
        self.directory.forget(work.folders())
        journal.begin(wanted)
        return journal, Progress()

    def _fingerprint(self, work: Work) -> str:
        hashes = self.fingerprints.hashes
        steps = " ".join(f"{step.name}={hashes[step.name]}" for step in work.steps)
        return f"{work.kind} {hashes[work.table]} {steps}".strip()

    def _do_pieces(self, work: Work, journal: Journal, progress: Progress) -> None:
        decision = self._decide(work.steps[0]) if work.kind == "two-phase" else None
        desk = Desk(work, self.directory, decision=decision)
        numbers = itertools.count(progress.commits)
        desk.begin(f"part-{next(numbers):05d}")
        rows, since = progress.read, time.monotonic()

        def commit() -> None:
            nonlocal since
            if not desk.is_empty:
                self._commit(desk.commit(), journal, progress)
                desk.begin(f"part-{next(numbers):05d}")
            since = time.monotonic()

        try:
            for whole in self._pieces(work):
                for piece in whole.without(progress.done):
                    accounts = desk.do(piece)
                    rows += len(piece.frame)
                    self._count(accounts)
                    self.options.progress(work.journal, rows)
                    if self.options.stop():
                        raise RunStopped("stopped")
                    if time.monotonic() - since > self.options.commit_seconds:
                        commit()
        except StorageError:
            desk.discard()
            raise
        except (DataflowError, RunStopped) as error:
            commit()
            self._tell(work, error)
            raise
        except BaseException:
            desk.discard()
            raise
        commit()

    def _do_at_once(self, work: Work, journal: Journal, progress: Progress) -> None:
        """Run a step that needs the whole table, and what follows it in pieces; commit all of it."""
        first, *rest = work.steps
        desk = Desk(Work(work.name, work.table, tuple(rest)), self.directory)
        desk.begin("part-00000")
        try:
            pieces = list(self._pieces(work))
            for piece in pieces:
                if piece.unreadable is not None:
                    desk.set_aside(work.table, piece.unreadable.rows)
            whole = concat_frames([piece.frame for piece in pieces])
            outcome = run_step(first, whole, self._second_tables(first))
            account = StepAccount(first.name)
            account.add(outcome)
            self._count({first.name: account})
            desk.note(first, outcome)
            for start in range(0, max(len(outcome.after), 1), self.options.batch_rows):
                frame = outcome.after.slice(start, self.options.batch_rows)
                self._count(desk.do(piece_at(start, frame)))
                self.options.progress(work.name, start + len(frame))
                if self.options.stop():
                    raise RunStopped("stopped")
        except BaseException as error:
            desk.discard()
            if isinstance(error, DataflowError):
                self._tell(work, error)
            raise
        done = desk.commit()
        done.accounts[first.name] = account
        done.read = len(whole) + done.unreadable
        self._commit(done, journal, progress)

    def _commit(self, done: Commit, journal: Journal, progress: Progress) -> None:
        journal.commit(done)
        progress.add(done)

    def _count(self, accounts: Mapping[str, StepAccount]) -> None:
        """Add up what steps did; stop where too many rows failed already."""
        for name, more in accounts.items():
            account = self.accounts[name]
            account.merge(more)
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

    def _tell(self, work: Work, error: BaseException) -> None:
        if isinstance(error, RunStopped):
            return
        named = [step for step in work.steps if f"step {step.name!r}" in str(error)]
        for step in named[:1] or work.steps[:1]:
            self.options.notify("on_step_error", step=step, error=error)

    def _decide(self, step: Step) -> Decision:
        """Return what a step decided about all rows; decided now, or in an earlier run."""
        path, wanted = self.directory.decision(step.name), self.fingerprints.hashes[step.name]
        stored = load_decision(path, wanted)
        if stored is None:
            for work in self.works:
                if work.kind == "sketch" and work.name == step.name:
                    self._do(work)
            assert isinstance(step.operator, TwoPhase)  # noqa: S101  as its kind says
            stored_sketches = self.directory.table("sketches", step.name).batches()
            sketches = Sketches(step.operator, (from_stored([one]) for one in stored_sketches))
            stored = decide_step(step, sketches.all())
            save_decision(path, wanted, step.name, *stored)
            self.directory.forget([("sketches", step.name)])
            self.directory.journal(f"{step.name}.sketch").remove()
        decision, findings = stored
        self.accounts[step.name].findings.update(findings)
        return Decision(decision)

    def _pieces(self, work: Work) -> Iterator[Piece]:
        """Yield the rows that flow into some work, in order."""
        name = work.table
        if work.reads_source:
            yield from self._reader(name).pieces()
            return
        total = TableSum()
        for piece in pieces_of(self.table(name).frames()):
            total.add(piece.frame.ids)
            yield piece
        self._progress[name].sum.check(total, name)

    def _second_tables(self, step: Step) -> dict[str, Storage]:
        return {name: _LazyTable(partial(self._load, name)) for name in step.other_tables}

    def _load(self, name: str) -> Frame:
        return concat_frames(list(self.table(name).frames()))

    def _reader(self, name: str) -> SourceReader:
        source = source_of(name, self.plan.sources[name])
        columns = source.schema().names
        needed = needed_columns(self.plan, name, columns)
        return SourceReader(
            name,
            source.project(needed) if len(needed) < len(columns) else source,
            batch_rows=self.options.batch_rows,
            limit=self.options.limit if name == SOURCE else None,
            exact=self.exact,
        )


class _LazyTable(TableStorage):
    """A second table, loaded when the operator asks for it."""

    def __init__(self, load: Callable[[], Frame]) -> None:
        super().__init__()
        self._load_frame = load

    def load(self) -> Frame:
        return self._load_frame()
