"""The bodies of servers' answers, read as JSON."""

from __future__ import annotations

from typing import Any

import orjson

from dataflow_core.serving.backend import ReplyError
from dataflow_core.serving.wire import Answer


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
