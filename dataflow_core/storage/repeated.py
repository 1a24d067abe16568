"""A table gone over several times: more candidates from the same seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from dataflow_core.errors import ConfigurationError
from dataflow_core.storage.source import BATCH_BYTES, BATCH_ROWS, Batch, Source, SourceSample
from dataflow_core.storage.table_storage import TableStorage


class RepeatedStorage(TableStorage):
    """A table whose rows come again and again, round after round, each time as rows of their own.

    So a few seeds make many candidates: where words are chosen at random (``temperature`` above 0),
    a model answers each of the rows anew. At temperature 0 its answers are the same in every round,
    and are asked for once.

    Args:
        storage: The table.
        rounds: How often its rows come.

    Raises:
        ConfigurationError: ``rounds`` is no whole number from 1 on, or the storage holds no table.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> twice = RepeatedStorage(MemoryStorage([{"n": 1}, {"n": 2}]), rounds=2)
        >>> twice.read()["n"].tolist()
        [1, 2, 1, 2]
    """

    source: RepeatedSource

    def __init__(self, storage: TableStorage, rounds: int) -> None:
        if not isinstance(storage, TableStorage):
            found = type(storage).__name__
            raise ConfigurationError(f"RepeatedStorage takes a storage of rows, found {found}.")
        if isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 1:
            raise ConfigurationError(f"rounds is {rounds!r}; it takes a whole number from 1 on.")
        super().__init__()
        self.source = RepeatedSource(storage.as_source(), rounds)


class RepeatedSource(Source):
    """The rows of another source, again and again.

    Args:
        once: The other source.
        rounds: How often.
    """

    def __init__(self, once: Source, rounds: int) -> None:
        self.once = once
        self.rounds = rounds

    def schema(self) -> pa.Schema:
        """Return the other source's schema."""
        return self.once.schema()

    def exact_schema(self) -> pa.Schema:
        """Return the other source's exact schema."""
        return self.once.exact_schema()

    def batches(
        self,
        schema: pa.Schema,
        batch_rows: int = BATCH_ROWS,
        batch_bytes: int = BATCH_BYTES,
        limit: int | None = None,
    ) -> Iterator[Batch]:
        """Yield the rows of all rounds; their positions go on from round to round."""
        offset = 0
        for _ in range(self.rounds):
            left = None if limit is None else limit - offset
            if left is not None and left <= 0:
                return
            end = offset
            for batch in self.once.batches(schema, batch_rows, batch_bytes, left):
                moved = _moved(batch, offset)
                end = max([end, *(moved.positions[-1:] + 1), *(p + 1 for p in moved.bad_positions)])
                yield moved
            if end == offset:
                return  # it has no rows
            offset = int(end)

    def estimated_rows(self) -> int | None:
        """Return about how many rows all rounds have."""
        rows = self.once.estimated_rows()
        return None if rows is None else rows * self.rounds

    def sample(self, schema: pa.Schema, rows: int, blocks: int) -> SourceSample:
        """Return a sample of one round, which stands for all."""
        found = self.once.sample(schema, rows, blocks)
        return replace(found, total=found.total * self.rounds)

    def project(self, columns: Sequence[str]) -> RepeatedSource:
        """Return a source of the same rows that need not read other columns."""
        return RepeatedSource(self.once.project(columns), self.rounds)

    def describe(self) -> str:
        """Return where the rows come from, and how often."""
        return f"{self.once.describe()} ({self.rounds} rounds)"

    def would_read(self, path: Path) -> bool:
        """Tell whether the rows come from this file."""
        return self.once.would_read(path)

    def fingerprint(self) -> str:
        """Return a text that changes when the content does."""
        return f"{self.once.fingerprint()} * {self.rounds}"


def _moved(batch: Batch, offset: int) -> Batch:
    positions = tuple(position + offset for position in batch.bad_positions)
    return replace(batch, positions=batch.positions + offset, bad_positions=positions)
