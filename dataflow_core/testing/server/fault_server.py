"""The server in a thread of its own, so that tests need no process."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from dataflow_core.errors import ConfigurationError
from dataflow_core.serving.loops import new_loop
from dataflow_core.testing.server.connection import Connection
from dataflow_core.testing.server.counts import Request, Stats
from dataflow_core.testing.server.faults import Faults
from dataflow_core.testing.server.service import Service

HOST = "127.0.0.1"
_BACKLOG = 4096

Result = TypeVar("Result")


class FaultServer:
    """An OpenAI-compatible server that fails as it is told, in a thread of its own.

    It listens on the loopback interface alone. Its counts, and what prompts it was asked, outlive
    a stop and a start.

    Args:
        faults: How it behaves.
        port: The port; 0 for any that is free, which it keeps from then on.
        keep: How many requests it remembers, the last ones.
        **changes: Parameters of `Faults` that differ.

    Attributes:
        port: The port that it listens on; 0 before the first start with any port.

    Example:
        >>> import httpx
        >>> with FaultServer(rate_limit_share=1.0, retry_after=2) as server:
        ...     asked = {"model": "m", "messages": [{"role": "user", "content": "2+2"}]}
        ...     answer = httpx.post(f"{server.url}/chat/completions", json=asked)
        >>> answer.status_code, answer.headers["retry-after"], server.stats().by_fault
        (429, '2', {'rate_limit': 1})
    """

    def __init__(
        self, faults: Faults | None = None, *, port: int = 0, keep: int = 10_000, **changes: Any
    ) -> None:
        self.port = port
        self._service = Service((faults or Faults()).changed(**changes), keep)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def url(self) -> str:
        """The address of its OpenAI-compatible API."""
        return f"{self.root}/v1"

    @property
    def root(self) -> str:
        """The address without a path, as clients of Gemini's API take it."""
        return f"http://{HOST}:{self.port}"

    @property
    def requests(self) -> list[Request]:
        """The last requests that came in, in their order."""
        return self._done(lambda: list(self._service.requests))

    @property
    def faults(self) -> Faults:
        """How it behaves."""
        return self._service.faults

    def stats(self) -> Stats:
        """Return what it counted so far."""
        return self._done(lambda: self._service.counts.stats())  # noqa: PLW0108  counts are replaced by a reset

    def set(self, **faults: Any) -> None:
        """Behave otherwise from now on.

        Args:
            **faults: Parameters of `Faults`; all others stay.
        """
        changed = self._service.faults.changed(**faults)
        self._done(lambda: self._service.configure(changed))

    def pause(self) -> None:
        """Hold all answers back until `resume`."""
        self._done(self._service.pause)

    def resume(self) -> None:
        """Send the answers that were held back."""
        self._done(self._service.resume)

    def reset(self) -> None:
        """Count from zero, and forget which prompts were asked."""
        self._done(self._service.reset)

    def start(self) -> FaultServer:
        """Listen, on the same port as before; return the server.

        Raises:
            ConfigurationError: The port cannot be had.
        """
        if self._thread is not None:
            return self
        ready: concurrent.futures.Future[int] = concurrent.futures.Future()
        self._thread = threading.Thread(
            target=self._run, args=(ready,), name="fault-server", daemon=True
        )
        self._thread.start()
        try:
            self.port = ready.result()
        except BaseException:
            self._thread.join()
            self._thread = None
            raise
        return self

    def stop(self) -> None:
        """Go as a server goes that is killed: all connections are closed at once."""
        if self._thread is None or self._loop is None:
            return
        self._loop.call_soon_threadsafe(self._leave.set)
        self._thread.join()
        self._thread = self._loop = None

    def __enter__(self) -> FaultServer:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self, ready: concurrent.futures.Future[int]) -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(self._serve(ready))

    async def _serve(self, ready: concurrent.futures.Future[int]) -> None:
        self._leave = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        try:
            server = await listen(self._service, self.port)
        except ConfigurationError as error:
            ready.set_exception(error)
            return
        ready.set_result(port_of(server))
        await self._leave.wait()
        await close(server, self._service)

    def _done(self, what: Callable[[], Result]) -> Result:
        """Do something in the server's thread, if it runs, and return what comes of it."""
        loop = self._loop
        if loop is None or self._thread is threading.current_thread():
            return what()

        async def done() -> Result:
            return what()

        return asyncio.run_coroutine_threadsafe(done(), loop).result()


async def listen(service: Service, port: int) -> asyncio.Server:
    """Listen on the loopback interface.

    Args:
        service: What answers.
        port: The port; 0 for any that is free.

    Raises:
        ConfigurationError: The port cannot be had.
    """
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(lambda: Connection(service), HOST, port, backlog=_BACKLOG)
    except OSError as error:
        raise ConfigurationError(
            f"the fault server cannot listen on {HOST}:{port}: {error.strerror or error}. "
            "Name another port, or 0 for any that is free."
        ) from None


def port_of(server: asyncio.Server) -> int:
    """Return the port that a server listens on."""
    port: int = server.sockets[0].getsockname()[1]
    return port


async def close(server: asyncio.Server, service: Service) -> None:
    """Stop listening, and close all connections at once."""
    server.close()
    for connection in list(service.connections):
        connection.abort()
    await server.wait_closed()
    while service.connections:  # they are lost in one of the next turns of the loop
        await asyncio.sleep(0)
