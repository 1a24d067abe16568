"""The serving for OpenAI's API, and for all servers that speak it."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import unquote, urlencode, urlsplit

import orjson
from pydantic import Field, SecretStr

from dataflow_core.errors import ConfigurationError
from dataflow_core.serving.backend import (
    CANNOT_CONNECT,
    Backend,
    ChatRequest,
    Reply,
    ReplyError,
    Vectors,
)
from dataflow_core.serving.backends.openai_answers import error_of, reply_of, vectors_of
from dataflow_core.serving.base import Capability, Serving
from dataflow_core.serving.pricing import Price, PriceTable
from dataflow_core.serving.structured.strict import strict_schema
from dataflow_core.serving.tokens import count_tokens
from dataflow_core.serving.wire import Answer, Wire, WireError

OPENAI_URL = "https://api.openai.com/v1"
_SENT_AS_THEY_ARE = (
    "temperature", "top_p", "top_k", "min_p", "seed", "stop", "presence_penalty",
    "frequency_penalty", "repetition_penalty", "reasoning_effort",
)  # fmt: skip


class OpenAIServing(Serving):
    """Models of OpenAI, and of every server with a compatible API: vLLM, SGLang, Ollama, llama.cpp.

    Attributes:
        base_url: Where the API is, its version included; None for ``OPENAI_BASE_URL``, or OpenAI's.
            A user and password in it are sent as such, and written nowhere.
        api_key: The key; better left out, so that it is in no code. None for the variable or file.
        api_key_env: The environment variable that holds the key.
        api_key_file: The file that holds the key, instead of the variable.
        api_key_header: The header that carries it; ``Authorization`` carries it as a bearer token.
        organization: OpenAI's organization, if not the key's usual one.
        query: What is added to every address, such as Azure's ``{"api-version": …}``.
        embed_batch: The most texts of one embedding request.
        dimensions: How many components vectors are to have, where the model lets one choose.

    Example:
        >>> serving = OpenAIServing(model="small", base_url="http://localhost:8000/v1")
        >>> serving.spec
        'openai:small@http://localhost:8000/v1'
    """

    prefix: ClassVar[str] = "openai"
    capabilities: ClassVar[frozenset[Capability]] = frozenset({"chat", "embed", "schema", "images"})

    base_url: str | None = None
    api_key: SecretStr | None = None
    api_key_env: str = "OPENAI_API_KEY"
    api_key_file: Path | None = None
    api_key_header: str = "Authorization"
    organization: str | None = None
    query: dict[str, str] = Field(default_factory=dict)
    embed_batch: Annotated[int, Field(ge=1)] = 64
    dimensions: Annotated[int, Field(ge=1)] | None = None

    @classmethod
    def from_text(cls, text: str, options: Mapping[str, Any]) -> Self:
        """Return the serving of ``MODEL`` or ``MODEL@ADDRESS``."""
        model, at, url = text.partition("@http")
        if at:
            return cls(model=model, base_url=f"http{url}", **options)
        return cls(model=text, **options)

    def text(self) -> tuple[str, frozenset[str]]:
        """Return ``MODEL`` or ``MODEL@ADDRESS``."""
        if self.base_url is None:
            return self.model, frozenset({"model"})
        return f"{self.model}@{without_user(self.base_url)}", frozenset({"model", "base_url"})

    @property
    def url(self) -> str:
        """Where the API is."""
        return (self.base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL).rstrip("/")

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return f"{self.prefix}:{self.model} at {without_user(self.url)}"

    def identity(self) -> dict[str, Any]:
        """Return the endpoint and the model."""
        told: dict[str, Any] = {"endpoint": without_user(self.url), "model": self.model}
        if self.query:
            told["query"] = self.query
        return told

    def known_price(self) -> Price | None:
        """Return what the price table says of the model at this address."""
        return PriceTable.load().price(self.model, self.url)

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a text has; see `Serving.count_tokens`."""
        found = count_tokens(text, self.model)
        return super().count_tokens(text) if found is None else found

    def embedding_parameters(self) -> dict[str, Any]:
        """Return the number of dimensions, where one is chosen."""
        return {} if self.dimensions is None else {"dimensions": self.dimensions}

    @property
    def texts_together(self) -> int:
        """The most texts of one embedding request."""
        return self.embed_batch

    def open_backend(self) -> Backend:
        """Return a connection to the server."""
        return OpenAIBackend(self)

    def key(self) -> str | None:
        """Return the API key.

        Raises:
            ConfigurationError: There is none, and the address is OpenAI's own; or its file cannot
                be read.
        """
        if self.api_key is not None:
            return self.api_key.get_secret_value()
        if self.api_key_file is not None:
            try:
                return self.api_key_file.expanduser().read_text("utf-8").strip()
            except OSError as error:
                raise ConfigurationError(
                    f"{self.name}: cannot read api_key_file {self.api_key_file}: {error.strerror}"
                ) from None
        key = os.environ.get(self.api_key_env, "").strip()
        if not key and urlsplit(self.url).hostname == urlsplit(OPENAI_URL).hostname:
            raise ConfigurationError(
                f"{self.name}: there is no API key. Set {self.api_key_env}, or name a file with "
                "api_key_file. For a server of your own, name its address: "
                f"openai:{self.model}@http://localhost:8000/v1."
            )
        return key or None


def without_user(url: str) -> str:
    """Return an address without the user and password that it may have."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")


class OpenAIBackend(Backend):
    """Requests to an OpenAI-compatible server.

    Args:
        serving: The configuration.
    """

    def __init__(self, serving: OpenAIServing) -> None:
        self._serving = serving
        self._wire = Wire(without_user(serving.url), self._headers())
        self._query = f"?{urlencode(serving.query)}" if serving.query else ""
        self._is_openai = urlsplit(serving.url).hostname == urlsplit(OPENAI_URL).hostname
        self._base = {"model": serving.model}
        self._last_format: tuple[Mapping[str, Any], orjson.Fragment] | None = None

    async def chat(self, request: ChatRequest) -> Reply:
        """Return the model's answer; see `Backend.chat`."""
        body = orjson.dumps({**self._base, **self._parameters(request), "messages": request.messages})
        answer = await self._post("/chat/completions", body)
        if answer.status != 200:
            raise error_of(answer, with_schema=request.schema is not None)
        return reply_of(answer)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of some texts; see `Backend.embed`."""
        content: dict[str, Any] = {**self._base, "input": list(texts), "encoding_format": "float"}
        if self._serving.dimensions is not None:
            content["dimensions"] = self._serving.dimensions
        answer = await self._post("/embeddings", orjson.dumps(content))
        if answer.status != 200:
            raise error_of(answer, with_schema=False)
        return vectors_of(answer, len(texts))

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()

    def _headers(self) -> dict[str, str]:
        serving, headers = self._serving, {}
        key = serving.key()
        if key is not None:
            bearer = serving.api_key_header.lower() == "authorization"
            headers[serving.api_key_header] = f"Bearer {key}" if bearer else key
        elif (user := urlsplit(serving.url).netloc.rpartition("@")[0]):
            headers["Authorization"] = f"Basic {base64.b64encode(unquote(user).encode()).decode()}"
        if serving.organization is not None:
            headers["OpenAI-Organization"] = serving.organization
        return headers

    def _parameters(self, request: ChatRequest) -> dict[str, Any]:
        sampling = request.sampling
        told = {name: sampling[name] for name in _SENT_AS_THEY_ARE if name in sampling}
        if "max_tokens" in sampling:
            # OpenAI's own models that reason know only the longer name; others only the shorter.
            told["max_completion_tokens" if self._is_openai else "max_tokens"] = sampling["max_tokens"]
        if request.schema is not None:
            told["response_format"] = self._format(request.schema)
        return told | dict(sampling.get("extra", {}))

    def _format(self, schema: Mapping[str, Any]) -> orjson.Fragment:
        """Return how answers of a schema are asked for, made once for all requests of a call."""
        if self._last_format is None or self._last_format[0] is not schema:
            told = response_format(schema, strictly=self._is_openai)
            self._last_format = (schema, orjson.Fragment(orjson.dumps(told)))
        return self._last_format[1]

    async def _post(self, path: str, body: bytes) -> Answer:
        try:
            answer = await self._wire.post(path + self._query, body)
        except WireError as error:
            reason = None if error.reached else CANNOT_CONNECT
            raise ReplyError("connection", str(error), reason=reason) from None
        if self.on_headers is not None and "x-ratelimit-limit-requests" in answer.headers:
            self.on_headers(answer.headers)
        return answer


def response_format(schema: Mapping[str, Any], *, strictly: bool) -> dict[str, Any]:
    """Return how a chat request asks for answers of a schema.

    Args:
        schema: The schema.
        strictly: Whether to ask in OpenAI's strict mode where that can express it: there alone do
            OpenAI's own models keep to a schema always.
    """
    told: dict[str, Any] = {"name": _schema_name(schema), "schema": schema}
    strict = strict_schema(schema) if strictly else None
    if strict is not None:
        told |= {"schema": strict, "strict": True}
    return {"type": "json_schema", "json_schema": told}


def _schema_name(schema: Mapping[str, Any]) -> str:
    title = str(schema.get("title", ""))
    name = "".join(one if one.isascii() and one.isalnum() else "_" for one in title)[:64]
    return name or "answer"
