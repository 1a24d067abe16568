"""Keep some columns, in a given order, or all but some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

import pyarrow as pa
from pydantic import field_validator, model_validator

from dataflow_core.operators.base import Refiner
from dataflow_core.storage.base import Bindings, Storage


class SelectColumns(Refiner):
    """Keep the named columns, in this order, and remove the others; or remove the named ones.

    As a pipeline's first step it also spares reading the others, where the format allows.

    Attributes:
        columns: The columns to keep.
        remove: The columns to remove, where none to keep are named.

    Raises:
        ColumnError: A column is not there.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"id": 1, "text": "one", "url": "x"}])
        >>> SelectColumns(columns=["text", "id"]).run(table)
        >>> table.rows()
        [{'text': 'one', 'id': 1}]
        >>> SelectColumns(remove=["id"]).run(table)
        >>> table.rows()
        [{'text': 'one'}]
    """

    modality: ClassVar = "any"

    columns: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    @field_validator("columns", "remove")
    @classmethod
    def _distinct(cls, columns: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(columns)) < len(columns):
            raise ValueError("a column is named twice")
        return columns

    @model_validator(mode="after")
    def _either(self) -> Self:
        if bool(self.columns) == bool(self.remove):
            raise ValueError("name the columns to keep (columns) or those to remove (remove)")
        return self

    def run(self, storage: Storage) -> None:
        """Remove the other columns."""
        table = storage.read()
        kept = self.columns or [name for name in table.columns if name not in self.remove]
        storage.write(table[list(kept)])

    def reads(self, bindings: Bindings) -> dict[str, tuple[str, ...]]:
        """Return the columns that are named."""
        return {"columns": self.columns} if self.columns else {"remove": self.remove}

    def columns_after(
        self, columns: Mapping[str, pa.DataType], bindings: Bindings
    ) -> dict[str, pa.DataType]:
        """Return the columns to keep."""
        kept = self.columns or [name for name in columns if name not in self.remove]
        return {name: columns[name] for name in kept if name in columns}
