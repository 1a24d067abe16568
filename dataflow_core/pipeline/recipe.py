"""Recipes: plans as YAML files. Python makes a plan, a plan a recipe, a recipe the plan again."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticSerializationError

from dataflow_core.deprecations import told_at
from dataflow_core.errors import (
    DataflowError,
    PlanError,
    RecipeError,
    did_you_mean,
)
from dataflow_core.operators.base import Operator
from dataflow_core.operators.servings import FIELD, serving_fields
from dataflow_core.pipeline.plan import SOURCE, Plan, Step, TableRef, Value
from dataflow_core.pipeline.recorder import Recording, RecordingStorage
from dataflow_core.pipeline.settings import NEEDS_ONE, nobody_takes
from dataflow_core.secrets import without_secrets
from dataflow_core.storage.base import Storage
from dataflow_core.storage.file import FileSource, FileStorage
from dataflow_core.storage.formats import ReadOptions
from dataflow_core.wording import counted

if TYPE_CHECKING:
    from dataflow_core.serving.base import Serving
    from dataflow_core.yaml_lines import Lines

VERSION = 1

NameOf = Callable[[type], str | None]
"""The registered name of an operator's class, or None."""

Resolve = Callable[[str], type]
"""The operator's class for a registered name."""

_TOP = ("dataflow", "name", "sources", "steps", "result")
_STEP = ("name", "operator", "config", "columns", "table")


def plan_as_dict(plan: Plan, named: NameOf | None) -> dict[str, Any]:
    """Return a plan as plain data, the content of its recipe.

    Args:
        plan: The plan.
        named: Gives registered names; other operators are named ``module:Class``.
    """
    sources = {n: _source_text(n, s) for n, s in plan.sources.items() if n != SOURCE}
    steps, before = [], SOURCE
    for step in plan.steps:
        steps.append(_step_as_dict(step, before, named))
        before = step.name
    content: dict[str, Any] = {"dataflow": VERSION, "name": plan.name}
    if sources:
        content["sources"] = sources
    content["steps"] = steps
    if plan.result != before:
        content["result"] = plan.result
    return content


def to_yaml(plan: Plan, named: NameOf | None = None) -> str:
    """Return a plan's recipe.

    Raises:
        RecipeError: An operator's configuration cannot be written down, such as a Python function.
    """
    require_writable(plan)
    import yaml

    content = plan_as_dict(plan, named)
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    # Some characters, such as U+0085, are line breaks to YAML unless they are escaped.
    readable = yaml.safe_load(text) == content
    return text if readable else yaml.safe_dump(content, sort_keys=False)


def from_yaml(
    text: str,
    resolve: Resolve | None = None,
    *,
    path: str = "recipe",
    storage: Storage | None = None,
    serving: Serving | None = None,
    stand_in: Serving | None = None,
) -> Plan:
    """Return the plan of a recipe.

    Servings are written as their specifications; equal ones are one serving.

    Args:
        text: The YAML text.
        resolve: Finds operators by registered name; ``module:Class`` works without it.
        path: The file's name, for messages.
        storage: The main source.
        serving: What the field ``serving`` of each step is that has one, whatever the recipe says.
        stand_in: What stands in where a step needs a serving and has none, to be replaced later.

    Raises:
        RecipeError: The recipe is wrong; the message names file and line.
    """
    from dataflow_core.serving.spec import shared_servings
    from dataflow_core.yaml_lines import YamlFault, load_with_lines

    try:
        content, lines = load_with_lines(text)
    except YamlFault as fault:
        told = [(fault.line, fault.message)]
        raise RecipeError(f"{path}, {fault}", told) from fault
    reader = _Reader(path, lines, resolve, serving, stand_in)
    with shared_servings():
        return reader.plan(content, storage)


def load_recipe(
    path: Path,
    resolve: Resolve | None = None,
    storage: Storage | None = None,
    *,
    serving: Serving | None = None,
    stand_in: Serving | None = None,
) -> Plan:
    """Return the plan of a recipe file.

    Args:
        path: The file.
        resolve: Finds operators by registered name; ``module:Class`` works without it.
        storage: The main source.
        serving: What the field ``serving`` of each step is that has one.
        stand_in: What stands in where a step needs a serving and has none, to be replaced later.

    Raises:
        RecipeError: The file cannot be read, or the recipe is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        beside = [one.name for one in path.parent.glob("*.y*ml")]
        hint = did_you_mean(path.name, beside) if isinstance(error, FileNotFoundError) else ""
        why = error.strerror or error
        raise RecipeError(f"cannot read the recipe {path}: {why}.{hint}") from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"cannot read the recipe {path}: {error}") from error
    return from_yaml(
        text, resolve, path=str(path), storage=storage, serving=serving, stand_in=stand_in
    )


def require_writable(plan: Plan) -> None:
    """Refuse a plan that cannot be written to a file.

    Raises:
        RecipeError: A step holds something that YAML cannot, such as a Python function, its
            operator cannot be imported, or a second table is not a file.
    """
    for step in plan.steps:
        _require_writable(step)
    for name, storage in plan.sources.items():
        source = getattr(storage, "source", None)
        if name != SOURCE and not (
            isinstance(source, FileSource) and source.options == ReadOptions()
        ):
            raise RecipeError(
                f"the second table {name!r} is a {type(storage).__name__} that a recipe cannot "
                "hold; it holds FileStorage(path) without further options. Write the table to a "
                "file."
            )


def written_bindings(step: Step) -> dict[str, Value]:
    """Return the bindings that a step must be given: None is left out where it is the default."""
    unset = {p.name for p in step.operator.parameters() if p.default is None}
    return {n: v for n, v in step.bindings.items() if v is not None or n not in unset}


def _require_writable(step: Step) -> None:
    if "<locals>" in (name := type(step.operator).__qualname__):
        raise RecipeError(
            f"step {step.name!r} cannot be written to a recipe: {name} is defined inside a "
            "function, so that nobody can import it. Move it to the top of its module."
        )
    try:
        step.operator.model_dump(mode="json")
    except PydanticSerializationError as error:
        raise RecipeError(
            f"step {step.name!r} cannot be written to a recipe: {error}. Only configuration that "
            "YAML can hold can; use an operator with expressions instead of Python functions."
        ) from error


def import_target(target: str) -> Any:
    """Return what ``"module:Name"`` names.

    Raises:
        PlanError: The module or the name is not there, or the module's own code raises.
    """
    module, _, name = target.partition(":")
    found: Any = None
    try:
        found = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        lacks = found is not None and isinstance(error, AttributeError)
        hint = did_you_mean(part, dir(found)) if lacks else ""
        raise PlanError(
            f"cannot import {target!r}: {error}.{hint} It takes module:Class, importable from here."
        ) from error
    except Exception as error:
        raise PlanError(
            f"cannot import {target!r}: {type(error).__name__}: {error}. Its own code raises this; "
            f"see where with `python -c 'import {module}'`."
        ) from error
    return found


class _Reader:
    """Reads a recipe, and goes on after a fault, so that all of them are told at once."""

    def __init__(
        self,
        path: str,
        lines: Lines,
        resolve: Resolve | None,
        serving: Serving | None,
        stand_in: Serving | None,
    ) -> None:
        self._path = path
        self._lines = lines
        self._resolve = resolve
        self._serving = serving
        self._stand_in = stand_in
        self._takes_serving = False
        self._errors: list[RecipeError] = []

    def plan(self, content: Any, storage: Storage | None) -> Plan:
        plan = None
        with self._noted():
            plan = self._plan(self._mapping(content, (), _TOP), storage)
        if plan is None:
            raise self._joined()
        return plan

    def _plan(self, content: dict[str, Any], storage: Storage | None) -> Plan | None:
        if content.get("dataflow") != VERSION:
            raise self._error(
                ("dataflow",),
                f"a recipe begins with 'dataflow: {VERSION}', its format; "
                f"found {content.get('dataflow')!r}",
            )
        sources: dict[str, Storage | None] = {SOURCE: storage}
        with self._noted():
            sources |= self._sources(content.get("sources") or {})
        steps: list[Step] = []
        known = list(sources)
        before = SOURCE
        for number, item in enumerate(self._list(content.get("steps"), ("steps",))):
            with self._noted():
                steps.append(self._step(item, ("steps", number), before, known))
            # A faulty step counts by its name, so that later ones are not blamed for it.
            before = steps[-1].name if len(steps) == number + 1 else _name_of(item, number)
            known.append(before)
        if self._errors:
            return None
        if self._serving is not None and not self._takes_serving:
            raise self._error(("steps",), str(nobody_takes(self._path, self._serving)))
        try:
            return Plan(
                str(content.get("name") or Path(self._path).stem),
                tuple(steps),
                sources,
                str(content.get("result", before)),
            )
        except PlanError as error:
            raise self._error(("result",), str(error)) from error

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """Keep an error for later."""
        try:
            yield
        except RecipeError as error:
            self._errors.append(error)

    def _joined(self) -> RecipeError:
        if len(self._errors) == 1:
            return self._errors[0]
        faults = [fault for error in self._errors for fault in error.faults]
        lines = "\n".join(f"  line {line}: {message}" for line, message in faults)
        return RecipeError(f"{self._path}, {counted(len(faults), 'problem')}:\n{lines}", faults)

    def _sources(self, given: Any) -> dict[str, Storage | None]:
        sources: dict[str, Storage | None] = {}
        for name, place in self._mapping(given, ("sources",), None).items():
            with self._noted():
                if name == SOURCE or not isinstance(place, str):
                    raise self._error(("sources", name), "a second table is NAME: PATH of a file")
                sources[name] = FileStorage(place)
        return sources

    def _step(self, item: Any, at: tuple[Any, ...], before: str, known: list[str]) -> Step:
        item = self._mapping(item, at, _STEP)
        if not isinstance(target := item.get("operator"), str):
            raise self._error(at, "a step names its operator, such as 'operator: core/filter_rows'")
        cls = self._operator_class(target, (*at, "operator"))
        operator, bound = None, None
        with self._noted():
            operator = self._configured(cls, item.get("config") or {}, (*at, "config"))
        with self._noted():
            bound = self._bound(cls, item.get("columns") or {}, (*at, "columns"))
        name = str(item.get("name", cls.step_name()))
        table = str(item.get("table", before))
        self._require_tables(name, bound or {}, table, at, known)
        if operator is None or bound is None:
            raise self._errors.pop()  # The step's own error, which the caller notes again.
        return Step(name, operator, bound, table)

    def _configured(self, cls: type[Operator], config: Any, at: tuple[Any, ...]) -> Operator:
        config = self._mapping(config, at, None)
        fields = serving_fields(cls)
        if self._stand_in is not None:
            needed = (name for name in fields if cls.model_fields[name].is_required())
            config = {**dict.fromkeys(needed, self._stand_in), **config}
        if FIELD in fields:
            self._takes_serving = True
            if self._serving is not None:
                config[FIELD] = self._serving
            elif FIELD not in config and cls.model_fields[FIELD].is_required():
                raise self._error(at, f"{cls.step_name()} {NEEDS_ONE}")
        try:
            with self._telling(at, config):
                return cls(**config)
        except DataflowError as error:
            raise self._error(at, str(error)) from error

    def _bound(self, cls: type[Operator], columns: Any, at: tuple[Any, ...]) -> dict[str, Value]:
        columns = self._mapping(columns, at, None)
        try:
            with self._telling(at, columns):
                bound = cls.bind(**{n: _given(v) for n, v in columns.items()})
        except DataflowError as error:
            raise self._error(at, str(error)) from error
        return {
            n: TableRef(v.table) if isinstance(v, RecordingStorage) else v for n, v in bound.items()
        }

    def _telling(self, at: tuple[Any, ...], names: Iterable[str]) -> AbstractContextManager[None]:
        """Tell what is deprecated at its line."""
        lines = {name: self._lines.of((*at, name)) for name in names}
        return told_at(self._path, self._lines.of(at), lines)

    def _require_tables(
        self,
        step: str,
        bound: Mapping[str, Value],
        table: str,
        at: tuple[Any, ...],
        known: list[str],
    ) -> None:
        if step in known:
            raise self._error((*at, "name"), f"two tables are named {step!r}")
        places: list[tuple[tuple[str, ...], str]] = [(("table",), table)]
        places += [(("columns", n), v.name) for n, v in bound.items() if isinstance(v, TableRef)]
        for place, name in places:
            if name not in known:
                raise self._error(
                    (*at, *place),
                    f"step {step!r} works on table {name!r}, which no earlier step makes."
                    f"{did_you_mean(name, known)} Tables before it: {', '.join(known)}.",
                )

    def _operator_class(self, target: str, at: tuple[Any, ...]) -> type[Operator]:
        try:
            if ":" in target:
                found = import_target(target)
            elif self._resolve is not None:
                with self._telling(at, {}):
                    found = self._resolve(target)
            else:
                raise PlanError("registered names need a plugin manager; use module:Class")
        except DataflowError as error:
            raise self._error(at, str(error)) from error
        if not (isinstance(found, type) and issubclass(found, Operator)):
            raise self._error(at, f"{target} is no operator class")
        return found

    def _mapping(
        self, value: Any, at: tuple[Any, ...], known: tuple[str, ...] | None
    ) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            raise self._error(at, f"names and values wanted, found {value!r}")
        for name in value:
            if known is not None and name not in known:
                raise self._error(
                    (*at, name),
                    f"unknown key {name!r}.{did_you_mean(name, known)} Known: {', '.join(known)}",
                )
        return dict(value)

    def _list(self, value: Any, at: tuple[Any, ...]) -> list[Any]:
        if not isinstance(value, list) or not value:
            raise self._error(at, "a list of steps wanted, each beginning with '- name:'")
        return value

    def _error(self, at: tuple[Any, ...], message: str) -> RecipeError:
        line = self._lines.of(at)
        return RecipeError(f"{self._path}, line {line}: {message}", [(line, message)])


def _name_of(item: Any, number: int) -> str:
    """Return the name that a faulty step would have."""
    item = item if isinstance(item, Mapping) else {}
    operator = str(item.get("operator", f"step {number + 1}"))
    return str(item.get("name", operator.rpartition("/")[2]))


def _step_as_dict(step: Step, before: str, named: NameOf | None) -> dict[str, Any]:
    cls = type(step.operator)
    name = named(cls) if named is not None else None
    content: dict[str, Any] = {
        "name": step.name,
        "operator": name or f"{cls.__module__}:{cls.__qualname__}",
    }
    if config := _config(step.operator):
        content["config"] = config
    if columns := written_bindings(step):
        content["columns"] = {n: _plain(v) for n, v in columns.items()}
    if step.table != before:
        content["table"] = step.table
    return content


def _config(operator: Operator) -> dict[str, Any]:
    try:
        config: dict[str, Any] = operator.model_dump(mode="json", exclude_defaults=True)
    except PydanticSerializationError:
        return {"not_serialisable": repr(operator)}
    return {name: without_secrets(value, name) for name, value in config.items()}


def _plain(value: Value) -> Any:
    if isinstance(value, TableRef):
        return {"table": value.name}
    return list(value) if isinstance(value, tuple) else value


def _given(value: Any) -> Any:
    if isinstance(value, Mapping) and set(value) == {"table"}:
        return RecordingStorage(Recording({}, {}), str(value["table"]))
    return value


def _source_text(name: str, storage: Storage | None) -> str:
    source = getattr(storage, "source", None)
    return source.name if isinstance(source, FileSource) else f"<{name}: {type(storage).__name__}>"
