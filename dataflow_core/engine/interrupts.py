"""Ctrl-C while a run is on: the first asks it to stop in good order, a second stops it at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether somebody asked to stop.

    SIGTERM asks as Ctrl-C does. Outside the main thread, which alone may handle signals, and where
    somebody else handles them already, nothing is changed.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def ask(_number: int, _frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        # By the descriptor: whoever is interrupted may be writing to the stream himself.
        os.write(2, b"\nStopping after this batch; once more, and it stops at once.\n")

    usual = (signal.default_int_handler, signal.SIG_DFL)
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    ours = [number for number, handler in before.items() if handler in usual]
    for number in ours:
        signal.signal(number, ask)
    try:
        yield asked.is_set
    finally:
        for number in ours:
            signal.signal(number, before[number])
