"""Processes that compare expressions, as many as wanted, each comparison within a time limit."""

from __future__ import annotations

import atexit
import functools
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from dataflow_core.errors import OperatorError
from dataflow_math.answers.worker import IDLE_SECONDS

Pair = tuple[str, str]
Verdict = bool | Literal["time_limit", "too_complex"]

_BATCH = 16
_START_SECONDS = 60.0
_STARTS = 3
_DEATHS = 2


@dataclass(eq=False)
class _Process:
    """One process, and the places of the pairs that it was sent and has not answered."""

    program: subprocess.Popen[bytes]
    connection: socket.socket
    waiting: deque[int] = field(default_factory=deque)
    received: bytes = b""
    deadline: float = 0.0
    is_ready: bool = False

    def close(self) -> None:
        self.connection.close()
        self.program.kill()
        self.program.wait()


class Pool:
    """Processes that compare expressions; they start when there is work, and end when idle.

    Any number of threads may share it: each takes the processes that are free, and waits for one
    where none is.

    Args:
        size: The most processes at once.
        idle_seconds: How long an idle process stays.
    """

    def __init__(self, size: int, idle_seconds: float = IDLE_SECONDS) -> None:
        self.size = size
        self._idle_seconds = idle_seconds
        self._free: list[_Process | None] = [None] * size
        self._changed = threading.Condition()
        self._all: set[_Process] = set()

    def compare(
        self,
        pairs: Sequence[Pair],
        *,
        tolerance: float,
        limit: float,
        relations_as_sets: bool = True,
    ) -> list[Verdict]:
        """Compare references with answers.

        Args:
            pairs: Reference and answer of each comparison.
            tolerance: As for `equal`.
            limit: The most seconds of processor time that a comparison may take. One that takes
                them, or four times as long by the clock, is given up, and its process with it.
            relations_as_sets: Whether an inequality equals the set that it describes.

        Returns:
            For each pair the verdict, or why there is none.

        Raises:
            OperatorError: No process can be started.
        """
        if not pairs:
            return []
        slots = self._take(min(self.size, -(-len(pairs) // _BATCH)))
        try:
            how = {"tolerance": tolerance, "relations_as_sets": relations_as_sets}
            return _Work(self, slots, pairs, limit, how).done()
        finally:
            self._give_back(slots)

    def close(self) -> None:
        """End all processes."""
        with self._changed:
            for process in self._all:
                process.close()
            self._all.clear()
            self._free = [None] * len(self._free)

    def start(self) -> _Process:
        """Start one more process."""
        process = _start(self._idle_seconds)
        with self._changed:
            self._all.add(process)
        return process

    def end(self, process: _Process) -> None:
        """End a process."""
        process.close()
        with self._changed:
            self._all.discard(process)

    def forget(self) -> None:
        """Let go of the processes of another process, of which this one is a copy."""
        for process in self._all:
            process.connection.close()
        self.__init__(self.size, self._idle_seconds)  # type: ignore[misc]

    def _take(self, most: int) -> list[_Process | None]:
        with self._changed:
            self._changed.wait_for(lambda: self._free)
            taken, self._free = self._free[-most:], self._free[:-most]
        return taken

    def _give_back(self, slots: list[_Process | None]) -> None:
        with self._changed:
            self._free += slots
            self._changed.notify_all()


class _Work:
    """One call's pairs, given to some processes."""

    def __init__(
        self,
        pool: Pool,
        slots: list[_Process | None],
        pairs: Sequence[Pair],
        limit: float,
        how: dict[str, float | bool],
    ) -> None:
        self.pool, self.slots, self.pairs = pool, slots, pairs
        self.limit, self.how = limit, how
        self.todo = deque(range(len(pairs)))
        self.verdicts: list[Verdict | None] = [None] * len(pairs)
        self.starts = 0
        self.suspects: Counter[int] = Counter()
        self.selector = selectors.DefaultSelector()

    def done(self) -> list[Verdict]:
        """Do all, and return the verdicts; whatever happens, no process is left with old work."""
        try:
            for place in range(len(self.slots)):
                self._feed(place)
            while self.selector.get_map():
                self._listen()
        finally:
            for place, process in enumerate(self.slots):
                if process is not None and process.waiting:
                    self._lose(place)
            self.selector.close()
        return [verdict for verdict in self.verdicts if verdict is not None]

    def _feed(self, place: int) -> None:
        """Give a process its next batch, or nothing where there is none."""
        process = self.slots[place]
        if not self.todo:
            return
        if process is None:
            if self.starts >= _STARTS:
                raise OperatorError(
                    "the processes that compare expressions cannot be started, or end by "
                    f"themselves: {sys.executable} -m dataflow_math.answers.worker"
                )
            process = self.slots[place] = self.pool.start()
        share = -(-len(self.todo) // len(self.slots))
        process.waiting = deque(self.todo.popleft() for _ in range(min(_BATCH, share)))
        batch = {
            **self.how,
            "limit": self.limit,
            "pairs": [self.pairs[one] for one in process.waiting],
        }
        self._wait_longer(process)
        self.selector.register(process.connection, selectors.EVENT_READ, place)
        with suppress(ConnectionError):  # that it has ended is noticed when its answers are read
            process.connection.sendall(json.dumps(batch).encode() + b"\n")

    def _listen(self) -> None:
        now = time.monotonic()
        busy = [process for process in self.slots if process is not None and process.waiting]
        first = min(process.deadline for process in busy)
        for key, _ in self.selector.select(max(0.0, first - now)):
            self._read(key.data)
        now = time.monotonic()
        for place, process in enumerate(self.slots):
            if process is not None and process.waiting and process.deadline <= now:
                self._give_up(place)

    def _read(self, place: int) -> None:
        process = self.slots[place]
        assert process is not None  # noqa: S101
        try:
            data = process.connection.recv(1 << 16)
        except ConnectionError:
            data = b""
        if not data:
            self._ended(place)
            return
        *lines, process.received = (process.received + data).split(b"\n")
        for told in map(json.loads, lines):
            if told == "ready":
                process.is_ready = True
            else:
                self.verdicts[process.waiting.popleft()] = told
        self._wait_longer(process)
        if not process.waiting:
            self.selector.unregister(process.connection)
            self._feed(place)

    def _ended(self, place: int) -> None:
        """A process ended: at its time limit, because it had been idle, or was killed.

        What was being compared when it died is compared again, and given up the second time.
        """
        process = self.slots[place]
        assert process is not None  # noqa: S101
        if process.program.wait() == -signal.SIGPROF:
            self._give_up(place)
            return
        if process.program.returncode != 0 and not process.is_ready:
            self.starts += 1
        elif process.program.returncode != 0:
            self.suspects[process.waiting[0]] += 1
            if self.suspects[process.waiting[0]] == _DEATHS:
                self.verdicts[process.waiting.popleft()] = "too_complex"
        self._lose(place)
        self._feed(place)

    def _give_up(self, place: int) -> None:
        process = self.slots[place]
        assert process is not None  # noqa: S101
        self.verdicts[process.waiting.popleft()] = "time_limit"
        self._lose(place)
        self._feed(place)

    def _lose(self, place: int) -> None:
        """End a process, and keep what it has not answered for another one."""
        process = self.slots[place]
        assert process is not None  # noqa: S101
        with suppress(KeyError):
            self.selector.unregister(process.connection)
        self.todo.extendleft(reversed(process.waiting))
        process.waiting.clear()
        self.slots[place] = None
        self.pool.end(process)

    def _wait_longer(self, process: _Process) -> None:
        seconds = 4 * self.limit + (0.0 if process.is_ready else _START_SECONDS)
        process.deadline = time.monotonic() + seconds


@functools.cache
def pool_of(size: int) -> Pool:
    """Return this process's pool of a size; all operators share it.

    Its processes end with this one, and what forks from this one starts its own.
    """
    pool = Pool(size)
    atexit.register(pool.close)
    os.register_at_fork(after_in_child=pool.forget)
    return pool


def _start(idle_seconds: float) -> _Process:
    ours, theirs = socket.socketpair()
    # It finds modules where this process does, and none in the working directory besides.
    path = os.pathsep.join(os.path.abspath(part) for part in sys.path)  # noqa: PTH100
    arguments = [str(theirs.fileno()), str(idle_seconds)]
    with theirs:
        program = subprocess.Popen(  # noqa: S603  this very program
            [
                sys.executable,
                "-P",
                "-W",
                "ignore",
                "-m",
                "dataflow_math.answers.worker",
                *arguments,
            ],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
        )
    return _Process(program, ours)
