"""Give columns other names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Self

import pyarrow as pa
from pydantic import Field, model_validator

from dataflow_core.errors import ConfigurationError
from dataflow_core.operators.base import Refiner
from dataflow_core.storage.base import Bindings, Storage


class RenameColumns(Refiner):
    """Give columns other names; their places and values stay.

    Attributes:
        names: The new name of each column to rename.

    Raises:
        ColumnError: A column is not there.
        ConfigurationError: A new name is taken by another column.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"raw_content": "one"}])
        >>> RenameColumns(names={"raw_content": "text"}).run(table)
        >>> table.rows()
        [{'text': 'one'}]
    """

    modality: ClassVar = "any"

    names: dict[str, str] = Field(min_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(set(self.names.values())) < len(self.names):
            raise ValueError("two columns would get the same name")
        return self

    def run(self, storage: Storage) -> None:
        """Rename the columns."""
        for problem in self._taken(storage.columns() or ()):
            raise ConfigurationError(f"rename_columns: {problem}")
        storage.rename(self.names)

    def reads(self, bindings: Bindings) -> dict[str, tuple[str, ...]]:
        """Return the columns to rename."""
        return {"names": tuple(self.names)}

    def writes(self, bindings: Bindings) -> dict[str, tuple[str, ...]]:
        """Return the new names."""
        return {"names": tuple(self.names.values())}

    def columns_after(
        self, columns: Mapping[str, pa.DataType], bindings: Bindings
    ) -> dict[str, pa.DataType]:
        """Return the columns under their new names."""
        return {self.names.get(name, name): kind for name, kind in columns.items()}

    def problems(
        self,
        columns: Mapping[str, pa.DataType],
        bindings: Bindings,
        others: Mapping[str, Mapping[str, pa.DataType]] | None = None,
    ) -> list[str]:
        """Say which new names are taken."""
        return self._taken(columns)

    def _taken(self, columns: Iterable[str]) -> list[str]:
        taken = set(columns) - set(self.names)
        return [
            f"the name {new!r} is taken by another column; remove that one first "
            "(core/select_columns), or choose another name."
            for new in self.names.values()
            if new in taken
        ]
