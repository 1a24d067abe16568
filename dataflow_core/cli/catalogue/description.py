"""What can be said of a registered class: its specification, text, parameters and columns."""

from __future__ import annotations

import inspect
import re
import textwrap
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from dataflow_core.cli.catalogue.docstrings import parameters_in, text_of
from dataflow_core.cli.catalogue.listing import summary_of
from dataflow_core.cli.output import terminal_width
from dataflow_core.errors import PluginError
from dataflow_core.plugins import OperatorSpec, Registered, ServingSpec

_HEAD = (
    "function", "scope", "modality", "source", "schemes", "prefixes", "capabilities", "extra",
    "aliases", "target",
)  # fmt: skip
_LABELS = {"capabilities": "can do"}
_WIDEST = 100
_LIMITS = {
    "ge": ">=",
    "gt": ">",
    "le": "<=",
    "lt": "<",
    "multiple_of": "multiple of",
    "min_length": "length >=",
    "max_length": "length <=",
    "pattern": "pattern",
}
_MODULES = re.compile(r"\b[a-z_]\w*(\.[a-z_]\w*)*\.(?=[A-Z])")


def describe_operator(registered: Registered[OperatorSpec], operator: Any) -> dict[str, Any]:
    """Return a description of an operator: fields are parameters, ``run`` names the columns.

    Raises:
        PluginError: The target is no operator.
    """
    fields, run = getattr(operator, "model_fields", None), getattr(operator, "run", None)
    if fields is None or run is None:
        raise _misfit(registered, "operator: a class with fields and a run method")
    return {
        **summary_of(registered),
        **_documented(operator, fields),
        "columns": list(_columns(run)),
    }


def describe_serving(registered: Registered[ServingSpec], serving: Any) -> dict[str, Any]:
    """Return a description of a serving: fields are parameters.

    Raises:
        PluginError: The target is no serving.
    """
    fields, can = getattr(serving, "model_fields", None), getattr(serving, "capabilities", None)
    if fields is None or can is None:
        raise _misfit(registered, "serving: a class with fields and capabilities")
    return {
        **summary_of(registered),
        "capabilities": tuple(sorted(can)),
        **_documented(serving, fields),
    }


def describe_class(registered: Registered[Any], cls: Any) -> dict[str, Any]:
    """Return a description of a pipeline or storage: its constructor's arguments are parameters."""
    said = _said(cls)
    return {
        **summary_of(registered),
        "doc": inspect.cleandoc(cls.__doc__ or ""),
        "parameters": [
            {
                "name": name,
                "type": _type_name(parameter.annotation),
                **_default(parameter.default),
                "description": said.get(name, ""),
            }
            for name, parameter in inspect.signature(cls).parameters.items()
        ],
    }


def as_text(described: dict[str, Any]) -> str:
    """Return a description as text to read."""
    parts = ["\n".join(_head(described)), text_of(described["doc"])]
    for title in ("parameters", "columns"):
        lines = [line for entry in described.get(title, ()) for line in _entry(entry)]
        if title in described:
            parts.append("\n".join([title.capitalize(), *(lines or ["  none"])]))
    return "\n\n".join(part for part in parts if part)


def _misfit(registered: Registered[Any], wanted: str) -> PluginError:
    return PluginError(
        f"{registered.full_name} of {registered.distribution} {registered.version}: its target "
        f"{registered.spec.target!r} is no {wanted}."
    )


def _documented(cls: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a class is for, and its fields as parameters."""
    said = _said(cls)
    return {
        "doc": inspect.cleandoc(cls.__doc__ or ""),
        "parameters": [_field(name, field, said) for name, field in fields.items()],
    }


def _head(described: dict[str, Any]) -> Iterator[str]:
    yield f"{described['name']}: {described['summary']}"
    yield ""
    for name in _HEAD:
        value = described.get(name)
        if value:
            shown = ", ".join(value) if isinstance(value, tuple) else value
            yield f"  {_LABELS.get(name, name):<10}{shown}"
    yield f"  {'plugin':<10}{described['distribution']} {described['version']}"


def _entry(entry: dict[str, Any]) -> Iterator[str]:
    default = "required" if entry["required"] else f"default {entry['default']!r}"
    yield f"  {entry['name']}: {entry['type']}, {default}"
    if entry["description"]:
        width = min(terminal_width() or _WIDEST, _WIDEST)
        indent = " " * 6
        yield textwrap.fill(
            entry["description"], width, initial_indent=indent, subsequent_indent=indent
        )


def _field(name: str, field: Any, said: dict[str, str]) -> dict[str, Any]:
    limits = [text for limit in field.metadata for text in _limits(limit)]
    return {
        "name": name,
        "type": ", ".join([_type_name(field.annotation), *limits]),
        "required": field.is_required(),
        "default": None if field.is_required() else _field_default(field),
        "description": field.description or said.get(name, ""),
    }


def _limits(limit: Any) -> Iterator[str]:
    for name, sign in _LIMITS.items():
        if (value := getattr(limit, name, None)) is not None:
            yield f"{sign} {value}"


def _field_default(field: Any) -> Any:
    if field.default_factory is None:
        return field.default
    takes_data = field.default_factory_takes_validated_data
    return "computed" if takes_data else field.default_factory()


def _columns(run: Any) -> Iterator[dict[str, Any]]:
    said = parameters_in(run.__doc__)
    for name, parameter in inspect.signature(run).parameters.items():
        if name.startswith(("input_", "output_")):
            yield {
                "name": name,
                "type": _column_type(_hint(run, parameter.annotation)),
                **_default(parameter.default),
                "description": said.get(name, ""),
            }


def _hint(run: Any, annotation: Any) -> Any:
    """Return an annotation as the type that it names; as written if only type checkers know it."""
    return _evaluated(annotation, inspect.unwrap(run).__globals__, extras=True)


def _evaluated(
    annotation: Any, names: dict[str, Any] | None = None, *, extras: bool = False
) -> Any:
    """Return an annotation as a type, without notes inside of it unless they are asked for."""
    alone = types.SimpleNamespace(__annotations__={"it": annotation})
    try:
        return typing.get_type_hints(alone, names, include_extras=extras)["it"]
    except (NameError, AttributeError, TypeError, SyntaxError):
        return annotation


def _column_type(hint: Any) -> str:
    """Return the kind of a column, where its type is annotated with one: ``"text column"``."""
    options = [hint, *typing.get_args(hint)]
    notes = [note for option in options for note in getattr(option, "__metadata__", ())]
    kinds = [note.name for note in notes if isinstance(getattr(note, "name", None), str)]
    bare = _type_name(getattr(hint, "__origin__", hint) if notes else hint)
    if not kinds:
        return "column" if bare in ("str", "any") else bare
    optional = " or none" if type(None) in typing.get_args(hint) else ""
    return f"{kinds[0]} column{optional}"


def _default(default: Any) -> dict[str, Any]:
    required = default is inspect.Parameter.empty
    return {"required": required, "default": None if required else default}


def _type_name(annotation: Any) -> str:
    if annotation is inspect.Parameter.empty:
        return "any"
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return " | ".join(map(_option_name, typing.get_args(annotation)))
    if not isinstance(annotation, str):
        annotation = inspect.formatannotation(_evaluated(annotation))
    return annotation if "Literal" in annotation else _MODULES.sub("", annotation)


def _option_name(option: Any) -> str:
    """Return one of several types, with the limits that it is annotated with."""
    if option is types.NoneType:
        return "None"
    notes = getattr(option, "__metadata__", ())
    limits = [text for note in notes for one in _single(note) for text in _limits(one)]
    name = _type_name(getattr(option, "__origin__", option) if notes else option)
    return ", ".join([name, *limits])


def _single(note: Any) -> list[Any]:
    """Return the limits that an annotation stands for; pydantic's fields hold several."""
    return getattr(note, "metadata", [note])


def _said(cls: Any) -> dict[str, str]:
    """Return what the docstrings of a class and of its bases say about its parameters."""
    said: dict[str, str] = {}
    for base in reversed(inspect.getmro(cls) if inspect.isclass(cls) else (cls,)):
        said.update(parameters_in(base.__doc__))
        said.update(parameters_in(getattr(base, "__init__", None).__doc__))
    return said
