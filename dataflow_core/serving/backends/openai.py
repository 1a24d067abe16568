"""The serving for OpenAI's API, and for all servers that speak it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

import orjson
from pydantic import Field

from dataflow_core.secrets import is_secret_in_query, without_secrets
from dataflow_core.serving.backend import Backend, ChatRequest, Reply, ReplyError, Vectors
from dataflow_core.serving.backends.bodies import body_of
from dataflow_core.serving.backends.http import (
    HttpBackend,
    HttpServing,
    reworded,
    send,
    without_user,
)
from dataflow_core.serving.backends.openai_answers import error_of, reply_of, vectors_of
from dataflow_core.serving.base import Capability
from dataflow_core.serving.structured.strict import strict_schema
from dataflow_core.serving.tokens import count_tokens
from dataflow_core.serving.wire import Answer

OPENAI_URL = "https://api.openai.com/v1"
_SENT_AS_THEY_ARE = (
    "temperature", "top_p", "top_k", "min_p", "seed", "stop", "presence_penalty",
    "frequency_penalty", "repetition_penalty", "reasoning_effort",
)  # fmt: skip


class OpenAIServing(HttpServing):
    """Models of OpenAI, and of every server with a compatible API: vLLM, SGLang, Ollama, llama.cpp.

    Attributes:
        api_key_header: The header that carries it; ``Authorization`` carries it as a bearer token.
        organization: OpenAI's organization, if not the key's usual one.
        query: What is added to every address, such as Azure's ``{"api-version": …}``.

    Example:
        >>> serving = OpenAIServing(model="small", base_url="http://localhost:8000/v1")
        >>> serving.spec
        'openai:small@http://localhost:8000/v1'
    """

    prefix: ClassVar[str] = "openai"
    capabilities: ClassVar[frozenset[Capability]] = frozenset({"chat", "embed", "schema", "images"})

    vendor_url: ClassVar[str] = OPENAI_URL
    url_variable: ClassVar[str] = "OPENAI_BASE_URL"
    key_variables: ClassVar[tuple[str, ...]] = ("OPENAI_API_KEY",)

    api_key_header: str = "Authorization"
    organization: str | None = None
    query: dict[str, str] = Field(default_factory=dict)

    def identity(self) -> dict[str, Any]:
        """Return the endpoint and the model."""
        told = super().identity()
        if not self.query:
            return told
        return told | {"query": without_secrets(self.query, is_named=is_secret_in_query)}

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a text has; see `Serving.count_tokens`."""
        found = count_tokens(text, self.model)
        return super().count_tokens(text) if found is None else found

    def open_backend(self) -> Backend:
        """Return a connection to the server."""
        return OpenAIBackend(self)


class OpenAIBackend(HttpBackend):
    """Requests to an OpenAI-compatible server.

    Args:
        serving: The configuration.
        direct: Whether to go past proxies, as to a server of this machine.
    """

    def __init__(self, serving: OpenAIServing, *, direct: bool = False) -> None:
        self._serving = serving
        self.key_header = serving.api_key_header
        about = serving.organization
        headers = {} if about is None else {"OpenAI-Organization": about}
        super().__init__(serving, headers, direct=direct)
        self._query = f"?{urlencode(serving.query)}" if serving.query else ""
        self._is_openai = serving.is_vendors
        self._secrets.update(v for k, v in serving.query.items() if is_secret_in_query(k))
        self._base = {"model": serving.model}
        self._last_format: tuple[Mapping[str, Any], orjson.Fragment] | None = None

    async def chat(self, request: ChatRequest) -> Reply:
        """Return the model's answer; see `Backend.chat`."""
        told = {**self._base, **self._parameters(request), "messages": request.messages}
        try:
            answer = await self._post("/chat/completions", body_of(told))
            if answer.status != 200:
                raise self._error(answer, with_schema=request.schema is not None)
            return reply_of(answer)
        except ReplyError as error:
            raise self.discreet(error) from None

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of some texts; see `Backend.embed`."""
        content: dict[str, Any] = {**self._base, "input": list(texts), "encoding_format": "float"}
        if self._serving.dimensions is not None:
            content["dimensions"] = self._serving.dimensions
        try:
            answer = await self._post("/embeddings", body_of(content))
            if answer.status != 200:
                raise self._error(answer, with_schema=False)
            return vectors_of(answer, len(texts))
        except ReplyError as error:
            raise self.discreet(error) from None

    def _parameters(self, request: ChatRequest) -> dict[str, Any]:
        sampling = request.sampling
        told = {name: sampling[name] for name in _SENT_AS_THEY_ARE if name in sampling}
        if "max_tokens" in sampling:
            # OpenAI's own models that reason know only the longer name; others only the shorter.
            name = "max_completion_tokens" if self._is_openai else "max_tokens"
            told[name] = sampling["max_tokens"]
        if request.schema is not None:
            told["response_format"] = self._format(request.schema)
        return told | dict(sampling.get("extra", {}))

    def _format(self, schema: Mapping[str, Any]) -> orjson.Fragment:
        """Return how answers of a schema are asked for, made once for all requests of a call."""
        if self._last_format is None or self._last_format[0] is not schema:
            told = response_format(schema, strictly=self._is_openai)
            self._last_format = (schema, orjson.Fragment(body_of(told)))
        return self._last_format[1]

    def _error(self, answer: Answer, *, with_schema: bool) -> ReplyError:
        """Return what an error means; where nothing is at an address, what it may lack."""
        error, url = error_of(answer, with_schema=with_schema), without_user(self._serving.url)
        if answer.status not in (404, 405) or urlsplit(url).path:
            return error
        told = f"{error.message}: {url} has no path, and most APIs are under /v1: try {url}/v1"
        return reworded(error, told)

    async def _post(self, path: str, body: bytes) -> Answer:
        answer = await send(self.wire, path + self._query, body)
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
