"""Pipelines in the manner of PyTorch: operators made in `__init__`, applied in `forward`."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataflow_core.errors import ConfigurationError, PlanError
from dataflow_core.operators.base import Operator, snake_case
from dataflow_core.pipeline.checks import check_plan, require_sound
from dataflow_core.pipeline.plan import SOURCE, Plan
from dataflow_core.pipeline.recorder import Recording, RecordingStorage
from dataflow_core.storage.base import Storage

if TYPE_CHECKING:
    from dataflow_core.engine.report import Report


class Pipeline:
    """Operators applied to a table in order.

    A subclass makes its operators in ``__init__`` and applies them to ``self.storage`` in
    ``forward``. Called in a notebook, ``forward()`` works at once on the storage's own table;
    ``run()`` streams any amount of data and keeps account of every row in a run directory.

    Args:
        storage: The table to work on; None when it is given later, as the command line does.

    Example:
        >>> from dataflow_core import MemoryStorage, Pipeline
        >>> from dataflow_core.operators.general import FilterRows
        >>> class Adults(Pipeline):
        ...     def __init__(self, storage=None):
        ...         super().__init__(storage)
        ...         self.adults = FilterRows(where="age >= 18")
        ...
        ...     def forward(self):
        ...         self.adults.run(self.storage)
        >>> people = MemoryStorage([{"name": "Ada", "age": 36}, {"name": "Tim", "age": 7}])
        >>> Adults(people).forward()
        >>> people.rows()
        [{'name': 'Ada', 'age': 36}]
    """

    def __init__(self, storage: Storage | None = None) -> None:
        if storage is not None and not isinstance(storage, Storage):
            raise ConfigurationError(
                f"{type(self).__name__} takes a storage, found {type(storage).__name__}. "
                "Wrap a file with FileStorage(path), a DataFrame with MemoryStorage(table)."
            )
        self.storage: Storage = storage  # type: ignore[assignment]

    def forward(self) -> None:
        """Apply the operators to ``self.storage``."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def compile(self, *, check: bool = True) -> Plan:
        """Return the plan, without running anything.

        Args:
            check: Whether to check the plan against the storage's columns.

        Raises:
            PlanError: The plan has problems; the message lists them all.
        """
        attributes = dict(vars(self))
        storage = attributes.get("storage")
        recording = Recording(self._names(), {SOURCE: storage})
        recorder = RecordingStorage(recording)
        # Second tables too: what forward() does to them is part of the plan, not work for now.
        recorders = {id(storage): recorder}
        for name, value in attributes.items():
            if isinstance(value, Storage):
                second = recorders.setdefault(id(value), RecordingStorage(recording, value))
                self.__dict__[name] = second
        self.storage = recorder
        try:
            self.forward()
        finally:
            self.__dict__.update(attributes)
        plan = Plan(self._name(), tuple(recording.steps), recording.sources, recorder.table)
        if not plan.steps:
            raise PlanError(f"{self._name()}: forward() applies no operator to self.storage")
        if check:
            require_sound(
                plan, check_plan(plan, storage.columns() if storage is not None else None)
            )
        return plan

    def run(self, output: str | Path | None = None, **options: Any) -> Report:
        """Run the pipeline over all its data, and return the report.

        Args:
            output: Where the result goes: a path whose ending names the format, a folder, or None
                for the run directory alone.
            **options: Further options of `dataflow_core.engine.run_plan`, such as ``run_dir``,
                ``limit``, ``batch_size``.
        """
        # The engine stands above pipelines; this one line lets users write pipeline.run().
        engine = importlib.import_module("dataflow_core.engine")
        report: Report = engine.run_plan(self.compile(), output=output, **options)
        return report

    def _names(self) -> dict[int, str]:
        kinds = (Operator, Storage)
        return {id(v): n.strip("_") for n, v in vars(self).items() if isinstance(v, kinds)}

    def _name(self) -> str:
        return snake_case(type(self).__name__)
