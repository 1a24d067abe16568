"""OpenAI's API: chat completions, completions and embeddings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from time import time
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
from dataflow_core.testing.server.question import CHARACTERS_PER_TOKEN, Question, Refusal
from dataflow_core.testing.vectors import in_base64

_DELTA = 4 * CHARACTERS_PER_TOKEN
_MOST_INPUTS = 2048
_TYPES = {
    400: "invalid_request_error",
    401: "invalid_request_error",
    403: "permission_error",
    404: "invalid_request_error",
    413: "invalid_request_error",
    429: "rate_limit_error",
}


class _OpenAI(Endpoint):
    def key(self, headers: Headers) -> str | None:
        scheme, _, key = headers.get("authorization", "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" else None

    def error(self, refusal: Refusal) -> bytes:
        kind = _TYPES.get(refusal.status, "server_error")
        told = {"message": refusal.message, "type": kind}
        return orjson.dumps({"error": {**told, "param": refusal.param, "code": refusal.code}})


class _Completing(_OpenAI):
    """What chat and plain completions have in common."""

    whole: str
    piece: str
    prefix: str

    def response(self, asked: Asked) -> Response:
        answers = asked.answers()
        if asked.question.stream:
            events = list(self._events(asked, answers))
            return Response(200, events, streamed=True)
        body = self._frame(asked, self.whole)
        body["choices"] = [self.choice(index, one) for index, one in enumerate(answers)]
        body["usage"] = _usage(asked.usage)
        return Response(200, [orjson.dumps(body)])

    def choice(self, index: int, answer: Answer) -> dict[str, Any]:
        """Return an answer."""
        raise NotImplementedError

    def deltas(self, answer: Answer) -> Iterator[dict[str, Any]]:
        """Return the pieces of an answer, without the common parts of choices."""
        raise NotImplementedError

    def _frame(self, asked: Asked, what: str) -> dict[str, Any]:
        return {
            "id": f"{self.prefix}-{asked.id}",
            "object": what,
            "created": int(time()),
            "model": asked.question.model,
            "system_fingerprint": "fp_fault_server",
        }

    def _events(self, asked: Asked, answers: list[Answer]) -> Iterator[bytes]:
        frame = self._frame(asked, self.piece)
        if asked.question.stream_usage:
            frame["usage"] = None
        for index, answer in enumerate(answers):
            common = {"index": index, "logprobs": None}
            for delta in self.deltas(answer):
                yield _event({**frame, "choices": [{**common, "finish_reason": None, **delta}]})
            last = {**common, **self.last_delta(), "finish_reason": answer.finish}
            yield _event({**frame, "choices": [last]})
        if asked.question.stream_usage:
            yield _event({**frame, "choices": [], "usage": _usage(asked.usage)})
        yield b"data: [DONE]\n\n"

    def last_delta(self) -> dict[str, Any]:
        """Return the piece that comes with the finish reason."""
        raise NotImplementedError


class ChatCompletions(_Completing):
    """``POST /v1/chat/completions``."""

    whole, piece, prefix = "chat.completion", "chat.completion.chunk", "chatcmpl"

    def read(self, body: Mapping[str, Any], model: str) -> Question:
        """Return what a request's body asks."""
        messages = taken(body, "messages", list)
        if not messages:
            raise _missing("messages")
        told = [_message(message, place) for place, message in enumerate(messages)]
        users = [text for role, text in told if role == "user"]
        prompt = "\n".join(f"{role}: {text}" for role, text in told)
        question = _question(body, prompt, users[-1] if users else told[-1][1])
        _read_format(body, question)
        return question

    def choice(self, index: int, answer: Answer) -> dict[str, Any]:
        """Return an answer, as a message."""
        content = None if answer.refusal else answer.text
        message = {"role": "assistant", "content": content, "refusal": answer.refusal}
        if answer.reasoning is not None:
            message[answer.field] = answer.reasoning
        return {
            "index": index,
            "message": message,
            "logprobs": None,
            "finish_reason": answer.finish,
        }

    def deltas(self, answer: Answer) -> Iterator[dict[str, Any]]:
        """Return the pieces of an answer: the role, the reasoning, the text."""
        yield {"delta": {"role": "assistant", "content": ""}}
        parts = [(answer.field, answer.reasoning), ("content", answer.text)]
        for name, text in [*parts, ("refusal", answer.refusal)]:
            for piece in _pieces(text or ""):
                yield {"delta": {name: piece}}

    def last_delta(self) -> dict[str, Any]:
        """Return an empty piece."""
        return {"delta": {}}


class Completions(_Completing):
    """``POST /v1/completions``."""

    whole, piece, prefix = "text_completion", "text_completion", "cmpl"

    def read(self, body: Mapping[str, Any], model: str) -> Question:
        """Return what a request's body asks."""
        prompts = _inputs(body, "prompt")
        question = _question(body, "\n".join(prompts), "\n".join(prompts))
        question.inputs = prompts
        return question

    def choice(self, index: int, answer: Answer) -> dict[str, Any]:
        """Return an answer, as a text."""
        text = answer.refusal or answer.text
        return {"index": index, "text": text, "logprobs": None, "finish_reason": answer.finish}

    def deltas(self, answer: Answer) -> Iterator[dict[str, Any]]:
        """Return the pieces of an answer."""
        for piece in _pieces(answer.refusal or answer.text):
            yield {"text": piece}

    def last_delta(self) -> dict[str, Any]:
        """Return an empty piece."""
        return {"text": ""}


class Embeddings(_OpenAI):
    """``POST /v1/embeddings``."""

    writes = False

    def read(self, body: Mapping[str, Any], model: str) -> Question:
        """Return what a request's body asks."""
        inputs = _inputs(body, "input")
        if len(inputs) > _MOST_INPUTS or not all(inputs):
            told = f"Invalid 'input': 1 to {_MOST_INPUTS} texts, none of them empty."
            raise Refusal(400, told, "invalid_value", param="input")
        prompt = "\n".join(inputs)
        return Question(
            _model(body), prompt, prompt, inputs, **checked(body, _EMBEDDING_PARAMETERS)
        )

    def response(self, asked: Asked) -> Response:
        """Return the vectors."""
        question, usage = asked.question, asked.usage
        vectors: list[Any] = asked.vectors()
        if question.base64:
            vectors = [in_base64(vector) for vector in vectors]
        body = {
            "object": "list",
            "data": [
                {"object": "embedding", "index": index, "embedding": vector}
                for index, vector in enumerate(vectors)
            ],
            "model": question.model,
            "usage": {"prompt_tokens": usage.prompt, "total_tokens": usage.prompt},
        }
        return Response(200, [orjson.dumps(body)])


def list_of_models(names: tuple[str, ...]) -> bytes:
    """Return the answer to ``GET /v1/models``."""
    models = [
        {"id": name, "object": "model", "created": 0, "owned_by": "fault-server"}
        for name in names or ("fault-model",)
    ]
    return orjson.dumps({"object": "list", "data": models})


def _question(body: Mapping[str, Any], prompt: str, text: str) -> Question:
    return Question(_model(body), prompt, text, **checked(body, _PARAMETERS))


def _untold(name: str, value: Any) -> bool:
    if value:
        told = f"This model does not tell '{name}'."
        raise Refusal(400, told, "unsupported_parameter", param="logprobs")
    return False


def _tells_usage(name: str, value: Any) -> bool:
    return bool(of_type(dict)(name, value).get("include_usage"))


def _choose_encoding(name: str, value: Any) -> bool:
    if value in ("float", "base64"):
        return bool(value == "base64")
    told = f"Invalid '{name}': {value!r:.80}; use float or base64."
    raise Refusal(400, told, "invalid_value", param=name)


_PARAMETERS: Mapping[str, tuple[str, Check]] = {
    "n": ("samples", count_up_to(128)),
    "max_tokens": ("max_tokens", count_up_to()),
    "max_completion_tokens": ("max_tokens", count_up_to()),
    "temperature": ("temperature", number_within(0, 2)),
    "seed": ("seed", of_type(int)),
    "stop": ("stop", texts),
    "stream": ("stream", of_type(bool)),
    "stream_options": ("stream_usage", _tells_usage),
    "logprobs": ("logprobs", _untold),
    "top_logprobs": ("logprobs", _untold),
}
_EMBEDDING_PARAMETERS: Mapping[str, tuple[str, Check]] = {
    "dimensions": ("dimensions", count_up_to(65_536)),
    "encoding_format": ("base64", _choose_encoding),
}


def _read_format(body: Mapping[str, Any], question: Question) -> None:
    wanted = taken(body, "response_format", dict) or {}
    kind = wanted.get("type", "text")
    if kind == "json_schema":
        schema = (wanted.get("json_schema") or {}).get("schema")
        if not isinstance(schema, dict):
            raise _missing("response_format.json_schema.schema")
        question.schema = schema
    elif kind not in ("text", "json_object"):
        told = f"Invalid value: {kind!r:.80}; use text, json_object or json_schema."
        raise Refusal(400, told, "invalid_value", param="response_format.type")
    question.json = kind == "json_object"


def _model(body: Mapping[str, Any]) -> str:
    model: str | None = taken(body, "model", str)
    if not model:
        raise _missing("model")
    return model


def _message(message: Any, place: int) -> tuple[str, str]:
    where = f"messages[{place}]"
    if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
        raise _missing(f"{where}.role")
    content = message.get("content")
    if content is None and message["role"] != "assistant":
        raise _missing(f"{where}.content")
    if isinstance(content, str) or content is None:
        return message["role"], content or ""
    if not isinstance(content, list):
        told = f"Invalid type for '{where}.content': a string or a list of parts is wanted."
        raise Refusal(400, told, "invalid_type", param=f"{where}.content")
    return message["role"], "".join(map(_part, content))


def _part(part: Any) -> str:
    """Return the text of a part of a message; an image stands there by its hash."""
    if isinstance(part, Mapping) and isinstance(part.get("text"), str):
        return str(part["text"])
    dumped = orjson.dumps(part, option=orjson.OPT_SORT_KEYS)
    return f"<part {Question('', dumped.decode()).key():016x}>"


def _inputs(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return one or several texts; lists of tokens stand for texts too."""
    given = taken(body, name, (str, list))
    if isinstance(given, str):
        return (given,)
    if not given:
        raise _missing(name)
    if all(isinstance(one, int) for one in given):
        given = [given]
    if not all(isinstance(one, str | list) for one in given):
        told = f"Invalid type for '{name}': texts or lists of tokens are wanted."
        raise Refusal(400, told, "invalid_type", param=name)
    return tuple(one if isinstance(one, str) else " ".join(map(str, one)) for one in given)


def _missing(name: str) -> Refusal:
    told = f"Missing required parameter: '{name}'."
    return Refusal(400, told, "missing_required_parameter", param=name)


def _pieces(text: str) -> list[str]:
    return [text[start : start + _DELTA] for start in range(0, len(text), _DELTA)]


def _event(body: Mapping[str, Any]) -> bytes:
    return b"data: %b\n\n" % orjson.dumps(body)


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.written,
        "total_tokens": usage.prompt + usage.written,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }
