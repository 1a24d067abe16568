"""Order the rows by columns."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from dataflow_core.errors import ColumnError
from dataflow_core.operators.base import Refiner, Scope
from dataflow_core.storage.base import Storage
from dataflow_core.table.frames import arrow_column


class Sort(Refiner):
    """Order the rows by one or more columns; rows with equal values keep their order.

    Texts are compared by code point, nulls come last in either order. The whole table is in memory
    at once.

    Attributes:
        order: ``"ascending"`` or ``"descending"``, for all columns.

    Raises:
        ColumnError: A column is not there, or holds lists or dicts.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"n": 2}, {"n": 3}, {"n": 1}])
        >>> Sort(order="descending").run(table, input_columns=["n"])
        >>> [row["n"] for row in table.rows()]
        [3, 2, 1]
    """

    modality: ClassVar = "any"
    scope: ClassVar[Scope] = "dataset"

    order: Literal["ascending", "descending"] = "ascending"

    def run(self, storage: Storage, input_columns: tuple[str, ...]) -> None:
        """Order the rows.

        Args:
            storage: The table.
            input_columns: The columns to order by, the first one counting most.
        """
        table = storage.read()
        keys = {}
        for name in input_columns:
            keys[name] = arrow_column(table[name])
            if pat.is_nested(keys[name].type) or table[name].dtype == object:
                raise ColumnError(
                    f"sort: column {name!r} holds lists or dicts, which have no order."
                )
        # A last key by position makes Arrow's sort, which is not stable, keep the order of equals.
        keys["__position"] = pa.array(np.arange(len(table)))
        order = [(name, self.order, "at_end") for name in input_columns]
        order.append(("__position", "ascending", "at_end"))
        indices = pc.sort_indices(pa.table(keys), sort_keys=order)
        storage.write(table.iloc[indices.to_numpy()])
