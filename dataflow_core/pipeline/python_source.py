"""Plans as Python: the source of a pipeline class, and a pipeline that replays a plan."""

from __future__ import annotations

import keyword
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dataflow_core.errors import PlanError
from dataflow_core.operators.base import Operator
from dataflow_core.pipeline.base import Pipeline
from dataflow_core.pipeline.plan import SOURCE, Plan, Step, TableRef
from dataflow_core.pipeline.recipe import require_writable, written_bindings
from dataflow_core.storage.base import Storage
from dataflow_core.storage.file import FileSource


class PlanPipeline(Pipeline):
    """A pipeline that applies the steps of a plan, such as one that was read from a recipe.

    Args:
        plan: The plan.
        storage: The main table; None for the plan's own.

    Raises:
        PlanError: The plan's result does not come from its main table.
    """

    def __init__(self, plan: Plan, storage: Storage | None = None) -> None:
        super().__init__(storage if storage is not None else plan.sources[SOURCE])
        self._plan = plan
        self._moves = list(_moves(plan))
        # Copies, so that an operator that makes two steps has a name for each.
        self._operators = {step.name: step.operator.model_copy() for step in plan.steps}
        # As attributes, so that compiling records what is done to them.
        self._seconds = {
            n: f"second_{n}" for n, s in plan.sources.items() if n != SOURCE and s is not None
        }
        for name, attribute in self._seconds.items():
            setattr(self, attribute, plan.sources[name])

    def forward(self) -> None:
        """Apply the steps; branches are forks of the main table."""
        tables: dict[str, Storage] = {n: getattr(self, a) for n, a in self._seconds.items()}
        tables[SOURCE] = self.storage
        for move in self._moves:
            step, table = move.step, tables[move.step.table]
            if move.keeps_old:
                tables[step.table] = table.fork()
            elif move.forks:
                table = table.fork()
            bound = {
                n: tables[v.name] if isinstance(v, TableRef) else v
                for n, v in step.bindings.items()
            }
            self._operators[step.name].run(table, **bound)
            tables[step.name] = table

    def _names(self) -> dict[int, str]:
        operators = {id(operator): name for name, operator in self._operators.items()}
        return operators | {id(s): name for name, s in self._plan.sources.items() if s is not None}

    def _name(self) -> str:
        return self._plan.name


def to_python(plan: Plan) -> str:
    """Return the source of a module that defines a pipeline with this plan.

    Raises:
        RecipeError: The plan cannot be written down: an operator holds a Python function, say.
        PlanError: The plan's result does not come from its main table.
    """
    require_writable(plan)
    return _Writer(plan).module()


@dataclass(frozen=True)
class _Move:
    """How a step is applied to tables that change in place.

    Attributes:
        step: The step.
        keeps_old: Whether the table as it stood is needed later, under another name.
        forks: Whether the step works on a copy, because the main table must not follow it.
    """

    step: Step
    keeps_old: bool
    forks: bool


def _moves(plan: Plan) -> Iterator[_Move]:
    """Say for each step what to fork, so that the main table in the end is the plan's result."""
    main = _main_line(plan)
    for number, step in enumerate(plan.steps):
        later = plan.steps[number + 1 :]
        needed = any(step.table in (s.table, *s.other_tables) for s in later)
        on_main = step.name in main
        yield _Move(step, needed and on_main, not on_main and (needed or step.table in main))


def _main_line(plan: Plan) -> set[str]:
    """Return the tables that the main table is in turn, from the source to the result."""
    parents = {step.name: step.table for step in plan.steps}
    line = [plan.result]
    while line[-1] in parents:
        line.append(parents[line[-1]])
    if line[-1] != SOURCE:
        raise PlanError(
            f"plan {plan.name!r}: its result {plan.result!r} comes from the table {line[-1]!r}, "
            "not from the main one; a pipeline's result is its main table."
        )
    return set(line)


class _Writer:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._attributes = _unique_names(plan)
        self._classes = _class_names(plan)

    def module(self) -> str:
        plan, own = self._plan, self._attributes
        sources = {n: s for n, s in plan.sources.items() if n != SOURCE}
        public = ["FileStorage", "Pipeline", "Storage"] if sources else ["Pipeline", "Storage"]
        lines = [
            '"""A pipeline, written from its plan."""',
            "",
            f"from dataflow_core import {', '.join(public)}",
            *self._imports(),
            "",
            "",
            f"class {_class_name(plan.name)}(Pipeline):",
            "    def __init__(self, storage: Storage | None = None) -> None:",
            "        super().__init__(storage)",
            *(f"        self.{own[n]} = {_storage(s)}" for n, s in sources.items()),
            *(f"        self.{own[step.name]} = {self._construct(step)}" for step in plan.steps),
            "",
            "    def forward(self) -> None:",
            *(f"        {line}" for line in self._forward()),
        ]
        return "\n".join(lines) + "\n"

    def _imports(self) -> list[str]:
        modules: dict[str, set[str]] = defaultdict(set)
        for cls, name in self._classes.items():
            outer = cls.__qualname__.split(".")[0]
            modules[cls.__module__].add(outer if name == cls.__qualname__ else f"{outer} as {name}")
        return [
            f"from {module} import {', '.join(sorted(modules[module]))}"
            for module in sorted(modules)
        ]

    def _construct(self, step: Step) -> str:
        config = step.operator.model_dump(mode="json", exclude_defaults=True)
        arguments = ", ".join(f"{name}={_literal(value)}" for name, value in config.items())
        return f"{self._classes[type(step.operator)]}({arguments})"

    def _forward(self) -> Iterator[str]:
        """Write one call a step; a table that is needed again is forked under a name of its own."""
        own = self._attributes
        tables = {n: f"self.{own[n]}" for n in self._plan.sources} | {SOURCE: "self.storage"}
        for move in _moves(self._plan):
            step, table = move.step, tables[move.step.table]
            if move.keeps_old:
                tables[step.table] = f"before_{own[step.name]}"
                yield f"{tables[step.table]} = {table}.fork()"
            elif move.forks:
                yield f"{own[step.name]}_table = {table}.fork()"
                table = f"{own[step.name]}_table"
            given = [f"{n}={_argument(v, tables)}" for n, v in written_bindings(step).items()]
            yield f"self.{own[step.name]}.run({', '.join([table, *given])})"
            tables[step.name] = table


def _argument(value: Any, tables: dict[str, str]) -> str:
    if isinstance(value, TableRef):
        return tables[value.name]
    return repr(list(value) if isinstance(value, tuple) else value)


def _literal(value: Any) -> str:
    """Write a value of JSON as Python; `repr` alone would write infinity as a name."""
    if isinstance(value, float) and value - value != 0:
        return f'float("{value}")'
    return repr(value)


def _storage(storage: Storage | None) -> str:
    source = getattr(storage, "source", None)
    return f"FileStorage({source.name!r})" if isinstance(source, FileSource) else "None"


def _unique_names(plan: Plan) -> dict[str, str]:
    """Return the attribute of each table and step; names need not be Python's."""
    names: dict[str, str] = {}
    for name in [*plan.sources, *(step.name for step in plan.steps)]:
        attribute = _attribute(name)
        while attribute in names.values():
            attribute += "_"
        names[name] = attribute
    return names


def _attribute(name: str) -> str:
    plain = re.sub(r"\W", "_", name).lstrip("_")
    if not plain.isidentifier():
        plain = f"step_{plain}"
    taken = keyword.iskeyword(plain) or plain == "storage" or hasattr(Pipeline, plain)
    return f"{plain}_" if taken else plain


def _class_names(plan: Plan) -> dict[type[Operator], str]:
    """Return what each operator's class is called in the module; two of one name are told apart."""
    own = _class_name(plan.name)
    names: dict[type[Operator], str] = {}
    for cls in dict.fromkeys(type(step.operator) for step in plan.steps):
        name, number = cls.__qualname__, 2
        while name in {own, "FileStorage", "Pipeline", "Storage", *names.values()}:
            name, number = f"{cls.__name__}{number}", number + 1
        names[cls] = name
    return names


def _class_name(name: str) -> str:
    words = re.findall(r"[A-Za-z0-9]+", name)
    joined = "".join(word[0].upper() + word[1:] for word in words) or "Recipe"
    return joined if not joined[0].isdigit() else f"Pipeline{joined}"
