"""Work: what a run does to one table, piece by piece, and writes down as it goes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa

from dataflow_core.engine.batch import pass_on, run_step, sketch_step
from dataflow_core.engine.decisions import Decision
from dataflow_core.engine.edits import first_edits
from dataflow_core.engine.failed_rows import failed_rows
from dataflow_core.engine.journal import Commit
from dataflow_core.engine.ledger import StepAccount, other_entries
from dataflow_core.engine.parts import PartWriter
from dataflow_core.engine.pieces import Piece
from dataflow_core.engine.removed_rows import removed_rows
from dataflow_core.engine.rundir import RunDirectory
from dataflow_core.engine.stored_frames import to_stored
from dataflow_core.errors import RunError, RunStopped
from dataflow_core.pipeline.plan import Step
from dataflow_core.storage.outcome import Outcome, Removed
from dataflow_core.table.frames import Frame
from dataflow_core.table.types import ROW_ID

Kind = Literal["rows", "two-phase", "whole-table", "sketch"]


@dataclass(frozen=True)
class Work:
    """Rows of a table go through steps, and what comes out is a table; or rows are sketched.

    Attributes:
        name: The table that comes out; for sketches, the step that they are for.
        table: The table that goes in.
        steps: The steps, of which only the first may need all rows.
        kind: How the first step needs its rows; ``"sketch"``: the one step sketches them, and
            nothing comes out.
        reads_source: Whether the rows come from a source, which may have unreadable ones, and not
            from a committed table, whose own quarantine is none of this work's.
    """

    name: str
    table: str
    steps: tuple[Step, ...]
    kind: Kind = "rows"
    reads_source: bool = False

    @property
    def journal(self) -> str:
        """The name of its journal."""
        return f"{self.name}.sketch" if self.kind == "sketch" else self.name

    @property
    def reads(self) -> set[str]:
        """The names of all tables that go in."""
        return {self.table, *(name for step in self.steps for name in step.other_tables)}

    def folders(self) -> list[tuple[str, str]]:
        """Return the kinds and names of all tables that it writes."""
        if self.kind == "sketch":
            return [("sketches", self.name)]
        looking = [("sketches", step.name) for step in self.steps if step.only_looks]
        aside = [
            (kind, step.name) for step in self.steps for kind in ("dropped", "quarantine", "ledger")
        ]
        unreadable = [("quarantine", self.table)] if self.reads_source else []
        return [("tables", self.name), *unreadable, *aside, *looking]

    def label(self, hashes: Mapping[str, str]) -> str:
        """Return what determines its result, as journals tell it.

        Args:
            hashes: The hashes of the plan's tables.
        """
        steps = " ".join(f"{step.name}={hashes[step.name]}" for step in self.steps)
        return f"{self.kind} {hashes[self.table]} {steps}".strip()


Seen = Callable[[Step, Outcome], object]
"""Called with a step and what it did to some rows."""


def unseen(_step: Step, _outcome: Outcome) -> None:
    """Take no notice of what a step did."""


Around = Callable[[Step, StepAccount], AbstractContextManager[object]]
"""Called with a step and its account of a piece, for what is to hold while the step runs."""


def plainly(_step: Step, _account: StepAccount) -> AbstractContextManager[object]:
    """Run a step without anything around it."""
    return nullcontext()


class Leaving(NamedTuple):
    """Rows on their way into a table of the run directory."""

    kind: str
    name: str
    table: pa.Table
    told: Mapping[str, str] = {}


@dataclass
class Desk:
    """Where one worker does some work: it takes pieces, and writes what becomes of them.

    What a piece leaves is written only when the piece is through, and counts only once `commit`
    has been written to the journal.

    Args:
        work: The work.
        directory: The run directory.
        decision: What the first step, in two phases, decided.
        started: Called with a step's number before each step.
        seen: Called with each step and what it did to each piece.
        around: What each step runs within.
        through: Called with each piece that is through, and what came out of it.
    """

    work: Work
    directory: RunDirectory
    decision: Decision | None = None
    started: Callable[[int], object] = lambda _: None
    seen: Seen = unseen
    around: Around = plainly
    through: Callable[[Piece, Frame], object] = lambda _piece, _after: None
    _commit: Commit = field(default_factory=Commit)
    _writers: dict[tuple[str, str], PartWriter] = field(default_factory=dict)
    _left: list[Leaving] = field(default_factory=list)
    _prefix: str = "part-00000"
    _is_abandoned: bool = False
    _writing: threading.RLock = field(default_factory=threading.RLock)

    def begin(self, prefix: str) -> None:
        """Begin a commit, whose files have names of their own."""
        self._commit, self._writers, self._prefix = Commit(), {}, prefix

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to commit."""
        return not self._commit.spans and not self._commit.accounts

    def do(self, piece: Piece) -> dict[str, StepAccount]:
        """Take a piece through all steps and return their accounts of it.

        Raises:
            DataflowError: A step failed as a whole; nothing of the piece is kept.
        """
        accounts: dict[str, StepAccount] = {}
        after = piece.frame
        try:
            if self.work.kind == "sketch":
                (step,) = self.work.steps
                self._sketch(step, piece.frame, accounts)
            else:
                after = self._through(piece, accounts)
                table = after.to_arrow().append_column(ROW_ID, pa.array(after.ids, pa.uint64()))
                self._left.append(Leaving("tables", self.work.name, table))
                if piece.unreadable is not None:
                    self.set_aside(self.work.table, piece.unreadable.rows)
                self._commit.sum.add(after.ids)
            self._write(piece, accounts)
        finally:
            self._left = []
        self.through(piece, after)
        return accounts

    def refuse(
        self, piece: Piece, number: int, reason: str, message: str
    ) -> dict[str, StepAccount]:
        """Put the rows of a piece to quarantine without doing it; return the step's account.

        Args:
            piece: The piece.
            number: The number of the step that fails with it.
            reason: Why, in a short snake-case word.
            message: The same in a sentence.

        Raises:
            RunError: The work only sketches its rows, and cannot go on without one.
        """
        if self.work.kind == "sketch":
            raise RunError(f"step {self.work.name!r}: {message}; it needs the sketch of every row.")
        accounts = {}
        try:
            for place, step in enumerate(self.work.steps[: number + 1]):
                failed, rows = Removed(), len(piece.frame)
                nothing = piece.frame.take(np.empty(0, np.int64))
                if place == number:
                    failed.add(piece.frame, [reason] * rows, messages=[message] * rows)
                after = nothing if place == number else piece.frame
                outcome = Outcome(step.name, piece.frame, after, Removed(), failed)
                self.note(step, outcome, entry=0)
                accounts[step.name] = account = StepAccount(step.name)
                account.add(outcome)
            if piece.unreadable is not None:
                self.set_aside(self.work.table, piece.unreadable.rows)
            self._write(piece, accounts)
        finally:
            self._left = []
        return accounts

    def set_aside(self, source: str, rows: pa.Table) -> None:
        """Keep rows of a source that could not be read, to be written with the next piece."""
        self._left.append(Leaving("quarantine", source, rows))
        self._commit.unreadable += rows.num_rows

    def note(self, step: Step, outcome: Outcome, entry: int | None = None) -> None:
        """Keep what a step removed and made, to be written with the next piece.

        Args:
            step: The step.
            outcome: What it did.
            entry: The number of the step before which failed rows were as they are, if not this.
        """
        if len(outcome.dropped):
            rows, told = removed_rows(step.name, outcome.dropped)
            self._left.append(Leaving("dropped", step.name, rows, told))
        if len(outcome.failed):
            rows, told = failed_rows(step.name, outcome.failed, entry)
            self._left.append(Leaving("quarantine", step.name, rows, told))
        entries = other_entries(outcome)
        if entries is not None:
            self._left.append(Leaving("ledger", step.name, entries))

    def commit(self) -> Commit:
        """Close all parts and return what was done.

        Raises:
            StorageError: A part could not be written; nothing since the last commit is kept.
            RunStopped: The desk was abandoned.
        """
        with self._writing:
            self._check_abandoned()
            try:
                for writer in self._writers.values():
                    writer.close()
            except BaseException:
                self.discard()
                raise
        done = self._commit
        done.files = {f"{kind}/{name}": w.files for (kind, name), w in self._writers.items()}
        return done

    def discard(self) -> None:
        """Throw away what was written since the last commit."""
        for writer in self._writers.values():
            writer.discard()
        self.begin(self._prefix)

    def abandon(self) -> None:
        """Throw away what was written since the last commit, and have nothing more written.

        Another thread may be at the desk: once this is through, it makes no files.
        """
        with self._writing:
            self._is_abandoned = True
            self.discard()

    def _check_abandoned(self) -> None:
        if self._is_abandoned:
            raise RunStopped("stopped at once: what is done now is not kept")

    def _through(self, piece: Piece, accounts: dict[str, StepAccount]) -> Frame:
        frame = piece.frame
        for number, step in enumerate(self.work.steps):
            self.started(number)
            accounts[step.name] = account = StepAccount(step.name)
            with self.around(step, account):
                outcome = self._step(step, frame, self.decision if number == 0 else None)
                account.add(outcome)
            self.seen(step, outcome)
            if step.operator.function == "refine":
                account.edits = first_edits(outcome, piece)
            frame = outcome.after
        return frame

    def _step(self, step: Step, frame: Frame, decision: Decision | None) -> Outcome:
        if step.only_looks:
            outcome, sketch = pass_on(step, frame)
            self._left.append(Leaving("sketches", step.name, to_stored(step.name, sketch)))
            return outcome
        part = None if decision is None else decision.of(frame.ids)
        outcome = run_step(step, frame, {}, part)  # those with second tables have all rows at once
        self.note(step, outcome)
        return outcome

    def _sketch(self, step: Step, frame: Frame, accounts: dict[str, StepAccount]) -> None:
        self.started(0)
        accounts[step.name] = account = StepAccount(step.name)
        begun = time.perf_counter()
        with self.around(step, account):
            sketch = sketch_step(step, frame)
            account.seconds = time.perf_counter() - begun
        self._left.append(Leaving("sketches", step.name, to_stored(step.name, sketch)))

    def _write(self, piece: Piece, accounts: Mapping[str, StepAccount]) -> None:
        with self._writing:
            self._check_abandoned()
            try:
                for kind, name, table, told in self._left:
                    self._writer(kind, name).write_table(table, piece.start, told)
            except BaseException:
                self.discard()
                raise
        done = self._commit
        done.spans.append((piece.start, piece.stop))
        done.read += piece.rows
        for name, account in accounts.items():
            done.accounts.setdefault(name, StepAccount(name)).merge(account)

    def _writer(self, kind: str, name: str) -> PartWriter:
        if (kind, name) not in self._writers:
            self._writers[kind, name] = self.directory.writer(kind, name, self._prefix)
        return self._writers[kind, name]
