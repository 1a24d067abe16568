"""Plans as Python: the source of a pipeline class, and a pipeline that replays a plan."""

from __future__ import annotations

import keyword
import re
from typing import Any

from dataflow_core.pipeline.base import Pipeline
from dataflow_core.pipeline.plan import SOURCE, Plan, Step, TableRef
from dataflow_core.pipeline.recipe import require_writable
from dataflow_core.storage.base import Storage
from dataflow_core.storage.file import FileSource


class PlanPipeline(Pipeline):
    """A pipeline that applies the steps of a plan, such as one that was read from a recipe.

    Args:
        plan: The plan.
        storage: The main table; None for the plan's own.
    """

    def __init__(self, plan: Plan, storage: Storage | None = None) -> None:
        super().__init__(storage if storage is not None else plan.sources[SOURCE])
        self._plan = plan
        self._operators = {step.name: step.operator for step in plan.steps}

    def forward(self) -> None:
        """Apply the steps; branches are forks of the main table."""
        tables: dict[str, Storage] = {n: s for n, s in self._plan.sources.items() if s is not None}
        tables[SOURCE] = self.storage
        for step in self._plan.steps:
            table = tables[step.table]
            if self._leads_elsewhere(step):
                table = table.fork()
            bound = {n: tables[v.name] if isinstance(v, TableRef) else v for n, v in step.bindings.items()}
            step.operator.run(table, **bound)
            tables[step.name] = table

    def _leads_elsewhere(self, step: Step) -> bool:
        """Whether the table that the step works on is needed again, or the result is not on its way."""
        later = self._plan.steps[self._plan.steps.index(step) + 1 :]
        needed = any(step.table in (s.table, *s.other_tables) for s in later)
        return needed or not self._reaches_result(step.name)

    def _reaches_result(self, table: str) -> bool:
        if table == self._plan.result:
            return True
        return any(self._reaches_result(s.name) for s in self._plan.steps if s.table == table)

    def _names(self) -> dict[int, str]:
        return {id(operator): name for name, operator in self._operators.items()}

    def _name(self) -> str:
        return self._plan.name


def to_python(plan: Plan) -> str:
    """Return the source of a module that defines a pipeline with this plan.

    Raises:
        RecipeError: An operator's configuration cannot be written down, such as a Python function.
    """
    for step in plan.steps:
        require_writable(step)
    lines = [
        '"""A pipeline, written from its plan."""',
        "",
        "from dataflow_core import FileStorage, Pipeline, Storage",
        *sorted({f"from {type(s.operator).__module__} import {type(s.operator).__name__}" for s in plan.steps}),
        "",
        "",
        f"class {_class_name(plan.name)}(Pipeline):",
        "    def __init__(self, storage: Storage | None = None) -> None:",
        "        super().__init__(storage)",
        *(f"        self.{_name(n)} = {_storage(s)}" for n, s in plan.sources.items() if n != SOURCE),
        *(f"        self.{_name(step.name)} = {_construct(step)}" for step in plan.steps),
        "",
        "    def forward(self) -> None:",
        *(f"        {line}" for line in _forward(plan)),
    ]
    text = "\n".join(lines) + "\n"
    return text if "FileStorage(" in text else text.replace("FileStorage, ", "", 1)


def _forward(plan: Plan) -> list[str]:
    """Write one call a step; a table that is needed again is forked under a name of its own."""
    lines: list[str] = []
    tables = {n: f"self.{_name(n)}" for n in plan.sources} | {SOURCE: "self.storage"}
    replay = PlanPipeline(plan)
    for step in plan.steps:
        table = tables[step.table]
        if replay._leads_elsewhere(step):
            lines.append(f"{_name(step.name)}_table = {table}.fork()")
            table = f"{_name(step.name)}_table"
        given = [f"{n}={_argument(v, tables)}" for n, v in step.bindings.items()]
        lines.append(f"self.{_name(step.name)}.run({', '.join([table, *given])})")
        tables[step.name] = table
    return lines


def _argument(value: Any, tables: dict[str, str]) -> str:
    if isinstance(value, TableRef):
        return tables[value.name]
    return repr(list(value) if isinstance(value, tuple) else value)


def _construct(step: Step) -> str:
    config = step.operator.model_dump(mode="json", exclude_defaults=True)
    arguments = ", ".join(f"{name}={value!r}" for name, value in config.items())
    return f"{type(step.operator).__name__}({arguments})"


def _storage(storage: Storage | None) -> str:
    source = getattr(storage, "source", None)
    return f"FileStorage({source.name!r})" if isinstance(source, FileSource) else "None"


def _name(name: str) -> str:
    plain = re.sub(r"\W", "_", name)
    return f"{plain}_" if keyword.iskeyword(plain) or plain in ("storage", "run", "forward") else plain


def _class_name(name: str) -> str:
    words = re.findall(r"[A-Za-z0-9]+", name)
    joined = "".join(word[0].upper() + word[1:] for word in words) or "Recipe"
    return joined if not joined[0].isdigit() else f"Pipeline{joined}"
