"""What OpenAI-compatible servers answer, in their several spellings, and what their errors mean."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import orjson

from dataflow_core.serving.admission import retry_after_seconds
from dataflow_core.serving.backend import Reply, ReplyError, Vectors
from dataflow_core.serving.backends.bodies import (
    Unsound,
    broken,
    json_of,
    sound_reply,
    sound_vectors,
    tokens,
)
from dataflow_core.serving.completion import Usage
from dataflow_core.serving.wire import Answer

_ALWAYS = {
    401: "the API key is missing or wrong",
    402: "there is no credit left",
    403: "access is denied",
    404: "there is no such model, or no such address",
    405: "the address is none of an OpenAI-compatible API",
}
_AGAIN = (408, 409, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524)
_LIMITED = (429, 529)
_NO_CREDIT = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
_SCHEMA_WORDS = ("response_format", "json_schema", "guided", "grammar", "structured output")
_CONTEXT_WORDS = ("context_length", "context length", "maximum context", "too many tokens")


def reply_of(answer: Answer) -> Reply:
    """Return the reply in a chat answer of status 200.

    Raises:
        ReplyError: It is none.
    """
    content = _json(answer)
    try:
        return reply_in(content)
    except Unsound as error:
        raise broken(answer, str(error)) from None
    except (AttributeError, KeyError, IndexError, TypeError):
        raise broken(answer, "there is no choices[0].message in it") from None


def reply_in(content: Mapping[str, Any]) -> Reply:
    """Return the reply in what a chat answer holds; errors of look-ups where there is none.

    Args:
        content: The answer's JSON.

    Raises:
        Unsound: Something in it is of a wrong kind.
    """
    choice = content["choices"][0]
    message = choice["message"]
    text, reasoning = _text_and_reasoning(message)
    finish = choice.get("finish_reason") or "stop"
    if message.get("refusal") and not text:
        text, finish = message["refusal"], "refusal"
    if not text and message.get("tool_calls"):
        text = orjson.dumps(message["tool_calls"]).decode()
    return sound_reply(text, finish, usage_of(content.get("usage")), reasoning)


def vectors_of(answer: Answer, texts: int) -> Vectors:
    """Return the vectors in an answer of status 200.

    Raises:
        ReplyError: There are none, or another number of them.
    """
    content = _json(answer)
    try:
        return vectors_in(content, texts)
    except Unsound as error:
        raise broken(answer, str(error)) from None
    except (KeyError, TypeError, AttributeError):
        raise broken(answer, "there is no data[].embedding in it") from None


def vectors_in(content: Mapping[str, Any], texts: int) -> Vectors:
    """Return the vectors in what an answer holds; errors of look-ups where there are none.

    Args:
        content: The answer's JSON.
        texts: How many there are to be.

    Raises:
        Unsound: There are more or less, or one is no list of numbers.
    """
    data = sorted(content["data"], key=lambda one: one["index"])
    vectors = sound_vectors([one["embedding"] for one in data], texts)
    return Vectors(vectors, usage_of(content.get("usage")))


def error_of(answer: Answer, *, with_schema: bool) -> ReplyError:
    """Return what an answer of another status than 200 means.

    Args:
        answer: The answer.
        with_schema: Whether the request had a schema.
    """
    status = answer.status
    told, code = _told(answer)
    message = f"HTTP {status}: {told}"
    wait = retry_after_seconds(answer.headers, dt.datetime.now(dt.UTC))
    if status in _LIMITED and code not in _NO_CREDIT:
        return ReplyError("rate_limit", message, status=status, retry_after=wait)
    if status in _ALWAYS or code in _NO_CREDIT:
        meaning = _ALWAYS.get(status, _ALWAYS[402])
        return ReplyError("fatal", f"{meaning} ({message})", status=status)
    if 300 <= status < 400:
        place = answer.headers.get("location", "another address")
        return ReplyError("fatal", f"it redirects to {place}; give that as base_url", status=status)
    if status in _AGAIN or status >= 500:
        return ReplyError("server", message, status=status, retry_after=wait)
    words = f"{code} {told}".lower()
    if with_schema and any(word in words for word in _SCHEMA_WORDS):
        return ReplyError("schema", message, status=status)
    reason = None
    if any(word in words for word in _CONTEXT_WORDS):
        reason = "context_length"
    elif "content_filter" in words or "content_policy" in words or "content policy" in words:
        reason = "content_filter"
    return ReplyError("request", message, status=status, reason=reason)


def usage_of(told: Any) -> Usage:
    """Return the tokens that a server tells."""
    if not isinstance(told, Mapping):
        return Usage()
    read, written = told.get("prompt_tokens_details"), told.get("completion_tokens_details")
    cached = read.get("cached_tokens") if isinstance(read, Mapping) else None
    if cached is None:
        cached = told.get("prompt_cache_hit_tokens")
    reasoning = written.get("reasoning_tokens") if isinstance(written, Mapping) else None
    return Usage(
        tokens(told.get("prompt_tokens")),
        tokens(told.get("completion_tokens")),
        tokens(cached),
        tokens(reasoning or told.get("reasoning_tokens")),
    )


def split_thoughts(text: str) -> tuple[str, str | None]:
    """Return a text without the thoughts before it, and these.

    Where a chat template opens them itself, only their end is in the text.
    """
    head, end, rest = text.partition("</think>")
    if not end:
        return text, None
    before, opening, thoughts = head.partition("<think>")
    if not opening:
        thoughts, before = before, ""
    if before.strip() or (not opening and "<think>" in rest):
        return text, None  # it only speaks of such tags
    return rest.lstrip(), thoughts.strip() or None


def _text_and_reasoning(message: Mapping[str, Any]) -> tuple[str, str | None]:
    content = message.get("content")
    reasoning = None
    if isinstance(content, list):
        reasoning = _parts(content, ("thinking", "reasoning"))
        text = _parts(content, ("text", "output_text")) or ""
    else:
        text = content or ""
        if not isinstance(text, str):
            raise Unsound(f"its content is a {type(text).__name__} and no string")
    for name in ("reasoning_content", "reasoning", "thinking"):
        told = message.get(name)
        reasoning = reasoning or (told if isinstance(told, str) else None)
    details = message.get("reasoning_details")
    if reasoning is None and isinstance(details, list):
        reasoning = "\n".join(
            one.get("text") or one.get("summary") or "" for one in details if isinstance(one, dict)
        ).strip()
    if reasoning is None:
        return split_thoughts(text)
    if reasoning:  # servers that cut thoughts out leave the line breaks after them
        text = text.lstrip("\n")
    return text, reasoning or None


def _parts(content: list[Any], kinds: tuple[str, ...]) -> str | None:
    found = []
    for part in content:
        if isinstance(part, Mapping) and part.get("type") in kinds:
            told = part.get("text") or part.get(part["type"]) or ""
            if isinstance(told, list):
                told = _parts(told, ("text",)) or ""
            if not isinstance(told, str):
                raise Unsound(f"a part of its content is a {type(told).__name__} and no string")
            found.append(told)
    return "".join(found) or None


def _json(answer: Answer) -> Any:
    content = json_of(answer)
    if isinstance(content, dict) and "choices" not in content and "error" in content:
        raise error_of(Answer(500, answer.headers, answer.body), with_schema=False)
    return content


def _told(answer: Answer) -> tuple[str, str]:
    """Return an error's message and code."""
    try:
        content = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        content = None
    error = content.get("error", content) if isinstance(content, dict) else content
    if isinstance(error, dict):
        message = error.get("message") or error.get("detail") or error.get("msg") or error
        return " ".join(str(message).split())[:500], str(
            error.get("code") or error.get("type") or ""
        )
    text = error if isinstance(error, str) else answer.body[:300].decode("utf-8", "replace")
    return " ".join(text.split())[:300] or "no message", ""
