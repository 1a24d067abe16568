"""What is a secret, by the name of its field or its place in a URL, and how it is hidden."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

HIDDEN = "**********"
"""What stands for a secret."""
COMMAND = "command"
"""The name of fields that hold command lines."""
MASK = "***"
"""What stands for a secret in a message."""
_SHORT = 6

_NAME = re.compile(
    r"api[_-]?key|secret|password|credential|authorization"
    r"|^token$|(^|_)(access|api|auth|bearer|hf|id|refresh|session|user)_token$",  # no stop_token
    re.IGNORECASE,
)
_QUERY_NAME = re.compile(
    r"(^|[_-])(key|sig|signature|token|code|auth|pwd|pass)$|subscription-key", re.IGNORECASE
)
_WORD = (
    r"(?![\w-]*(?:file|env|path|header)\b)"  # which say where a secret is
    r"(?:[\w-]*(?:api[_-]?key|secret|passw(?:or)?d|credential|authorization)[\w-]*"
    r"|(?:[\w-]*[_-])?(?:access|api|auth|bearer|hf|id|refresh|session|user)[_-]token|token)"
)
"""Names of secrets in commands: of flags, of variables, and of headers."""
_VALUE = r"""(?![-$*{])("[^"]*"|'[^']*'|(?:Bearer|Basic)\s+\S+|[^\s"']+)"""
_FLAG = re.compile(rf"--?{_WORD}", re.IGNORECASE)
_IN_COMMAND = re.compile(
    rf"(?<![\w-])((?i:--?{_WORD})(?:\s+|=)|(?:(?i:{_WORD})|[A-Z0-9_]+_(?:TOKEN|KEY))(?:=|:\s*))"
    + _VALUE
)
_USER = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]+(?=@)")


def is_secret(name: str) -> bool:
    """Tell whether a field of this name holds a secret."""
    return _NAME.search(name) is not None


def is_secret_in_query(name: str) -> bool:
    """Tell whether a parameter of this name in an address holds a secret."""
    return is_secret(name) or _QUERY_NAME.search(name) is not None


def hidden(_value: Any) -> str:
    """Return what stands for a secret, whichever it is."""
    return HIDDEN


def hidden_apart(value: Any) -> str:
    """Return what stands for a value, another one for most others: too little to guess it by.

    For values that may be none of a secret: where one changes, that must not go unnoticed.
    """
    digest = hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode())
    return f"{HIDDEN} {digest.hexdigest()[:4]}"


def without_secrets(
    value: Any,
    name: str = "",
    hide: Callable[[Any], str] = hidden,
    is_named: Callable[[str], bool] = is_secret,
) -> Any:
    """Return plain data with its secrets hidden: values of fields named so, and users in URLs.

    A field named ``command`` is a command line, as words or as one text.

    Args:
        value: The data, as JSON has it.
        name: The name of the field that it is the value of.
        hide: Returns what stands for a value of a field named so.
        is_named: Tells whether a field of a name holds a secret.
    """
    if isinstance(value, Mapping):
        return {key: without_secrets(one, str(key), hide, is_named) for key, one in value.items()}
    if value and is_named(name):
        return hide(value)
    if name == COMMAND and isinstance(value, (list, tuple, str)):
        return _command_without_secrets(value, hide)
    if isinstance(value, list):
        return [without_secrets(one, "", hide, is_named) for one in value]
    return _USER.sub(HIDDEN, value) if isinstance(value, str) else value


def without_secrets_in_command(text: str, hide: Callable[[Any], str] = hidden) -> str:
    """Return a command line with the values of flags, variables and headers named so hidden.

    Args:
        text: The command line, or a word of one.
        hide: Returns what stands for a value.
    """
    found = _IN_COMMAND.sub(lambda match: match[1] + hide(match[2]), text)
    return _USER.sub(HIDDEN, found)


def _command_without_secrets(
    words: Sequence[Any] | str, hide: Callable[[Any], str]
) -> list[Any] | str:
    if isinstance(words, str):
        return without_secrets_in_command(words, hide)
    told: list[Any] = []
    for before, word in zip(("", *words), words, strict=False):
        is_value = _FLAG.fullmatch(str(before)) and not str(word).startswith(("-", "$", "{"))
        told.append(hide(word) if is_value else without_secrets_in_command(str(word), hide))
    return told


def secrets_in(value: Any, name: str = "") -> set[str]:
    """Return the secrets that `without_secrets` hides in plain data.

    Args:
        value: The data.
        name: The name of the field that it is the value of.
    """
    found: set[str] = set()

    def hide(secret: Any) -> str:
        found.add(str(secret).strip("\"'"))
        return HIDDEN

    without_secrets(value, name, hide)
    return found


def masked(text: str, secrets: Iterable[str]) -> str:
    """Return a text with secrets replaced, as far as they are in it.

    Args:
        text: The text, such as a server's error; it may be cut in the middle of a secret.
        secrets: The secrets; those of a few characters are replaced only as words of their own.
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        literal = re.escape(secret)
        if len(secret) < _SHORT:
            literal = rf"(?<!\w){literal}(?!\w)"
        text = re.sub(literal, MASK, text)
        end = text.rstrip("'\")\u2026 .")
        for size in range(len(secret) - 1, _SHORT - 1, -1):
            if end.endswith(secret[:size]):
                text = end[:-size] + MASK + text[len(end) :]
                break
    return text
