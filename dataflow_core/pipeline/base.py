"""Pipelines in the manner of PyTorch: operators made in `__init__`, applied in `forward`."""

from __future__ import annotations

import importlib
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataflow_core.errors import ConfigurationError, PlanError
from dataflow_core.operators.base import Operator, snake_case
from dataflow_core.pipeline.checks import check_plan, require_sound
from dataflow_core.pipeline.plan import SOURCE, Plan
from dataflow_core.pipeline.recorder import Recording, RecordingStorage
from dataflow_core.storage.base import COMPILING, Storage

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
        storage = self.__dict__.get("storage")
        recording = Recording(self._names(), {SOURCE: storage})
        recorder = RecordingStorage(recording)
        recorders: dict[int, Storage] = {id(storage): recorder}
        compiling = COMPILING.set(self._name())
        try:
            with ExitStack() as restored:
                self._record(recording, recorders, restored)
                self.storage = recorder
                self.forward()
        finally:
            COMPILING.reset(compiling)
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

    def _record(
        self, recording: Recording, recorders: dict[int, Storage], restored: ExitStack
    ) -> None:
        """Put recorders in place of all storages, those of pipelines within this one included.

        What forward() does to them is part of the plan, not work for now.
        """
        attributes = dict(vars(self))
        restored.callback(self.__dict__.update, attributes)
        for name, value in attributes.items():
            if isinstance(value, Pipeline):
                value._record(recording, recorders, restored)  # noqa: SLF001
            elif isinstance(value, Storage):
                new = RecordingStorage(recording, value)
                self.__dict__[name] = recorders.setdefault(id(value), new)

    def _names(self) -> dict[int, str]:
        names = {}
        for name, value in vars(self).items():
            if isinstance(value, (Operator, Storage)):
                names[id(value)] = name.strip("_")
            elif isinstance(value, Pipeline):
                inner = value._names()  # noqa: SLF001
                names |= {
                    key: f"{name.strip('_')}_{n}" for key, n in inner.items() if key not in names
                }
        return names

    def _name(self) -> str:
        return snake_case(type(self).__name__)
