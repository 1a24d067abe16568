"""Whose calls these are: a run's step, with its store, its budget and its stop; or nobody's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dataflow_core.serving.store import Reuse
from dataflow_core.serving.tally import Tally

if TYPE_CHECKING:
    from dataflow_core.serving.budget import Budget
    from dataflow_core.serving.store import RequestStore


def never() -> bool:
    """Return that nobody asked to stop."""
    return False


class LiveTally:
    """What calls took so far, counted while they are on, by several threads."""

    def __init__(self) -> None:
        self._tally = Tally()

    def add(self, part: Tally) -> None:
        """Add sums."""
        self._tally.merge(part)

    def now(self) -> Tally:
        """Return the sums so far."""
        return self._tally.copy()


@dataclass
class Scope:
    """What calls of servings within a run's step have in common.

    Attributes:
        tally: Where to count what the calls took, once each has ended.
        store: Where answers are kept.
        reuse: Which of them count as answers.
        budget: What may be spent.
        stop: Asked now and then whether to stop.
        live: Where to count every answer as it comes, for displays.
        step: The step by whose name the store counts what is paid; empty where none does.
    """

    tally: Tally = field(default_factory=Tally)
    store: RequestStore | None = None
    reuse: Reuse = Reuse.ALL
    budget: Budget | None = None
    stop: Callable[[], bool] = never
    live: LiveTally | None = None
    step: str = ""


_SCOPE: ContextVar[Scope | None] = ContextVar("dataflow_serving_scope", default=None)


def current_scope(otherwise: Callable[[], Scope] = Scope) -> Scope:
    """Return whose calls those of this thread are.

    Args:
        otherwise: Returns the scope where the thread has none; by default nobody's, without store
            and budget.
    """
    return _SCOPE.get() or otherwise()


@contextmanager
def scoped(scope: Scope) -> Iterator[Scope]:
    """Have the calls of this thread be those of a scope."""
    token = _SCOPE.set(scope)
    try:
        yield scope
    finally:
        _SCOPE.reset(token)
