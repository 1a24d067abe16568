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
    """Return the servings among values, also those within lists, dicts and models, by dotted path.

    Args:
        fields: The values, by name.
    """
    base = _base()
    if base is None:
        return {}
    return dict(_within("", fields, base))


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


def _within(path: str, value: Any, base: type[Serving]) -> Iterator[tuple[str, Serving]]:
    for name, one in _items(value):
        inner = f"{path}.{name}" if path else str(name)
        if isinstance(one, base):
            yield inner, one
        elif isinstance(one, (Mapping, list, tuple, BaseModel)):
            yield from _within(inner, one, base)


def _items(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return value.items()
    return value if isinstance(value, BaseModel) else enumerate(value)
