"""Fitting a value to a schema: what loses nothing and is clearly wanted is done, the rest reported.

Done are: a text that is the JSON of another type that is wanted (``"3"``, ``"true"``, ``"[1]"``), a
whole number where a text is wanted, ``3.0`` where an integer is; a field that the schema forbids is
left out, and so is a null where a field may be missing but not null. Each is named.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
from jsonschema_rs import ValidationError

from dataflow_core.serving.structured.places import Path, located, part_at, place
from dataflow_core.serving.structured.tolerant import parse_whole
from dataflow_core.serving.structured.wording import IS_MISSING, Problem, problems_of

_ROUNDS = 8
_WHOLE = "x-dataflow-whole"
_DATA = frozenset({"enum", "const", "default", "examples"})
_FORBIDDEN = frozenset({"additionalProperties", "unevaluatedProperties"})
_THROUGH = frozenset({"$ref", "anyOf", "oneOf", "allOf"})
_NAMES = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "boolean",
    list: "array",
    dict: "object",
}


@dataclass(frozen=True, slots=True)
class Fitted:
    """A value as far as it could be made to fit.

    Attributes:
        value: The value.
        repairs: What was done to it, in words.
        problems: Why it does not fit; none if it does.
    """

    value: Any
    repairs: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Change:
    """What a value becomes, and how that is told."""

    value: Any
    repairs: tuple[str, ...]


class Fit:
    """What fits a schema.

    Args:
        schema: The schema.
        formats: Whether its ``format`` keywords are demands.

    Raises:
        jsonschema_rs.ValidationError: It is no JSON schema.
        ValueError: It is not plain data.
    """

    def __init__(self, schema: dict[str, Any], *, formats: bool) -> None:
        self._validator = jsonschema_rs.validator_for(
            schema, offline=True, validate_formats=formats
        )
        marked = _marked(schema)
        self._integers = marked != schema
        self._exact = jsonschema_rs.validator_for(
            marked, offline=True, validate_formats=formats, keywords={_WHOLE: _WholeNumber}
        )

    def fits(self, value: Any) -> bool:
        """Return whether a value fits as it is."""
        if not self._validator.is_valid(value):
            return False
        if self._integers and _has_whole_float(value):
            return self._exact.is_valid(value)
        return True

    def fitted(self, value: Any) -> Fitted:
        """Return a value as far as it can be made to fit without loss; the given one stays."""
        if self.fits(value):
            return Fitted(value)
        value = copy.deepcopy(value)
        repairs: dict[str, None] = {}
        errors = list(self._exact.iter_errors(value))
        for _ in range(_ROUNDS):
            value, done = _mended(value, errors)
            if not done:
                break
            repairs |= dict.fromkeys(done)
            errors = list(self._exact.iter_errors(value))
        return Fitted(value, *_without_needed_nulls(repairs, problems_of(errors, value)))


class _Missing:
    """What stands for a field that is left out."""


class _WholeNumber:
    """The keyword that marks integers: JSON schema has 3.0 as one, and we want 3."""

    def __init__(self, parent: Any, value: Any, path: Any) -> None:
        """Take what a keyword is given, of which nothing matters here."""

    def validate(self, instance: Any) -> None:
        """Raise if a number has a fraction, even of nothing."""
        if isinstance(instance, float):
            raise ValueError("should be an integer")  # noqa: TRY004  (what the validator expects)


def _marked(schema: Any) -> Any:
    """Return a schema with a mark wherever an integer is wanted."""
    if isinstance(schema, list):
        return [_marked(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    marked = {key: part if key in _DATA else _marked(part) for key, part in schema.items()}
    kinds = schema.get("type")
    if kinds == "integer" or (
        isinstance(kinds, list) and "integer" in kinds and "number" not in kinds
    ):
        marked[_WHOLE] = True
    return marked


def _has_whole_float(value: Any) -> bool:
    if isinstance(value, float):
        return value.is_integer()
    if isinstance(value, dict):
        return any(map(_has_whole_float, value.values()))
    return isinstance(value, list) and any(map(_has_whole_float, value))


def _mended(value: Any, errors: Sequence[ValidationError]) -> tuple[Any, list[str]]:
    """Return a value, altered in place, with what could be mended, and how that is told."""
    done: list[str] = []
    paths = [located(value, error.instance_path, error.instance) for error in errors]
    for error, path in zip(errors, paths, strict=True):
        if path is None:
            continue
        try:
            change = _change(part_at(value, path), error, path)
        except LookupError:  # another change took it away
            continue
        if change is not None:
            value = _put(value, path, change.value)
            done += change.repairs
    return value, done


def _without_needed_nulls(
    repairs: Iterable[str], problems: Iterable[Problem]
) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    """Return repairs and problems, where a null left out that is missing now is a problem alone."""
    kept, told = dict.fromkeys(repairs), []
    for problem in problems:
        left_out = _null_left_out(problem.path)
        if problem.message == IS_MISSING and left_out in kept:
            del kept[left_out]
            told.append(Problem(problem.path, "is null, and must not be"))
        else:
            told.append(problem)
    return tuple(kept), tuple(told)


def _change(value: Any, error: ValidationError, path: Path) -> _Change | None:
    """Return what a value becomes when one of its errors is mended; None where it cannot be."""
    kind, facts = error.kind.name, error.kind.as_dict()
    if value is None and _is_declared(error, path):
        return _Change(_Missing, (_null_left_out(path),))
    if kind == "type":
        return _converted(value, facts["types"], path)
    if kind == _WHOLE:
        return _converted(value, ["integer"], path)
    if kind in _FORBIDDEN:
        return _without(value, facts["unexpected"], path)
    if "context" in facts:
        return _chosen(value, facts["context"], path)
    return None


def _without(value: Any, names: Sequence[str], path: Path) -> _Change:
    kept = {name: part for name, part in value.items() if name not in names}
    return _Change(kept, tuple(f"extra field {place((*path, name))} left out" for name in names))


def _chosen(
    value: Any, branches: Sequence[Sequence[ValidationError]], path: Path
) -> _Change | None:
    """Return what a value becomes under the one branch of a choice that it can be mended for."""
    changes = [_mended_for(value, branch, path) for branch in branches]
    possible = [change for change in changes if change is not None]
    if not possible or any(change.value != possible[0].value for change in possible):
        return None
    return possible[0]


def _mended_for(given: Any, errors: Sequence[ValidationError], root: Path) -> _Change | None:
    """Return what a value becomes when all errors of a branch are mended; None if one cannot be."""
    value = copy.deepcopy(given)
    repairs: list[str] = []
    changed: set[Path] = set()
    for error in errors:
        path = located(given, error.instance_path[len(root) :], error.instance)
        if path in changed:  # its other errors may be gone too; they are looked for again
            continue
        change = None if path is None else _change(part_at(value, path), error, (*root, *path))
        if path is None or change is None:
            return None
        value = _put(value, path, change.value)
        changed.add(path)
        repairs += change.repairs
    return _Change(value, tuple(repairs))


def _is_declared(error: ValidationError, path: Path) -> bool:
    """Return whether an error is about the value of a property that the schema names."""
    steps = list(error.evaluation_path)[:-1]
    while steps and (isinstance(steps[-1], int) or steps[-1] in _THROUGH):
        steps.pop()
    return bool(path) and steps[-2:] == ["properties", path[-1]]


def _null_left_out(path: Path) -> str:
    return f"null at {place(path)} left out"


def _converted(value: Any, kinds: Sequence[str], path: Path) -> _Change | None:
    """Return a value as one of the kinds that are wanted, if that loses nothing."""
    converters: dict[type, Callable[[Any, Sequence[str]], Any]] = {
        str: _from_text,
        int: _from_integer,
        float: _from_float,
    }
    convert = converters.get(type(value))
    made = convert(value, kinds) if convert else _Missing
    if made is _Missing:
        return None
    names = [_NAMES.get(type(one), "null") for one in (value, made)]
    return _Change(made, (f"{names[0]} to {names[1]} at {place(path)}",))


def _from_text(text: str, kinds: Sequence[str]) -> Any:
    stripped = text.strip()
    try:
        value = parse_whole({"True": "true", "False": "false"}.get(stripped, stripped))
    except (ValueError, RecursionError):
        return _Missing
    if isinstance(value, float) and "number" not in kinds:
        return _from_float(value, kinds)
    return value if _is_kind(value, kinds) else _Missing


def _from_integer(number: int, kinds: Sequence[str]) -> Any:
    return str(number) if "string" in kinds else _Missing


def _from_float(number: float, kinds: Sequence[str]) -> Any:
    return int(number) if "integer" in kinds and number.is_integer() else _Missing


def _is_kind(value: Any, kinds: Sequence[str]) -> bool:
    wanted = {
        bool: {"boolean"},
        int: {"integer", "number"},
        float: {"number"},
        list: {"array"},
        dict: {"object"},
        type(None): {"null"},
    }
    return not wanted.get(type(value), set()).isdisjoint(kinds)


def _put(value: Any, path: Path, part: Any) -> Any:
    """Put another part at a place of a value, or nothing there, and return the value."""
    if not path:
        return part
    inner = part_at(value, path[:-1])
    if part is _Missing:
        del inner[path[-1]]
    else:
        inner[path[-1]] = part
    return value
