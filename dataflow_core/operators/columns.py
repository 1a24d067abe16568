"""How `run` parameters say what kind of column they want: ``input_text: TextColumn = "text"``."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union

import pyarrow as pa
import pyarrow.types as pat

from dataflow_core.errors import ConfigurationError, did_you_mean
from dataflow_core.storage.base import Storage
from dataflow_core.table.types import is_json, is_text

Kind = Literal["any", "text", "number", "text or number", "integer", "boolean", "list"]


@dataclass(frozen=True)
class ColumnKind:
    """The kind of values that a column must hold (or will hold)."""

    name: Kind

    def accepts(self, kind: pa.DataType) -> bool:
        """Tell whether an Arrow type is of this kind; null and JSON columns may hold anything."""
        if self.name == "any" or pat.is_null(kind) or is_json(kind):
            return True
        return _ACCEPTS[self.name](kind)

    def misfit(self, column: str, kind: pa.DataType, owner: str) -> str | None:
        """Return why a column cannot be what an operator wants; None if it can.

        Args:
            column: The column's name.
            kind: Its Arrow type.
            owner: The operator.
        """
        if self.accepts(kind):
            return None
        shown = "JSON of mixed shapes" if is_json(kind) else str(kind)
        return (
            f"column {column!r} is {shown}, {owner} wants {self.name}. Bind another column, or "
            "convert it first with core/derive_column."
        )


TextColumn = Annotated[str, ColumnKind("text")]
NumberColumn = Annotated[str, ColumnKind("number")]
TextOrNumberColumn = Annotated[str, ColumnKind("text or number")]
IntegerColumn = Annotated[str, ColumnKind("integer")]
BooleanColumn = Annotated[str, ColumnKind("boolean")]
ListColumn = Annotated[str, ColumnKind("list")]
AnyColumn = Annotated[str, ColumnKind("any")]

PRODUCED: Mapping[str, pa.DataType] = {
    "any": pa.null(),
    "text": pa.string(),
    "number": pa.float64(),
    "text or number": pa.string(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "list": pa.list_(pa.null()),
}
"""The Arrow type that a plan expects of an output column of each kind."""


@dataclass(frozen=True)
class Parameter:
    """One ``input_*`` or ``output_*`` parameter of an operator's ``run``.

    Attributes:
        name: The parameter's name.
        kind: The kind of column that it names.
        default: Its default: a column, several, None for "none", or `inspect.Parameter.empty`.
        takes: What it takes: one column, several, or a second table.
        optional: Whether None is allowed.
    """

    name: str
    kind: ColumnKind
    default: Any
    takes: Literal["column", "columns", "table"]
    optional: bool

    @property
    def is_input(self) -> bool:
        """Whether the operator reads it (else it writes it)."""
        return self.name.startswith("input_")

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is inspect.Parameter.empty


def parameters_of(run: Callable[..., Any], owner: str) -> tuple[Parameter, ...]:
    """Return the column parameters of a ``run`` method.

    Args:
        run: The function, as the operator's class defines it.
        owner: The class's name, for messages.

    Raises:
        ConfigurationError: A parameter is neither ``storage`` nor ``input_*``/``output_*``.
    """
    signature = inspect.signature(run)
    hints = typing.get_type_hints(run, include_extras=True)
    names = list(signature.parameters)[2:]
    for name in names:
        if not name.startswith(("input_", "output_")):
            raise ConfigurationError(
                f"{owner}.run has a parameter {name!r}; its parameters, after the storage, name "
                "columns and begin with input_ or output_. Make it a field of the class instead."
            )
    return tuple(
        _parameter(name, hints.get(name, str), signature.parameters[name].default) for name in names
    )


def bind(owner: str, parameters: tuple[Parameter, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the bindings of a call: what was given, and defaults for the rest.

    Raises:
        ConfigurationError: A parameter is unknown, missing, or of the wrong form.
    """
    known = {parameter.name: parameter for parameter in parameters}
    for name in given:
        if name not in known:
            raise ConfigurationError(
                f"{owner}.run has no parameter {name!r}.{did_you_mean(name, known)} "
                f"It takes: {', '.join(known) or 'none'}."
            )
    return {name: _bound(owner, known[name], given) for name in known}


@dataclass(frozen=True)
class Clash:
    """A column that bindings name twice.

    Attributes:
        kind: ``"shared_output"``: two outputs go into it; ``"overwritten_input"``: an output goes
            into it, and an input is read from it.
        parameter: The output.
        other: The other output, or the input.
        column: The column.
    """

    kind: Literal["shared_output", "overwritten_input"]
    parameter: str
    other: str
    column: str

    def __str__(self) -> str:
        if self.kind == "shared_output":
            told = f"{self.other} and {self.parameter} are both {self.column!r}, so that the values"
            return f"{told} of one would be lost. Give each a column of its own."
        return (
            f"{self.parameter} is {self.column!r}, the column of {self.other}, which would be "
            f"overwritten. Name another column: {self.parameter}=…"
        )


def clashes(
    read: Mapping[str, tuple[str, ...]],
    written: Mapping[str, tuple[str, ...]],
    defaults: Mapping[str, Any],
) -> list[Clash]:
    """Return the columns that two outputs share, and those that an output takes from an input.

    Only what stands in the bindings counts: columns that fields name are the operator's business.

    Args:
        read: The columns of each input.
        written: The columns of each output.
        defaults: The defaults of all; an output that has that of an input may take its place.
    """
    found: list[Clash] = []
    taken: dict[str, str] = {}
    for output, columns in written.items():
        if not output.startswith("output_"):
            continue
        for column in columns:
            if column in taken:
                found.append(Clash("shared_output", output, taken[column], column))
            taken.setdefault(column, output)
            found += [
                Clash("overwritten_input", output, source, column)
                for source, names in read.items()
                if source.startswith("input_")
                and column in names
                and (defaults.get(output) is None or defaults.get(output) != defaults.get(source))
            ]
    return found


def _bound(owner: str, parameter: Parameter, given: Mapping[str, Any]) -> Any:
    value = given.get(parameter.name, parameter.default)
    if value is inspect.Parameter.empty:
        raise ConfigurationError(
            f'{owner}.run needs {parameter.name}: name the column, such as {parameter.name}="text".'
        )
    if value is None and parameter.optional:
        return None
    if parameter.takes == "table":
        if isinstance(value, Storage):
            return value
        wanted = "a storage: a FileStorage, a MemoryStorage, or a fork of the pipeline's own"
    elif parameter.takes == "columns":
        if isinstance(value, str):
            return (value,)
        if value and isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value):
            return tuple(value)
        wanted = "column names, as a list of strings"
    else:
        if isinstance(value, str) and value:
            return value
        wanted = "a column name, as a string"
    raise ConfigurationError(f"{owner}.run: {parameter.name} is {value!r}; it takes {wanted}.")


def _parameter(name: str, hint: Any, default: Any) -> Parameter:
    kind, bare, optional = ColumnKind("any"), hint, False
    if typing.get_origin(bare) in (Union, types.UnionType):
        options = [arg for arg in typing.get_args(bare) if arg is not type(None)]
        optional = len(options) < len(typing.get_args(bare))
        bare = options[0]
    if typing.get_origin(bare) is Annotated:
        kind = next((m for m in bare.__metadata__ if isinstance(m, ColumnKind)), kind)
        bare = bare.__origin__
    return Parameter(name, kind, default, _takes(bare), optional or default is None)


def _takes(bare: Any) -> Literal["column", "columns", "table"]:
    if isinstance(bare, type) and issubclass(bare, Storage):
        return "table"
    return "column" if bare is str else "columns"


def _is_number(kind: pa.DataType) -> bool:
    return bool(pat.is_integer(kind) or pat.is_floating(kind) or pat.is_decimal(kind))


_ACCEPTS: Mapping[str, Callable[[pa.DataType], bool]] = {
    "text": is_text,
    "number": _is_number,
    "text or number": lambda kind: is_text(kind) or _is_number(kind),
    "integer": lambda kind: bool(pat.is_integer(kind)),
    "boolean": lambda kind: bool(pat.is_boolean(kind)),
    "list": lambda kind: bool(
        pat.is_list(kind) or pat.is_large_list(kind) or pat.is_fixed_size_list(kind)
    ),
}
