"""A serving that answers as a test says."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import PrivateAttr, field_validator

from dataflow_core.configuration import refuse_unnamed
from dataflow_core.errors import ConfigurationError
from dataflow_core.serving.backend import Backend, ChatRequest, Reply, ReplyError, Vectors
from dataflow_core.serving.base import Capability, Serving
from dataflow_core.serving.completion import Usage
from dataflow_core.serving.messages import text_of
from dataflow_core.serving.tokens import estimate_tokens
from dataflow_core.testing.vectors import vector_of

Scripted = str | Reply | ReplyError
"""What a script answers: a text, a reply with all that belongs to it, or an error."""

Script = Callable[..., Scripted] | Mapping[str, Scripted] | Sequence[Scripted]


class ScriptedServing(Serving):
    """A serving whose answers a test writes; all else is as with any other serving.

    The script is one of: a function of the last message's text, or of the whole `ChatRequest` where
    its parameter is called ``request``; a mapping from the last message's text to the answer; a
    list of answers, given in the order of the requests (which is that of the inputs only with
    ``max_concurrency=1``). An answer is a text, a `Reply`, or a `ReplyError`, which is raised.

    Attributes:
        script: What it answers.
        delay: Seconds that each answer takes.
        dimensions: How many components the vectors of `embed` have, which are made of the texts'
            hashes.

    Example:
        >>> serving = ScriptedServing({"2+2": "4"})
        >>> serving.generate_from_input(["2+2"])[0].text
        '4'
        >>> [request.messages[-1]["content"] for request in serving.requests]
        ['2+2']
    """

    prefix: ClassVar[str] = "scripted"
    capabilities: ClassVar[frozenset[Capability]] = frozenset({"chat", "embed", "images"})

    model: str = "scripted"
    script: Any
    delay: float = 0.0
    dimensions: int = 8

    _requests: list[ChatRequest] = PrivateAttr(default_factory=list)
    _texts: list[str] = PrivateAttr(default_factory=list)
    _guard: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    def __init__(self, script: Script | None = None, *unnamed: Any, **configuration: Any) -> None:
        refuse_unnamed(type(self), unnamed, "script, model=…")
        if script is not None:
            configuration["script"] = script
        super().__init__(**configuration)

    @field_validator("script")
    @classmethod
    def _is_script(cls, script: Any) -> Any:
        listed = isinstance(script, (Mapping, Sequence)) and not isinstance(script, (str, bytes))
        if not listed and not callable(script):
            raise ConfigurationError(
                f"the script is of type {type(script).__name__}; a function, a dict or a list of "
                "answers is wanted."
            )
        return script

    @property
    def requests(self) -> list[ChatRequest]:
        """The requests that were sent so far, in order."""
        with self._guard:
            return list(self._requests)

    @property
    def embedded(self) -> list[str]:
        """The texts whose vectors were asked for so far, in order."""
        with self._guard:
            return list(self._texts)

    def identity(self) -> dict[str, Any]:
        """Return the model's name; scripts of equal names count as one model."""
        return {"model": self.model, "endpoint": "scripted"}

    def fingerprint(self) -> dict[str, Any]:
        """Return what determines its answers, the script among it."""
        return {**super().fingerprint(), "script": self.script}

    def open_backend(self) -> Backend:
        """Return what plays the script."""
        return _Player(self)

    def _noted(self, request: ChatRequest) -> int:
        with self._guard:
            self._requests.append(request)
            return len(self._requests) - 1

    def _noted_texts(self, texts: Sequence[str]) -> None:
        with self._guard:
            self._texts.extend(texts)


class _Player(Backend):
    def __init__(self, serving: ScriptedServing) -> None:
        self._serving = serving

    async def chat(self, request: ChatRequest) -> Reply:
        number = self._serving._noted(request)  # noqa: SLF001  a part of it
        if self._serving.delay:
            await asyncio.sleep(self._serving.delay)
        told = scripted_answer(self._serving.script, request, number)
        if isinstance(told, ReplyError):
            raise told
        if isinstance(told, Reply):
            return told
        read = sum(estimate_tokens(text_of(message)) for message in request.messages)
        return Reply(told, "stop", Usage(read, estimate_tokens(told)))

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self._serving._noted_texts(texts)  # noqa: SLF001
        if self._serving.delay:
            await asyncio.sleep(self._serving.delay)
        size = self._serving.dimensions
        vectors = [vector_of(text, size) for text in texts]
        return Vectors(vectors, Usage(sum(map(estimate_tokens, texts))))


def scripted_answer(script: Script, request: ChatRequest, number: int) -> Scripted:
    """Return what a script answers.

    Args:
        script: The script.
        request: What is asked.
        number: How many were asked before.
    """
    text = text_of(request.messages[-1])
    if callable(script):
        told: Scripted = script(request=request) if _takes_request(script) else script(text)
        return told
    if isinstance(script, Mapping):
        if text in script:
            return script[text]
        return ReplyError("request", f"the script has no answer to {text[:80]!r}")
    if number < len(script):
        return script[number]
    return ReplyError("fatal", f"the script has {len(script)} answers, and one more is asked")


def _takes_request(script: Any) -> bool:
    code = getattr(script, "__code__", None)
    return code is not None and "request" in code.co_varnames[: code.co_argcount]
