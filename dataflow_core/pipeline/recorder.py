"""A storage that runs nothing: it writes down which operator was bound to what of which table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from dataflow_core.errors import PlanError
from dataflow_core.operators.base import Operator
from dataflow_core.pipeline.plan import SOURCE, Step, TableRef, Value
from dataflow_core.storage.base import Bindings, Storage

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    import pyarrow as pa

    from dataflow_core.table.columns import A


class Recording:
    """The steps recorded so far, shared by all branches of one pipeline.

    Args:
        names: The names of operators and storages by object id: the pipeline's attributes.
        sources: The sources by name; storages that operators use as second table are added.
    """

    def __init__(self, names: dict[int, str], sources: dict[str, Storage | None]) -> None:
        self._names = names
        self.sources = sources
        self.steps: list[Step] = []

    def add(self, operator: Operator, bindings: dict[str, Value], table: str) -> str:
        """Add a step; return its name."""
        name = self._unique(self._names.get(id(operator), operator.step_name()))
        self.steps.append(Step(name, operator, bindings, table))
        return name

    def source(self, storage: Storage) -> str:
        """Return the name of a storage that is read as a second table."""
        for name, known in self.sources.items():
            if known is storage:
                return name
        name = self._unique(self._names.get(id(storage), "table"))
        self.sources[name] = storage
        return name

    def _unique(self, name: str) -> str:
        taken = {step.name for step in self.steps} | set(self.sources)
        candidate, number = name, 2
        while candidate in taken:
            candidate, number = f"{name}_{number}", number + 1
        return candidate


class RecordingStorage(Storage):
    """One table of a pipeline that is being compiled.

    Args:
        recording: What is recorded.
        table: The name of the table as it stands, or a second table from outside.
    """

    def __init__(self, recording: Recording, table: str | Storage = SOURCE) -> None:
        self._recording = recording
        self._table = table

    @property
    def table(self) -> str:
        """The name of the table as it stands."""
        if isinstance(self._table, Storage):
            # Named now, so that a second table that nobody uses is no source of the plan.
            self._table = self._recording.source(self._table)
        return self._table

    def perform(
        self, operator: Operator, bindings: Bindings, body: Callable[[Storage], None]
    ) -> None:
        """Record the step; ``body`` is not run."""
        recorded = {name: self._recorded(value) for name, value in bindings.items()}
        self._table = self._recording.add(operator, recorded, self.table)

    def __len__(self) -> int:  # noqa: PLE0303
        """Refuse: there are no rows yet."""
        self._refuse("__len__")

    def __bool__(self) -> bool:
        return True

    def fork(self) -> RecordingStorage:
        """Return the beginning of a branch."""
        return RecordingStorage(self._recording, self._table)

    def read(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Refuse: there is no table yet."""
        self._refuse("read")

    def write(self, table: pd.DataFrame) -> None:
        """Refuse: there is no table yet."""
        self._refuse("write")

    def drop(
        self,
        rows: Sequence[int] | pd.Index,
        reason: str | Sequence[str],
        *,
        value: Any = None,
        duplicate_of: Sequence[int] | None = None,
    ) -> None:
        """Refuse: there is no table yet."""
        self._refuse("drop")

    def row_ids(self) -> npt.NDArray[np.uint64]:
        """Refuse: there is no table yet."""
        self._refuse("row_ids")

    def extend(self, other: Storage) -> None:
        """Refuse: there is no table yet."""
        self._refuse("extend")

    def analysis(self, column: str, cls: type[A]) -> A:
        """Refuse: there is no table yet."""
        self._refuse("analysis")

    def assign(self, column: str, values: pa.Array | pa.ChunkedArray) -> None:
        """Refuse: there is no table yet."""
        self._refuse("assign")

    def observe(
        self,
        measure: str,
        values: npt.NDArray[np.float64],
        *,
        low: float | None = None,
        high: float | None = None,
    ) -> None:
        """Refuse: there is no table yet."""
        self._refuse("observe")

    def note(self, findings: Mapping[str, Any]) -> None:
        """Refuse: there is no table yet."""
        self._refuse("note")

    def rename(self, names: Mapping[str, str]) -> None:
        """Refuse: there is no table yet."""
        self._refuse("rename")

    def _recorded(self, value: Any) -> Value:
        if isinstance(value, RecordingStorage):
            return TableRef(value.table)
        if isinstance(value, Storage):
            return TableRef(self._recording.source(value))
        return value

    def _refuse(self, what: str) -> NoReturn:
        raise PlanError(
            f"forward() calls storage.{what}() while the pipeline is compiled, when no table "
            "exists. Put that work into an operator (core/apply takes a function), and call its "
            "run()."
        )
