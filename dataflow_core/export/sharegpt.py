"""Conversations as ShareGPT has them, in the form that LLaMA-Factory reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from dataflow_core.export.conversation import Message, ToolCall
from dataflow_core.export.misfit import Misfit
from dataflow_core.table.types import json_text, parse_json


def sharegpt_turns(messages: Sequence[Message]) -> list[dict[str, str]]:
    """Return a conversation without its system message as ``from`` and ``value``.

    A call of a tool becomes a turn of ``function_call``, as the JSON of ``name`` and ``arguments``
    (of several calls, a list), and the answer one of ``observation``. The ids of calls, which only
    link the two, are left out.

    Args:
        messages: The messages, in turns that `check_turns` accepts.

    Raises:
        Misfit: Something has no place: a text beside a call, answers to several calls in a row, a
            name that is not that of the tool.
    """
    return list(_turns(messages))


def sharegpt_turn(message: Message, number: int = 1) -> dict[str, str]:
    """Return one message as ``from`` and ``value``; see `sharegpt_turns`."""
    if message.calls:
        if message.content:
            raise Misfit(
                "not_in_sharegpt",
                f"message {number} has a text beside the call of a tool; a turn of ShareGPT is "
                "either. Use --format messages",
            )
        return {"from": "function_call", "value": _calls_text(message.calls)}
    if message.name is not None and message.role != "tool":
        raise Misfit("not_in_sharegpt", f"message {number} has a name; ShareGPT has none")
    name = {"user": "human", "assistant": "gpt", "tool": "observation"}[message.role]
    return {"from": name, "value": message.content or ""}


def _turns(messages: Sequence[Message]) -> Iterator[dict[str, str]]:
    before: Message | None = None
    for number, message in enumerate(messages, 1):
        if message.role == "tool" and before is not None:
            _require_answer_to(before, message, number)
        yield sharegpt_turn(message, number)
        before = message


def _require_answer_to(before: Message, answer: Message, number: int) -> None:
    """Refuse what could not be read back: which call it is that a tool answers."""
    if before.role == "tool":
        raise Misfit(
            "not_in_sharegpt",
            f"message {number} is the second answer of tools in a row; in ShareGPT turns "
            "alternate. Use --format messages",
        )
    call = before.calls[0] if before.calls else None
    known = (None, call.name if call else None)
    wrong_id = call is not None and answer.call_id not in (None, call.id)
    if answer.name not in known or wrong_id:
        raise Misfit("not_in_sharegpt", f"message {number} does not answer the call before it")


def _calls_text(calls: Sequence[ToolCall]) -> str:
    told: list[Any] = [
        {"name": call.name, "arguments": parse_json(call.arguments)} for call in calls
    ]
    return json_text(told[0] if len(told) == 1 else told) or ""
