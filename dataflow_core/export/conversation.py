"""Conversations: the one form between all that tables hold and all that training formats want."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dataflow_core.errors import FormatError
from dataflow_core.export.misfit import Misfit
from dataflow_core.table.types import json_text, parse_json

Ends = Literal["assistant", "user"]
"""Whose turn the last one must be: the answer to learn, or what is to be answered."""

_ROLES: Mapping[str, str] = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "tool": "tool",
    "observation": "tool",
    "function_call": "function_call",
}
"""The roles of messages and of ShareGPT, and what they are here."""

_KEYS = {"role", "content", "from", "value", "tool_calls", "tool_call_id", "name"}


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool.

    Attributes:
        name: The function.
        arguments: Its arguments, as the JSON text of an object.
        id: What the answer to it refers to; None where nothing does.
    """

    name: str
    arguments: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A turn of a conversation.

    Attributes:
        role: ``system``, ``user``, ``assistant`` or ``tool``.
        content: The text; None for an assistant's that only calls tools.
        calls: The tools that an assistant calls.
        call_id: The call that a tool's message answers.
        name: Who speaks, where that is told: a tool's name, for one.
    """

    role: str
    content: str | None
    calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None
    name: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it is a role and a text, and nothing else."""
        return not (self.calls or self.call_id or self.name) and self.role != "tool"


def read_messages(value: Any, ignore: Collection[str] = ()) -> tuple[Message, ...]:
    """Return the messages of a cell.

    Args:
        value: A list of dicts with ``role`` and ``content`` (and, as OpenAI has it, ``tool_calls``,
            ``tool_call_id``, ``name``) or with ShareGPT's ``from`` and ``value``; or such a list as
            JSON text. Keys whose value is null count as absent.
        ignore: Further keys that messages may have, which go nowhere.

    Raises:
        Misfit: It is something else, or tells more than a message holds.
    """
    if isinstance(value, str):
        value = _parsed(value)
    if value is None or (isinstance(value, (list, tuple)) and not value):
        raise Misfit("empty_cell", "there are no messages: the list is null or empty")
    if not isinstance(value, (list, tuple)):
        raise Misfit("no_messages", f"a list of messages wanted, found {type(value).__name__}")
    return tuple(read_message(one, number, ignore) for number, one in enumerate(value, 1))


def read_message(value: Any, number: int = 1, ignore: Collection[str] = ()) -> Message:
    """Return one message; see `read_messages`.

    Args:
        value: The dict.
        number: Which message it is, from 1, for what is said of it.
        ignore: See `read_messages`.

    Raises:
        Misfit: It is no message.
    """
    if not isinstance(value, dict):
        raise Misfit(
            "no_messages", f"message {number} is {_kind(value)}; an object with role wanted"
        )
    told = {name: item for name, item in value.items() if item is not None}
    if not _KEYS.issuperset(told):
        _require_ignored(told, number, ignore)
    role = _role(told.get("role", told.get("from")), number)
    content = told.get("content", told.get("value"))
    if "from" in told and _role(told["from"], number) != role:
        raise _two("role", "from", number)
    if "value" in told and told["value"] != content:
        raise _two("content", "value", number)
    if role == "function_call":
        return Message("assistant", None, _calls_of_text(content, number))
    calls = _calls(told["tool_calls"], number) if "tool_calls" in told else ()
    if calls and role != "assistant":
        raise Misfit("bad_tool_call", f"message {number} is of the {role}, and calls tools")
    return Message(
        role,
        _content(content, role, number, may_lack=bool(calls)),
        calls,
        _word(told.get("tool_call_id"), "tool_call_id", number),
        _word(told.get("name"), "name", number),
    )


def check_turns(messages: Sequence[Message], ends: Ends) -> None:
    """Refuse a conversation whose turns do not follow one another as training wants them.

    One system message may come first. Then user and assistant take turns, where a tool's message
    stands for the user's: after an assistant's that calls tools, one for each call at most.

    Args:
        messages: The conversation.
        ends: Whose turn the last one must be; a tool's counts as the user's.

    Raises:
        Misfit: They do not; the message says which does not, and what was wanted.
    """
    before = Message("assistant", "")
    answers = 0
    for number, message in enumerate(messages, 1):
        if message.role == "system" and number == 1:
            continue
        answers = answers + 1 if message.role == "tool" else 0
        wanted = _next_roles(before, answers)
        if message.role not in wanted:
            raise Misfit(
                "wrong_turn",
                f"message {number} is of the {message.role}; {' or '.join(wanted)} wanted there",
            )
        before = Message("tool", "", before.calls) if message.role == "tool" else message
    found = messages[-1].role if messages else "nobody"
    if found not in (("user", "tool") if ends == "user" else ("assistant",)):
        raise Misfit("wrong_end", f"the last message is of the {found}; the {ends}'s wanted")


def without_system(messages: Sequence[Message]) -> tuple[str, Sequence[Message]]:
    """Return the text of the system message that comes first, empty without one, and the rest."""
    if messages and messages[0].role == "system":
        return messages[0].content or "", messages[1:]
    return "", messages


def require_plain(messages: Sequence[Message], where: str) -> None:
    """Refuse messages that are more than a role and a text.

    Args:
        messages: The messages.
        where: What holds plain texts alone, for the message.

    Raises:
        Misfit: One calls tools, answers a call, or has a name.
    """
    for number, message in enumerate(messages, 1):
        if not message.is_plain:
            what = "a name" if message.name and not message.calls else "calls of tools"
            raise Misfit("tool_calls", f"message {number} has {what}, which {where} cannot hold")


def openai_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Return messages as OpenAI has them; keys that say nothing are left out.

    Calls of tools without an id get one (``call_1``, ``call_2``, …), and the answers that follow
    refer to them in order.
    """
    told, number = [], 0
    unanswered: list[str] = []
    for message in messages:
        if message.calls:
            ids = [call.id or f"call_{number + at}" for at, call in enumerate(message.calls, 1)]
            number, unanswered = number + len(ids), list(ids)
            told.append(dict(_openai(message, ids)))
            continue
        answered = unanswered.pop(0) if message.role == "tool" and unanswered else None
        told.append(dict(_openai(message, answered=answered)))
    return told


def wide_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Return messages as OpenAI has them, all with the same keys, for formats with fixed types."""
    keys = ("role", "content", "tool_calls", "tool_call_id", "name")
    told = openai_messages(messages)
    return [{key: one.get(key) for key in keys} for one in told]


def text_of(value: Any, what: str) -> str:
    """Return a cell that must hold a text.

    Args:
        value: The cell.
        what: What it is, for the message.

    Raises:
        Misfit: It is null, empty, white space alone, or no text.
    """
    if value is None or value == "" or (isinstance(value, str) and not value.strip()):
        raise Misfit("empty_cell", f"the {what} is {'null' if value is None else 'empty'}")
    if not isinstance(value, str):
        raise Misfit("no_text", f"the {what} is {_kind(value)}; a text wanted")
    return value


def optional_text(value: Any, what: str) -> str:
    """Return a cell that may hold a text, empty where it holds none.

    Raises:
        Misfit: It holds something else.
    """
    return "" if value is None or value == "" else text_of(value, what)


def as_json(value: Any, what: str) -> str:
    """Return a value as JSON text.

    Args:
        value: The value.
        what: What it is, for the message.

    Raises:
        Misfit: JSON has no form for it, as for a date.
    """
    try:
        return json_text(value) or "null"
    except FormatError as error:
        raise Misfit("no_json", f"the {what} is no JSON: {error}") from error


def _openai(
    message: Message, ids: Sequence[str] = (), answered: str | None = None
) -> Iterator[tuple[str, Any]]:
    yield "role", message.role
    yield "content", message.content
    if message.calls:
        yield "tool_calls", [_openai_call(*pair) for pair in zip(message.calls, ids, strict=True)]
    if (call_id := message.call_id or answered) is not None:
        yield "tool_call_id", call_id
    if message.name is not None:
        yield "name", message.name


def _openai_call(call: ToolCall, call_id: str) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call_id, "type": "function", "function": function}


def _next_roles(before: Message, answers: int) -> tuple[str, ...]:
    """Return who may speak after a message.

    Args:
        before: The message; that of a tool has the calls which it and others answer.
        answers: How many tools' messages there are in a row, with the one that comes.
    """
    if before.role == "user":
        return ("assistant",)
    if before.role == "tool":
        return ("assistant", "tool") if answers <= len(before.calls) else ("assistant",)
    return ("tool",) if before.calls else ("user",)


def _word(told: Any, what: str, number: int) -> str | None:
    if told is None or isinstance(told, str):
        return told or None
    raise Misfit("no_text", f"the {what} of message {number} is {_kind(told)}; a text wanted")


def _require_ignored(told: Mapping[str, Any], number: int, ignore: Collection[str]) -> None:
    for name in told:
        if name not in _KEYS and name not in ignore:
            raise Misfit(
                "unknown_key",
                f"message {number} has {name!r}, for which there is no place. Remove it before, "
                f"or leave it out: --ignore-key {name}",
            )


def _two(key: str, other: str, number: int) -> Misfit:
    return Misfit(
        "unknown_key", f"message {number} has {key!r} and {other!r}, which say different things"
    )


def _role(told: Any, number: int) -> str:
    role = _ROLES.get(told) if isinstance(told, str) else None
    if role is None:
        raise Misfit(
            "unknown_role",
            f"message {number} is of the role {told!r}; known are {', '.join(_ROLES)}",
        )
    return role


def _content(content: Any, role: str, number: int, *, may_lack: bool) -> str | None:
    what = f"content of message {number} ({role})"
    if may_lack and (content is None or content == ""):
        return None
    if role == "tool" and content == "":
        return ""  # a tool may have nothing to say
    if isinstance(content, (list, tuple)):
        raise Misfit("no_text", f"the {what} is in parts, as of images; one text wanted")
    return text_of(content, what)


def _calls(told: Any, number: int) -> tuple[ToolCall, ...]:
    if not isinstance(told, (list, tuple)):
        raise _bad_call(number, f"tool_calls is {_kind(told)}; a list wanted")
    return tuple(_call(one, number) for one in told)


def _call(told: Any, number: int) -> ToolCall:
    function = told.get("function", told) if isinstance(told, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise _bad_call(number, "a function with a name wanted")
    return ToolCall(
        function["name"],
        _arguments(function.get("arguments"), number),
        _word(told.get("id"), "id of a call", number),
    )


def _arguments(told: Any, number: int) -> str:
    """Return the arguments of a call as JSON text; a text stays as it is."""
    if isinstance(told, dict):
        return as_json(told, f"arguments of the call in message {number}")
    try:
        value = parse_json(told) if isinstance(told, str) else None
    except ValueError as error:
        raise _bad_call(number, f"its arguments are no JSON: {error}") from error
    if not isinstance(value, dict):
        raise _bad_call(number, "its arguments are no object")
    return str(told)


def _calls_of_text(content: Any, number: int) -> tuple[ToolCall, ...]:
    """Return the calls that ShareGPT has as JSON: one, or a list."""
    try:
        told = parse_json(text_of(content, f"value of message {number}"))
    except ValueError as error:
        raise _bad_call(number, f"its value is no JSON: {error}") from error
    return _calls(told if isinstance(told, list) else [told], number)


def _bad_call(number: int, what: str) -> Misfit:
    return Misfit("bad_tool_call", f"the call of a tool in message {number}: {what}")


def _parsed(text: str) -> Any:
    if not text.strip():
        return None
    try:
        return parse_json(text)
    except ValueError as error:
        raise Misfit("no_messages", f"the text is no JSON list of messages: {error}") from error


def _kind(value: Any) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "a dict"}
    return "null" if value is None else names.get(type(value), f"a {type(value).__name__}")
