"""The serving for models on this machine, in processes beside this one: no key, no network."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib.util
import os
import shutil
import tempfile
import weakref
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, PrivateAttr

from dataflow_core.downloads import Download
from dataflow_core.errors import ConfigurationError
from dataflow_core.serving.backend import Backend, ChatRequest, Reply, ReplyError, Vectors
from dataflow_core.serving.backends.llama import Llama, LlamaSettings, Pooling
from dataflow_core.serving.base import Capability, Serving
from dataflow_core.serving.jobs import Terms
from dataflow_core.serving.models import (
    DEFAULT_MODEL,
    KNOWN_MODELS,
    content_of,
    download_of,
    missing_model,
    resolve_model,
)
from dataflow_core.serving.pricing import Price

_MOST_SLOTS = 8
_LONGEST_ADDRESS = 100
_NOT_INSTALLED = "llama.cpp is not installed. Install it: pip install 'dataflow-llm-core[embedded]'"


class EmbeddedServing(Serving):
    """A model in GGUF format, which llama.cpp runs on this machine.

    Answers at temperature 0 are the same bytes in every run on the same kind of machine, however
    many requests are answered at a time, in whatever order, with however many threads. For this
    each request has a slot of its own: a process with a share of the cores, and all of the model's
    state but its weights, which slots share.

    Sampling parameters that are None are llama.cpp's own: ``top_k`` 40, ``top_p`` 0.95, ``min_p``
    0.05. Penalties count the last 64 tokens; ``extra={"repeat_last_n": -1}`` counts all.

    Attributes:
        model: The name of a known model, as ``dataflow models list`` shows them, or the path of a
            GGUF file; empty for the default model.
        context: How many tokens a prompt and its answer may have together; a multiple of 256.
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
    context: Annotated[int, Field(ge=256, multiple_of=256)] = 2048
    slots: Annotated[int, Field(ge=1)] | None = None
    threads: Annotated[int, Field(ge=1)] | None = None
    prefix_cache: bool = False
    pooling: Pooling = "mean"

    _content: dict[str, str] | None = PrivateAttr(None)

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return f"{self.prefix}:{self.model or DEFAULT_MODEL.name}"

    def identity(self) -> dict[str, Any]:
        """Return the model by its content, wherever its file is, and its context."""
        if self._content is None:
            self._content = content_of(self.model)
        return {**self._content, "context": self.context}

    def embedding_parameters(self) -> dict[str, Any]:
        """Return the pooling."""
        return {"pooling": self.pooling}

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the model's own tokenizer makes of a text; it loads the model.

        Args:
            text: The text.

        Raises:
            ServingError: The model cannot be loaded.
        """
        return self.tokens_by_backend(text)

    def known_price(self) -> Price:
        """Return that it costs nothing."""
        return Price(0.0)

    def lacks(self) -> list[str]:
        """Return that llama.cpp or the model is not here; see `Serving.lacks`."""
        told = [] if importlib.util.find_spec("xllamacpp") is not None else [_NOT_INSTALLED]
        if (missing := missing_model(self.model)) is not None:
            told.append(missing)
        return [f"{self.name}: {one}" for one in told]

    @classmethod
    def downloads(cls) -> Iterable[Download]:
        """Return the known models."""
        for model in KNOWN_MODELS.values():
            named = "no other model is named" if model == DEFAULT_MODEL else "it is named"
            yield dataclasses.replace(download_of(model), when=named)

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
        self._serving = serving
        self._path = Path()
        self._pools: dict[Pooling | None, _Slots] = {}
        self._loading = asyncio.Lock()

    async def open(self) -> None:
        """Look whether the model is here; see `Backend.open`."""
        self._path = await asyncio.to_thread(self._found)

    async def chat(self, request: ChatRequest) -> Reply:
        """Return the model's answer; see `Backend.chat`."""
        async with (await self._slots(None)).one() as llama:
            return await llama.chat(request)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of some texts; see `Backend.embed`."""
        async with (await self._slots(self._serving.pooling)).one() as llama:
            return await llama.embed(texts)

    async def count_tokens(self, text: str) -> int:
        """Return how many tokens a text has.

        Raises:
            ReplyError: The model cannot be loaded.
        """
        pooling = next(iter(self._pools), None)
        return await (await self._slots(pooling)).any.count_tokens(text)

    async def close(self) -> None:
        """Stop what is on its way, and free the model."""
        async with self._loading:
            for slots in self._pools.values():
                await asyncio.to_thread(slots.close)
            self._pools.clear()

    def _found(self) -> Path:
        if importlib.util.find_spec("xllamacpp") is None:
            raise ReplyError("fatal", _NOT_INSTALLED)
        try:
            return resolve_model(self._serving.model)
        except ConfigurationError as error:
            raise ReplyError("fatal", str(error)) from None

    async def _slots(self, pooling: Pooling | None) -> _Slots:
        async with self._loading:
            if pooling not in self._pools:
                self._pools[pooling] = await self._loaded(pooling)
            return self._pools[pooling]

    async def _loaded(self, pooling: Pooling | None) -> _Slots:
        serving = self._serving
        number, threads = serving.layout()
        settings = LlamaSettings(
            str(self._path), serving.context, threads, serving.prefix_cache, pooling
        )
        slots = _Slots(settings, number)
        try:
            await slots.start()
        except BaseException:
            slots.close()
            raise
        return slots


class _Slots:
    """Models that are loaded alike, each for one request at a time.

    Args:
        settings: How each is loaded.
        number: How many there are.
    """

    def __init__(self, settings: LlamaSettings, number: int) -> None:
        folder = _folder_of_sockets()
        self._forget = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._all = [Llama(settings, folder / f"{at}.sock") for at in range(number)]
        self.any = self._all[0]
        self._free: asyncio.LifoQueue[Llama] = asyncio.LifoQueue()

    async def start(self) -> None:
        """Load all of them.

        Raises:
            ReplyError: One cannot be loaded.
        """
        await asyncio.gather(*(asyncio.to_thread(llama.start) for llama in self._all))
        for llama in self._all:
            self._free.put_nowait(llama)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Llama]:
        """Wait for a model that is free; one whose process has ended is loaded again."""
        llama = await self._free.get()
        try:
            if not llama.runs:
                await asyncio.to_thread(llama.start)
            yield llama
        finally:
            self._free.put_nowait(llama)

    def close(self) -> None:
        """End all processes."""
        for llama in self._all:
            llama.stop()
        self._forget()


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
