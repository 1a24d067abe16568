"""Keep some columns, in a given order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa
from pydantic import Field, field_validator

from dataflow_core.operators.base import Refiner
from dataflow_core.storage.base import Bindings, Storage


class SelectColumns(Refiner):
    """Keep the named columns, in this order, and remove the others.

    As a pipeline's first step it also spares reading the others, where the format allows.

    Attributes:
        columns: The columns to keep.

    Raises:
        ColumnError: A column is not there.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"id": 1, "text": "one", "url": "x"}])
        >>> SelectColumns(columns=["text", "id"]).run(table)
        >>> table.rows()
        [{'text': 'one', 'id': 1}]
    """

    modality: ClassVar = "any"

    columns: tuple[str, ...] = Field(min_length=1)

    @field_validator("columns")
    @classmethod
    def _distinct(cls, columns: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(columns)) < len(columns):
            raise ValueError("a column is named twice")
        return columns

    def run(self, storage: Storage) -> None:
        """Remove the other columns."""
        storage.write(storage.read()[list(self.columns)])

    def reads(self, bindings: Bindings) -> dict[str, tuple[str, ...]]:
        """Return the columns to keep."""
        return {"columns": self.columns}

    def columns_after(
        self, columns: Mapping[str, pa.DataType], bindings: Bindings
    ) -> dict[str, pa.DataType]:
        """Return the columns to keep."""
        return {name: columns[name] for name in self.columns if name in columns}
