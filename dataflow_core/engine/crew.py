"""The worker processes of a run, as the run sees them: pieces go out, and what came of them in."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from dataflow_core.engine.journal import Commit
from dataflow_core.engine.ledger import StepAccount
from dataflow_core.engine.pieces import Piece
from dataflow_core.engine.shipping import send_piece
from dataflow_core.errors import DataflowError, RunError

_GONE_SECONDS = 10.0
_START_SECONDS = 60.0
_STARTS = 3

AHEAD = 2
"""The pieces that a worker has at once: one that it works on, and one that waits."""


@dataclass
class Worker:
    """One worker process.

    Attributes:
        connection: The way to it.
        pid: Its process.
        pieces: What it has been sent and has not answered, in order.
        pending: What steps did to pieces that it has done and not yet committed.
        step: The number of the step that it is in.
        since: When that step began (`time.monotonic`).
        committed: When it was last asked to commit.
        is_committing: Whether it has been asked to, and has not answered.
        reason: Why it was stopped, if it was.
    """

    connection: Connection
    pid: int
    pieces: deque[Piece] = field(default_factory=deque)
    pending: dict[str, StepAccount] = field(default_factory=dict)
    step: int | None = None
    since: float = 0.0
    committed: float = 0.0
    is_committing: bool = False
    reason: str = "worker_died"

    def has_room(self) -> bool:
        """Tell whether it can be sent another piece."""
        return len(self.pieces) < AHEAD and not self.is_committing

    def send(self, piece: Piece) -> None:
        """Send it a piece."""
        if not self.pieces:
            self.since, self.step = time.monotonic(), None
        self.pieces.append(piece)
        with suppress(BrokenPipeError, ConnectionResetError):
            send_piece(self.connection, piece)

    def begin(self, shipped: bytes, prefix: str) -> None:
        """Give it other work."""
        self.committed, self.pending = time.monotonic(), {}
        self._send("work", (shipped, prefix))

    def commit(self, prefix: str) -> None:
        """Ask it to commit, after all that it has been sent.

        Args:
            prefix: What the names of its next files begin with.
        """
        self.is_committing = True
        self._send("commit", prefix)

    def stop(self, reason: str) -> None:
        """Kill it."""
        self.reason = reason
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def _send(self, kind: str, content: Any) -> None:
        # One that is gone is noticed when its answers are read.
        with suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send((kind, content))


@dataclass(frozen=True)
class Answer:
    """What a worker said: ``"work"``, ``"piece"``, ``"commit"``, ``"failed"`` or ``"died"``."""

    worker: Worker
    kind: str
    piece: Piece | None = None
    commit: Commit | None = None
    error: DataflowError | None = None


class WorkerMaker:
    """The process that makes a run's worker processes.

    Args:
        modules: What they import before they begin.
        lock: The descriptor of the run directory's lock, which holds as long as one of them lives.
        forked: Whether the process that makes them is a copy of this one, which has imported all
            that they need, and not a new one. Only for a program that has started nothing yet.
    """

    def __init__(self, modules: Iterable[str], lock: int | None, *, forked: bool = False) -> None:
        self._lock = lock
        self._setup = pickle.dumps((sys.path, sorted(set(modules))))
        self._one_at_a_time = threading.Lock()
        self._start(forked=forked)

    def is_ready(self, seconds: float = 0.0) -> bool:
        """Tell whether workers can be had; wait so long for that.

        Raises:
            RunError: The process that makes them has ended.
        """
        with self._one_at_a_time:
            return self._is_ready(seconds)

    def make(self) -> Worker:
        """Return one more worker.

        Raises:
            RunError: None can be made any more.
        """
        ours, theirs = socket.socketpair()
        with theirs, self._one_at_a_time:
            for _ in range(_STARTS):
                pid = self._ask(theirs)
                if pid:
                    return Worker(Connection(ours.detach()), pid)
                # It was killed, perhaps for the memory of a worker: another one takes its place.
                self.close()
                self._start()
                self._is_ready(_START_SECONDS)
        ours.close()
        raise RunError("no worker process can be made; run with --workers 1")

    def close(self) -> None:
        """Let the process go; its workers do not go with it."""
        self._control.close()
        self._process.kill()  # it has nothing to tidy up
        self._process.wait()

    def _start(self, *, forked: bool = False) -> None:
        self._ready = False
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process: _Copy | subprocess.Popen[bytes]
            self._process = _fork(self._control, theirs) if forked else _spawn(theirs, self._lock)
        with suppress(BrokenPipeError, ConnectionResetError):  # that it ended is noticed later
            self._control.sendall(len(self._setup).to_bytes(8, "little") + self._setup)

    def _is_ready(self, seconds: float) -> bool:
        if not self._ready and wait([self._control], seconds):
            if _answer(self._control) != b"ready...":
                raise RunError(
                    "the worker processes could not start (see their message above). Run with "
                    "--workers 1 to work in one process."
                )
            self._ready = True
        return self._ready

    def _ask(self, theirs: socket.socket) -> int:
        """Ask for a worker and return its process; 0 where nobody answers."""
        try:
            socket.send_fds(self._control, [b"fork...."], [theirs.fileno()])
        except OSError:
            return 0
        return int.from_bytes(_answer(self._control), "little")


class Crew:
    """Worker processes that do one work.

    Args:
        maker: Makes them.
        size: How many there are.
    """

    def __init__(self, maker: WorkerMaker, size: int) -> None:
        self.size = size
        self.workers: list[Worker] = []
        self._maker = maker

    def is_ready(self, seconds: float = 0.0) -> bool:
        """Tell whether workers can be had; see `WorkerMaker.is_ready`."""
        return self._maker.is_ready(seconds)

    def hire(self) -> Worker:
        """Return one more worker."""
        worker = self._maker.make()
        self.workers.append(worker)
        return worker

    def answers(self, seconds: float) -> list[Answer]:
        """Return what workers have said; wait so long for the first of them."""
        by_connection = {worker.connection: worker for worker in self.workers}
        heard = wait(list(by_connection), seconds)
        return [
            answer
            for connection in heard
            if (answer := self._answer(by_connection[connection])) is not None  # type: ignore[index]
        ]

    def close(self) -> None:
        """Let all workers go; what they have not committed is lost."""
        for worker in self.workers:
            worker.stop("closed")
            worker.connection.close()
        for worker in self.workers:  # which hold the run directory's lock until they are gone
            _wait_for_end(worker.pid)
        self.workers = []

    def _answer(self, worker: Worker) -> Answer | None:
        try:
            kind, content = worker.connection.recv()
        except (EOFError, OSError):
            self.workers.remove(worker)
            worker.connection.close()
            return Answer(worker, "died")
        if kind == "step":
            worker.step, worker.since = content, time.monotonic()
            return None
        if kind == "piece":
            piece = worker.pieces.popleft()
            worker.since, worker.step = time.monotonic(), None
            for name, state in content.items():
                account = StepAccount.from_state(state)
                worker.pending.setdefault(name, StepAccount(name)).merge(account)
            return Answer(worker, kind, piece=piece)
        if kind == "commit":
            worker.committed, worker.is_committing, worker.pending = time.monotonic(), False, {}
            return Answer(worker, kind, commit=Commit.from_dict(content))
        if kind == "failed":
            asked, error = content
            if asked == "piece":
                worker.pieces.popleft()
            worker.is_committing = worker.is_committing and asked != "commit"
            return Answer(worker, kind, error=error)
        return Answer(worker, kind)


def _answer(control: socket.socket) -> bytes:
    """Return what the process that makes workers says; nothing where it has ended."""
    try:
        return control.recv(8, socket.MSG_WAITALL)
    except OSError:
        return b""


@dataclass(frozen=True)
class _Copy:
    """A copy of this process."""

    pid: int

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> None:
        os.waitpid(self.pid, 0)


def _spawn(theirs: socket.socket, lock: int | None) -> subprocess.Popen[bytes]:
    """Start the process that makes workers anew."""
    descriptors = [theirs.fileno(), *([] if lock is None else [lock])]
    return subprocess.Popen(  # noqa: S603  this very program
        [sys.executable, "-m", "dataflow_core.engine.worker", str(theirs.fileno())],
        pass_fds=descriptors,
        stdin=subprocess.DEVNULL,
    )


def _fork(ours: socket.socket, theirs: socket.socket) -> _Copy:
    """Let a copy of this process be the one that makes workers."""
    from dataflow_core.engine.worker import serve

    gc.freeze()  # so that the copies go on sharing what is there
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    child = os.fork()
    if child:
        gc.unfreeze()
        return _Copy(child)
    status = 1
    try:
        ours.close()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        with suppress(BrokenPipeError, ConnectionResetError):  # the run is gone
            serve(theirs)
        status = 0
    except BaseException:  # noqa: BLE001  the copy must end here, whatever it is
        traceback.print_exc()
    finally:
        os._exit(status)


def _wait_for_end(pid: int) -> None:
    """Wait until a process that was killed is gone, as long as that may take."""
    deadline = time.monotonic() + _GONE_SECONDS
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.002)
