"""Checking a serving: an answer, one of a schema, a vector; what works, and what would help."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import get_args

from dataflow_core.errors import ConfigurationError, ServingError, ServingGone
from dataflow_core.serving.base import Capability, Part, Serving
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
_ENFORCED = "the server enforces it"
_MISFITS = ("schema_mismatch", "unparsable_answer")
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

    part: Part
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
    try:
        recorded = serving.recorded()
    except ConfigurationError as error:
        return [Finding("chat", works=False, told=str(error))]
    if recorded is not None:
        return [_recorded(part, recorded.get(part, 0)) for part in get_args(Part)]
    return _asked(serving)


def _asked(serving: Serving) -> list[Finding]:
    """Return what came of asking."""
    parts: tuple[tuple[Part, Capability, Callable[[Serving], Finding]], ...] = (
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
            found = check(serving)
        except ServingGone as error:
            told = f"the server does not answer: {error.last}"
            found = Finding(part, works=False, told=told, cure=_CURES["cannot_connect"])
            gone = "not asked: the server does not answer"
        except (ServingError, ConfigurationError) as error:
            told = str(error).removeprefix(f"{serving.name}: ")
            found = Finding(part, works=False, told=told)
        findings.append(_in_turn(found, findings))
    return findings


def _in_turn(found: Finding, before: Sequence[Finding]) -> Finding:
    """Return a finding as it reads after others: what was told is not told again."""
    if found.works:
        return found
    if any(one.told == found.told for one in before):
        return Finding(found.part, works=False, told="likewise")
    if found.part == "embedding" and any(one.works for one in before):
        return replace(found, cure="Take another model or server for vectors, if you need them.")
    return found


def _recorded(part: Part, answers: int) -> Finding:
    """Return what a serving has recorded of one part."""
    if not answers:
        return Finding(part, works=None, told="nothing was recorded")
    told = f"{answers:,} {'answer' if answers == 1 else 'answers'} recorded; nothing was asked"
    return Finding(part, works=True, told=told)


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
    how, error = _how(serving), answer.error
    if error is not None:
        return _misfit(error, how) if error.reason in _MISFITS else _failed("schema", error)
    return _answered("schema", answer, f"{how}: {answer.parsed}")


def _how(serving: Serving) -> str:
    """Return how a serving was brought to answer by the schema."""
    if serving.enforces(AnswerSchema.of(_SCHEMA).digest):
        return _ENFORCED
    if serving.enforces_schemas:
        return "the server takes no schema, so the prompt asks for it"
    return "the prompt asks for it"


def _misfit(error: Failure, how: str) -> Finding:
    """Return that an answer does not fit its schema."""
    failed = _failed("schema", error)
    if how != _ENFORCED:
        return replace(failed, told=f"{how}, and the answer does not fit: {error.message}")
    told = f"the server took the schema, and its answer does not fit: {error.message}"
    return replace(failed, told=told, cure="Try structured=prompt, or a server that enforces it.")


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


def _answered(part: Part, answer: Completion, told: str) -> Finding:
    written = answer.usage.completion_tokens
    speed = written / answer.latency if written and answer.latency else None
    shown = told if len(told) <= _SHOWN else f"{told[: _SHOWN - 1]}…"
    return Finding(part, works=True, told=shown, seconds=answer.latency, tokens_per_second=speed)


def _failed(part: Part, error: Failure) -> Finding:
    return Finding(part, works=False, told=error.message, cure=_CURES.get(error.reason))
