"""The poems of a text file as rows; blank lines part them."""

from collections.abc import Iterator
from itertools import groupby, islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from dataflow_core.errors import SourceError
from dataflow_core.storage.source import BATCH_BYTES, BATCH_ROWS, Batch, Source
from dataflow_core.storage.table_storage import TableStorage
from dataflow_core.table.frames import Frame
from dataflow_core.table.identity import source_ids

SCHEMA = pa.schema([("text", pa.string())])


class PoemSource(Source):
    """The poems of a text file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def schema(self) -> pa.Schema:
        return SCHEMA

    def batches(
        self,
        schema: pa.Schema,
        batch_rows: int = BATCH_ROWS,
        batch_bytes: int = BATCH_BYTES,
        limit: int | None = None,
    ) -> Iterator[Batch]:
        position = 0
        try:
            with self.path.open(encoding="utf-8") as file:
                poems = islice(self._poems(file), limit)
                while texts := list(islice(poems, batch_rows)):
                    table = pa.table([pa.array(texts, pa.string())], schema=SCHEMA)
                    yield Batch(table, np.arange(position, position + len(texts)))
                    position += len(texts)
        except OSError as error:
            raise SourceError(f"cannot read {self.path}: {error.strerror}") from error

    def describe(self) -> str:
        return f"poem:{self.path}"

    def _poems(self, lines: Iterator[str]) -> Iterator[str]:
        for is_poem, group in groupby(lines, lambda line: bool(line.strip())):
            if is_poem:
                yield "".join(group).rstrip("\n")


class PoemStorage(TableStorage):
    """A table of the poems of a text file.

    Args:
        url: ``poem:PATH``.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self.source = PoemSource(Path(url.removeprefix("poem:").removeprefix("//")))

    def columns(self) -> dict[str, pa.DataType]:
        return dict(zip(SCHEMA.names, SCHEMA.types, strict=True))

    def load(self) -> Frame:
        tables = [batch.table for batch in self.source.batches(SCHEMA)]
        table = pa.concat_tables([SCHEMA.empty_table(), *tables])
        return Frame.from_arrow(table, source_ids("source", np.arange(table.num_rows)))
