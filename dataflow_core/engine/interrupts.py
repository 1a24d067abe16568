"""Ctrl-C while a run is on: the first asks it to stop in good order, a second stops it at once."""

from __future__ import annotations

import atexit
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_USUAL = (signal.default_int_handler, signal.SIG_DFL)
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def say_stopping() -> None:
    """Write that the run stops after the batch at hand.

    By the descriptor: whoever is interrupted may be writing to the stream himself.
    """
    os.write(2, b"\nStopping after this batch; once more, and it stops at once.\n")


@contextmanager
def stop_on_interrupt(say: Callable[[], None] = say_stopping) -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether somebody asked to stop.

    SIGTERM asks as Ctrl-C does. Outside the main thread, which alone may handle signals, and where
    somebody else handles them already, nothing is changed.

    Args:
        say: Called once somebody asked, within the signal's handler: it may wait for nothing.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def ask(_number: int, _frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        say()

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


def end_with(code: int) -> None:
    """Have this process, which is about to end, end with an exit code, whatever is pressed still.

    Ctrl-C and SIGTERM end it at once; while the interpreter is taken down, when Python handles no
    signal any more, they do nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in _SIGNALS:
        signal.signal(number, lambda *_: os._exit(code))
    atexit.register(_ignore_signals)


def _ignore_signals() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle both signals for a time, where nobody else does."""
    before = {n: signal.getsignal(n) for n in _SIGNALS}
    ours = [number for number, usual in before.items() if usual in _USUAL]
    for number in ours:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])
