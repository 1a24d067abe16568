"""A source over an Arrow table in memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import xxhash

from dataflow_core.storage.source import BATCH_BYTES, BATCH_ROWS, Batch, Source, SourceSample
from dataflow_core.storage.spans import spread
from dataflow_core.table.types import visible


class MemorySource(Source):
    """The rows of an Arrow table."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def schema(self) -> pa.Schema:
        """Return the table's schema."""
        return visible(self.table.schema)

    def batches(
        self,
        schema: pa.Schema,
        batch_rows: int = BATCH_ROWS,
        batch_bytes: int = BATCH_BYTES,
        limit: int | None = None,
    ) -> Iterator[Batch]:
        """Yield slices of the table."""
        rows = self.table.num_rows if limit is None else min(limit, self.table.num_rows)
        for start in range(0, rows, batch_rows):
            part = self.table.slice(start, min(batch_rows, rows - start))
            yield Batch(part, np.arange(start, start + part.num_rows, dtype=np.int64))

    def estimated_rows(self) -> int:
        """Return how many rows there are."""
        return int(self.table.num_rows)

    def sample(self, schema: pa.Schema, rows: int, blocks: int) -> SourceSample:
        """Return slices of the table; see `Source.sample`."""
        total = self.table.num_rows
        if total <= rows:
            return super().sample(schema, rows, blocks)
        spans = spread(total, rows, blocks)
        tables = tuple(self.table.slice(start, stop - start) for start, stop in spans)
        return SourceSample(tables, (0,) * len(tables), total, is_exact=True, origin="spread")

    def describe(self) -> str:
        """Return ``"memory"``."""
        return "memory"

    def fingerprint(self) -> str:
        """Return a hash of the rows."""
        digest = xxhash.xxh3_128()
        for batch in self.table.to_batches():
            for column in batch.columns:
                for buffer in column.buffers():
                    digest.update(b"" if buffer is None else memoryview(buffer))
        return f"{self.table.num_rows} rows, {digest.hexdigest()}"
