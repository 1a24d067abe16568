"""Python objects as lines of text: classes with fields and methods, functions with parameters."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_INDENT = "    "


def module_lines(
    name: str, public: Collection[type] = (), registered: Mapping[type, str] | None = None
) -> Iterator[str]:
    """Yield the lines of a module: its public names, by ``__all__``.

    Args:
        name: The module's name.
        public: The classes that are described elsewhere, whose methods subclasses do not repeat.
        registered: The classes that are registered, with their full names, which say the rest.
    """
    module = importlib.import_module(name)
    yield f"[{name}]"
    for attribute in sorted(module.__all__):
        value = getattr(module, attribute)
        if registered and inspect.isclass(value) and value in registered:
            yield f"class {attribute}: {registered[value]}"
        else:
            yield from object_lines(attribute, value, public)


def object_lines(name: str, value: Any, public: Collection[type] = ()) -> Iterator[str]:
    """Yield the lines of a class, a function or a constant.

    Args:
        name: What it is called.
        value: The object.
        public: The classes that are described elsewhere.
    """
    if inspect.isclass(value):
        yield from class_lines(name, value, public)
    elif inspect.isroutine(value):
        yield f"def {name}{signature(value)}"
    elif isinstance(value, (str, int, float, bool)):
        yield f"{name} = {value!r}"
    else:
        yield f"{name}: {type(value).__name__}"


def class_lines(name: str, cls: type, public: Collection[type] = ()) -> Iterator[str]:
    """Yield the lines of a class: its bases, fields or parameters, and public members."""
    yield f"class {name}({', '.join(_shown(base) for base in cls.__bases__)})"
    yield from (f"{_INDENT}{line}" for line in fields(cls))
    for member, kind in sorted(_members(cls, public).items()):
        yield f"{_INDENT}{kind(member)}"


def fields(cls: type) -> list[str]:
    """Return what a class is made with: fields with their types and defaults, or parameters."""
    if issubclass(cls, BaseModel):
        notes = notes_of(cls)
        return [
            f"{name}: {notes.get(name, '?')}" + ("" if one.is_required() else f" = {_default(one)}")
            for name, one in cls.model_fields.items()
        ]
    if dataclasses.is_dataclass(cls):
        notes = notes_of(cls)
        return [
            f"{one.name}: {notes.get(one.name, '?')}{_dataclass_default(one)}"
            for one in dataclasses.fields(cls)
            if one.init and not one.name.startswith("_")
        ]
    made = cls.__dict__.get("__init__") or getattr(cls, "__init__", None)
    if not inspect.isfunction(made):
        return []
    return [f"__init__{signature(made)}"]


def notes_of(cls: type) -> dict[str, str]:
    """Return the annotations of a class and its bases, as their sources have them."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        own = inspect.get_annotations(base)
        found |= {name: _text(note) for name, note in own.items()}
    return found


def signature(function: Callable[..., Any]) -> str:
    """Return a function's parameters and result, as its source has them."""
    try:
        found = inspect.signature(function)
    except ValueError:  # One that is written in C.
        return "(...)"
    kept = [one for one in found.parameters.values() if one.name not in ("self", "cls")]
    parts: list[str] = []
    for parameter in kept:
        if parameter.kind is parameter.KEYWORD_ONLY and not any(one[0] == "*" for one in parts):
            parts.append("*")
        parts.append(_parameter(parameter))
    result = found.return_annotation
    arrow = "" if result is found.empty else f" -> {_text(result)}"
    return f"({', '.join(parts)}){arrow}"


def _parameter(parameter: inspect.Parameter) -> str:
    stars = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(parameter.kind.name, "")
    text = stars + parameter.name
    if parameter.annotation is not parameter.empty:
        text += f": {_text(parameter.annotation)}"
    if parameter.default is not parameter.empty:
        text += f" = {value_text(parameter.default)}"
    return text


def value_text(value: Any) -> str:
    """Return a default as text that is equal on every machine."""
    if inspect.isclass(value) or inspect.isfunction(value):
        return _shown(value)
    if isinstance(value, (frozenset, set)):
        return f"{{{', '.join(sorted(map(repr, value)))}}}"
    if value == sys.executable:
        return "sys.executable"
    if isinstance(value, Path):
        return repr(str(value))
    return _ADDRESS.sub("", repr(value))


def _members(cls: type, public: Collection[type]) -> dict[str, Callable[[str], str]]:
    """Return the public members of a class that no other described class has, with their forms."""
    members: dict[str, Callable[[str], str]] = {}
    kept = {name for name in notes_of(cls) if dataclasses.is_dataclass(cls)}
    for base in cls.__mro__:
        if (base in public and base is not cls) or base.__module__ in ("builtins", "pydantic.main"):
            break
        for name, value in vars(base).items():
            if name.startswith(("_", "model_")) or name in members or name in kept:
                continue
            if form := _member_form(value):
                members[name] = form
    return members


def _member_form(value: Any) -> Callable[[str], str] | None:
    if isinstance(value, (staticmethod, classmethod)):
        kind, function = type(value).__name__, value.__func__
        return lambda name: f"{kind} {name}{signature(function)}"
    if isinstance(value, property) or type(value).__name__ == "cached_property":
        return lambda name: f"property {name}"
    if inspect.isfunction(value):
        return lambda name: f"def {name}{signature(value)}"
    return None


def _default(one: Any) -> str:
    if one.default_factory is not None:
        return f"{_shown(one.default_factory)}()"
    return value_text(one.default)


def _dataclass_default(one: dataclasses.Field[Any]) -> str:
    if one.default is not dataclasses.MISSING:
        return f" = {value_text(one.default)}"
    if one.default_factory is not dataclasses.MISSING:
        return f" = {_shown(one.default_factory)}()"
    return ""


def _shown(thing: Any) -> str:
    return str(getattr(thing, "__name__", thing))


def _text(note: Any) -> str:
    if isinstance(note, str):
        return note
    return _shown(note) if inspect.isclass(note) else _ADDRESS.sub("", str(note))
