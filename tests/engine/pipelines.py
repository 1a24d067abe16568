"""Pipelines that the engine's tests run."""

from __future__ import annotations

import json
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import ClassVar

import pytest

from dataflow_core import FileStorage, Pipeline, Refiner, Storage
from dataflow_core.engine import run
from dataflow_core.operators.dataset import DatasetEvaluator


class Nothing(Refiner):
    def run(self, storage: Storage) -> None:
        storage.write(storage.read())


class NothingAtOnce(Nothing):
    scope: ClassVar = "dataset"


class Fragile(Refiner):
    """Double numbers, but raise for those in a file; note in another one which were done.

    Attributes:
        folder: Where the files are: ``bad`` and ``seen``.
        factor: By what numbers are multiplied.
    """

    folder: str
    factor: int = 2

    def run(self, storage: Storage, input_number: str = "n") -> None:
        table = storage.read([input_number])
        bad, numbers = Path(self.folder, "bad"), table[input_number].tolist()
        if bad.exists() and (found := set(json.loads(bad.read_text())).intersection(numbers)):
            raise ValueError(f"{min(found)} is bad")
        with Path(self.folder, "seen").open("a") as file:
            file.writelines(f"{number}\n" for number in numbers)
        table[input_number] *= self.factor
        storage.write(table)


class Counted(DatasetEvaluator):
    """Count rows as they flow by."""

    def run(self, storage: Storage, input_n: str = "n") -> None:
        self.run_phases(storage, input_n=input_n)

    def sketch(self, storage, input_n):
        return storage.read([input_n])

    def findings(self, sketches):
        return {"rows": len(sketches)}


class Checkpointed(Pipeline):
    """A step that changes nothing, a checkpoint, and another one."""

    def __init__(self, storage: Storage | None = None) -> None:
        super().__init__(storage)
        self.before = Nothing()
        self.barrier = NothingAtOnce()
        self.after = Nothing()

    def forward(self) -> None:
        self.before.run(self.storage)
        self.barrier.run(self.storage)
        self.after.run(self.storage)


class Steps(Pipeline):
    """Operators one after the other, each with its columns."""

    def __init__(self, storage, *steps) -> None:
        super().__init__(storage)
        self.steps = steps

    def forward(self) -> None:
        for operator, columns in self.steps:
            operator.run(self.storage, **columns)


def run_checkpointed(source, target, tmp_path, **options):
    return Checkpointed(FileStorage(source)).run(output=target, run_dir=tmp_path / "run", **options)


@contextmanager
def stopped_by(event):
    """Have a run take an event for Ctrl-C."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "stop_on_interrupt", lambda _say=None: nullcontext(event.is_set))
        yield
