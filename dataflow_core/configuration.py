"""What is wrong with a configuration, in words for the people who wrote it."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError

from dataflow_core.errors import ConfigurationError, DataflowError, did_you_mean
from dataflow_core.secrets import without_secrets, without_secrets_in_command

_LONGEST = 60


def explain(cls: type[BaseModel], error: ValidationError) -> str:
    """Return what is wrong with each field, without the values of secrets."""
    lines = [_explain_one(cls, item) for item in error.errors(include_url=False)]
    return f"{cls.__name__} got a wrong configuration:\n" + "\n".join(f"  {line}" for line in lines)


def refuse_unnamed(cls: type[BaseModel], given: Sequence[Any], call: str) -> None:
    """Refuse fields that are given by their position.

    Args:
        cls: The class that is made.
        given: What was given without a name.
        call: What to write instead, with ``{}`` for the first of them.

    Raises:
        ConfigurationError: There are such fields.
    """
    if given:
        raise ConfigurationError(
            f"{cls.__name__} takes its fields by name, found {_shown(given[0])} without one. "
            f"Write {cls.__name__}({call.format(_shown(given[0]))}); there are: "
            f"{', '.join(cls.model_fields) or 'none'}."
        )


def _shown(value: Any) -> str:
    """Return a value for messages, shortened."""
    return repr(value) if len(repr(value)) <= _LONGEST else f"{repr(value)[:_LONGEST]}…"


def _explain_one(cls: type[BaseModel], item: Any) -> str:
    field = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        known = list(cls.model_fields)
        return (
            f"{field}: no such parameter.{did_you_mean(field, known)} "
            f"It takes: {', '.join(known) or 'none'}."
        )
    if item["type"] == "missing":
        return f"{field}: required, not given."
    message, cause = item["msg"], item.get("ctx", {}).get("error")
    if isinstance(cause, DataflowError):
        return f"{field}: {cause}"
    if cause is not None:
        message = str(cause)
    known_field = cls.model_fields.get(str(item["loc"][0])) if item["loc"] else None
    secret = known_field is not None and _is_secret(known_field.annotation)
    shown = field and not secret if item["type"] == "value_error" else not secret
    found = f" (found {_without_secrets(item['input'], field)!r})" if shown else ""
    return f"{field}: {message}{found}".removeprefix(": ")


def _without_secrets(value: Any, field: str) -> Any:
    """Return what was found without what may be secrets in it."""
    if isinstance(value, str):
        return without_secrets_in_command(value)
    return without_secrets(value, field)


def _is_secret(annotation: Any) -> bool:
    return annotation in (SecretStr, SecretBytes) or any(
        _is_secret(one) for one in typing.get_args(annotation)
    )
