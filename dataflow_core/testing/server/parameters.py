"""Parameters of requests: what is wrong with them is told by their name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dataflow_core.testing.server.question import Refusal

Check = Callable[[str, Any], Any]
"""Takes a parameter's name and value; returns what it means, or raises `Refusal`."""


def checked(body: Mapping[str, Any], checks: Mapping[str, tuple[str, Check]]) -> dict[str, Any]:
    """Return what the parameters of a request mean; others, and those that are null, are left out.

    Args:
        body: The parameters by their names.
        checks: The name under which the meaning of a parameter is returned, and its check.

    Raises:
        Refusal: One of them is not as it should be.
    """
    found = {}
    for name, value in body.items():
        if value is not None and name in checks:
            meaning, check = checks[name]
            found[meaning] = check(name, value)
    return found


def taken(body: Mapping[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    """Return a parameter that may be missing.

    Raises:
        Refusal: It is of another type.
    """
    value = body.get(name)
    return None if value is None else of_type(kind)(name, value)


def of_type(kind: type | tuple[type, ...]) -> Check:
    """Return a check of a value's type; a bool does not pass for a number."""

    def check(name: str, value: Any) -> Any:
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return value
        told = f"Invalid type for '{name}': {value!r:.80}."
        raise Refusal(400, told, "invalid_type", param=name)

    return check


def number_within(least: float, most: float, kind: type | tuple[type, ...] = (int, float)) -> Check:
    """Return a check of a number that has bounds."""
    typed = of_type(kind)

    def check(name: str, value: Any) -> Any:
        if least <= typed(name, value) <= most:
            return value
        told = f"Invalid '{name}': {value} is not between {least} and {most}."
        raise Refusal(400, told, "invalid_value", param=name)

    return check


def count_up_to(most: int = 1 << 31) -> Check:
    """Return a check of an integer of 1 or more."""
    return number_within(1, most, int)


def texts(name: str, value: Any) -> tuple[str, ...]:
    """Return one text or several ones."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    told = f"Invalid type for '{name}': a text or a list of texts is wanted."
    raise Refusal(400, told, "invalid_type", param=name)
