"""Runs a server for a program, and ends it, with all that it started, when the program ends.

    python supervisor.py PARENT_PID GRACE_SECONDS COMMAND…

The program holds the other end of the standard input: the server ends when something comes in there
or that is closed, and when the program is gone, even if it was killed. This file stands alone, and
needs the standard library only, so that it starts in milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

BEAT = 0.1
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def main(arguments: Sequence[str]) -> int:
    """Run a command until it ends or nobody wants it any more, and return its exit code."""
    parent, grace, command = int(arguments[0]), float(arguments[1]), arguments[2:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    _control(_PR_SET_CHILD_SUBREAPER, 1)  # what its processes leave behind is ours to clear away
    try:
        server = _Server(command)
    except OSError as error:
        sys.stderr.write(f"cannot start {command[0]}: {error.strerror}\n")
        return 127
    try:
        while server.is_running() and _is_wanted(parent):
            pass
    finally:
        server.end(grace)
    return server.code if server.code >= 0 else 128 - server.code


class _Server:
    """The server, at the head of a group of processes of its own."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603  it is what this file is for
            command,
            stdin=subprocess.DEVNULL,
            preexec_fn=_start_alone,  # noqa: PLW1509  there are no threads here
        )
        self.code = 0

    def is_running(self) -> bool:
        """Clear away what has ended, and tell whether the server has not."""
        with contextlib.suppress(ChildProcessError):
            while True:
                ended, status = os.waitpid(-1, os.WNOHANG)
                if ended == 0:
                    break
                if ended == self._process.pid:
                    self.code = os.waitstatus_to_exitcode(status)
                    self._process.returncode = self.code
        return self._process.returncode is None

    def end(self, grace: float) -> None:
        """End it and its group: kindly first, then by force."""
        deadline = time.monotonic() + grace
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
            while time.monotonic() < deadline:
                self.is_running()  # so that there are no zombies, which would count as there
                os.killpg(self._process.pid, 0)
                time.sleep(BEAT / 10)
            os.killpg(self._process.pid, signal.SIGKILL)
        while self.is_running():
            time.sleep(BEAT / 10)


def _start_alone() -> None:
    """Begin a group of processes, and die with the supervisor should that be killed."""
    os.setsid()
    _control(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _control(option: int, value: int) -> None:
    """Set an attribute of this process where there is such a thing."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _is_wanted(parent: int) -> bool:
    """Wait a moment, and tell whether the program is there and has said nothing."""
    readable, _, _ = select.select([0], [], [], BEAT)
    return os.getppid() == parent and not readable


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
