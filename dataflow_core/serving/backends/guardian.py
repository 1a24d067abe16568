"""Ends the processes of an engine when the program that loaded it is gone, even if it was killed.

    python guardian.py PARENT_PID PROCESS_ID/START_TIME…

Engines leave their processes behind when their program dies without a word, with all the memory of
the GPUs. The guardian waits for that; it ends when the program says so. This file stands alone, and
needs the standard library only, so that it starts in milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

_BEAT = 0.2
_PROC = Path("/proc")


class Guardian:
    """A process that guards others.

    Args:
        processes: The ids of the processes that are to end with this one.
    """

    def __init__(self, processes: Collection[int]) -> None:
        known = [f"{one}/{started}" for one in processes if (started := _started(one)) is not None]
        self._process = subprocess.Popen(  # noqa: S603  this file
            [sys.executable, "-I", "-S", __file__, str(os.getpid()), *known],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
        )

    def dismiss(self) -> None:
        """Guard no longer."""
        assert self._process.stdin is not None  # noqa: S101
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(b".")
        self._process.stdin.close()
        self._process.wait()


def descendants(process: int) -> set[int]:
    """Return the ids of a process's children, of theirs, and so on; none where nobody tells.

    Args:
        process: The id of the process.
    """
    children: dict[int, list[int]] = {}
    for one, parent in _parents():
        children.setdefault(parent, []).append(one)
    found: set[int] = set()
    new = [process]
    while new:
        new = [child for one in new for child in children.get(one, ())]
        found.update(new)
    return found


def main(arguments: Sequence[str]) -> None:
    """Wait for a word of the program, or for its end; then end what is guarded."""
    parent = int(arguments[0])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while os.getppid() == parent:
        readable, _, _ = select.select([0], [], [], _BEAT)
        if readable:
            if os.read(0, 1):
                return
            break
    for guarded in arguments[1:]:
        process, _, started = guarded.partition("/")
        if _started(int(process)) == started:  # and its number is not another's by now
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL)


def _parents() -> Iterator[tuple[int, int]]:
    """Yield the ids of all processes and of their parents."""
    if _PROC.is_dir():
        for folder in _PROC.iterdir():
            if folder.name.isdigit() and (fields := _fields(int(folder.name))):
                yield int(folder.name), int(fields[1])


def _started(process: int) -> str | None:
    """Return when a process started, which tells it from a later one of the same id."""
    fields = _fields(process)
    return fields[19] if fields else None


def _fields(process: int) -> list[str]:
    """Return what the system tells of a process, from its state on."""
    try:
        return (_PROC / str(process) / "stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return []


if __name__ == "__main__":
    main(sys.argv[1:])
