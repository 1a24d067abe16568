"""Checking a serving: an answer, one of a schema, a vector; what works, and what would help."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from dataflow_core.errors import ConfigurationError, ServingError, ServingGone
from dataflow_core.serving.base import Capability, Serving
from dataflow_core.serving.completion import Completion, Failure
from dataflow_core.serving.structured import AnswerSchema

_PROMPT = "Write one sentence about rivers."
_SCHEMA_PROMPT = "Name a city, and about how many people live there."
_SCHEMA = {
    "title": "city",
    "type": "object",
    "properties": {"name": {"type": "string"}, "population": {"type": "integer"}},
    "required": ["name", "population"],
    "additionalProperties": False,
}
_MOST_TOKENS = 1_024
_SHOWN = 200
_CURES = {
    "rate_limited": "Wait, or set requests_per_minute or tokens_per_minute.",
    "timeout": "Raise timeout, or see whether the server is overloaded.",
    "server_error": "See the server's log.",
    "broken_answer": "See whether base_url is that of the API, its version included.",
    "connection_lost": "See the server's log, and what stands between it and you.",
    "cannot_connect": "Start the server, or correct its address.",
    "truncated": "Raise max_tokens, or lower reasoning_effort.",
    "empty_answer": "See whether the model is one for chats.",
    "schema_mismatch": "Take a larger model for answers that have to fit a schema.",
    "unparsable_answer": "Take a larger model for answers that have to fit a schema.",
    "schema_not_supported": "Let structured be auto, so that the prompt asks for the schema.",
    "context_length": "Take a model or a server with a longer context.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one part of a check.

    Attributes:
        part: ``"chat"``, ``"schema"`` or ``"embedding"``.
        works: Whether it works; None where the kind of serving does not offer it.
        told: What came: the answer, shortened, or why there is none.
        seconds: How long the answer took; None where there is none.
        tokens_per_second: Tokens written in a second; None where that is not known.
        cure: What would help; None where nothing need, or where `told` says it.
    """

    part: str
    works: bool | None
    told: str
    seconds: float | None = None
    tokens_per_second: float | None = None
    cure: str | None = None


def check_serving(serving: Serving) -> list[Finding]:
    """Ask a serving for an answer, an answer of a schema, and a vector, and return what came.

    Args:
        serving: The serving; what it keeps of answers should be off.
    """
    parts: tuple[tuple[str, Capability, Callable[[Serving], Finding]], ...] = (
        ("chat", "chat", _chat),
        ("schema", "chat", _schema),
        ("embedding", "embed", _embedding),
    )
    findings: list[Finding] = []
    gone: str | None = None
    for part, capability, check in parts:
        if gone is not None:
            findings.append(Finding(part, works=False, told=gone))
            continue
        try:
            serving.require(capability)
        except ConfigurationError:
            findings.append(Finding(part, works=None, told="this serving does not offer it"))
            continue
        try:
            findings.append(check(serving))
        except (ServingError, ConfigurationError) as error:
            told = str(error).removeprefix(f"{serving.name}: ")
            known = any(one.told == told for one in findings)
            findings.append(Finding(part, works=False, told="likewise" if known else told))
            gone = "not asked: the server is gone" if isinstance(error, ServingGone) else None
    return findings


def _chat(serving: Serving) -> Finding:
    (answer,) = serving.generate_from_input([_PROMPT], max_tokens=_most(serving))
    error = answer.error
    if error is not None and not (error.reason == "truncated" and (error.raw or "").strip()):
        return _failed("chat", error)
    text = answer.text if error is None else error.raw
    return _answered("chat", answer, " ".join((text or "").split()))


def _schema(serving: Serving) -> Finding:
    (answer,) = serving.generate_from_input(
        [_SCHEMA_PROMPT], json_schema=_SCHEMA, max_tokens=_most(serving)
    )
    if answer.error is not None:
        return _failed("schema", answer.error)
    enforced = serving.enforces(AnswerSchema.of(_SCHEMA).digest)
    how = "the server enforces it" if enforced else "the prompt asks for it"
    return _answered("schema", answer, f"{how}: {answer.parsed}")


def _embedding(serving: Serving) -> Finding:
    began = time.monotonic()
    (vector,) = serving.embed([_PROMPT])
    if vector.error is not None or vector.vector is None:
        assert vector.error is not None  # noqa: S101
        return _failed("embedding", vector.error)
    seconds = time.monotonic() - began
    return Finding("embedding", works=True, told=f"{len(vector.vector)} numbers", seconds=seconds)


def _most(serving: Serving) -> int:
    """Return how long an answer may be: long enough for models that reason."""
    return serving.max_tokens or _MOST_TOKENS


def _answered(part: str, answer: Completion, told: str) -> Finding:
    written = answer.usage.completion_tokens
    speed = written / answer.latency if written and answer.latency else None
    shown = told if len(told) <= _SHOWN else f"{told[: _SHOWN - 1]}…"
    return Finding(part, works=True, told=shown, seconds=answer.latency, tokens_per_second=speed)


def _failed(part: str, error: Failure) -> Finding:
    return Finding(part, works=False, told=error.message, cure=_CURES.get(error.reason))
