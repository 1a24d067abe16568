"""The servings that operators hold in their fields, found without importing any."""

from __future__ import annotations

import sys
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

if TYPE_CHECKING:
    from dataflow_core.serving.base import Serving

_MODULE = "dataflow_core.serving.base"
"""Imported by whoever makes a serving; others are spared it, and all that it brings."""

FIELD = "serving"
"""The field that a command's ``--serving`` sets."""


def servings_of(fields: Mapping[str, Any]) -> dict[str, Serving]:
    """Return the servings among values, also those in lists and dicts, by dotted path.

    Args:
        fields: The values, by name.
    """
    base = _base()
    if base is None:
        return {}
    return {path: one for path, one in _leaves("", fields) if isinstance(one, base)}


def takes_servings(annotation: Any) -> bool:
    """Tell whether a value of an annotation may be a serving."""
    base = _base()
    if base is None:
        return False
    if isinstance(annotation, type) and issubclass(annotation, base):
        return True
    return any(takes_servings(one) for one in typing.get_args(annotation))


def serving_fields(cls: type[BaseModel]) -> list[str]:
    """Return the fields of a class that may hold servings."""
    return [name for name, told in cls.model_fields.items() if takes_servings(told.annotation)]


def _base() -> type[Serving] | None:
    """Return the base of all servings, where anybody has imported it."""
    module = sys.modules.get(_MODULE)
    return None if module is None else getattr(module, "Serving", None)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    for name, one in _items(value):
        inner = f"{path}.{name}" if path else str(name)
        if isinstance(one, (Mapping, list, tuple)):
            yield from _leaves(inner, one)
        else:
            yield inner, one


def _items(value: Any) -> Iterable[tuple[Any, Any]]:
    return value.items() if isinstance(value, Mapping) else enumerate(value)
