"""Conversations in the form of OpenAI's API, as Google's API wants them."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import orjson

from dataflow_core.serving.backend import Message, ReplyError

Part = dict[str, Any]


def contents_of(messages: Sequence[Message]) -> tuple[list[Part], list[dict[str, Any]]]:
    """Return the parts of the system's instruction, and the contents of a conversation.

    Raises:
        ReplyError: A message has something that Google's API has no form for.
    """
    system: list[Part] = []
    contents: list[dict[str, Any]] = []
    called: dict[str, str] = {}
    for message in messages:
        role = message["role"]
        if role in ("system", "developer"):
            system += _parts(message)
            continue
        parts = [_result(message, called)] if role == "tool" else [*_parts(message)]
        parts += _calls(message, called)
        contents.append({"role": "model" if role == "assistant" else "user", "parts": parts})
    return system, contents


def _parts(message: Message) -> Iterator[Part]:
    content = message.get("content")
    if isinstance(content, str):
        yield {"text": content}
    elif content is not None:
        yield from map(_part, content)


def _part(part: Mapping[str, Any]) -> Part:
    kind = part.get("type")
    if kind == "text":
        return {"text": part["text"]}
    if kind == "image_url":
        return _image(part["image_url"]["url"])
    raise ReplyError(
        "request",
        f"a message has a part of type {kind!r}, which has no form in Gemini's API here; there "
        "are: text, image_url.",
    )


def _image(url: str) -> Part:
    if not url.startswith("data:"):
        kind = mimetypes.guess_type(urlsplit(url).path)[0]
        return {"fileData": {"fileUri": url} | ({"mimeType": kind} if kind else {})}
    head, comma, data = url.removeprefix("data:").partition(",")
    kind, _, coding = head.partition(";")
    if not comma or coding.rpartition(";")[2] != "base64":
        raise ReplyError("request", "an image's data: address is not in base64; image() makes one.")
    return {"inlineData": {"mimeType": kind or "image/png", "data": data}}


def _calls(message: Message, called: dict[str, str]) -> Iterator[Part]:
    """Yield the functions that a message of the assistant calls, and note their names."""
    for call in message.get("tool_calls") or ():
        function = call["function"]
        called[call.get("id", "")] = function["name"]
        arguments = function.get("arguments") or {}
        if isinstance(arguments, str):
            arguments = _object(arguments)
        yield {"functionCall": {"name": function["name"], "args": arguments}}


def _result(message: Message, called: Mapping[str, str]) -> Part:
    """Return what a function gave, under the name that it was called by."""
    name = called.get(message.get("tool_call_id", ""), message.get("name", "function"))
    text = "".join(part.get("text", "") for part in _parts(message))
    return {"functionResponse": {"name": name, "response": _object(text)}}


def _object(text: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = text
    return value if isinstance(value, dict) else {"result": value}
