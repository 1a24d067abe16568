"""A pipeline of one operator."""

from __future__ import annotations

from typing import Any

from dataflow_core.operators.base import Operator
from dataflow_core.pipeline.base import Pipeline
from dataflow_core.storage.base import Storage


class OneStep(Pipeline):
    """A pipeline of one operator.

    Args:
        operator: The operator.
        bindings: Its columns.
        storage: The table.
    """

    def __init__(
        self, operator: Operator, bindings: dict[str, Any], storage: Storage | None = None
    ) -> None:
        super().__init__(storage)
        self.step = operator
        self.bindings = {n: v for n, v in bindings.items() if not isinstance(v, Storage)}
        for name, value in bindings.items():
            if isinstance(value, Storage):
                setattr(self, name, value)
        self._tables = [name for name, value in bindings.items() if isinstance(value, Storage)]

    def forward(self) -> None:
        """Run the operator."""
        tables = {name: getattr(self, name) for name in self._tables}
        self.step.run(self.storage, **self.bindings, **tables)
