"""Pipelines that the benchmarks run."""

from __future__ import annotations

from dataflow_core import Pipeline, Refiner, Storage


class Nothing(Refiner):
    """Read the table and write it back."""

    def run(self, storage: Storage) -> None:
        """Read and write."""
        storage.write(storage.read())


class NoOp(Pipeline):
    """One step that changes nothing."""

    def __init__(self, storage: Storage | None = None) -> None:
        super().__init__(storage)
        self.nothing = Nothing()

    def forward(self) -> None:
        """Apply it."""
        self.nothing.run(self.storage)
