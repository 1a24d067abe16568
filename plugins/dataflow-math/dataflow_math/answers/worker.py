"""The program of a process that compares expressions: `python -m dataflow_math.answers.worker`.

It speaks JSON, a message a line: in come batches of pairs, out goes an answer for each pair. It
ends with the process that started it, whatever becomes of that; when it has been idle; and, by a
timer of the system that no computation can hold up, when a comparison takes too long.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import resource
import select
import signal
import socket
import sys
import threading
from typing import Any

from dataflow_math.answers.equality import equal
from dataflow_math.answers.symbolic import comparer

IDLE_SECONDS = 120.0
_MEMORY = 3 << 30

Batch = dict[str, Any]


def serve(connection: socket.socket, idle_seconds: float) -> None:
    """Answer batches until the other side closes the connection.

    Args:
        connection: Carries out ``"ready"`` first; then in, a batch at a time, ``{"tolerance": …,
            "relations_as_sets": …, "limit": …, "pairs": [[reference, answer], …]}``, and out, for
            each pair, ``true``, ``false``, or the name of what kept that from being told.
        idle_seconds: How long to wait for the next batch, before ending.
    """
    inbox: queue.SimpleQueue[Batch] = queue.SimpleQueue()
    working = threading.Event()
    arguments = (connection, inbox, working, idle_seconds)
    threading.Thread(target=_receive, args=arguments, daemon=True).start()
    comparer(1.0)  # imports what takes long
    connection.sendall(b'"ready"\n')
    while True:
        batch = inbox.get()
        symbolic = comparer(batch["tolerance"], relations_as_sets=batch["relations_as_sets"])
        for left, (reference, answer) in enumerate(batch["pairs"], 1 - len(batch["pairs"])):
            # At its end the system ends this process: the default action, which needs no Python.
            signal.setitimer(signal.ITIMER_PROF, batch["limit"])
            try:
                told: Any = equal(
                    reference, answer, tolerance=batch["tolerance"], symbolic=symbolic
                )
            except (MemoryError, RecursionError):
                told = "too_complex"
            signal.setitimer(signal.ITIMER_PROF, 0)
            if not left:  # before the other side sends more
                working.clear()
            connection.sendall(json.dumps(told).encode() + b"\n")


def _receive(
    connection: socket.socket,
    inbox: queue.SimpleQueue[Batch],
    working: threading.Event,
    idle_seconds: float,
) -> None:
    """Take batches while work is going on, so that the end of the other side is noticed."""
    received = b""
    while True:
        ready, _, _ = select.select([connection], [], [], idle_seconds)
        if not ready and not working.is_set():
            os._exit(0)
        if not ready:
            continue
        with contextlib.suppress(ConnectionError):
            data = connection.recv(1 << 16)
            if data:
                received += data
                *lines, received = received.split(b"\n")
                for line in lines:
                    working.set()
                    inbox.put(json.loads(line))
                continue
        os._exit(0)


def main() -> None:
    """Serve the socket whose descriptor is the first argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one ends it
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable(logging.CRITICAL)
    serve(socket.socket(fileno=int(sys.argv[1])), float(sys.argv[2]))


if __name__ == "__main__":
    main()
