"""Secrets in the configuration of operators: they are hidden wherever it is written down."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import SecretBytes, SecretStr

from dataflow_core.pipeline.plan import Plan

HIDDEN = "**********"
"""What stands for a secret."""

_NAME = re.compile(
    r"api_?key|secret|password|credential"
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


def hidden_fields(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield the steps and fields of a plan whose secrets were hidden when it was written down."""
    for step in plan.steps:
        for name in type(step.operator).model_fields:
            if _is_hidden(getattr(step.operator, name), name):
                yield step.name, name


def _is_hidden(value: Any, name: str) -> bool:
    """Tell whether a value, or one in it, is what stands for a secret."""
    if isinstance(value, (SecretStr, SecretBytes)):
        return value.get_secret_value() in (HIDDEN, HIDDEN.encode())
    if isinstance(value, Mapping):
        return any(_is_hidden(one, str(key)) for key, one in value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(_is_hidden(one, "") for one in value)
    if not isinstance(value, str):
        return False
    return f"://{HIDDEN}@" in value or (value == HIDDEN and is_secret(name))
