"""Secrets in the configuration of operators: which fields of a plan had theirs hidden."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr

from dataflow_core.pipeline.plan import Plan
from dataflow_core.secrets import COMMAND, HIDDEN, is_secret_in_query


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
    if isinstance(value, BaseModel):  # such as a serving
        return any(_is_hidden(getattr(value, one), one) for one in type(value).model_fields)
    if name == COMMAND and isinstance(value, (list, tuple)):
        return any(HIDDEN in str(word) for word in value)
    if isinstance(value, Mapping):
        return any(_is_hidden(one, str(key)) for key, one in value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(_is_hidden(one, "") for one in value)
    if not isinstance(value, str):
        return False
    return f"://{HIDDEN}@" in value or (value == HIDDEN and is_secret_in_query(name))
