"""Tables in memory: of dicts, a DataFrame or an Arrow table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from dataflow_core.errors import SourceError
from dataflow_core.storage.memory_source import MemorySource
from dataflow_core.storage.table_storage import TableStorage
from dataflow_core.table.columns import column_arrays, to_arrow
from dataflow_core.table.frames import Frame
from dataflow_core.table.identity import SOURCE_KEY, source_ids
from dataflow_core.table.values import rows_of, table_of


class MemoryStorage(TableStorage):
    """A table in memory, for notebooks and tests.

    Args:
        rows: Dicts (a key that a dict lacks stays missing, and is not the same as None), a
            DataFrame (its index is not kept), or an Arrow table.

    Raises:
        SourceError: The rows are of another kind, or hold values that no table carries.

    Example:
        >>> storage = MemoryStorage([{"text": "one"}, {"text": None}])
        >>> len(storage)
        2
    """

    source: MemorySource

    def __init__(self, rows: Iterable[Mapping[str, Any]] | pd.DataFrame | pa.Table) -> None:
        table = _table(rows)
        ids = source_ids(SOURCE_KEY, np.arange(table.num_rows, dtype=np.int64))
        super().__init__(Frame.from_arrow(table, ids))
        self.source = MemorySource(table)

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows as they stand, as dicts; a missing key stays missing."""
        return rows_of(self.frame.to_arrow())


def _table(rows: Any) -> pa.Table:
    if isinstance(rows, pa.Table):
        return rows
    if isinstance(rows, pd.DataFrame):
        return pa.table({str(name): to_arrow(array, None) for name, array in column_arrays(rows)})
    rows = list(rows)
    for position, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise SourceError(
                f"MemoryStorage: row {position} is a {type(row).__name__}; rows are dicts. "
                'For a list of texts, pass [{"text": text} for text in texts].'
            )
    return table_of(rows)
