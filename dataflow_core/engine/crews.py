"""The worker processes of a run: what makes them, and those that wait for work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from dataflow_core.engine.crew import Crew, WorkerMaker

_MOMENT = 0.05


class Crews:
    """Worker processes, started when they are first wanted; stages side by side have their own.

    Args:
        size: How many a stage has.
        modules: What they import.
        lock: The descriptor of the run directory's lock.
        may_fork: Whether they may be copies of this process.
    """

    def __init__(
        self, size: int, modules: Collection[str], lock: int | None, *, may_fork: bool
    ) -> None:
        self._size = size
        self._modules = modules
        self._lock = lock
        self._may_fork = may_fork
        self._maker: WorkerMaker | None = None
        self._idle: list[Crew] = []
        self._guard = threading.Lock()

    def start(self) -> WorkerMaker:
        """Start what makes them, if it is not there, and return it."""
        with self._guard:
            if self._maker is None:
                self._maker = WorkerMaker(self._modules, self._lock, forked=self._may_fork)
            return self._maker

    def are_ready(self) -> bool:
        """Tell whether they can be had at once."""
        return self._maker is not None and self._maker.is_ready(_MOMENT)

    @contextmanager
    def crew(self) -> Iterator[Callable[[], Crew]]:
        """Yield what returns those of one stage; the next one may have them again."""
        taken: list[Crew] = []

        def take() -> Crew:
            if not taken:
                idle = self._take_idle()
                taken.append(Crew(self.start(), self._size) if idle is None else idle)
            return taken[0]

        try:
            yield take
        except BaseException:  # they may still have work of this one
            for crew in taken:
                crew.close()
            raise
        with self._guard:
            self._idle += taken

    def close(self) -> None:
        """Let all of them go."""
        for crew in self._idle:
            crew.close()
        if self._maker is not None:
            self._maker.close()

    def _take_idle(self) -> Crew | None:
        with self._guard:
            return self._idle.pop() if self._idle else None
