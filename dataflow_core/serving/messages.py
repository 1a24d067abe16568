"""Inputs of a serving: a text, or a conversation with texts and images."""

from __future__ import annotations

import base64
import math
import mimetypes
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dataflow_core.errors import ConfigurationError
from dataflow_core.serving.backend import Message

UserInput = str | Sequence[Mapping[str, Any]]
"""What one answer is asked for: a user's text, or the messages of a conversation."""

ROLES = ("system", "developer", "user", "assistant", "tool")
_MAGIC = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
)


def is_null(given: Any) -> bool:
    """Tell whether an input is null, in one of the ways in which tables say so."""
    if isinstance(given, str):
        return False
    if isinstance(given, float):
        return math.isnan(given)
    return given is None or type(given).__name__ == "NAType"


def require_list(given: Any, caller: str, items: str) -> None:
    """Refuse what is no list of inputs.

    Args:
        given: What was given.
        caller: What takes a list, for messages.
        items: What the list is of.

    Raises:
        ConfigurationError: It is a text or a message alone, or nothing that has items.
    """
    if isinstance(given, str):
        raise ConfigurationError(f"{caller} takes a list of {items}, found one text. Write [text].")
    if isinstance(given, (bytes, Mapping)) or not isinstance(given, Iterable):
        raise ConfigurationError(
            f"{caller} takes a list of {items}, found {given!r:.80}, which is {_kind(given)}."
        )


def conversation(given: Any) -> tuple[Message, ...]:
    """Return the messages that an input stands for.

    Args:
        given: A text, which is one message of the user, or messages.

    Raises:
        ConfigurationError: It is neither.
    """
    if isinstance(given, str):
        return ({"role": "user", "content": given},)
    if not isinstance(given, Sequence) or not given:
        raise ConfigurationError(
            f"the input is {_kind(given)}; a text or a list of chat messages is wanted."
        )
    for message in given:
        _check(message)
    return tuple(given)


def image(source: str | bytes | Path, *, mime: str | None = None) -> dict[str, Any]:
    r"""Return an image as a part of a message's content.

    Args:
        source: A file's path, the file's bytes, or an address beginning with ``http`` or ``data:``.
        mime: Its type, such as ``"image/png"``, where the file's name and beginning do not tell.

    Raises:
        ConfigurationError: The file cannot be read, or its type is not told.

    Example:
        >>> part = image(b"\x89PNG...")
        >>> part["image_url"]["url"][:22]
        'data:image/png;base64,'
    """
    if isinstance(source, str) and source.startswith(("http://", "https://", "data:")):
        return {"type": "image_url", "image_url": {"url": source}}
    if not isinstance(source, (str, bytes, Path)):
        raise ConfigurationError(
            f"the image is {_kind(source)}; a path, bytes or an address is wanted."
        )
    if isinstance(source, bytes):
        data, name = source, "the image"
    else:
        name = str(source)
        try:
            data = Path(source).read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"cannot read the image {name}: {error.strerror or error}"
            ) from None
    kind = mime or _mime(data, name)
    url = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}


def has_images(messages: Sequence[Message]) -> bool:
    """Tell whether a conversation has images."""
    return any(
        isinstance(content := message.get("content"), list)
        and any(part.get("type") == "image_url" for part in content)
        for message in messages
    )


def text_of(message: Message) -> str:
    """Return the text of a message, without images."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(part.get("text", "") for part in parts if part.get("type") == "text")


def _check(message: Any) -> None:
    if not isinstance(message, Mapping) or "role" not in message:
        raise ConfigurationError(
            f'the input has a message that is {_kind(message)}; {{"role": …, "content": …}} is '
            "wanted."
        )
    if message["role"] not in ROLES:
        raise ConfigurationError(
            f"the input has a message of role {message['role']!r}; there are: {', '.join(ROLES)}."
        )
    content = message.get("content")
    if isinstance(content, str) or (content is None and "tool_calls" in message):
        return
    if not isinstance(content, list) or not all(
        isinstance(part, Mapping) and "type" in part for part in content
    ):
        raise ConfigurationError(
            f"the input has a message whose content is {_kind(content)}; a text, or a list of "
            'parts such as {"type": "text", "text": …} and image(path), is wanted.'
        )


def _mime(data: bytes, name: str) -> str:
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    guessed = mimetypes.guess_type(name)[0]
    if guessed is None or not guessed.startswith("image/"):
        raise ConfigurationError(
            f"{name}: no PNG, JPEG, GIF or WebP image. Say what it is with mime='image/…'."
        )
    return guessed


def _kind(value: Any) -> str:
    if value is None or value == []:
        return repr(value)
    return f"of type {type(value).__name__}"
