"""The conversation of a row, from a list of messages or from columns; and pairs of answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from dataflow_core.export.conversation import (
    Message,
    as_json,
    check_turns,
    optional_text,
    read_message,
    read_messages,
    text_of,
)
from dataflow_core.export.misfit import Misfit
from dataflow_core.table.types import parse_json

Cells = Mapping[str, Any]
"""The cells of a row, by role."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A prompt with two answers.

    Attributes:
        prompt: The conversation up to the answers.
        chosen: The better answer.
        rejected: The worse one.
    """

    prompt: tuple[Message, ...]
    chosen: Message
    rejected: Message


def conversation_of(cells: Cells, ignore: Collection[str] = ()) -> tuple[Message, ...]:
    """Return the whole conversation of a row, which ends with the answer to learn.

    Raises:
        Misfit: There is none, or its turns are in disorder.
    """
    if "messages" in cells:
        messages = _with_system(read_messages(cells["messages"], ignore), cells)
    else:
        answer = Message("assistant", text_of(cells["output"], "output"))
        messages = (*_asked(cells), answer)
    check_turns(messages, "assistant")
    return messages


def prompt_of(cells: Cells, ignore: Collection[str] = ()) -> tuple[Message, ...]:
    """Return what is to be answered; of a conversation that ends with an answer, all before it.

    Raises:
        Misfit: There is nothing to answer, or its turns are in disorder.
    """
    if "messages" in cells:
        messages = _with_system(read_messages(cells["messages"], ignore), cells)
        if messages[-1].role == "assistant":
            messages = messages[:-1]
    else:
        messages = _asked(cells)
    check_turns(messages, "user")
    return messages


def pair_of(cells: Cells, ignore: Collection[str] = ()) -> Pair:
    """Return the prompt of a row and its two answers.

    Where no column has the prompt, the answers are conversations, and it is what they begin with.

    Raises:
        Misfit: An answer is missing, both are equal, or they answer different prompts.
    """
    chosen_after, chosen = _answer(cells["chosen"], "chosen answer", ignore)
    rejected_after, rejected = _answer(cells["rejected"], "rejected answer", ignore)
    if chosen_after != rejected_after:
        raise Misfit("two_prompts", "the chosen and the rejected answer follow different prompts")
    if "messages" in cells or "instruction" in cells:
        prompt = prompt_of(cells, ignore)
        if chosen_after and chosen_after not in (prompt, prompt[-len(chosen_after) :]):
            raise Misfit("two_prompts", "the answers follow another prompt than the row's own")
    elif chosen_after:
        prompt = _with_system(chosen_after, cells)
        check_turns(prompt, "user")
    else:
        raise Misfit("no_prompt", "the answers are without a prompt, and the row has none")
    if chosen == rejected:
        raise Misfit("equal_answers", "the chosen and the rejected answer are equal")
    return Pair(prompt, chosen, rejected)


def user_text(instruction: str, about: str) -> str:
    """Return the user's turn of an instruction and what it is about, as Alpaca joins them."""
    return f"{instruction}\n{about}" if about else instruction


def tools_of(value: Any) -> list[Any] | None:
    """Return the tools of a row, None where it has none.

    Args:
        value: A list of JSON schemas, or its JSON text.

    Raises:
        Misfit: It is something else.
    """
    if _is_empty(value):
        return None
    try:
        told = parse_json(value) if isinstance(value, str) else value
    except ValueError as error:
        raise Misfit("bad_tools", f"the tools are no JSON: {error}") from error
    if not isinstance(told, list) or not all(isinstance(one, dict) for one in told):
        raise Misfit("bad_tools", "the tools are no list of objects")
    return told if isinstance(value, str) else [without_nulls(one) for one in told]


def tools_text(value: Any) -> str:
    """Return the tools of a row as JSON text, empty where it has none; see `tools_of`."""
    told = tools_of(value)
    return "" if told is None else as_json(told, "list of tools")


def without_nulls(value: Any) -> Any:
    """Return a nested value without the keys that a table of one shape has filled with nulls."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def history_of(cells: Cells) -> list[list[str]]:
    """Return the earlier turns of a row as pairs.

    Raises:
        Misfit: They are no list of pairs of texts.
    """
    told = cells.get("history")
    if _is_empty(told):
        return []
    if not isinstance(told, (list, tuple)) or not all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in told
    ):
        raise Misfit("bad_history", "the history is no list of pairs of texts")
    names = ("instruction", "output")
    return [
        [text_of(one, f"{name} {at} of the history") for one, name in zip(pair, names, strict=True)]
        for at, pair in enumerate(told, 1)
    ]


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, (list, tuple)) and not value)


def _asked(cells: Cells) -> tuple[Message, ...]:
    """Return the turns that columns make up to the user's last one."""
    turns: list[Message] = []
    if system := optional_text(cells.get("system"), "system prompt"):
        turns.append(Message("system", system))
    for question, answer in history_of(cells):
        turns += [Message("user", question), Message("assistant", answer)]
    instruction = text_of(cells["instruction"], "instruction")
    about = optional_text(cells.get("input"), "input")
    return (*turns, Message("user", user_text(instruction, about)))


def _with_system(messages: tuple[Message, ...], cells: Cells) -> tuple[Message, ...]:
    """Return messages with the system prompt of a column of its own.

    Raises:
        Misfit: They have another one.
    """
    system = optional_text(cells.get("system"), "system prompt")
    if not system:
        return messages
    if messages[0].role == "system":
        if messages[0].content == system:
            return messages
        raise Misfit("two_system_prompts", "the messages and the column have one each, and differ")
    return (Message("system", system), *messages)


def _answer(value: Any, what: str, ignore: Collection[str]) -> tuple[tuple[Message, ...], Message]:
    """Return what comes before an answer in its cell, and the answer."""
    if value is None or isinstance(value, str):
        return (), Message("assistant", text_of(value, what))
    one = isinstance(value, dict)
    messages = (read_message(value, ignore=ignore),) if one else read_messages(value, ignore)
    if messages[-1].role != "assistant":
        raise Misfit("wrong_end", f"the {what} ends with a message of the {messages[-1].role}")
    return messages[:-1], messages[-1]
