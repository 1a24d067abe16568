"""Drop rows that repeat an earlier one exactly."""

from __future__ import annotations

from typing import Any, ClassVar

import pandas as pd

from dataflow_core.operators.dataset import DatasetFilter
from dataflow_core.operators.general.hashing import first_of_equals, row_digests
from dataflow_core.storage.base import Storage


class DeduplicateExact(DatasetFilter):
    """Keep the first of each set of rows with equal values.

    Each dropped row has reason ``"duplicate"`` and the id of the row that it repeats. Rows whose
    compared values are all null repeat nothing. Values are compared by 128-bit xxh3 digests, 24
    bytes a row.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "a"}, {"text": "b"}, {"text": "a"}])
        >>> DeduplicateExact().run(table, input_columns=["text"])
        >>> table.rows()
        [{'text': 'a'}, {'text': 'b'}]
    """

    modality: ClassVar = "any"

    def run(self, storage: Storage, input_columns: tuple[str, ...] | None = None) -> None:
        """Drop the duplicates.

        Args:
            storage: The table.
            input_columns: The columns that are compared; None for all.
        """
        self.run_phases(storage, input_columns=input_columns)

    def sketch(self, storage: Storage, **bindings: Any) -> pd.DataFrame:
        """Return the digest of each row."""
        table = storage.read(bindings["input_columns"])
        return row_digests(table, list(table.columns))

    def decide(self, sketches: pd.DataFrame) -> pd.DataFrame:
        """Drop all but the first row of each digest."""
        repeats, firsts = first_of_equals(sketches)
        return pd.DataFrame(
            {"reason": ["duplicate"] * len(repeats), "duplicate_of": sketches.index[firsts]},
            index=sketches.index[repeats],
        )
