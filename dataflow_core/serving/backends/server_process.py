"""A server as a process of one's own: started, waited for, watched, and ended with this process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dataflow_core.secrets import masked
from dataflow_core.serving.backends import supervisor
from dataflow_core.serving.wire import Wire, WireError

HOST = "127.0.0.1"
GRACE_SECONDS = 10.0
"""So long a server has to end by itself before it is killed."""

_BEAT = 0.05
_LOOKED_AT = 64_000
_QUOTED_LINES = 15
_QUOTED_CHARACTERS = 2_000


class ServerDied(Exception):
    """A server ended, or never answered.

    Args:
        message: What happened, with the last lines that it wrote.
    """


@dataclass
class ServerProcess:
    """One server on the loopback interface.

    Args:
        command: What to start.
        port: The port that it listens on.
        environment: Environment variables beside those of this process.
        log: The file to which its output is added.
        secrets: What is left out of lines that are quoted.
    """

    command: Sequence[str]
    port: int
    environment: Mapping[str, str] = field(repr=False)
    log: Path
    secrets: Collection[str] = field(repr=False)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    async def start(self, seconds: float) -> None:
        """Start it, and wait until it is healthy.

        Args:
            seconds: How long to wait.

        Raises:
            ServerDied: It ended, or was not healthy in time.
        """
        self._spawn()
        try:
            await self._healthy(seconds)
        except BaseException:
            await self.stop()
            raise

    async def ended(self) -> str:
        """Wait until it has ended, and return what there is to say of that."""
        while self.is_running:
            await asyncio.sleep(_BEAT)
        told = self._epitaph()
        await self.stop()
        return told

    async def stop(self) -> None:
        """End it and all that it started; by force if it does not end by itself."""
        process = self._process
        if process is None:
            return
        self._let_go(process)
        deadline = time.monotonic() + GRACE_SECONDS + 5.0
        while process.poll() is None and time.monotonic() < deadline:
            await asyncio.sleep(_BEAT / 5)
        if process.poll() is None:
            process.kill()
        process.wait()

    def _let_go(self, process: subprocess.Popen[bytes]) -> None:
        """Tell the supervisor that nobody wants the server any more."""
        assert process.stdin is not None  # noqa: S101
        if process.stdin.closed:
            return
        with contextlib.suppress(BrokenPipeError):  # it has ended already
            # Said and not only closed: a forked process may have the pipe open too.
            process.stdin.write(b".")
        process.stdin.close()

    def _spawn(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        # Nobody else is to read what prompts a server may write there.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        log = os.open(self.log, flags, 0o600)
        try:
            supervised = [str(os.getpid()), str(GRACE_SECONDS), *self.command]
            self._process = subprocess.Popen(  # noqa: S603  the user's own command
                [sys.executable, "-I", "-S", supervisor.__file__, *supervised],
                stdin=subprocess.PIPE,
                bufsize=0,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                start_new_session=True,  # so that Ctrl-C ends it through us, when answers are safe
            )
        finally:
            os.close(log)

    async def _healthy(self, seconds: float) -> None:
        wire = Wire(f"http://{HOST}:{self.port}", direct=True)
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline:
                if not self.is_running:
                    raise ServerDied(self._epitaph())
                if await _is_healthy(wire, deadline - time.monotonic()):
                    return
                await asyncio.sleep(_BEAT)
        finally:
            await wire.close()
        raise ServerDied(f"it was not healthy within {seconds:g} s. {self._last_words()}")

    def _epitaph(self) -> str:
        assert self._process is not None  # noqa: S101
        code = self._process.wait()
        how = f"ended with exit code {code}"
        if code > 128 and code - 128 in list(signal.Signals):
            how = f"was ended by {signal.Signals(code - 128).name}"
        return f"it {how}. {self._last_words()}"

    def _last_words(self) -> str:
        with self.log.open("rb") as file:  # not all of it: it may be that of days
            file.seek(max(os.fstat(file.fileno()).st_size - _LOOKED_AT, 0))
            text = masked(file.read().decode("utf-8", "replace"), self.secrets)
        lines = [line.rstrip() for line in text.splitlines()]
        told = "\n".join([line for line in lines if line][-_QUOTED_LINES:])[-_QUOTED_CHARACTERS:]
        return f"Its log is {self.log}" + (f", and ends:\n{told}" if told else ", and is empty.")


def free_port() -> int:
    """Return a port of the loopback interface on which nobody listens."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


async def _is_healthy(wire: Wire, seconds: float) -> bool:
    try:
        async with asyncio.timeout(min(max(seconds, 0.0), 10.0)):
            return (await wire.get("/health")).status == 200
    except (WireError, TimeoutError):
        return False
