"""The local engine: stages of a plan, one after the other, each done piece by piece.

What is done is committed every few seconds, so that a run that was stopped goes on from there.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from dataflow_core.engine.batch import decide_step, run_step, two_phase
from dataflow_core.engine.branches import do_in_order
from dataflow_core.engine.calls import Calls
from dataflow_core.engine.crews import Crews
from dataflow_core.engine.decisions import Decision, Sketches
from dataflow_core.engine.doing import Doing, Terms
from dataflow_core.engine.failures import Failures
from dataflow_core.engine.fingerprints import Fingerprints
from dataflow_core.engine.goal import Goal
from dataflow_core.engine.journal import Journal, Progress
from dataflow_core.engine.ledger import StepAccount, TableSum
from dataflow_core.engine.options import EngineOptions
from dataflow_core.engine.parts import PartTable
from dataflow_core.engine.pieces import Piece, piece_at, pieces_of
from dataflow_core.engine.retry import Again, Retry
from dataflow_core.engine.reuse import link_file, neighbours, take_decision, take_over
from dataflow_core.engine.rundir import RunDirectory
from dataflow_core.engine.shipping import ship
from dataflow_core.engine.sources import reader_of
from dataflow_core.engine.standing import Standing
from dataflow_core.engine.stored_decisions import calls_of_decision, load_decision, save_decision
from dataflow_core.engine.stored_frames import from_stored
from dataflow_core.engine.threads import Desks, DoingInThreads
from dataflow_core.engine.work import Desk, Work
from dataflow_core.pipeline.plan import SOURCE, Plan, Step
from dataflow_core.serving.tally import Tally
from dataflow_core.storage.base import Storage
from dataflow_core.storage.table_storage import TableStorage
from dataflow_core.table.frames import Frame, concat_frames

if TYPE_CHECKING:
    from dataflow_core.serving.base import Serving

_MUCH = 32 << 20
"""So many bytes of input let workers be started at once, in new processes."""

_WORTH_A_FORK = 1 << 20
"""So many let them be started at once, as copies of this one."""


@dataclass
class LocalEngine:
    """Runs the stages of a plan in order, and takes up what is done already.

    Args:
        plan: The plan; its sources are all given.
        directory: Where to commit.
        options: How to run.
        fingerprints: Those of the plan's tables.
        exact: Whether to read all source rows for their types first.
        retry: Whether to do rows again that have failed.
        careful: Whether the run was killed before: perhaps by a row, which workers are to find.
    """

    plan: Plan
    directory: RunDirectory
    options: EngineOptions
    fingerprints: Fingerprints
    exact: bool = False
    retry: bool = False
    careful: bool = False
    accounts: dict[str, StepAccount] = field(default_factory=dict)
    reused: dict[str, int] = field(default_factory=dict)
    reused_from: dict[str, Path] = field(default_factory=dict)
    retried: dict[str, int] = field(default_factory=dict)
    calls: Calls = field(init=False)
    standing: Standing = field(init=False)
    _failures: Failures = field(init=False)
    _progress: dict[str, Progress] = field(default_factory=dict)
    _crews: Crews = field(init=False)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _halted: threading.Event = field(default_factory=threading.Event)
    _decided: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.accounts = {step.name: StepAccount(step.name) for step in self.plan.steps}
        self._failures = Failures(self.options.max_failures, self.directory.path)
        self.calls = Calls(self.plan, self.directory.path, self.options, self._is_stopped)
        self.standing = Standing(self.plan, self.options.limit, self.calls, self._progress)
        self._crews = Crews(
            self.options.workers,
            [type(step.operator).__module__ for step in self.plan.steps],
            self.directory.lock_descriptor,
            may_fork=self._may_fork,
        )

    def run(self) -> None:
        """Run all stages.

        Raises:
            SchemaMisfit: A row does not fit the types of its source's head; run again, exactly.
            RunStopped: Somebody asked to stop; what is done is committed.
            DataflowError: The run failed; what is committed stays.
        """
        try:
            much = self._input_bytes() > _WORTH_A_FORK
            if self._may_fork and (much or self._wants_workers()):
                self._crews.start()  # a copy is cheap, as long as this process is small
            # What only sketches is done when its decision is wanted.
            stages = [work for work in self.works if work.kind != "sketch"]
            do_in_order(stages, self._do_stage, self._halted, self.options.workers)
        finally:
            self._crews.close()
            self.calls.close()
            order = [work.journal for work in self.works]
            self.reused = {name: self.reused[name] for name in order if name in self.reused}

    @property
    def _may_fork(self) -> bool:
        """Whether workers may be copies of this process; servings have threads of their own."""
        return self.options.may_fork and not self.calls.servings()

    def _do_stage(self, work: Work) -> None:
        """Do a stage, and tell of each of its steps how it began, and how it ended."""
        begun: list[Step] = []
        try:
            for step in work.steps:
                begun.append(step)
                self._notify("before_step", step=step)
            self._do(work)
            for step in work.steps:
                if step.only_looks:
                    self._decide(step)
                self.calls.settle(self.accounts[step.name])
                self._failures.check(self.accounts[step.name])
                self.accounts[step.name].check()
                begun.pop(0)
                self._notify("after_step", step=step, outcome=self.accounts[step.name])
            self.calls.done(work.steps)
        except BaseException as error:
            for step in _named_first(begun, str(error)):
                self._notify("on_step_error", step=step, error=error)
            raise

    def _notify(self, event: str, **told: Any) -> None:
        with self._lock:
            self.options.notify(event, **told)

    def _tell(
        self,
        work: Work,
        total: int | None,
        earlier: Mapping[str, StepAccount],
        rows: int,
        accounts: Callable[[], Mapping[str, StepAccount]],
        goal: Goal | None = None,
    ) -> None:
        update = self.standing.update(work, total, earlier, rows, accounts, goal)
        self._notify("on_progress", update=update)

    def _is_stopped(self) -> bool:
        return self._halted.is_set() or self.options.stop()

    @cached_property
    def works(self) -> tuple[Work, ...]:
        """What there is to do, in order."""
        kept = [name for name in self.plan.sources if self._is_kept(name)]
        works = [Work(name, name, (), reads_source=True) for name in kept]
        for stage in self.plan.stages:
            if stage.kind == "two-phase":
                first = stage.steps[0]
                works.append(Work(first.name, stage.table, (first,), "sketch"))
            direct = stage.table in self.plan.sources and stage.table not in kept
            works.append(Work(stage.result, stage.table, stage.steps, stage.kind, direct))
        return tuple(works)

    @cached_property
    def _others(self) -> tuple[RunDirectory, ...]:
        """The runs beside this one from which work may be taken over."""
        return () if self.options.fresh else tuple(neighbours(self.directory.path))

    def _others_of(self, asked: Work | Step) -> tuple[RunDirectory, ...]:
        """Return the runs from which some work, or a decision, may be taken over.

        A table of which just some rows are wanted has as many as were on their way by then: what
        is made of all of them is of this run alone.
        """
        return (
            () if any(goal.source == asked.table for goal in self._goals.values()) else self._others
        )

    def _has_more(self, work: Work) -> bool:
        """Tell whether more could be done of some work, of which nothing more is wanted."""
        goal = self._goals.get(work.name)
        return goal is not None and goal.is_enough()

    @cached_property
    def _goals(self) -> dict[str, Goal]:
        """The rows that are wanted of some works, by name, if not all are."""
        goals = ((work.name, Goal.of(self.plan, work)) for work in self.works)
        return {name: goal for name, goal in goals if goal is not None}

    def table(self, name: str) -> PartTable:
        """Return a committed table."""
        return self.directory.table("tables", name)

    def checked_frames(self, name: str, schema: pa.Schema | None = None) -> Iterator[Frame]:
        """Yield the rows of a committed table, and raise at its end where they are others.

        Args:
            name: The table.
            schema: The schema wanted; None for that of the whole table.

        Raises:
            OperatorError: They are not the rows that were written.
        """
        total = TableSum()
        for frame in self.table(name).frames(schema):
            total.add(frame.ids)
            yield frame
        self._progress[name].sum.check(total, name)

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
        if self.retry and work.steps and progress.commits:
            progress = self._do_again(work, journal, progress)
        self._progress[work.journal] = progress
        if progress.read or progress.finished:
            self.reused[work.journal] = progress.read
            self.reused_from.setdefault(work.journal, self.directory.path)
        if not progress.finished:
            if work.kind == "whole-table":
                self._do_at_once(work, journal, progress)
            else:
                self._do_pieces(work, journal, progress)
            # A worker that died may have left files whose rows were done again.
            self.directory.tidy(work.folders(), progress.files)
            if not self._has_more(work):
                journal.finish()
            progress.finished = True
            self._notify("on_progress", update=self.standing.finished(work))
        elif work.kind == "two-phase":
            self._recall_findings(work.steps[0])
        for name, account in progress.accounts.items():
            self.accounts[name].merge(account)

    def _recall_findings(self, step: Step) -> None:
        """Take what a step found out, whose work is done already."""
        stored = self._decided_before(step)
        if stored is not None:
            self.accounts[step.name].findings.update(stored[1])

    def _decided_before(self, step: Step) -> Any:
        """Return what a step decided, and its findings, in this run or another; None for nothing.

        The decision is in this run's directory then.
        """
        path, wanted = self.directory.decision(step.name), self.fingerprints.hashes[step.name]
        stored = load_decision(path, wanted)
        if stored is not None:
            return stored
        return take_decision(self._others_of(step), self.directory, step.name, wanted)

    def _take_up(self, work: Work) -> tuple[Journal, Progress]:
        """Return the journal of some work, and how far it is; begin it where it is other work."""
        wanted = work.label(self.fingerprints.hashes)
        journal, progress = self._known(work, self.directory, wanted)
        if progress is not None and (work.kind != "whole-table" or progress.finished):
            return journal, progress
        self.directory.forget(work.folders())
        journal.remove()
        taken = take_over(self._others_of(work), self.directory, work, wanted)
        if taken is not None:
            progress, self.reused_from[work.journal] = taken
            return journal, progress
        journal.begin(wanted)
        return journal, Progress()

    def _known(
        self, work: Work, directory: RunDirectory, label: str
    ) -> tuple[Journal, Progress | None]:
        """Return the journal of some work, and how far it is; None where it is other work."""
        journal = directory.journal(work.journal)
        journal.mend()
        known, progress = journal.read()
        if known != label:
            return journal, None
        directory.tidy(work.folders(), progress.files)
        return journal, progress

    def _do_again(self, work: Work, journal: Journal, progress: Progress) -> Progress:
        """Do the failed rows of a stage again; return how far the stage is then."""
        retry = Retry(work, self.directory, self.options.batch_rows)
        if not retry.rows:
            return progress
        self.retried |= retry.failed
        if retry.needs_all_rows:
            self._forget_behind(work.name)
            self._forget(work)
            journal.begin(work.label(self.fingerprints.hashes))
            return Progress()
        for again in retry.agains:
            self._do_failed(again)
        was_finished = progress.finished
        journal.reopen()
        done = retry.merge(journal.spans(), f"part-{progress.next_number():05d}")
        if done.sum.rows:
            self._forget_behind(work.name)
        journal.commit(done)
        progress.add(done)
        self.directory.tidy(work.folders(), progress.files)
        if was_finished:
            journal.finish()
        retry.clear()
        return progress

    def _do_failed(self, again: Again) -> None:
        """Do failed rows from the step on that failed with them, in a folder of their own."""
        work, directory = again.work, again.directory
        label = again.label(self.fingerprints.parts)
        journal, known = self._known(work, directory, label)
        if known is None:
            directory.forget(work.folders())
            journal.begin(label)
        again.progress = progress = known or Progress()
        if work.kind == "two-phase":
            self._decide(work.steps[0])
            decision = work.steps[0].name
            link_file(self.directory.decision(decision), directory.decision(decision))
        if not progress.finished:
            self._do_pieces(work, journal, progress, again)
            directory.tidy(work.folders(), progress.files)
            journal.finish()

    def _forget_behind(self, table: str) -> None:
        """Forget what was made of a table."""
        changed = {table}
        for work in self.works:
            if not changed & work.reads or work.name == table:
                continue
            changed.add(work.name)
            self._forget(work)

    def _forget(self, work: Work) -> None:
        """Forget what was done of some work."""
        self.directory.journal(work.journal).remove()
        self.directory.forget(work.folders())
        for step in work.steps:
            self.directory.decision(step.name).unlink(missing_ok=True)

    def _do_pieces(
        self, work: Work, journal: Journal, progress: Progress, again: Again | None = None
    ) -> None:
        """Do what is left of some work, or what of it was done before and is done again."""
        directory = self.directory if again is None else again.directory
        decision = self._decide(work.steps[0]) if work.kind == "two-phase" else None
        decided = self.fingerprints.hashes[work.steps[0].name] if decision is not None else None
        asked = self.calls.servings(work.steps)
        goal = self._goals.get(work.name) if again is None else None
        alone = self.options.workers == 1 or not work.steps or bool(asked) or goal is not None
        shipped = None if alone else ship(work, directory.path, decided)
        if work.steps and shipped is None:
            self._warn_of_timeout(work)
        if shipped is not None and again is None and self._input_bytes() > _MUCH:
            self._crews.start()  # so that they are ready soon
        desk = Desk(work, directory, decision=decision, seen=self.options.seen)
        pieces = partial(self._pieces, work) if again is None else again.pieces
        if goal is not None:
            goal.begin(progress, self.table(work.name))
            desk.through = goal.saw
        earlier = _so_far(work, progress)
        total = self.standing.total(work) if again is None else again.rows
        tell = partial(self._tell, work, total, earlier, goal=goal)
        tell(progress.read, lambda: earlier)
        with self._crews.crew() as crew:
            terms = Terms(
                crew=None if shipped is None else crew,
                shipped=shipped,
                commit_seconds=self.options.commit_seconds,
                step_timeout=self.options.step_timeout,
                stop=self._is_stopped,
                progress=tell,
                # Of rows that have failed, more fail again than of all.
                check=partial(self._check_early, work) if again is None else lambda _: None,
                at_once=(
                    self._wants_workers()
                    or (again is not None and again.dangerous)
                    or self._crews.are_ready()
                ),
                goal=goal,
            )
            doing = Doing(desk, journal, progress, terms)
            if asked:
                doing = self._in_threads(doing, asked, only_good=again is not None)
            doing.all(pieces)

    def _in_threads(
        self, doing: Doing, asked: Sequence[Serving], *, only_good: bool
    ) -> DoingInThreads:
        """Return what does the same work by threads, for models are asked in it.

        Args:
            doing: The work.
            asked: The servings that are asked.
            only_good: Whether answers that were of no use are asked for again.
        """
        desks = Desks(doing.desk, self.calls, only_good=only_good)
        return DoingInThreads(
            doing.desk, doing.journal, doing.done, doing.terms,
            desks=desks.make, servings=asked, in_order=self.options.in_order,
        )  # fmt: skip

    def _input_bytes(self) -> int:
        """Return how large all files are that are read."""
        return sum(size for size, *_ in self.fingerprints.files.values())

    def _wants_workers(self) -> bool:
        """Tell whether no step may run in this process where a worker can do it."""
        careful = self.careful or self.options.step_timeout is not None
        return careful and self.options.workers > 1

    def _warn_of_timeout(self, work: Work) -> None:
        """Say that a time limit does not hold where no worker does the work."""
        if self.options.step_timeout is not None:
            names = ", ".join(step.name for step in work.steps)
            warnings.warn(
                f"{names}: runs in the process of the run, which the time limit for steps does not "
                "reach: workers do neither steps that need the whole table, nor such that ask "
                "models (a serving has a timeout of its own), nor operators of a script or "
                "notebook itself or with a function of one's own.",
                RuntimeWarning,
                stacklevel=2,
            )

    def _do_at_once(self, work: Work, journal: Journal, progress: Progress) -> None:
        """Run a step that needs the whole table, and commit what comes of it."""
        (first,) = work.steps
        self._warn_of_timeout(work)
        desk = Desk(Work(work.name, work.table, ()), self.directory)
        desk.begin("part-00000")
        try:
            earlier = _so_far(work, progress)
            tell = partial(self._tell, work, self.standing.total(work), earlier)
            tell(0, lambda: earlier)
            pieces = list(self._pieces(work))
            for piece in pieces:
                if piece.unreadable is not None:
                    desk.set_aside(work.table, piece.unreadable.rows)
            whole = concat_frames([piece.frame for piece in pieces])
            account = StepAccount(first.name)
            with self.calls.of(first, account):
                outcome = run_step(first, whole, self._second_tables(first))
                account.add(outcome)
            self.options.seen(first, outcome)
            self._check_early(work, account)
            desk.note(first, outcome)
            accounts = {first.name: account}
            tell(len(whole), lambda: accounts)
            for start in range(0, max(len(outcome.after), 1), self.options.batch_rows):
                frame = outcome.after.slice(start, self.options.batch_rows)
                desk.do(piece_at(start, frame))
        except BaseException:
            desk.discard()
            raise
        done = desk.commit()
        done.accounts[first.name] = account
        done.read = len(whole) + done.unreadable
        journal.commit(done)
        progress.add(done)

    def _check_early(self, work: Work, account: StepAccount) -> None:
        """Stop where too many rows failed already."""
        names = [step.name for step in work.steps]
        self._failures.check_early(account, names, partial(self.standing.most_rows, work))

    def _decide(self, step: Step) -> Decision:
        """Return what a step decided about all rows; decided now, or in an earlier run."""
        path, wanted = self.directory.decision(step.name), self.fingerprints.hashes[step.name]
        stored = self._decided_before(step)
        if stored is None:
            for work in self.works:
                if work.kind == "sketch" and work.name == step.name:
                    self._do(work)
            # Nothing else holds them, so that the operator can let go what it has arranged.
            account = StepAccount(step.name)
            with self.calls.of(step, account):
                stored = decide_step(step, self._sketches(step))
            self.accounts[step.name].calls.merge(account.calls)
            account.calls.merge(self._calls_of_sketches(step))
            save_decision(path, wanted, step.name, *stored, account.calls)
            self.directory.forget([("sketches", step.name)])
            self.directory.journal(f"{step.name}.sketch").remove()
        elif step.name not in self._decided:
            self.accounts[step.name].calls.merge(calls_of_decision(path))
        self._decided.add(step.name)
        decision, findings = stored
        self.accounts[step.name].findings.update(findings)
        return Decision(decision)

    def _calls_of_sketches(self, step: Step) -> Tally:
        """Return what the sketches of a two-phase step took, which no journal tells any more."""
        progress = self._progress.get(f"{step.name}.sketch", Progress())
        return progress.accounts.get(step.name, StepAccount(step.name)).calls

    def _sketches(self, step: Step) -> pd.DataFrame:
        batches = self.directory.table("sketches", step.name).batches()
        return Sketches(two_phase(step), (from_stored([one]) for one in batches)).all()

    def _pieces(self, work: Work) -> Iterator[Piece]:
        """Yield the rows that flow into some work, in order."""
        name = work.table
        if work.reads_source:
            reader = reader_of(
                self.plan,
                name,
                limit=self.options.limit if name == SOURCE else None,
                exact=self.exact,
                batch_rows=self.options.batch_rows,
            )
            goal = self._goals.get(work.name)
            yield from reader.pieces() if goal is None else goal.until_reached(reader.pieces())
            return
        yield from pieces_of(self.checked_frames(name), self.options.batch_rows)

    def _second_tables(self, step: Step) -> dict[str, Storage]:
        return {name: _LazyTable(partial(self._load, name)) for name in step.other_tables}

    def _load(self, name: str) -> Frame:
        return concat_frames(list(self.checked_frames(name)))


def _named_first(steps: Sequence[Step], message: str) -> list[Step]:
    """Return steps, the one that a message is about first."""
    return sorted(steps, key=lambda step: f"step {step.name!r}" not in message)


def _so_far(work: Work, progress: Progress) -> dict[str, StepAccount]:
    """Return what each step of some work did in earlier runs, whatever is added from now on."""
    names = (step.name for step in work.steps)
    return {name: deepcopy(progress.accounts.get(name, StepAccount(name))) for name in names}


class _LazyTable(TableStorage):
    """A second table, loaded when the operator asks for it."""

    def __init__(self, load: Callable[[], Frame]) -> None:
        super().__init__()
        self._load_frame = load

    def load(self) -> Frame:
        return self._load_frame()
