"""Apply a Python function to the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import pandas as pd
import pyarrow as pa

from dataflow_core.errors import OperatorError
from dataflow_core.operators.base import Scope
from dataflow_core.operators.filters import Filter
from dataflow_core.storage.base import Bindings, Storage


class Apply(Filter):
    """Apply a function of one's own to the table, in Python pipelines only.

    The function gets a DataFrame indexed by row id and returns one: with other values, more or
    fewer columns, or fewer rows (these are dropped with reason ``"apply"``). It keeps the index. A
    recipe cannot hold a function: there, use `core/filter_rows` and `core/derive_column`.

    Attributes:
        func: The function, from DataFrame to DataFrame.
        whole_table: Whether it needs all rows at once; otherwise it gets batches, and the result of
            a row must not depend on the others.

    Raises:
        OperatorError: The function raised, lost the index, or returned no DataFrame.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"n": 1}, {"n": 2}])
        >>> Apply(func=lambda table: table.assign(double=table["n"] * 2)).run(table)
        >>> [row["double"] for row in table.rows()]
        [2, 4]
    """

    modality: ClassVar = "any"
    in_place: ClassVar[bool] = True

    func: Callable[[pd.DataFrame], pd.DataFrame]
    whole_table: bool = False

    @property
    def scope(self) -> Scope:  # type: ignore[override]
        """Its scope: that of the function."""
        return "dataset" if self.whole_table else "row"

    def run(
        self,
        storage: Storage,
        input_columns: tuple[str, ...] | None = None,
        output_columns: tuple[str, ...] | None = None,
    ) -> None:
        """Apply the function.

        Args:
            storage: The table.
            input_columns: The columns that the function gets; None for all.
            output_columns: The columns that it makes, for checks before the run.
        """
        result = self.func(storage.read(input_columns))
        if not isinstance(result, pd.DataFrame):
            raise OperatorError(
                f"apply: the function returned {type(result).__name__}; it returns a DataFrame."
            )
        storage.write(result)

    def columns_after(
        self, columns: Mapping[str, pa.DataType], bindings: Bindings
    ) -> dict[str, pa.DataType]:
        """Return the columns; of those that the function gets, no type is known any more."""
        given = bindings.get("input_columns")
        changed = columns if given is None else tuple(given)  # type: ignore[arg-type]
        kinds = {name: pa.null() if name in changed else kind for name, kind in columns.items()}
        return super().columns_after(kinds, bindings)
