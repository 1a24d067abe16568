"""Servings whose server is started with them, on this machine, and ended with them."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, PrivateAttr, SecretStr

from dataflow_core.errors import ConfigurationError
from dataflow_core.secrets import (
    COMMAND,
    secrets_in,
    without_secrets,
    without_secrets_in_command,
)
from dataflow_core.serving.backend import (
    CANNOT_CONNECT,
    Backend,
    ChatRequest,
    Reply,
    ReplyError,
    Vectors,
)
from dataflow_core.serving.backends.engine_serving import EngineServing
from dataflow_core.serving.backends.openai import OpenAIBackend, OpenAIServing
from dataflow_core.serving.backends.server_process import (
    HOST,
    ServerDied,
    ServerProcess,
    free_port,
)
from dataflow_core.serving.base import Capability


class StartedServerServing(EngineServing):
    """The base of servings that start a server of their own.

    The server listens on the loopback interface only, takes a key that is made for it, writes to a
    log file, and ends when the serving is closed or this process ends, even if that is killed.

    Attributes:
        engine_args: The engine's own arguments by name, such as ``{"tensor_parallel_size": 2}``:
            on its command line underscores become dashes, and True a flag alone.
        python: The Python to start it with, where another environment has the engine.
        command: What to start instead, for other launchers: a program and its arguments, in which
            ``{model}`` and ``{port}`` are filled in. Keys belong into the environment, which it
            inherits; values of flags and variables that are named like keys are hidden.
        start_seconds: The most seconds from its start until it is healthy.
        restarts: How often it is started again when it dies in the middle.
        log_file: Where its output goes; None for a temporary file, which is there as long as it is.
        embed_batch: The most texts of one embedding request.
        patience: As in `Serving`; longer here, for a server that has to load its model again.

    Class attributes:
        key_variable: The environment variable in which it gets its key.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset({"chat", "embed", "schema", "images"})
    key_variable: ClassVar[str] = ""

    python: str = sys.executable
    command: tuple[str, ...] | None = None
    start_seconds: Annotated[float, Field(gt=0)] = 900.0
    restarts: Annotated[int, Field(ge=0)] = 2
    log_file: Path | None = None
    embed_batch: Annotated[int, Field(ge=1)] = 64
    patience: Annotated[float, Field(ge=0)] = 900.0

    _log: Path | None = PrivateAttr(None)

    @property
    def log_path(self) -> Path | None:
        """The file that its output goes to; None before it was started."""
        return self._log

    @property
    def texts_together(self) -> int:
        """The most texts of one embedding request."""
        return self.embed_batch

    def identity(self) -> dict[str, Any]:
        """Return the model, and what it is loaded with: all of `command` where that is given."""
        told = super().identity()
        if self.command is None:
            return told
        return {**told, COMMAND: without_secrets(list(self.command), COMMAND)}

    def secrets(self) -> set[str]:
        """Return the secrets that the server is started with, as far as names tell."""
        return secrets_in(list(self.command or ()), COMMAND) | secrets_in(self.engine_args)

    def launch(self, port: int) -> list[str]:
        """Return what starts the server.

        Args:
            port: The port that it is to listen on.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define launch")

    def command_line(self, port: int) -> list[str]:
        """Return what is started: `command` where that is given."""
        if self.command is None:
            return self.launch(port)
        places = {"{port}": str(port), "{model}": self.model}
        return [_filled(part, places) for part in self.command]

    def lacks(self) -> list[str]:
        """Return that what starts the server is not here; see `Serving.lacks`."""
        told = [self._missing_program(), self._missing_engine()]
        return [f"{self.name}: {one}" for one in told if one is not None]

    def _missing_program(self) -> str | None:
        """Return that there is no program to start; None if there is one."""
        program = self.python if self.command is None else self.command_line(0)[0]
        if shutil.which(program) is not None:
            return None
        field, shown = (
            "python" if self.command is None else "command",
            without_secrets_in_command(program),
        )
        return f"{field} begins with {shown}, and there is no such program. Give its path."

    def _missing_engine(self) -> str | None:
        """Return that this environment is to start the server and does not have it; else None."""
        own = self.command is None and self.python == sys.executable
        if not own or not self.engine or importlib.util.find_spec(self.engine) is not None:
            return None
        return (
            f"{self.engine} is not installed here. pip install 'dataflow-llm-core[{self.engine}]', "
            "or name the Python of an environment that has it: "
            f"{self.prefix}:{self.model}#python=/opt/{self.engine}/bin/python."
        )

    def open_backend(self) -> Backend:
        """Return the server, not started yet.

        Raises:
            ConfigurationError: This environment is to start it, and does not have it.
        """
        if (missing := self._missing_engine()) is not None:
            raise ConfigurationError(f"{self.name}: {missing}")
        if self.log_file is None:
            handle, name = tempfile.mkstemp(prefix=f"dataflow-{self.prefix}-", suffix=".log")
            os.close(handle)
            self._log = Path(name)
        else:
            self._log = self.log_file
        return StartedServerBackend(self, self._log)


class StartedServerBackend(Backend):
    """A server that is started, watched, and started again.

    Args:
        serving: The configuration.
        log: The file that its output goes to.
    """

    def __init__(self, serving: StartedServerServing, log: Path) -> None:
        self._serving = serving
        self._log = log
        self._process: ServerProcess | None = None
        self._client: OpenAIBackend | None = None
        self._watching: asyncio.Task[None] | None = None
        self._dead: str | None = None

    async def open(self) -> None:
        """Start the server, and wait until it is healthy; see `Backend.open`."""
        try:
            await self._start()
        except ServerDied as error:
            raise ReplyError("fatal", f"the server does not start: {error}") from None
        self._watching = asyncio.get_running_loop().create_task(self._watch())

    async def chat(self, request: ChatRequest) -> Reply:
        """Return the model's answer; see `Backend.chat`."""
        return await self._server().chat(request)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of some texts; see `Backend.embed`."""
        return await self._server().embed(texts)

    async def close(self) -> None:
        """End the server."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        await self._leave()
        if self._process is not None:
            await self._process.stop()
        if self._serving.log_file is None and self._dead is None:
            self._log.unlink(missing_ok=True)

    def _server(self) -> OpenAIBackend:
        if self._dead is not None:
            raise ReplyError("fatal", self._dead)
        if self._client is None:
            told = "the server died, and is being started again"
            raise ReplyError("connection", told, reason=CANNOT_CONNECT)
        return self._client

    async def _start(self) -> None:
        serving, port, key = self._serving, free_port(), secrets.token_urlsafe(24)
        command = serving.command_line(port)
        hidden = {key, *serving.secrets()}
        self._process = ServerProcess(command, port, {serving.key_variable: key}, self._log, hidden)
        await self._process.start(serving.start_seconds)
        at = OpenAIServing(
            model=str(serving.engine_args.get("served_model_name", serving.model)),
            base_url=f"http://{HOST}:{port}/v1",
            api_key=SecretStr(key),
        )
        self._client = OpenAIBackend(at, direct=True)

    async def _watch(self) -> None:
        """Start the server again when it dies, as often as is allowed."""
        try:
            told = await self._restarted()
        except Exception as error:  # noqa: BLE001  nobody else would hear of it
            told = f"{type(error).__name__}: {error}"
            await self._leave()
        self._dead = f"the server died, and does not stay up (restarts={self._serving.restarts}): "
        self._dead += told

    async def _restarted(self) -> str:
        """Start the server again as often as is allowed, and return how it died for good."""
        for _ in range(self._serving.restarts):
            await self._ended()
            try:
                await self._start()
            except ServerDied as error:
                return str(error)
        return await self._ended()

    async def _ended(self) -> str:
        """Wait until the server has died, and return how."""
        assert self._process is not None  # noqa: S101
        told = await self._process.ended()
        await self._leave()
        return told

    async def _leave(self) -> None:
        """Close the connections to a server."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()


def _filled(part: str, places: Mapping[str, str]) -> str:
    for name, value in places.items():
        part = part.replace(name, value)
    return part
