"""A pipeline of a few operators, one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataflow_core.operators.base import Operator
from dataflow_core.pipeline.base import Pipeline
from dataflow_core.storage.base import Storage

Step = Operator | tuple[Operator, Mapping[str, Any]]
"""An operator, alone or with what its ``run`` is given: columns, and second tables."""


class Steps(Pipeline):
    """A pipeline of operators, one after the other.

    Args:
        storage: The table; None where none is known.
        *steps: The operators.
    """

    def __init__(self, storage: Storage | None, *steps: Step) -> None:
        super().__init__(storage)
        self.steps = [one if isinstance(one, tuple) else (one, {}) for one in steps]
        # As attributes of the pipeline: only these are tables of its plan.
        for at, (_, given) in enumerate(self.steps):
            for name, value in given.items():
                if isinstance(value, Storage):
                    setattr(self, f"{name}_{at}", value)

    def forward(self) -> None:
        """Run them."""
        for at, (operator, given) in enumerate(self.steps):
            tables = {
                name: getattr(self, f"{name}_{at}")
                for name, value in given.items()
                if isinstance(value, Storage)
            }
            operator.run(self.storage, **{**given, **tables})
