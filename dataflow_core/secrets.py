"""What is a secret, by the name of its field or its place in a URL, and how it is hidden."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

HIDDEN = "**********"
"""What stands for a secret."""

_NAME = re.compile(
    r"api[_-]?key|secret|password|credential|authorization"
    r"|^token$|(^|_)(access|api|auth|bearer|hf|id|refresh|session|user)_token$",  # no stop_token
    re.IGNORECASE,
)
_USER = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]+(?=@)")


def is_secret(name: str) -> bool:
    """Tell whether a field of this name holds a secret."""
    return _NAME.search(name) is not None


def hidden(_value: Any) -> str:
    """Return what stands for a secret, whichever it is."""
    return HIDDEN


def hidden_apart(value: Any) -> str:
    """Return what stands for a value, another one for most others: too little to guess it by.

    For values that may be none of a secret: where one changes, that must not go unnoticed.
    """
    digest = hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode())
    return f"{HIDDEN} {digest.hexdigest()[:4]}"


def without_secrets(value: Any, name: str = "", hide: Callable[[Any], str] = hidden) -> Any:
    """Return plain data with its secrets hidden: values of fields named so, and users in URLs.

    Args:
        value: The data, as JSON has it.
        name: The name of the field that it is the value of.
        hide: Returns what stands for a value of a field named so.
    """
    if isinstance(value, Mapping):
        return {key: without_secrets(one, str(key), hide) for key, one in value.items()}
    if value and is_secret(name):
        return hide(value)
    if isinstance(value, list):
        return [without_secrets(one, "", hide) for one in value]
    return _USER.sub(HIDDEN, value) if isinstance(value, str) else value
