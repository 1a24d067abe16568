"""What Google's Gemini API answers, and what its errors mean.

Sources: the API's reference at https://ai.google.dev/api (GenerateContentResponse, Candidate,
UsageMetadata), its troubleshooting guide, and google.rpc's error_details.proto.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from dataflow_core.serving.backend import Reply, ReplyError, Vectors
from dataflow_core.serving.backends.bodies import (
    Unsound,
    broken,
    json_of,
    sound_reply,
    sound_vectors,
    tokens,
)
from dataflow_core.serving.backends.keys import WRONG_KEY
from dataflow_core.serving.completion import Usage
from dataflow_core.serving.wire import Answer

_FINISHES = {
    "STOP": "stop",
    "FINISH_REASON_UNSPECIFIED": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
}
_FILTERED = (
    "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "ESCALATION", "MODEL_ARMOR",
)  # fmt: skip
_ALWAYS = {
    "UNAUTHENTICATED": "the API key is missing or wrong",
    "PERMISSION_DENIED": "access is denied",
    "NOT_FOUND": "there is no such model, or no such address",
    "FAILED_PRECONDITION": "the account may not use the API so",
    "UNIMPLEMENTED": "the API does not do this",
}
_BAD_KEY = ("API_KEY_INVALID", "API_KEY_EXPIRED", "API_KEY_SERVICE_BLOCKED", "API_KEY_MISSING")
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
}
_SCHEMA_WORDS = ("schema", "responsemimetype", "response_mime_type", "json mode")
_CONTEXT_WORDS = ("exceeds the maximum number of tokens", "token count", "context window")


def reply_of(answer: Answer) -> Reply:
    """Return the reply in an answer of status 200.

    Raises:
        ReplyError: It is none, or the prompt was blocked.
    """
    content = json_of(answer)
    if not isinstance(content, dict):
        raise broken(answer, "it is no object")
    usage = usage_of(content.get("usageMetadata"))
    candidates = content.get("candidates")
    if not candidates:
        raise _blocked(content) or broken(answer, "there are no candidates in it")
    try:
        parts = (candidates[0].get("content") or {}).get("parts") or []
        text, reasoning = _written(parts)
        finish = _finish(candidates[0].get("finishReason") or "STOP")
        return sound_reply(text, finish, usage, reasoning)
    except Unsound as error:
        raise broken(answer, str(error)) from None
    except (AttributeError, KeyError, TypeError):
        raise broken(answer, "its candidates[0].content.parts are none") from None


def vectors_of(answer: Answer, texts: int) -> Vectors:
    """Return the vectors in an answer of status 200.

    Raises:
        ReplyError: There are none, or another number of them.
    """
    content = json_of(answer)
    try:
        vectors = sound_vectors([one["values"] for one in content["embeddings"]], texts)
    except Unsound as error:
        raise broken(answer, str(error)) from None
    except (KeyError, TypeError):
        raise broken(answer, "there is no embeddings[].values in it") from None
    return Vectors(vectors, usage_of(content.get("usageMetadata")))


def token_count_of(answer: Answer) -> int:
    """Return the number in an answer of status 200 about how many tokens there are.

    Raises:
        ReplyError: There is none.
    """
    content = json_of(answer)
    told = content.get("totalTokens") if isinstance(content, dict) else None
    if type(told) is not int or told < 0:
        raise broken(answer, "there is no totalTokens in it")
    return told


def usage_of(told: Any) -> Usage:
    """Return the tokens that the server tells; those of thoughts count as written."""
    if not isinstance(told, Mapping):
        return Usage()
    thoughts = tokens(told.get("thoughtsTokenCount"))
    return Usage(
        tokens(told.get("promptTokenCount")) + tokens(told.get("toolUsePromptTokenCount")),
        tokens(told.get("candidatesTokenCount")) + thoughts,
        tokens(told.get("cachedContentTokenCount")),
        thoughts,
    )


def error_of(answer: Answer, *, with_schema: bool) -> ReplyError:
    """Return what an answer of another status than 200 means.

    Args:
        answer: The answer.
        with_schema: Whether the request had a schema.
    """
    error = _error(answer)
    status = answer.status
    name = str(error.get("status") or _STATUSES.get(status, "UNKNOWN"))
    told = " ".join(str(error.get("message") or "no message").split())[:500]
    message = f"HTTP {status} {name}: {told}"
    details = _mappings(error.get("details"))
    reasons = [str(one.get("reason")) for one in details]
    if name == "RESOURCE_EXHAUSTED":
        return _exhausted(message, details, status)
    if any(reason in _BAD_KEY for reason in reasons):  # which comes with status 400
        told = f"{_ALWAYS['UNAUTHENTICATED']} ({message})"
        return ReplyError("fatal", told, status=status, reason=WRONG_KEY)
    if name in _ALWAYS:
        return ReplyError("fatal", f"{_ALWAYS[name]} ({message})", status=status)
    if 300 <= status < 400:
        place = answer.headers.get("location", "another address")
        return ReplyError("fatal", f"it redirects to {place}; give that as base_url", status=status)
    if name != "INVALID_ARGUMENT":
        return ReplyError("server", message, status=status, retry_after=_wait(details))
    return _refused(message, told.lower(), status, with_schema=with_schema)


def _exhausted(message: str, details: Sequence[Mapping[str, Any]], status: int) -> ReplyError:
    """Return what it means that a quota is used up: wait, or come again another day."""
    for violation in _violations(details):
        if str(violation.get("quotaValue")) == "0":
            told = f"the account has no quota for this model ({message})"
            return ReplyError("fatal", told, status=status)
        if "PerDay" in str(violation.get("quotaId")):
            told = (
                f"the quota of this day is used up: {violation.get('quotaId')}, "
                f"{violation.get('quotaValue', 'as many as the account has')}. It begins anew at "
                f"midnight, Pacific time; or enable billing ({message})"
            )
            return ReplyError("fatal", told, status=status)
    return ReplyError("rate_limit", message, status=status, retry_after=_wait(details))


def _refused(message: str, told: str, status: int, *, with_schema: bool) -> ReplyError:
    if any(word in told for word in _CONTEXT_WORDS):
        return ReplyError("request", message, status=status, reason="context_length")
    if with_schema and any(word in told for word in _SCHEMA_WORDS):
        return ReplyError("schema", message, status=status)
    return ReplyError("request", message, status=status)


def _wait(details: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the seconds after which to try again, as ``"34.07s"`` tells them."""
    for detail in details:
        delay = str(detail.get("retryDelay", ""))
        try:
            seconds = float(delay.removesuffix("s"))
        except ValueError:
            continue
        if math.isfinite(seconds):
            return seconds
    return None


def _violations(details: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for detail in details:
        yield from _mappings(detail.get("violations"))


def _mappings(told: Any) -> list[Mapping[str, Any]]:
    return [one for one in told if isinstance(one, Mapping)] if isinstance(told, list) else []


def _written(parts: Sequence[Mapping[str, Any]]) -> tuple[str, str | None]:
    """Return what a model wrote, and what it thought before."""
    thoughts = "".join(part.get("text", "") for part in parts if part.get("thought"))
    text = "".join(part.get("text", "") for part in parts if not part.get("thought"))
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    if not text and calls:
        text = orjson.dumps(calls).decode()
    return text, thoughts or None


def _finish(reason: Any) -> str:
    if not isinstance(reason, str):
        raise Unsound(f"its finishReason is a {type(reason).__name__} and no string")
    if reason in _FILTERED:
        return "content_filter"
    return _FINISHES.get(reason, reason.lower())


def _blocked(content: Mapping[str, Any]) -> ReplyError | None:
    """Return the error for a prompt that was blocked; None where it was not."""
    feedback = content.get("promptFeedback")
    reason = feedback.get("blockReason") if isinstance(feedback, Mapping) else None
    if not reason:
        return None
    told = f"the prompt was blocked: {reason}"
    return ReplyError("request", told, status=200, reason="content_filter")


def _error(answer: Answer) -> Mapping[str, Any]:
    """Return the error in an answer; what is none becomes its message."""
    try:
        content = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        content = None
    if isinstance(content, list) and content:
        content = content[0]
    error = content.get("error") if isinstance(content, dict) else None
    if isinstance(error, dict):
        return error
    return {"message": answer.body[:300].decode("utf-8", "replace")}
