"""Doing the pieces of work that asks models: many at a time, by threads of this process.

A thread waits for the answers to the rows of its piece, while others wait for theirs: so many
pieces are on their way that no serving ever runs out of requests. Each thread has a desk of its
own; what it commits is written down by the one that gives out the pieces.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from typing import Protocol

from dataflow_core.engine.calls import Calls
from dataflow_core.engine.crew import Crew
from dataflow_core.engine.doing import Doing
from dataflow_core.engine.journal import Commit
from dataflow_core.engine.ledger import StepAccount
from dataflow_core.engine.pieces import Piece
from dataflow_core.engine.work import Desk
from dataflow_core.errors import RunStopped
from dataflow_core.pipeline.plan import Step

PIECE_ROWS = 256
"""The most rows of a piece: few enough that many are on their way."""

_LEAST_ROWS = 16
_PIECE_SECONDS = 2.0
_AHEAD = 3
"""So many times as many rows are on their way as requests go at a time."""

_BACKLOG = 2
"""So many times as many requests are to wait as go at a time; else a piece more is begun."""

_MOST_HANDS = 64
_BEAT = 0.05
_SHOWN_SECONDS = 0.5


class Asked(Protocol):
    """How busy a serving is."""

    @property
    def concurrency(self) -> int:
        """How many requests go at a time, as things are."""

    @property
    def backlog(self) -> int:
        """How many requests were asked for that have not ended."""


@dataclass
class Done:
    """What a hand says: that a piece is through, that it has committed, or why it could not."""

    hand: Hand
    accounts: Mapping[str, StepAccount] | None = None
    commit: Commit | None = None
    error: BaseException | None = None
    ended: bool = False


@dataclass(eq=False)
class Hand:
    """A thread that does pieces at a desk of its own, one after the other.

    Args:
        desk: The desk.
        prefix: Returns what the names of its next files begin with.
        is_due: Tells whether what was done since a moment is to be committed.
        outbox: Where it says what it did.
    """

    desk: Desk
    prefix: Callable[[], str]
    is_due: Callable[[float], bool]
    outbox: SimpleQueue[Done]
    piece: Piece | None = None
    _inbox: SimpleQueue[Piece | None] = field(default_factory=SimpleQueue)

    def start(self) -> None:
        """Begin to wait for pieces."""
        threading.Thread(target=self._work, name="dataflow-hand", daemon=True).start()

    def give(self, piece: Piece) -> None:
        """Have it do a piece."""
        self.piece = piece
        self._inbox.put(piece)

    def end(self) -> None:
        """Have it commit after the piece at hand, and end."""
        self._inbox.put(None)

    def _work(self) -> None:
        self.desk.begin(self.prefix())
        since = time.monotonic()
        while (piece := self._inbox.get()) is not None:
            try:
                done = Done(self, self.desk.do(piece))
            except BaseException as error:  # noqa: BLE001  whoever gave the piece raises it
                done = Done(self, error=error)
            self.outbox.put(done)
            if self.is_due(since):
                self._commit()
                since = time.monotonic()
        self._commit()
        self.outbox.put(Done(self, ended=True))

    def _commit(self) -> None:
        if self.desk.is_empty:
            return
        try:
            done = Done(self, commit=self.desk.commit())
        except BaseException as error:  # noqa: BLE001
            done = Done(self, error=error)
        self.desk.begin(self.prefix())
        self.outbox.put(done)


class Desks:
    """Makes the desks of hands, at which steps that ask models run side by side.

    Others run one at a time, for operators need not be made for more.

    Args:
        desk: A desk of the work.
        calls: The calls of the run.
        only_good: Whether answers that were of no use are asked for again.
    """

    def __init__(self, desk: Desk, calls: Calls, *, only_good: bool) -> None:
        self._desk = desk
        self._calls = calls
        self._only_good = only_good
        self._locks = {id(step.operator): threading.Lock() for step in desk.work.steps}

    def make(self, stop: Callable[[], bool]) -> Desk:
        """Return one more desk.

        Args:
            stop: Asked by calls whether to stop.
        """
        model = self._desk
        around = partial(self._around, stop)
        return Desk(
            model.work, model.directory, model.decision,
            seen=model.seen, around=around, through=model.through,
        )  # fmt: skip

    def _around(
        self, stop: Callable[[], bool], step: Step, account: StepAccount
    ) -> AbstractContextManager[object]:
        if not self._calls.servings([step]):
            return self._locks[id(step.operator)]
        return self._calls.of(step, account, only_good=self._only_good, stop=stop)


@dataclass(kw_only=True)
class DoingInThreads(Doing):
    """Some work on its way that asks models.

    Args:
        desks: Returns one more desk, whose calls ask what is given whether to stop.
        servings: The servings that are asked.
        in_order: Whether pieces go one after the other, as whoever looks on wants it.
    """

    desks: Callable[[Callable[[], bool]], Desk]
    servings: Collection[Asked]
    in_order: bool = False
    _hands: list[Hand] = field(default_factory=list)
    _outbox: SimpleQueue[Done] = field(default_factory=SimpleQueue)
    _halted: threading.Event = field(default_factory=threading.Event)
    _at_once: bool = False
    _hired: float = 0.0
    _shown: float = 0.0

    def _alone(self, todo: Iterator[Piece]) -> Crew | None:
        """Do all pieces, by threads; there is no crew."""
        try:
            for whole in todo:
                for piece in whole.cut(partial(self._piece_rows, whole)):
                    if not self._give(piece):
                        break
            while self._busy():
                self._listen()
        except BaseException as error:
            self._halted.set()
            self._at_once = isinstance(error, KeyboardInterrupt) and not isinstance(
                error, RunStopped
            )
            raise
        return None

    def _piece_rows(self, whole: Piece) -> int:
        """Return how many rows the next piece has at most.

        The slower they go, the fewer, so that pieces come to an end now and then.
        """
        if self.in_order:
            return max(1, len(whole.frame))
        done, seconds = self._rows - self.done.read, time.monotonic() - self._begun
        in_a_while = int(done / seconds * _PIECE_SECONDS) if seconds > 0 else 0
        usual = min(PIECE_ROWS, max(_LEAST_ROWS, self._concurrency(), in_a_while))
        return int(max(1, min(usual, self._worth_while() - self._on_their_way())))

    def _worth_while(self) -> float:
        """Return how many rows may be on their way, where just some are wanted in the end."""
        return math.inf if self.terms.goal is None else self.terms.goal.most_ahead()

    def _give(self, piece: Piece) -> bool:
        """Have a hand do a piece, once it is time; return whether it is wanted at all."""
        while (hand := self._free_hand()) is None:
            self._listen()
        self._heed_stop()
        if self.terms.is_enough():
            return False
        hand.give(piece)
        self._listen(0)
        return True

    def _free_hand(self) -> Hand | None:
        """Return a hand for one more piece; None where enough are on their way."""
        busy = self._busy()
        if self.in_order and busy:
            return None
        on_their_way = self._on_their_way()
        if busy and on_their_way >= self._worth_while():
            return None
        if on_their_way >= self._wanted() and not self._is_starving():
            return None
        free = next((hand for hand in self._hands if hand.piece is None), None)
        if free is None and len(self._hands) < _MOST_HANDS:
            free = Hand(self.desks(self._is_stopped), self._prefix, self._is_due, self._outbox)
            free.start()
            self._hands.append(free)
        return free

    def _wanted(self) -> float:
        """Return how many rows are to be on their way: the more, the fewer of them ask."""
        wanted = _AHEAD * self._concurrency()
        asked = [
            self._live[step.name].calls.asked
            for step in self.desk.work.steps
            if step.name in self._live and step.operator.servings()
        ]
        if not self._rows or not asked:
            return wanted
        return wanted / min(1.0, max(min(asked) / self._rows, 1 / PIECE_ROWS))

    def _is_starving(self) -> bool:
        """Tell whether a serving may soon have nothing to do, as where few rows come to it.

        A piece takes a while until its rows are asked for, so one more is begun now and then only.
        """
        if time.monotonic() - self._hired < _BEAT:
            return False
        if all(one.backlog >= _BACKLOG * one.concurrency for one in self.servings):
            return False
        self._hired = time.monotonic()
        return True

    def _concurrency(self) -> int:
        return sum(one.concurrency for one in self.servings)

    def _on_their_way(self) -> int:
        return sum(hand.piece.rows for hand in self._hands if hand.piece is not None)

    def _busy(self) -> list[Hand]:
        return [hand for hand in self._hands if hand.piece is not None]

    def _is_stopped(self) -> bool:
        return self._halted.is_set() or self.terms.stop()

    def _listen(self, seconds: float = _BEAT) -> None:
        """Heed what hands say; wait so long for the first of them."""
        self._heed_stop()
        with suppress(Empty):
            self._heed_hand(self._outbox.get(bool(seconds), seconds))
            while True:
                self._heed_hand(self._outbox.get(block=False))
        if time.monotonic() - self._shown > _SHOWN_SECONDS:
            self._show()

    def _heed_hand(self, done: Done) -> None:
        if done.commit is not None:
            self._write_down(done.commit)
            return
        piece, done.hand.piece = done.hand.piece, None
        if done.error is not None:
            raise done.error
        if piece is not None and done.accounts is not None:
            self._took(piece, done.accounts)

    def _show(self) -> None:
        """Tell how far it is also while no piece ends."""
        self._shown = time.monotonic()
        names = [step.name for step in self.desk.work.steps]
        told = {name: self._live.get(name, StepAccount(name)) for name in names}
        self.terms.progress(self._rows, lambda: told)

    def _commit_all(self, crew: Crew | None) -> None:
        """Let all hands end, and write down what they did.

        Raises:
            DataflowError: One of them could not commit; what the others did is written down.
        """
        errors = []
        try:
            for done in self._last_words():
                if done.commit is not None:
                    self._write_down(done.commit)
                elif done.error is not None:
                    errors.append(done.error)
        except BaseException:  # as where somebody stops the run once more
            self._abandon()
            raise
        if errors and not self._halted.is_set():  # else what halted them is told
            raise errors[0]

    def _discard(self) -> None:
        """Let all hands end, and write nothing; who is to stop at once does not wait for that."""
        self._abandon()
        if not self._at_once:
            list(self._last_words())

    def _abandon(self) -> None:
        """Let all hands end after what they have at hand, of which nothing is written."""
        self._halted.set()
        for hand in self._hands:
            hand.desk.abandon()
            hand.end()

    def _last_words(self) -> Iterator[Done]:
        """Let all hands end, and yield what they still say."""
        for hand in self._hands:
            hand.end()
        left = len(self._hands)
        while left:
            done = self._outbox.get()
            left -= done.ended
            yield done
        self._hands = []

    def _write_down(self, done: Commit) -> None:
        self.journal.commit(done)
        self.done.add(done)
