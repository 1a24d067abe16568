"""The serving of what LiteLLM reaches."""

from __future__ import annotations

import asyncio
import datetime as dt
import importlib
import importlib.util
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from dataflow_core.secrets import masked
from dataflow_core.serving.admission import retry_after_seconds
from dataflow_core.serving.backend import (
    Backend,
    ChatRequest,
    ErrorKind,
    Reply,
    ReplyError,
    Vectors,
)
from dataflow_core.serving.backends.bodies import body_of, nonsense
from dataflow_core.serving.backends.http import (
    HttpServing,
    is_among,
    reworded,
    sent_key,
    user_of,
    without_user,
)
from dataflow_core.serving.backends.keys import Key, find_key
from dataflow_core.serving.backends.openai import OPENAI_URL, response_format
from dataflow_core.serving.backends.openai_answers import reply_in, vectors_in
from dataflow_core.serving.base import Capability
from dataflow_core.serving.pricing import Price

_KINDS: Mapping[str, tuple[ErrorKind, str | None]] = {
    "ContextWindowExceededError": ("request", "context_length"),
    "ContentPolicyViolationError": ("request", "content_filter"),
    "UnsupportedParamsError": ("fatal", None),
    "LiteLLMUnknownProvider": ("fatal", None),
    "PaymentRequiredError": ("fatal", None),
    "BudgetExceededError": ("fatal", None),
    "AuthenticationError": ("fatal", None),
    "PermissionDeniedError": ("fatal", None),
    "NotFoundError": ("fatal", None),
    "RateLimitError": ("rate_limit", None),
    "Timeout": ("timeout", None),
    "APIConnectionError": ("connection", None),
    "BadRequestError": ("request", None),
    "UnprocessableEntityError": ("request", None),
    "APIError": ("server", None),
    "APIStatusError": ("server", None),
}
"""What errors mean, by the names of their classes and bases, the more special first."""

NO_KEY = "none"
"""What is sent as the key, lest LiteLLM look for one."""

_NOT_INSTALLED = "LiteLLM is not installed. pip install 'dataflow-llm-core[litellm]'."
_LITELLMS_KEY = (
    "no key was given here, so LiteLLM took what it found in the provider's own variable. Name one "
    "with api_key_env=VARIABLE or api_key_file"
)

_FATAL = (401, 402, 403, 404, 405)
_NO_PROVIDER = "llm provider not provided"
_NO_CREDIT = ("insufficient_quota", "exceeded your current quota", "billing")
_SCHEMA_WORDS = ("response_format", "json_schema", "schema", "structured output")
_CONNECTION_WORDS = ("connection error", "cannot connect", "connect call failed", "disconnected")
_AS_THEY_ARE = (
    "temperature", "top_p", "top_k", "min_p", "max_tokens", "seed", "presence_penalty",
    "frequency_penalty", "repetition_penalty", "reasoning_effort",
)  # fmt: skip


class LiteLLMServing(HttpServing):
    """Models of the providers that LiteLLM reaches, by its names: ``PROVIDER/MODEL``.

    Keys and addresses come from the environment variables that LiteLLM knows of each provider, if
    they are not given. Its own retries, its logs and its telemetry are off. ``extra`` takes what
    LiteLLM or the provider know beyond the parameters here. Prices are not known; give ``price``.

    Example:
        >>> LiteLLMServing(model="anthropic/claude-sonnet-5", max_tokens=500).spec
        'litellm:anthropic/claude-sonnet-5#max_tokens=500'
    """

    prefix: ClassVar[str] = "litellm"
    capabilities: ClassVar[frozenset[Capability]] = frozenset({"chat", "embed", "schema", "images"})

    @property
    def url(self) -> str:
        """Where the API is; empty where LiteLLM knows."""
        return (self.base_url or "").rstrip("/")

    @property
    def name(self) -> str:
        """What to call it in messages."""
        at = f" at {without_user(self.url)}" if self.base_url else ""
        return f"{self.prefix}:{self.model}{at}"

    def identity(self) -> dict[str, Any]:
        """Return the endpoint, or else the provider, and the model."""
        provider = self.model.partition("/")[0]
        return {"endpoint": without_user(self.url) or provider, "model": self.model}

    def known_price(self) -> Price | None:
        """Return None: whose price it is, LiteLLM alone knows."""
        return None

    def found_key(self) -> Key | None:
        """Return the key that is given; None where LiteLLM is to look for one."""
        return find_key(self.name, self.api_key, self.api_key_file, self.api_key_env)

    @property
    def is_foreign(self) -> bool:
        """Whether LiteLLM would send OpenAI's key to a server that it is not meant for."""
        if self.base_url is None or self.model.partition("/")[0] != "openai":
            return False
        told = (os.environ.get("OPENAI_BASE_URL"), os.environ.get("OPENAI_API_BASE"))
        return not is_among(self.url, OPENAI_URL, *told)

    def lacks(self) -> list[str]:
        """Return that LiteLLM is not here, or no key that was named; see `Serving.lacks`."""
        there = importlib.util.find_spec("litellm") is not None
        return [*([] if there else [f"{self.name}: {_NOT_INSTALLED}"]), *super().lacks()]

    def open_backend(self) -> Backend:
        """Return LiteLLM, not imported yet."""
        return LiteLLMBackend(self)


class LiteLLMBackend(Backend):
    """Requests through LiteLLM.

    Args:
        serving: The configuration.
    """

    def __init__(self, serving: LiteLLMServing) -> None:
        self._serving = serving
        self._litellm: Any = None
        # Retries, and how long to wait, are the dispatcher's business.
        self._base: dict[str, Any] = {"model": serving.model, "num_retries": 0, "max_retries": 0}
        if serving.base_url is not None:
            self._base["api_base"] = without_user(serving.url)
        key, user = serving.found_key(), user_of(serving.url)
        if key is not None:
            self._base["api_key"] = key.value
        elif serving.is_foreign:
            self._base["api_key"] = NO_KEY
        self._key = _LITELLMS_KEY if key is None else sent_key(key)
        self._secrets = {key.value if key else "", user or "", *(user or "").split(":", 1)}

    async def open(self) -> None:
        """Import LiteLLM, which takes seconds, beside the loop; see `Backend.open`."""
        self._litellm = await asyncio.to_thread(_quiet_litellm)

    async def chat(self, request: ChatRequest) -> Reply:
        """Return the model's answer; see `Backend.chat`."""
        parameters = self._parameters(request)
        messages = [dict(message) for message in request.messages]
        with_schema = request.schema is not None
        answer = await self._asked(
            self._litellm.acompletion, with_schema=with_schema, messages=messages, **parameters
        )
        try:
            return reply_in(answer.model_dump())
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
            raise nonsense(error) from None

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of some texts; see `Backend.embed`."""
        told: dict[str, Any] = {"input": list(texts)}
        if self._serving.dimensions is not None:
            told["dimensions"] = self._serving.dimensions
            told["allowed_openai_params"] = ["dimensions"]  # whatever it thinks of the model
        answer = await self._asked(self._litellm.aembedding, with_schema=False, **told)
        try:
            return vectors_in(answer.model_dump(), len(texts))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise nonsense(error) from None

    async def close(self) -> None:
        """Close the connections."""
        if self._litellm is not None:
            await self._litellm.close_litellm_async_clients()

    def _parameters(self, request: ChatRequest) -> dict[str, Any]:
        """Return what goes with the messages.

        Raises:
            ReplyError: The model is not known to keep to schemas.
        """
        sampling = request.sampling
        told = {name: sampling[name] for name in _AS_THEY_ARE if name in sampling}
        if "stop" in sampling:
            told["stop"] = list(sampling["stop"])
        if request.schema is not None:
            if not self._keeps_to_schemas():
                raise ReplyError("schema", "LiteLLM does not know the model to keep to schemas")
            told["response_format"] = response_format(request.schema, strictly=True)
        return told | dict(sampling.get("extra", {}))

    def _keeps_to_schemas(self) -> bool:
        # Of a server of one's own LiteLLM knows nothing; it is asked, and may refuse.
        serving = self._serving
        return bool(serving.base_url) or self._litellm.supports_response_schema(serving.model)

    async def _asked(self, call: Callable[..., Any], *, with_schema: bool, **told: Any) -> Any:
        body_of(told)  # what is no JSON is refused here, and is no failure of the server
        try:
            return await call(**self._base, **told)
        except Exception as error:  # noqa: BLE001  its errors have no base of their own
            failed = error_of(error, with_schema=with_schema)
            message = masked(failed.message, self._secrets)
            if failed.status == 401:
                message = f"{message}: {self._key}"
            raise reworded(failed, message) from None


def _quiet_litellm() -> Any:
    """Import LiteLLM so that it asks nobody for prices, and tells nobody anything.

    Raises:
        ReplyError: It is not installed, or cannot be imported.
    """
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")  # reads no .env file
    try:
        litellm: Any = importlib.import_module("litellm")
    except ModuleNotFoundError as error:
        if error.name != "litellm":
            raise ReplyError("fatal", f"LiteLLM cannot be imported: {error}") from None
        raise ReplyError("fatal", _NOT_INSTALLED) from None
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    litellm.turn_off_message_logging = True
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return litellm


def error_of(error: Exception, *, with_schema: bool) -> ReplyError:
    """Return what an error of LiteLLM means.

    Args:
        error: The error.
        with_schema: Whether the request had a schema.
    """
    names = [cls.__name__ for cls in type(error).__mro__]
    kind, reason = next((_KINDS[name] for name in names if name in _KINDS), ("fatal", None))
    told = " ".join(str(getattr(error, "message", error)).split())[:500]
    status = getattr(error, "status_code", None)
    if reason is None:
        kind = _refined(kind, status, told.lower(), with_schema=with_schema)
    message = f"{names[0]}: {told.removeprefix(f'litellm.{names[0]}: ')}"
    return ReplyError(kind, message, status=status, retry_after=_wait(error), reason=reason)


def _refined(kind: ErrorKind, status: int | None, told: str, *, with_schema: bool) -> ErrorKind:
    """Return the kind of an error by what its class does not tell."""
    if kind == "server" and any(word in told for word in _CONNECTION_WORDS):
        return "connection"
    if kind == "server" and status is not None and 400 <= status < 500:
        kind = "fatal" if status in _FATAL else "request"
    if kind == "rate_limit" and any(word in told for word in _NO_CREDIT):
        return "fatal"
    if kind == "request" and _NO_PROVIDER in told:
        return "fatal"
    if kind == "request" and with_schema and any(word in told for word in _SCHEMA_WORDS):
        return "schema"
    return kind


def _wait(error: Exception) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    told = {str(name).lower(): str(value) for name, value in headers.items()}
    return retry_after_seconds(told, dt.datetime.now(dt.UTC))
