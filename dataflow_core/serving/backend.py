"""What a backend is: how one request becomes one reply, and which errors it may raise.

Everything else (concurrency, limits, retries, store, schemas, money) is the dispatcher's and the
serving's; a backend neither waits nor tries again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from dataflow_core.serving.completion import NO_USAGE, Usage

Message = Mapping[str, Any]
"""A chat message: ``{"role": "user", "content": "…"}``, in the form of OpenAI's API.

The content is a string, or a list of parts: ``{"type": "text", "text": "…"}`` and
``{"type": "image_url", "image_url": {"url": "data:image/png;base64,…"}}``.
"""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One request for one answer.

    Attributes:
        messages: The conversation, with a system message first where there is one.
        sampling: Sampling parameters by their names of `Sampling`, those that are not None.
        schema: The JSON schema that the answer is to have, where the backend is to enforce it.
    """

    messages: tuple[Message, ...]
    sampling: Mapping[str, Any] = field(default_factory=dict)
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered.

    Attributes:
        text: The answer without its reasoning; empty where it is.
        finish_reason: Why it ended: ``"stop"``, ``"length"``, ``"content_filter"``, …
        usage: Tokens read and written.
        reasoning: What it wrote before its answer.
    """

    text: str
    finish_reason: str = "stop"
    usage: Usage = NO_USAGE
    reasoning: str | None = None


@dataclass(frozen=True, slots=True)
class Vectors:
    """The embeddings of some texts, in their order, and the tokens read for all of them."""

    vectors: Sequence[Sequence[float]]
    usage: Usage = NO_USAGE


ErrorKind = Literal["connection", "timeout", "server", "rate_limit", "request", "schema", "fatal"]


class ReplyError(Exception):
    """What a backend raises when there is no reply.

    Args:
        kind: ``"connection"``: the server could not be reached, or hung up. ``"timeout"``: it did
            not answer in time. ``"server"``: it failed, or answered nonsense; try again.
            ``"rate_limit"``: it is asked too often. ``"request"``: it refuses this request, and
            always will. ``"schema"``: it cannot enforce schemas, or not this one. ``"fatal"``: it
            will refuse all requests (wrong key, unknown model, no credit).
        message: What happened, for people; no secrets.
        status: The HTTP status.
        retry_after: Seconds after which to try again, if the server says so.
        reason: The failure's reason, where it is not the usual one of its kind.
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        reason: str | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status
        self.retry_after = retry_after
        self.reason = reason or REASONS[kind]


REASONS: Mapping[ErrorKind, str] = {
    "connection": "connection_lost",
    "timeout": "timeout",
    "server": "server_error",
    "rate_limit": "rate_limited",
    "request": "invalid_request",
    "schema": "schema_not_supported",
    "fatal": "refused",
}


CANNOT_CONNECT = "cannot_connect"
"""The reason of connection errors where the server was not reached at all."""


class Backend:
    """What answers requests: made when the first is sent, in the thread of the dispatcher's loop.

    Its coroutines all run in that one loop, many at a time.

    Attributes:
        on_headers: Called with the headers of answers, which may tell of limits.
    """

    on_headers: Callable[[Mapping[str, str]], object] | None = None

    async def open(self) -> None:
        """Load what takes long, before the first request.

        Raises:
            ReplyError: It cannot be loaded.
        """

    async def chat(self, request: ChatRequest) -> Reply:
        """Return the model's answer.

        Raises:
            ReplyError: There is none.
        """
        raise NotImplementedError

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of some texts.

        Raises:
            ReplyError: There are none.
        """
        raise NotImplementedError

    async def count_tokens(self, text: str) -> int:
        """Return how many tokens the model's own tokenizer makes of a text.

        Servings that can tell without their backend, or not at all, need none of this.

        Raises:
            ReplyError: It cannot be told now.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Let connections, engines and processes go."""
