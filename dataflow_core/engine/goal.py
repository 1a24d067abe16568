"""The rows that a step wants: how near a run is to them, and when to read no more.

Rows flow through the steps before such a step in pieces that end in any order. The goal is reached
when the pieces that are done without a gap, from the first row on, hold as many accepted rows as
are wanted: so the rows that are kept are the first ones, whatever was done besides.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from dataflow_core.engine.intervals import Interval, wilson
from dataflow_core.engine.journal import Progress
from dataflow_core.engine.parts import PartTable, StoredBatch
from dataflow_core.engine.pieces import Piece
from dataflow_core.engine.work import Work
from dataflow_core.operators.general.want import Want
from dataflow_core.pipeline.plan import SOURCE, Plan, Step
from dataflow_core.storage.table_storage import TableStorage
from dataflow_core.table.frames import Frame
from dataflow_core.table.types import ROW_ID

_SLACK = 1.1
"""So many times as many rows go on their way as are likely to be needed."""


@dataclass(frozen=True)
class Forecast:
    """How near the goal is.

    Attributes:
        wanted: How many rows are wanted.
        accepted: How many there are.
        candidates: How many rows were tried for them.
        acceptance: Which share of candidates is accepted.
    """

    wanted: int
    accepted: int
    candidates: int
    acceptance: Interval

    @property
    def left(self) -> float:
        """How many candidates it still takes, about; infinite as long as none was accepted."""
        missing = max(0, self.wanted - self.accepted)
        rate = self.acceptance.value
        return missing / rate if rate else (math.inf if missing else 0)

    def __str__(self) -> str:
        one = self.acceptance
        rate = f"{one.value:.1%} of {self.candidates:,} (likely {one.low:.1%} to {one.high:.1%})"
        left = f", about {math.ceil(self.left):,} more to try" if 0 < self.left < math.inf else ""
        return f"{min(self.accepted, self.wanted):,} of {self.wanted:,} accepted, {rate}{left}"


def wanted_of_source(plan: Plan) -> Step | None:
    """Return the step that wants just some of the rows that row steps make of the main source."""
    for step in plan.steps:
        if not isinstance(step.operator, Want) or len(plan.consumers(step.table)) > 1:
            continue
        stages = [stage for stage in plan.stages if stage.result == step.table]
        tables = [stage.table for stage in stages if stage.kind == "rows"] or [step.table]
        if tables == [SOURCE]:
            return step
    return None


@dataclass
class Goal:
    """How near some work is to the rows that the step behind it wants.

    Args:
        source: The table whose rows are wanted.
        want: The operator that wants some of them.
        is_cut: Whether its pieces ended before their table did.
    """

    source: str
    want: Want
    is_cut: bool = False
    _reached: int = 0
    _accepted: int = 0
    _beyond: dict[int, tuple[int, int]] = field(default_factory=dict)
    _accepted_beyond: int = 0
    _tried: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, plan: Plan, work: Work) -> Self | None:
        """Return the goal of some work; None where no step wants just some of its rows."""
        consumers = plan.consumers(work.name)
        if work.kind != "rows" or not work.reads_source or work.name == plan.result:
            return None
        if len(consumers) != 1 or not isinstance(consumers[0].operator, Want):
            return None
        return cls(work.name, consumers[0].operator)

    def begin(self, done: Progress, table: PartTable) -> None:
        """Count what was done before.

        Args:
            done: How far the work is.
            table: Its committed rows.
        """
        counts = [(one.start, self._count(_frame_of(one))) for one in table.stored()]
        for start, stop in done.done.spans:
            accepted = sum(count for place, count in counts if start <= place < stop)
            self._add(start, stop, accepted, stop - start)

    def saw(self, piece: Piece, after: Frame) -> None:
        """Count a piece that is through; called by the threads that do pieces.

        Args:
            piece: The piece.
            after: What came out of it.
        """
        accepted = self._count(after)
        with self._lock:
            self._add(piece.start, piece.stop, accepted, piece.rows)

    def is_enough(self) -> bool:
        """Tell whether nothing more of the table is wanted."""
        return self.is_cut or self.is_reached()

    def is_reached(self) -> bool:
        """Tell whether there are as many rows as are wanted, and none missing before them."""
        return self._accepted >= self.want.rows

    def most_ahead(self) -> float:
        """Return how many more rows are worth to be on their way.

        As if one more was tried, and accepted: so nothing is known to speak against a row at first,
        and the fewer are accepted, the more are tried at a time.
        """
        with self._lock:
            accepted, tried = self._accepted + self._accepted_beyond, self._tried
        missing = max(0, self.want.rows - accepted)
        return math.ceil(missing * (tried + 1) / (accepted + 1) * _SLACK)

    def forecast(self) -> Forecast:
        """Return how near the goal is."""
        accepted = self._accepted + self._accepted_beyond
        return Forecast(self.want.rows, accepted, self._tried, _share(accepted, self._tried))

    def until_reached(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """Yield pieces until there are rows enough, or as many were tried as may be."""
        most = self.want.max_candidates
        for piece in pieces:
            if self.is_reached():
                break
            if most is not None and piece.rows > most:
                if most:
                    yield next(piece.cut(_constantly(most)))
                break
            yield piece
            most = most and most - piece.rows
        else:
            return
        self.is_cut = True  # once what was yielded is on its way

    def _count(self, frame: Frame) -> int:
        return int(np.count_nonzero(self.want.accepted(TableStorage(frame))))

    def _add(self, start: int, stop: int, accepted: int, rows: int) -> None:
        self._tried += rows
        self._beyond[start] = (stop, accepted)
        self._accepted_beyond += accepted
        while self._reached in self._beyond:
            self._reached, found = self._beyond.pop(self._reached)
            self._accepted += found
            self._accepted_beyond -= found


def _share(accepted: int, tried: int) -> Interval:
    if not 0 < tried >= accepted:  # nothing yet, or several rows come of one
        return Interval.exactly(accepted / max(tried, 1))
    return Interval(accepted / tried, *wilson(accepted, tried))


def _constantly(number: int) -> Callable[[], int]:
    return lambda: number


def _frame_of(stored: StoredBatch) -> Frame:
    table = stored.table()
    return Frame.from_arrow(table.drop_columns([ROW_ID]), table[ROW_ID].to_numpy())
