"""The serving for Google's Gemini models, over their own API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, ClassVar, TypeVar
from urllib.parse import quote

from pydantic import Field

from dataflow_core.errors import ConfigurationError
from dataflow_core.serving.backend import Backend, ChatRequest, Reply, ReplyError, Vectors
from dataflow_core.serving.backends.bodies import body_of
from dataflow_core.serving.backends.gemini_answers import (
    error_of,
    reply_of,
    token_count_of,
    vectors_of,
)
from dataflow_core.serving.backends.gemini_messages import contents_of
from dataflow_core.serving.backends.http import HttpBackend, HttpServing, send
from dataflow_core.serving.base import Capability
from dataflow_core.serving.wire import Answer

Result = TypeVar("Result")
GEMINI_URL = "https://generativelanguage.googleapis.com/v1beta"
_NAMES = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "max_tokens": "maxOutputTokens",
    "stop": "stopSequences",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}
_UNKNOWN = ("min_p", "repetition_penalty")
_BESIDE = ("safetySettings", "tools", "toolConfig", "cachedContent", "serviceTier", "store")
"""Parameters that stand beside the generation's configuration, not in it."""
_BUDGETS = {"none": 0, "minimal": 512, "low": 1_024, "medium": 8_192, "high": 24_576}
"""Tokens of thoughts by effort, for models that take a number."""


class GeminiServing(HttpServing):
    """Google's Gemini models, over their own API.

    The key is in ``GEMINI_API_KEY`` or ``GOOGLE_API_KEY``. ``reasoning_effort`` sets how much a
    model thinks, and has it tell its thoughts. ``extra`` takes what else the generation's
    configuration knows, such as ``thinkingConfig``, and ``safetySettings``, ``tools``,
    ``toolConfig``, ``cachedContent``, ``serviceTier`` and ``store``, which stand beside it.

    Attributes:
        task_type: What vectors are for, as Google calls it: ``"SEMANTIC_SIMILARITY"``,
            ``"RETRIEVAL_DOCUMENT"``, ``"CLUSTERING"``, ….
        embed_batch: The most texts of one embedding request; Google takes 100.

    Example:
        >>> GeminiServing(model="gemini-3.5-flash", reasoning_effort="low").spec
        'gemini:gemini-3.5-flash#reasoning_effort=low'
    """

    prefix: ClassVar[str] = "gemini"
    capabilities: ClassVar[frozenset[Capability]] = frozenset({"chat", "embed", "schema", "images"})
    vendor_url: ClassVar[str] = GEMINI_URL
    url_variable: ClassVar[str] = "GEMINI_BASE_URL"
    key_variables: ClassVar[tuple[str, ...]] = ("GEMINI_API_KEY", "GOOGLE_API_KEY")

    embed_batch: Annotated[int, Field(ge=1, le=100)] = 100
    task_type: str | None = None

    def sampling(self, **changes: Any) -> dict[str, Any]:
        """Return the parameters that are set; see `Sampling.sampling`.

        Raises:
            ConfigurationError: Gemini does not know one of them.
        """
        told = super().sampling(**changes)
        if unknown := [name for name in _UNKNOWN if name in told]:
            raise ConfigurationError(
                f"{self.name}: Gemini has no {' and no '.join(unknown)}. Leave it out; there are: "
                f"{', '.join((*_NAMES, 'reasoning_effort', 'extra'))}."
            )
        return told

    def embedding_parameters(self) -> dict[str, Any]:
        """Return what determines vectors beside the model."""
        told = super().embedding_parameters()
        return told if self.task_type is None else {**told, "task_type": self.task_type}

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a text has: the server is asked, which costs nothing.

        Raises:
            ServingError: It does not tell.
        """
        return self.tokens_by_backend(text)

    def open_backend(self) -> Backend:
        """Return a connection to the server."""
        return GeminiBackend(self)


class GeminiBackend(HttpBackend):
    """Requests to Google's API.

    Args:
        serving: The configuration.
    """

    key_header = "x-goog-api-key"  # and not in the address, which logs and proxies see

    def __init__(self, serving: GeminiServing) -> None:
        super().__init__(serving, {})
        self._serving = serving
        self._model = serving.model if "/" in serving.model else f"models/{serving.model}"
        self._thinks_in_levels = "gemini-2." not in serving.model

    async def chat(self, request: ChatRequest) -> Reply:
        """Return the model's answer; see `Backend.chat`."""
        body, with_schema = self._body(request), request.schema is not None
        return await self._asked("generateContent", body, reply_of, with_schema=with_schema)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of some texts; see `Backend.embed`."""
        told: dict[str, Any] = {"model": self._model}
        if self._serving.task_type is not None:
            told["taskType"] = self._serving.task_type
        if self._serving.dimensions is not None:
            told["outputDimensionality"] = self._serving.dimensions
        requests = [{**told, "content": {"parts": [{"text": text}]}} for text in texts]
        read = partial(vectors_of, texts=len(texts))
        return await self._asked("batchEmbedContents", {"requests": requests}, read)

    async def count_tokens(self, text: str) -> int:
        """Return how many tokens a text has.

        Raises:
            ReplyError: The server does not tell.
        """
        content = {"role": "user", "parts": [{"text": text}]}
        return await self._asked("countTokens", {"contents": [content]}, token_count_of)

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        system, contents = contents_of(request.messages)
        extra = dict(request.sampling.get("extra", {}))
        body: dict[str, Any] = {"contents": contents}
        if system:
            body["systemInstruction"] = {"parts": system}
        body |= {name: extra.pop(name) for name in _BESIDE if name in extra}
        config = self._config(request) | extra.pop("generationConfig", {}) | extra
        return {**body, "generationConfig": config} if config else body

    def _config(self, request: ChatRequest) -> dict[str, Any]:
        sampling = request.sampling
        told = {known: sampling[name] for name, known in _NAMES.items() if name in sampling}
        if "reasoning_effort" in sampling:
            told["thinkingConfig"] = self._thinking(sampling["reasoning_effort"])
        if request.schema is not None:
            told |= {"responseMimeType": "application/json", "responseJsonSchema": request.schema}
        return told

    def _thinking(self, effort: str) -> dict[str, Any]:
        """Return how much to think: a level, or of Gemini 2.5 a number of tokens."""
        if self._thinks_in_levels:
            return {"thinkingLevel": effort.upper(), "includeThoughts": True}
        budget = _BUDGETS.get(effort, -1)  # -1 leaves it to the model
        return {"thinkingBudget": budget, "includeThoughts": budget != 0}

    async def _asked(
        self,
        method: str,
        body: Mapping[str, Any],
        read: Callable[[Answer], Result],
        *,
        with_schema: bool = False,
    ) -> Result:
        """Return what is read in the answer of one of the API's methods."""
        try:
            answer = await send(self.wire, f"/{quote(self._model)}:{method}", body_of(body))
            if answer.status != 200:
                raise error_of(answer, with_schema=with_schema)
            return read(answer)
        except ReplyError as error:
            raise self.discreet(error) from None
