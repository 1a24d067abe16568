"""The serving for models inside this process: no server, no key, no network."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Annotated, Any, ClassVar, TypeVar, cast

from pydantic import Field

from dataflow_core.errors import ConfigurationError
from dataflow_core.serving.backend import Backend, ChatRequest, Reply, ReplyError, Vectors
from dataflow_core.serving.backends.llama import Engine, EngineSettings, Pooling, load_library
from dataflow_core.serving.base import Capability, Serving
from dataflow_core.serving.dispatch import Terms
from dataflow_core.serving.models import DEFAULT_MODEL, KNOWN_MODELS, resolve_model
from dataflow_core.serving.pricing import Price

Result = TypeVar("Result")
_MOST_SLOTS = 8
_LONGEST_ADDRESS = 100


class EmbeddedServing(Serving):
    """A model in GGUF format, which llama.cpp runs inside this process.

    Answers at temperature 0 are the same bytes in every run on the same kind of machine, however
    many requests are answered at a time, in whatever order, with however many threads. For this
    each request has a slot of its own: a copy of the model's state, though not of its weights, and
    a share of the cores.

    Sampling parameters that are None are llama.cpp's own: ``top_k`` 40, ``top_p`` 0.95, ``min_p``
    0.05. Penalties count the last 64 tokens; ``extra={"repeat_last_n": -1}`` counts all.

    Attributes:
        model: The name of a known model, as ``dataflow models list`` shows them, or the path of a
            GGUF file; empty for the default model.
        context: How many tokens a prompt and its answer may have together.
        slots: How many requests are answered at a time. None for one a core, 8 at most.
        threads: Threads of each slot. None for its share of the cores.
        prefix_cache: Whether a slot goes on from what it kept of its last prompt where the next
            begins alike. That spares much of the work of prompts with long equal beginnings, but
            likeliest words may then depend on what was asked before.
        pooling: How the vectors of tokens become that of a text: ``"mean"``, ``"last"`` or
            ``"cls"``.

    Example:
        >>> EmbeddedServing().spec
        'embedded:'
        >>> EmbeddedServing(model="models/small.gguf", context=4096).spec
        'embedded:models/small.gguf#context=4096'
    """

    prefix: ClassVar[str] = "embedded"
    capabilities: ClassVar[frozenset[Capability]] = frozenset({"chat", "embed", "schema"})

    model: str = ""
    context: Annotated[int, Field(ge=64)] = 2048
    slots: Annotated[int, Field(ge=1)] | None = None
    threads: Annotated[int, Field(ge=1)] | None = None
    prefix_cache: bool = False
    pooling: Pooling = "mean"

    def identity(self) -> dict[str, Any]:
        """Return the model, by its content where that is known, and its context."""
        known = KNOWN_MODELS.get(self.model.lower() or DEFAULT_MODEL.name)
        told = (
            {"model": self.model}
            if known is None
            else {"model": known.name, "sha256": known.sha256}
        )
        return {**told, "context": self.context}

    def embedding_parameters(self) -> dict[str, Any]:
        """Return the pooling."""
        return {"pooling": self.pooling}

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the model's own tokenizer makes of a text; it loads the model."""

        async def count(backend: Backend) -> int:
            return await cast(EmbeddedBackend, backend).tokens(text)

        return self.asking().dispatcher.run_coroutine(count)

    def known_price(self) -> Price:
        """Return that it costs nothing."""
        return Price(0.0)

    def open_backend(self) -> Backend:
        """Return the model, not loaded yet."""
        return EmbeddedBackend(self)

    def layout(self) -> tuple[int, int]:
        """Return how many slots there are, and how many threads each has."""
        cores = _cores()
        slots = self.slots or min(cores, _MOST_SLOTS)
        return slots, self.threads or max(cores // slots, 1)

    def _terms(self) -> Terms:
        most = self.max_concurrency or self.layout()[0]
        return dataclasses.replace(super()._terms(), max_concurrency=most)


class EmbeddedBackend(Backend):
    """A model in llama.cpp, as many times as there are slots.

    Slots are loaded by the first request that needs them: those that answer, and those that embed.

    Args:
        serving: The configuration.
    """

    def __init__(self, serving: EmbeddedServing) -> None:
        slots, threads = serving.layout()
        self._serving = serving
        self._slots, self._threads = slots, threads
        self._answering: _Slots | None = None
        self._embedding: _Slots | None = None
        self._loading = asyncio.Lock()

    async def open(self) -> None:
        """Look whether the model is here; see `Backend.open`."""
        self._path = await asyncio.to_thread(self._found)

    async def chat(self, request: ChatRequest) -> Reply:
        """Return the model's answer; see `Backend.chat`."""
        slots = await self._answers()
        cancelled = threading.Event()
        try:
            return await slots.run(lambda engine: engine.chat(request, cancelled.is_set), cancelled)
        finally:
            cancelled.set()

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of some texts; see `Backend.embed`."""
        async with self._loading:
            if self._embedding is None:
                self._embedding = await self._load(self._serving.pooling)
        return await self._embedding.run(lambda engine: engine.embed(texts))

    async def tokens(self, text: str) -> int:
        """Return how many tokens a text has."""
        slots = self._answering or self._embedding or await self._answers()
        return await asyncio.to_thread(slots.any_engine.count_tokens, text)

    def count_tokens(self, text: str) -> int | None:
        """Return how many tokens a text has; None until a model is loaded."""
        slots = self._answering or self._embedding
        return None if slots is None else slots.any_engine.count_tokens(text)

    async def close(self) -> None:
        """Stop what is on its way, and free the model."""
        async with self._loading:
            for slots in (self._answering, self._embedding):
                if slots is not None:
                    await asyncio.to_thread(slots.close)
            self._answering = self._embedding = None

    def _found(self) -> Path:
        try:
            load_library()
            return resolve_model(self._serving.model)
        except ConfigurationError as error:
            raise ReplyError("fatal", str(error)) from None

    async def _answers(self) -> _Slots:
        async with self._loading:
            if self._answering is None:
                self._answering = await self._load(None)
        return self._answering

    async def _load(self, pooling: Pooling | None) -> _Slots:
        serving = self._serving
        settings = EngineSettings(
            self._path, serving.context, self._threads, serving.prefix_cache, pooling
        )
        return await asyncio.to_thread(_Slots, settings, self._slots)


class _Slots:
    """Engines, and a thread for each.

    Args:
        settings: How each is loaded.
        number: How many there are.
    """

    def __init__(self, settings: EngineSettings, number: int) -> None:
        folder = _folder_of_sockets()
        self._forget = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        try:
            self._engines = [Engine(settings, folder / f"{at}.sock") for at in range(number)]
        except BaseException:
            self._forget()
            raise
        self.any_engine = self._engines[0]
        self._free: SimpleQueue[Engine] = SimpleQueue()
        for engine in self._engines:
            self._free.put(engine)
        self._threads = ThreadPoolExecutor(number, thread_name_prefix="dataflow-embedded")
        self._cancelled: set[threading.Event] = set()

    async def run(
        self, do: Callable[[Engine], Result], cancelled: threading.Event | None = None
    ) -> Result:
        """Return what a function makes with the next engine that is free.

        Args:
            do: The function.
            cancelled: Set when the function is to end early.
        """
        cancelled = cancelled or threading.Event()
        self._cancelled.add(cancelled)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._with, do)
        finally:
            self._cancelled.discard(cancelled)

    def close(self) -> None:
        """Stop what is on its way, and free the engines."""
        for cancelled in list(self._cancelled):
            cancelled.set()
        self._threads.shutdown(cancel_futures=True)
        for engine in self._engines:
            engine.close()
        self._forget()

    def _with(self, do: Callable[[Engine], Result]) -> Result:
        engine = self._free.get()  # there is one: there are as many engines as threads
        try:
            return do(engine)
        finally:
            self._free.put(engine)


def _folder_of_sockets() -> Path:
    """Make a folder that only this user may enter; addresses of sockets must be short."""
    folder = tempfile.mkdtemp(prefix="dataflow-")
    if len(folder) > _LONGEST_ADDRESS - len("/999.sock"):
        Path(folder).rmdir()
        folder = tempfile.mkdtemp(prefix="dataflow-", dir="/tmp")
    return Path(folder)


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
