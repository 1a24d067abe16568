"""How far the work of a run is, of how much: for displays, limits and messages."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from dataflow_core.engine.calls import Calls
from dataflow_core.engine.goal import Goal
from dataflow_core.engine.journal import Progress
from dataflow_core.engine.ledger import StepAccount
from dataflow_core.engine.progress import Update
from dataflow_core.engine.sources import source_of
from dataflow_core.engine.work import Work
from dataflow_core.pipeline.plan import SOURCE, Plan

_ESTIMATES_ERR = 1.3
"""So many times as many rows as estimated a source may have."""

Accounts = Mapping[str, StepAccount]


class Standing:
    """How far the works of a run are.

    Args:
        plan: The plan.
        limit: The most rows of its main source; None for all.
        calls: The calls of the run.
        progress: How far each work is that was begun, by the name of its journal.
    """

    def __init__(
        self, plan: Plan, limit: int | None, calls: Calls, progress: Mapping[str, Progress]
    ) -> None:
        self._plan = plan
        self._limit = limit
        self._calls = calls
        self._progress = progress
        self._estimates: dict[str, int | None] = {}

    def total(self, work: Work) -> int | None:
        """Return how many rows flow into some work, about so many of a source."""
        made = self._progress.get(work.table)
        if made is not None and work.table != work.name:
            return made.sum.rows
        if work.table not in self._estimates:  # which may open files: once, not for every batch
            source = source_of(work.table, self._plan.sources[work.table])
            self._estimates[work.table] = source.estimated_rows()
        rows = self._estimates[work.table]
        limit = self._limit if work.table == SOURCE else None
        return rows if limit is None or rows is None else min(rows, limit)

    def most_rows(self, work: Work) -> float | None:
        """Return how many rows flow into some work at most, as far as that is known."""
        total = self.total(work)
        if total is None or work.table in self._progress:
            return total
        return total * _ESTIMATES_ERR

    def update(
        self,
        work: Work,
        total: int | None,
        earlier: Accounts,
        rows: int,
        accounts: Callable[[], Accounts],
        goal: Goal | None = None,
    ) -> Update:
        """Return what is told of some work on its way.

        Args:
            work: The work.
            total: How many rows flow into it.
            earlier: What its steps did in earlier runs.
            rows: How many of them are done.
            accounts: Returns what its steps did so far.
            goal: The rows that are wanted of it, if not all are.
        """
        calls = partial(self._calls.so_far, earlier)
        told = None if goal is None else goal.forecast()
        if told is not None and told.left < math.inf:
            needed = rows + math.ceil(told.left)
            total = needed if total is None else min(total, needed)
        return Update(work.journal, rows, total, accounts, calls=calls, goal=told)

    def finished(self, work: Work) -> Update:
        """Return what is told of some work that is through."""
        done = self._progress[work.journal]
        calls = {name: one.calls for name, one in done.accounts.items() if one.calls}
        return Update(work.journal, done.read, done.read, dict, finished=True, calls=lambda: calls)

    def in_words(self, works: Iterable[Work]) -> Iterator[str]:
        """Yield how far those works are that ask models and were begun."""
        for work in works:
            progress = self._progress.get(work.journal)
            if progress is not None and self._calls.servings(work.steps):
                of = "" if (total := self.total(work)) is None else f" of about {total:,}"
                yield f"{work.journal}: {progress.read:,}{of} rows are done"
