"""Doing the pieces of some work: here, and once it takes a while, by worker processes too.

A piece counts when the commit that holds it is in the journal. Where a worker dies, what it had not
committed is done again; the piece that it died of is tried alone, then in halves, until the row is
found on which workers die, and that row fails.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from dataflow_core.engine.crew import Answer, Crew, Worker
from dataflow_core.engine.goal import Goal
from dataflow_core.engine.journal import Commit, Journal, Progress
from dataflow_core.engine.ledger import StepAccount
from dataflow_core.engine.pieces import Piece
from dataflow_core.engine.work import Desk
from dataflow_core.errors import DataflowError, RunError, RunStopped, StorageError

ALONE_SECONDS = 0.3
"""Work that is over so soon is done without workers."""

_BEAT = 0.2
_AT_STAKE = 0.005
"""The share of the time that a crash may cost, where that is more than what is asked for."""

_DEATHS = 10
"""So many deaths a worker, without anything written down in between, end the run."""

_MESSAGES = {
    "worker_died": "the worker process died on this row, alone: a crash of a library, or memory",
    "step_timeout": "the step took longer than --step-timeout on this row, alone",
}


@dataclass(frozen=True)
class Terms:
    """How pieces are done.

    Attributes:
        crew: Returns the worker processes, started if need be; None where there are none.
        shipped: The work, for workers.
        commit_seconds: How long work goes on before it is written down.
        step_timeout: How long a worker may be in one step of a piece; None for ever.
        stop: Asked after every piece whether to stop.
        progress: Called with the rows done so far, and what tells of each step, after every piece.
        check: Called with a step's sums so far; raises where too many rows failed.
        at_once: Whether workers do all from the start: they are there, or a row may end the process
            that it is done in.
        goal: The rows that are wanted of it, if not all are.
    """

    crew: Callable[[], Crew] | None
    shipped: bytes | None
    commit_seconds: float
    step_timeout: float | None
    stop: Callable[[], bool]
    progress: Callable[[int, Callable[[], Mapping[str, StepAccount]]], None]
    check: Callable[[StepAccount], None]
    at_once: bool = False
    goal: Goal | None = None

    def is_enough(self) -> bool:
        """Tell whether nothing more of the table is wanted."""
        return self.goal is not None and self.goal.is_enough()


@dataclass
class Doing:
    """Some work on its way.

    Args:
        desk: Where this process works.
        journal: The work's journal.
        done: How far it is.
        terms: How to do it.
    """

    desk: Desk
    journal: Journal
    done: Progress
    terms: Terms
    _live: dict[str, StepAccount] = field(default_factory=dict)
    _rows: int = 0
    _deaths: int = 0
    _since: float = 0.0
    _begun: float = field(default_factory=time.monotonic)
    _again: deque[Piece] = field(default_factory=deque)
    _suspects: deque[Piece] = field(default_factory=deque)
    _tried: set[tuple[int, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        # After those of all files that count, of which there may be more than commits.
        self._numbers = itertools.count(self.done.next_number())

    def all(self, pieces: Callable[[], Iterable[Piece]]) -> None:
        """Do all pieces that are not done.

        Args:
            pieces: Returns all pieces of the table, in order; called again where work was lost.

        Raises:
            RunStopped: Somebody asked to stop; what is done is committed.
            DataflowError: A step failed, or too many rows did; what is done is committed.
        """
        for account in self.done.accounts.values():
            self._live[account.step] = StepAccount.from_state(account.state())
        self.desk.begin(self._prefix())
        self._since = time.monotonic()
        while True:
            stop = self._pass(pieces())
            if self.terms.is_enough() or not list(self.done.done.gaps(0, stop)):
                return

    def _pass(self, pieces: Iterable[Piece]) -> int:
        """Do what is left of the table once; return where it ends."""
        last = [0]
        self._rows = self.done.read
        todo = self._left(pieces, last)
        crew = None
        try:
            crew = self._alone(todo)
            if crew is not None:
                self._together(todo, crew)
        except StorageError:
            self._discard()
            raise
        except (DataflowError, RunStopped):
            self._commit_all(crew)
            raise
        except BaseException:
            self._discard()
            raise
        self._commit_all(crew)
        return last[0]

    def _left(self, pieces: Iterable[Piece], last: list[int]) -> Iterator[Piece]:
        for whole in pieces:
            last[0] = whole.stop
            yield from whole.without(self.done.done)

    def _alone(self, todo: Iterator[Piece]) -> Crew | None:
        """Do pieces here, until there are none, or workers are ready; return these then."""
        begun, crew = time.monotonic(), None
        if self.terms.at_once and self.terms.crew is not None:
            crew = self.terms.crew()
            while not crew.is_ready(_BEAT):
                self._heed_stop()
            return crew
        for piece in todo:
            self._heed_stop()
            self._took(piece, self.desk.do(piece))
            if self._is_due(self._since):
                self._commit_here()
            if self.terms.crew is None:
                continue
            if crew is None and time.monotonic() - begun > ALONE_SECONDS:
                crew = self.terms.crew()
            if crew is not None and crew.is_ready():
                self._commit_here()
                return crew
        return None

    def _together(self, todo: Iterator[Piece], crew: Crew) -> None:
        """Have workers do the pieces."""
        while len(crew.workers) < crew.size:
            crew.hire()
        for worker in crew.workers:
            self._begin(worker)
        waiting: Piece | None = None
        while True:
            self._heed_stop()
            if waiting is None:
                waiting = self._again.popleft() if self._again else next(todo, None)
            if waiting is not None:
                worker = min(crew.workers, key=lambda one: len(one.pieces))
                if worker.has_room() and not self._is_reserved(worker):
                    worker.send(waiting)
                    waiting = None
                    self._hear(crew, 0)
                    continue
            elif not self._suspects and not any(worker.pieces for worker in crew.workers):
                return
            self._try_suspects(crew)
            self._hear(crew, _BEAT)

    def _try_suspects(self, crew: Crew) -> None:
        """Give a piece on which a worker died to one that has nothing to lose."""
        for worker in crew.workers:
            if not self._suspects:
                return
            if worker.pieces or worker.is_committing:
                continue
            if worker.pending:
                worker.commit(self._prefix())
            else:
                worker.send(self._suspects.popleft())

    def _is_reserved(self, worker: Worker) -> bool:
        """Tell whether a worker has a piece on which one died, or is to get one."""
        if any((piece.start, piece.stop) in self._tried for piece in worker.pieces):
            return True
        return bool(self._suspects) and not worker.pieces

    def _hear(self, crew: Crew, seconds: float) -> None:
        for answer in crew.answers(seconds):
            self._heed(answer, crew)
        self._stop_late(crew)
        for worker in crew.workers:
            if worker.pending and not worker.is_committing and self._is_due(worker.committed):
                worker.commit(self._prefix())

    def _is_due(self, since: float) -> bool:
        """Tell whether what was done since then is to be written down.

        The longer the work goes on, the less often: in a day, a thousand times.
        """
        now, seconds = time.monotonic(), self.terms.commit_seconds
        return now - since > (max(seconds, (now - self._begun) * _AT_STAKE) if seconds else 0)

    def _stop_late(self, crew: Crew) -> None:
        """Kill workers that are in one step for too long."""
        if self.terms.step_timeout is None:
            return
        begun = time.monotonic() - self.terms.step_timeout
        for worker in crew.workers:
            if worker.pieces and worker.step is not None and worker.since < begun:
                worker.stop("step_timeout")

    def _heed(self, answer: Answer, crew: Crew) -> None:
        if answer.error is not None:
            raise answer.error
        if answer.kind == "commit" and answer.commit is not None:
            self._commit(answer.commit)
        elif answer.kind == "piece" and answer.piece is not None:
            self._rows += answer.piece.rows
            self.terms.progress(self._rows, lambda: self._accounts(crew))
            for account in answer.worker.pending.values():
                self._check(account.step, crew)
        elif answer.kind == "died":
            self._bury(answer.worker, crew)

    def _bury(self, worker: Worker, crew: Crew) -> None:
        """See to what a dead worker had."""
        self._deaths += 1
        if self._deaths >= _DEATHS * crew.size:
            raise RunError(
                f"{self._deaths} worker processes died one after the other, and nothing got done. "
                "Run with --workers 1 to see what happens in one process."
            )
        pieces = list(worker.pieces)
        self._again.extendleft(reversed(pieces[1:]))
        if pieces:
            self._suspect(pieces[0], worker)
        self._begin(crew.hire())

    def _suspect(self, piece: Piece, worker: Worker) -> None:
        key = (piece.start, piece.stop)
        if key not in self._tried:
            self._tried.add(key)
            self._suspects.append(piece)
        elif len(piece.frame) > 1:
            for half in piece.halves():
                self._tried.add((half.start, half.stop))
                self._suspects.append(half)
        else:
            step = worker.step or 0
            message = f"{_MESSAGES[worker.reason]} (tried twice)"
            self._took(piece, self.desk.refuse(piece, step, worker.reason, message))

    def _begin(self, worker: Worker) -> None:
        if self.terms.shipped is not None:
            worker.begin(self.terms.shipped, self._prefix())

    def _took(self, piece: Piece, accounts: Mapping[str, StepAccount]) -> None:
        """Count what was done here."""
        self._rows += piece.rows
        for name, account in accounts.items():
            self._live.setdefault(name, StepAccount(name)).merge(account)
            self.terms.check(self._live[name])
        self.terms.progress(self._rows, lambda: self._live)

    def _check(self, name: str, crew: Crew) -> None:
        """Check a step's failures, what workers have not committed included."""
        self.terms.check(self._account(name, crew))

    def _account(self, name: str, crew: Crew) -> StepAccount:
        account = StepAccount(name)
        pending = (worker.pending.get(name) for worker in crew.workers)
        for part in (self._live.get(name), *pending):
            if part is not None:
                account.add_sums(part)
        return account

    def _accounts(self, crew: Crew) -> dict[str, StepAccount]:
        return {step.name: self._account(step.name, crew) for step in self.desk.work.steps}

    def _heed_stop(self) -> None:
        if self.terms.stop():
            raise RunStopped("stopped")

    def _commit_all(self, crew: Crew | None) -> None:
        """Write down what was done, here and by workers, after what they have at hand.

        Raises:
            DataflowError: A worker could not; what the others did is written down.
        """
        if not self.desk.is_empty:
            self._commit_here()
        if crew is None:
            return
        for worker in crew.workers:
            if (worker.pending or worker.pieces) and not worker.is_committing:
                worker.commit(self._prefix())
        failed: DataflowError | None = None
        while any(worker.is_committing for worker in crew.workers):
            for answer in crew.answers(_BEAT):
                failed = failed or answer.error
                if answer.commit is not None:
                    self._commit(answer.commit)
            self._stop_late(crew)
        if failed is not None:
            raise failed

    def _discard(self) -> None:
        """Throw away what was not written down."""
        self.desk.discard()

    def _commit_here(self) -> None:
        self._since = time.monotonic()
        if self.desk.is_empty:
            return
        done = self.desk.commit()
        self.desk.begin(self._prefix())
        self.journal.commit(done)
        self.done.add(done)

    def _commit(self, done: Commit) -> None:
        """Write down what a worker did."""
        if not done.spans:
            return
        self._deaths = 0
        self.journal.commit(done)
        self.done.add(done)
        for name, account in done.accounts.items():
            self._live.setdefault(name, StepAccount(name)).merge(account)

    def _prefix(self) -> str:
        return f"part-{next(self._numbers):05d}"
