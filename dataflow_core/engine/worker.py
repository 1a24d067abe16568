"""The program of a run's worker processes: `python -m dataflow_core.engine.worker`.

One process imports the operators, and forks whenever the run wants one more worker: so each is
there at once, shares the memory of what was imported, and knows nothing of the run's own work but
what it is sent. A worker ends with the run, whatever becomes of that. Of a program that has started
nothing else, such as the command line, that process is a copy, which need not import anything.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import queue
import signal
import socket
import sys
import threading
import traceback
import warnings
from multiprocessing.connection import Connection
from typing import Any

from dataflow_core.engine.decisions import Decision
from dataflow_core.engine.rundir import RunDirectory
from dataflow_core.engine.shipping import ShippedWork, receive_rows
from dataflow_core.engine.stored_decisions import load_decision
from dataflow_core.engine.work import Desk
from dataflow_core.errors import DataflowError, OperatorError

_WAITING = 4


def serve(control: socket.socket) -> None:
    """Import what workers need, then fork one for each connection that is sent.

    Args:
        control: Carries first the search path and the modules, then connections.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run tells its workers when to stop
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children need not be waited for
    # Nothing else runs here, but libraries have idle threads; from Python 3.12 on it would warn.
    warnings.filterwarnings("ignore", r".*multi-threaded.*fork", DeprecationWarning)
    path, modules = pickle.loads(_exactly(control))  # noqa: S301  of the run that started this
    sys.path[:] = path
    for module in modules:
        importlib.import_module(module)
    control.sendall(b"ready...")
    while True:
        message, descriptors, *_ = socket.recv_fds(control, 8, 1)
        if not message:
            os._exit(0)
        child = os.fork()
        if not child:
            control.close()
            work_for(Connection(descriptors[0]))
            os._exit(0)
        os.close(descriptors[0])
        control.sendall(child.to_bytes(8, "little"))


def work_for(connection: Connection) -> None:
    """Do what a run asks, one thing after the other, until it closes the connection."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    inbox: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, inbox), daemon=True).start()
    desk: Desk | None = None
    while True:
        kind, content = inbox.get()
        try:
            if kind == "work":
                desk = _desk(connection, content)
            answer = None if desk is None else _answer(desk, kind, content)
            connection.send((kind, answer))
        except DataflowError as error:
            connection.send(("failed", (kind, error)))
        except Exception as error:  # noqa: BLE001  the run tells it
            told = OperatorError(f"{type(error).__name__}: {error}")
            connection.send(("failed", (kind, told)))


def _answer(desk: Desk, kind: str, content: Any) -> Any:
    if kind == "piece":
        return {name: account.state() for name, account in desk.do(content).items()}
    if kind == "commit":
        done = desk.commit().as_dict()
        desk.begin(content)
        return done
    return None


def _receive(connection: Connection, inbox: queue.SimpleQueue[tuple[str, Any]]) -> None:
    """Take messages while work is going on, so that the run need not wait with the next one."""
    while True:
        try:
            kind, content = connection.recv()
            inbox.put((kind, receive_rows(connection, content) if kind == "piece" else content))
        except (EOFError, OSError):
            os._exit(0)  # the run is over: nothing that is not committed counts
        except Exception:  # noqa: BLE001  without this thread, the worker would wait for ever
            traceback.print_exc()
            os._exit(1)


def _desk(connection: Connection, content: tuple[bytes, str]) -> Desk:
    data, prefix = content
    shipped: ShippedWork = pickle.loads(data)  # noqa: S301  of the run that started this
    directory, decision = RunDirectory(shipped.folder), None
    work = shipped.unpacked()
    if shipped.decision is not None:
        stored = load_decision(directory.decision(work.steps[0].name), shipped.decision)
        if stored is None:
            raise OperatorError(f"step {work.steps[0].name!r}: its decision is not there any more")
        decision = Decision(stored[0])
    desk = Desk(work, directory, decision=decision, started=lambda n: connection.send(("step", n)))
    desk.begin(prefix)
    return desk


def _exactly(control: socket.socket) -> bytes:
    size = int.from_bytes(_received(control, 8), "little")
    return _received(control, size)


def _received(control: socket.socket, size: int) -> bytes:
    parts = b""
    while len(parts) < size:
        part = control.recv(size - len(parts))
        if not part:
            raise SystemExit
        parts += part
    return parts


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError, ConnectionResetError):
        serve(socket.socket(fileno=int(sys.argv[1])))
