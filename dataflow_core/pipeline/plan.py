"""Plans: what a pipeline will do, as data that can be checked, drawn, saved and run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

import pyarrow as pa

from dataflow_core.errors import PlanError
from dataflow_core.operators.base import Operator
from dataflow_core.operators.dataset import DatasetEvaluator, TwoPhase
from dataflow_core.storage.base import Storage
from dataflow_core.table.identity import SOURCE_KEY

SOURCE = SOURCE_KEY
"""The name of a plan's main table before its first step."""


@dataclass(frozen=True)
class TableRef:
    """A table of the plan, by name: a source, or the result of a step."""

    name: str


Value: TypeAlias = str | tuple[str, ...] | TableRef | None


@dataclass(frozen=True)
class Step:
    """One operator bound to columns.

    Attributes:
        name: The step's name, unique in its plan.
        operator: The configured operator.
        bindings: The columns (or second table) of each ``input_*`` and ``output_*`` parameter.
        table: The table that it works on: a source's or step's name.
    """

    name: str
    operator: Operator
    bindings: Mapping[str, Value]
    table: str = SOURCE

    @property
    def other_tables(self) -> tuple[str, ...]:
        """The second tables that it reads."""
        return tuple(v.name for v in self.bindings.values() if isinstance(v, TableRef))

    @property
    def is_barrier(self) -> bool:
        """Whether it needs all rows before the first can go on."""
        return (self.operator.scope == "dataset" and not self.only_looks) or bool(self.other_tables)

    @property
    def only_looks(self) -> bool:
        """Whether rows go through it as they are while it sketches them."""
        return isinstance(self.operator, DatasetEvaluator) and not self.other_tables

    @property
    def is_two_phase(self) -> bool:
        """Whether it sketches all rows, and then decides about each."""
        return self.is_barrier and isinstance(self.operator, TwoPhase) and not self.other_tables

    @property
    def columns(self) -> dict[str, str | tuple[str, ...] | None]:
        """The bindings that are columns."""
        return {n: v for n, v in self.bindings.items() if not isinstance(v, TableRef)}

    def columns_before(
        self, tables: Mapping[str, Mapping[str, pa.DataType]]
    ) -> dict[str, pa.DataType]:
        """Return the columns of its table, and those that it takes from second tables."""
        columns = dict(tables[self.table])
        for other in self.other_tables:
            columns = self.operator.columns_joined(columns, tables[other])
        return columns


@dataclass(frozen=True)
class Stage:
    """Steps through which a batch flows without touching disk.

    Attributes:
        table: The table that flows in.
        steps: The steps; only the first can be a barrier, and one that needs the whole table stands
            alone, so that what follows it need not be done at once too.
    """

    table: str
    steps: tuple[Step, ...]

    @property
    def result(self) -> str:
        """The name of the table that flows out."""
        return self.steps[-1].name

    @property
    def kind(self) -> Literal["rows", "two-phase", "whole-table"]:
        """How the stage's first step needs its rows."""
        first = self.steps[0]
        if not first.is_barrier:
            return "rows"
        return "two-phase" if first.is_two_phase else "whole-table"


@dataclass(frozen=True)
class Plan:
    """A compiled pipeline.

    Attributes:
        name: The pipeline's name.
        steps: The steps in order of execution.
        sources: The tables that come from outside, by name; the value is None where the source is
            given when the plan runs.
        result: The table that is the pipeline's result.
    """

    name: str
    steps: tuple[Step, ...]
    sources: Mapping[str, Storage | None] = field(default_factory=lambda: {SOURCE: None})
    result: str = SOURCE

    def __post_init__(self) -> None:
        known = set(self.sources)
        for name in (*known, *(step.name for step in self.steps)):
            _check_name(self.name, name)
        for step in self.steps:
            if step.name in known:
                raise PlanError(f"plan {self.name!r}: two tables are named {step.name!r}")
            for table in (step.table, *step.other_tables):
                if table not in known:
                    raise PlanError(
                        f"plan {self.name!r}, step {step.name!r}: works on table {table!r}, which "
                        f"no earlier step makes. Tables before it: {', '.join(sorted(known))}."
                    )
            known.add(step.name)
        if self.result not in known:
            raise PlanError(f"plan {self.name!r}: its result {self.result!r} is no step or source")

    def step(self, name: str) -> Step:
        """Return a step by name."""
        return next(step for step in self.steps if step.name == name)

    def consumers(self, table: str) -> list[Step]:
        """Return the steps that read a table."""
        return [s for s in self.steps if table == s.table or table in s.other_tables]

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The steps grouped into stages, in order of execution."""
        stages: list[Stage] = []
        for step in self.steps:
            home = next((i for i, s in enumerate(stages) if s.result == step.table), None)
            begins = step.is_barrier or self._is_shared(step.table)
            if home is None or begins or stages[home].kind == "whole-table":
                stages.append(Stage(step.table, (step,)))
            else:
                stages[home] = Stage(stages[home].table, (*stages[home].steps, step))
        return tuple(stages)

    def columns(self, source: Mapping[str, pa.DataType]) -> dict[str, dict[str, pa.DataType]]:
        """Return the columns of every table of the plan.

        Args:
            source: The columns of the main source.

        Returns:
            For each table by name, its columns and their types as far as they are known.
        """
        tables = self.source_columns(source)
        for step in self.steps:
            before = step.columns_before(tables)
            tables[step.name] = step.operator.columns_after(before, step.columns)
        return tables

    def source_columns(
        self, source: Mapping[str, pa.DataType]
    ) -> dict[str, dict[str, pa.DataType]]:
        """Return the columns of every source; for ``source`` see `columns`."""
        return {
            name: dict(source) if name == SOURCE else dict(_columns_of(storage))
            for name, storage in self.sources.items()
        }

    def _is_shared(self, table: str) -> bool:
        return len(self.consumers(table)) + (table == self.result) > 1


def _check_name(plan: str, name: str) -> None:
    """Refuse names that cannot name a folder of a run directory, even with slashes escaped."""
    if 0 < len(name.encode()) <= 150 and name.isprintable() and name[0] != ".":
        return
    raise PlanError(
        f"plan {plan!r}: {name[:80]!r} cannot name a step or table. A name has 1 to 150 bytes of "
        "printable characters, and no dot at its beginning."
    )


def _columns_of(storage: Storage | None) -> Mapping[str, Any]:
    return (storage.columns() if storage is not None else None) or {}
