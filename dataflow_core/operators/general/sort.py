"""Order the rows by columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from dataflow_core.errors import ColumnError
from dataflow_core.operators.base import Refiner, Scope
from dataflow_core.operators.decoding import plain
from dataflow_core.storage.base import Bindings, Storage
from dataflow_core.storage.bindings import inputs
from dataflow_core.table.columns import arrow_column
from dataflow_core.table.types import is_json


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
        keys = [_key(table[name]) for name in input_columns]
        # A last key by position makes Arrow's sort, which is not stable, keep the order of equals.
        keys.append(pa.array(np.arange(len(table))))
        names = [str(number) for number in range(len(keys))]
        order = [(name, self.order, "at_end") for name in names[:-1]]
        order.append((names[-1], "ascending", "at_end"))
        indices = pc.sort_indices(pa.table(keys, names=names), sort_keys=order)
        storage.write(table.iloc[indices.to_numpy()])

    def problems(
        self,
        columns: Mapping[str, pa.DataType],
        bindings: Bindings,
        others: Mapping[str, Mapping[str, pa.DataType]] | None = None,
    ) -> list[str]:
        """Say which columns have no order."""
        names = [name for name in inputs(bindings)["input_columns"] if name in columns]
        return [_no_order(name) for name in names if not _has_order(columns[name])]


def _key(column: pd.Series) -> pa.Array:
    values = plain(arrow_column(column))
    if column.dtype == object or not _has_order(values.type):
        raise ColumnError(f"sort: {_no_order(str(column.name))}")
    return values


def _has_order(kind: pa.DataType) -> bool:
    return not (pat.is_nested(kind) or is_json(kind))


def _no_order(name: str) -> str:
    return f"column {name!r} holds lists or dicts, which have no order."
