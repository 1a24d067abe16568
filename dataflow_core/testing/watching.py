"""What code does with files, sockets and processes, as far as Python tells of it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_WATCHED = ("open", "socket.", "sqlite3.connect", "subprocess.",
            "os.listdir", "os.scandir", "os.mkdir", "os.remove", "os.rename", "os.system",
            "os.exec", "os.fork", "os.posix_spawn", "urllib.Request")  # fmt: skip

_LOOKING: dict[int, list[str]] = {}
"""What was seen so far, by the thread that is watched."""
_HOOKED: list[bool] = []


@contextmanager
def watched() -> Iterator[list[str]]:
    """Collect what this thread does with files, sockets and processes."""
    if not _HOOKED:
        _HOOKED.append(True)
        sys.addaudithook(_look)  # it cannot be taken out again, and does nothing outside of here
    thread = threading.get_ident()
    seen: list[str] = []
    _LOOKING[thread] = seen
    try:
        yield seen
    finally:
        del _LOOKING[thread]


def _look(event: str, arguments: tuple[Any, ...]) -> None:
    if not _LOOKING:
        return
    seen = _LOOKING.get(threading.get_ident())
    if seen is not None and event.startswith(_WATCHED) and not _is_import():
        seen.append(f"{event} {str(arguments[0])[:80] if arguments else ''}".strip())


def _is_import() -> bool:
    frame = sys._getframe(1)  # noqa: SLF001  the only way to know who asks
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
