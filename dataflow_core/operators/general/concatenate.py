"""Append the rows of another table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa

from dataflow_core.operators.base import Generator, Scope
from dataflow_core.storage.base import Storage
from dataflow_core.table.types import unify_schemas


class Concatenate(Generator):
    """Append the rows of another table: another source, or a branch of the same pipeline.

    Columns that one of the two lacks are null in its rows; types are widened where they differ. The
    appended rows get ids of their own.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table, more = MemoryStorage([{"n": 1}]), MemoryStorage([{"n": 2}])
        >>> Concatenate().run(table, input_table=more)
        >>> [row["n"] for row in table.rows()]
        [1, 2]
    """

    modality: ClassVar = "any"
    scope: ClassVar[Scope] = "dataset"

    def run(self, storage: Storage, input_table: Storage) -> None:
        """Append the rows.

        Args:
            storage: The table.
            input_table: The other table; it stays as it is.
        """
        storage.extend(input_table)

    def columns_joined(
        self, columns: Mapping[str, pa.DataType], other: Mapping[str, pa.DataType]
    ) -> dict[str, pa.DataType]:
        """Return the columns of both tables, with types that carry the values of both."""
        joined = unify_schemas([pa.schema(columns.items()), pa.schema(other.items())])
        return dict(zip(joined.names, joined.types, strict=True))
