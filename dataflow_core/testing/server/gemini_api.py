"""Gemini's own API: generateContent, batchEmbedContents, embedContent and countTokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from dataflow_core.testing.server.answers import Answer, Usage
from dataflow_core.testing.server.endpoint import Asked, Endpoint, Headers, Response
from dataflow_core.testing.server.parameters import (
    Check,
    checked,
    count_up_to,
    number_within,
    of_type,
    taken,
    texts,
)
from dataflow_core.testing.server.question import Question, Refusal, tokens_in

_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_PARAMETERS: Mapping[str, tuple[str, Check]] = {
    "candidateCount": ("samples", count_up_to(8)),
    "maxOutputTokens": ("max_tokens", count_up_to()),
    "temperature": ("temperature", number_within(0, 2)),
    "seed": ("seed", of_type(int)),
    "stopSequences": ("stop", texts),
    "responseSchema": ("schema", of_type(dict)),
    "responseJsonSchema": ("schema", of_type(dict)),
    "responseMimeType": ("json", lambda _, value: value == "application/json"),
}
_EMBEDDING_PARAMETERS: Mapping[str, tuple[str, Check]] = {
    "outputDimensionality": ("dimensions", count_up_to(65_536)),
}
_KINDS = "type.googleapis.com/google.rpc"


class _Gemini(Endpoint):
    def key(self, headers: Headers) -> str | None:
        return headers.get("x-goog-api-key")

    def error(self, refusal: Refusal) -> bytes:
        details: list[dict[str, Any]] = []
        if refusal.retry_after is not None:
            delay = f"{round(refusal.retry_after, 3):g}s"
            details.append({"@type": f"{_KINDS}.RetryInfo", "retryDelay": delay})
        if refusal.code:
            reason = "API_KEY_INVALID" if refusal.status == 401 else refusal.code.upper()
            about = {"reason": reason, "domain": "googleapis.com"}
            details.append({"@type": f"{_KINDS}.ErrorInfo", **about})
        status = _STATUSES.get(refusal.status, "UNKNOWN")
        told = {"code": refusal.status, "message": refusal.message, "status": status}
        return orjson.dumps({"error": {**told, "details": details}})


class GenerateContent(_Gemini):
    """``POST /v1beta/models/MODEL:generateContent``."""

    def read(self, body: Mapping[str, Any], model: str) -> Question:
        """Return what a request's body asks."""
        told = _contents(body)
        users = [text for role, text in told if role == "user"]
        prompt = "\n".join(f"{role}: {text}" for role, text in told)
        config = taken(body, "generationConfig", dict) or {}
        if config.get("responseLogprobs"):
            raise Refusal(400, "This model does not tell logprobs.", param="responseLogprobs")
        text = users[-1] if users else told[-1][1]
        return Question(model, prompt, text, **checked(config, _PARAMETERS))

    def response(self, asked: Asked) -> Response:
        """Return the candidates; none if the prompt is refused."""
        answers = asked.answers()
        body: dict[str, Any] = {
            "candidates": [_candidate(index, one) for index, one in enumerate(answers)],
            "usageMetadata": _usage(asked.usage),
            "modelVersion": asked.question.model,
            "responseId": asked.id,
        }
        if asked.fault and asked.fault.name == "refuse":
            body["promptFeedback"] = {"blockReason": "SAFETY"}
            del body["candidates"]
        return Response(200, [orjson.dumps(body)])


class BatchEmbedContents(_Gemini):
    """``POST /v1beta/models/MODEL:batchEmbedContents``."""

    writes = False

    def read(self, body: Mapping[str, Any], model: str) -> Question:
        """Return what a request's body asks."""
        requests = taken(body, "requests", list)
        if not requests or not all(isinstance(one, Mapping) for one in requests):
            raise Refusal(400, "BatchEmbedContentsRequest.requests: none given.", param="requests")
        return self._question(requests, model)

    def response(self, asked: Asked) -> Response:
        """Return the vectors."""
        told = [{"values": vector} for vector in asked.vectors()]
        return Response(200, [orjson.dumps({"embeddings": told})])

    def _question(self, requests: list[Any], model: str) -> Question:
        inputs = tuple(_text(taken(one, "content", dict) or {}) for one in requests)
        first, *others = [checked(one, _EMBEDDING_PARAMETERS) for one in requests]
        if any(other != first for other in others):
            raise Refusal(400, "outputDimensionality differs between the requests.")
        told = "\n".join(inputs)
        return Question(model, told, told, inputs, **first)


class EmbedContent(BatchEmbedContents):
    """``POST /v1beta/models/MODEL:embedContent``."""

    def read(self, body: Mapping[str, Any], model: str) -> Question:
        """Return what a request's body asks."""
        return self._question([body], model)

    def response(self, asked: Asked) -> Response:
        """Return the vector."""
        told = [{"embedding": {"values": vector}} for vector in asked.vectors()] or [{}]
        return Response(200, [orjson.dumps(told[0])])


class CountTokens(_Gemini):
    """``POST /v1beta/models/MODEL:countTokens``."""

    writes = False

    def read(self, body: Mapping[str, Any], model: str) -> Question:
        """Return what a request's body asks."""
        whole = taken(body, "generateContentRequest", dict) or body
        texts = [text for _, text in _contents(whole)]
        return Question(model, "\n".join(texts), texts[-1], tuple(texts))

    def response(self, asked: Asked) -> Response:
        """Return how many tokens the texts have."""
        total = sum(map(tokens_in, asked.question.inputs))
        return Response(200, [orjson.dumps({"totalTokens": total})])


METHODS: Mapping[str, Endpoint] = {
    "generateContent": GenerateContent(),
    "batchEmbedContents": BatchEmbedContents(),
    "embedContent": EmbedContent(),
    "countTokens": CountTokens(),
}
"""Endpoints by the word behind the model's name in the path."""


def _contents(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the roles and texts of a conversation, that of the system first."""
    contents = taken(body, "contents", list)
    if not contents or not all(isinstance(one, Mapping) for one in contents):
        raise Refusal(400, "GenerateContentRequest.contents: contents is not specified.")
    system = taken(body, "systemInstruction", dict)
    told = [("system", _text(system))] if system else []
    return told + [(str(one.get("role", "user")), _text(one)) for one in contents]


def _text(content: Mapping[str, Any]) -> str:
    parts = taken(content, "parts", (list, dict)) or []
    parts = [parts] if isinstance(parts, dict) else parts
    texts = [part["text"] for part in parts if isinstance(part, Mapping) and "text" in part]
    if not parts or not all(isinstance(text, str) for text in texts):
        raise Refusal(400, "A content has no parts, or one whose text is no string.", param="parts")
    return "".join(texts)


def _candidate(index: int, answer: Answer) -> dict[str, Any]:
    told = {"finishReason": _FINISH[answer.finish], "index": index}
    if answer.finish == "content_filter":
        return told
    parts = [{"text": answer.text}]
    if answer.reasoning is not None:
        parts = [{"text": answer.reasoning, "thought": True}, *parts]  # type: ignore[dict-item]
    return {"content": {"parts": parts, "role": "model"}, **told}


def _usage(usage: Usage) -> dict[str, int]:
    told = {
        "promptTokenCount": usage.prompt,
        "candidatesTokenCount": usage.written - usage.reasoning,
        "totalTokenCount": usage.prompt + usage.written,
    }
    if usage.cached:
        told["cachedContentTokenCount"] = usage.cached
    if usage.reasoning:
        told["thoughtsTokenCount"] = usage.reasoning
    return told
