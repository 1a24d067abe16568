"""The bodies of requests and of servers' answers: JSON, and what is in it of the right kinds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import orjson

from dataflow_core.serving.backend import Reply, ReplyError
from dataflow_core.serving.completion import Usage
from dataflow_core.serving.wire import Answer

_MOST_TOKENS = 2**53
_NUMBERS = frozenset({int, float})


class Unsound(ValueError):
    """An answer has something of a wrong kind; its message says what."""


def body_of(told: Any) -> bytes:
    """Return a request as JSON.

    Raises:
        ReplyError: It cannot be written so.
    """
    try:
        return orjson.dumps(told)
    except (TypeError, RecursionError) as error:  # JSONEncodeError is a TypeError
        raise ReplyError(
            "request",
            f"the request cannot be written as JSON: {error}. Look for halves of surrogate pairs "
            "in its texts, and for integers of more than 64 bits.",
        ) from None


def json_of(answer: Answer) -> Any:
    """Return the JSON in an answer.

    Raises:
        ReplyError: There is none.
    """
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        raise broken(answer, f"it is no JSON ({error})") from None


def broken(answer: Answer, why: str) -> ReplyError:
    """Return the error for an answer of status 200 that is none.

    Args:
        answer: The answer.
        why: What is wrong with it.
    """
    shown = answer.body[:80].decode("utf-8", "replace")
    told = f"the server's answer of {len(answer.body):,} bytes is broken: {why}; begins {shown!r}"
    return ReplyError("server", told, status=answer.status, reason="broken_answer")


def nonsense(error: Exception) -> ReplyError:
    """Return the error for an engine's or a library's answer that is none.

    Args:
        error: What came of reading it.
    """
    told = f"the answer is broken: {type(error).__name__}: {error}"
    return ReplyError("server", told, reason="broken_answer")


def sound_reply(text: Any, finish: Any, usage: Usage, reasoning: Any = None) -> Reply:
    """Return a reply of what should be its parts.

    Raises:
        Unsound: One is of another kind.
    """
    for name, told in (("text", text), ("finish_reason", finish), ("reasoning", reasoning or "")):
        if type(told) is not str:
            raise Unsound(f"its {name} is a {type(told).__name__} and no string")
        try:
            told.encode()
        except UnicodeEncodeError:
            raise Unsound(f"its {name} holds half of a surrogate pair") from None
    return Reply(text, finish, usage, reasoning)


def sound_vectors(vectors: Sequence[Any], texts: int) -> list[list[float]]:
    """Return what should be the vectors of so many texts.

    Raises:
        Unsound: They are more or less, or one is no list of finite numbers.
    """
    if len(vectors) != texts:
        raise Unsound(f"it has {len(vectors)} vectors for {texts} texts")
    for at, vector in enumerate(vectors):
        if type(vector) is not list or not vector:
            raise Unsound(f"its vector {at} is no list of numbers")
        if not _NUMBERS.issuperset(map(type, vector)) or not _are_finite(vector):
            raise Unsound(f"its vector {at} holds something that is no finite number")
    return list(vectors)


def tokens(told: Any) -> int:
    """Return a number of tokens; 0, which is unknown, where it is none."""
    return told if type(told) is int and 0 <= told < _MOST_TOKENS else 0


def _are_finite(vector: Sequence[float]) -> bool:
    try:
        # A sum is much faster, and finite only where all are.
        return math.isfinite(sum(vector)) or all(map(math.isfinite, vector))
    except OverflowError:  # an integer that no float is as large as
        return False
