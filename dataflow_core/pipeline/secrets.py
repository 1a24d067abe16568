"""Secrets in the configuration of operators: they are hidden wherever it is written down."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import SecretBytes, SecretStr

from dataflow_core.pipeline.plan import Plan

HIDDEN = "**********"
"""What stands for a secret."""

_NAME = re.compile(r"api_?key|secret|password|(^|_)token$|credential", re.IGNORECASE)
_USER = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]+(?=@)")


def is_secret(name: str) -> bool:
    """Tell whether a field of this name holds a secret."""
    return _NAME.search(name) is not None


def without_secrets(value: Any, name: str = "") -> Any:
    """Return plain data with its secrets hidden: values of fields named so, and users in URLs.

    Args:
        value: The data, as JSON has it.
        name: The name of the field that it is the value of.
    """
    if isinstance(value, Mapping):
        return {key: without_secrets(one, str(key)) for key, one in value.items()}
    if value and is_secret(name):
        return HIDDEN
    if isinstance(value, list):
        return [without_secrets(one) for one in value]
    return _USER.sub(HIDDEN, value) if isinstance(value, str) else value


def hidden_fields(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield the steps and fields of a plan whose secrets were hidden when it was written down."""
    for step in plan.steps:
        for name in type(step.operator).model_fields:
            if _holds_hidden(getattr(step.operator, name)):
                yield step.name, name


def _holds_hidden(value: Any) -> bool:
    if isinstance(value, (SecretStr, SecretBytes)):
        value = value.get_secret_value()
        value = value.decode(errors="replace") if isinstance(value, bytes) else value
    if isinstance(value, Mapping):
        return any(map(_holds_hidden, value.values()))
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(map(_holds_hidden, value))
    return isinstance(value, str) and HIDDEN in value
