"""Ctrl-C while a run is on: the first asks it to stop in good order, a second stops it at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_USUAL = (signal.default_int_handler, signal.SIG_DFL)


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

    with _handled_by(ask):
        yield asked.is_set


@contextmanager
def stop_at_once() -> Iterator[None]:
    """Have Ctrl-C and SIGTERM raise KeyboardInterrupt, also in runs, of which nothing is kept."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with _handled_by(stop):
        yield


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle both signals for a time, where nobody else does."""
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    ours = [number for number, usual in before.items() if usual in _USUAL]
    for number in ours:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])
