"""Make one row of each item of a list."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from dataflow_core.errors import ColumnError
from dataflow_core.operators.base import Generator
from dataflow_core.operators.columns import AnyColumn, ListColumn
from dataflow_core.storage.base import Bindings, Storage
from dataflow_core.table.columns import arrow_column, to_pandas


class Explode(Generator):
    """Make one row of each item of a list column; the other columns are repeated.

    Each new row gets an id of its own and the old one as its parent. A row whose list is empty or
    null makes no row and is dropped with reason ``"empty_list"``, unless ``keep_empty`` is set.

    Attributes:
        keep_empty: Whether such a row makes one row with a null item.

    Raises:
        ColumnError: The column is not there or holds no lists.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"id": 1, "tags": ["a", "b"]}])
        >>> Explode().run(table, input_list="tags", output_item="tag")
        >>> table.rows()
        [{'id': 1, 'tags': ['a', 'b'], 'tag': 'a'}, {'id': 1, 'tags': ['a', 'b'], 'tag': 'b'}]
    """

    modality: ClassVar = "any"
    makes_rows: ClassVar[bool] = True
    in_place: ClassVar[bool] = True

    keep_empty: bool = False

    def run(
        self, storage: Storage, input_list: ListColumn, output_item: AnyColumn | None = None
    ) -> None:
        """Make the rows.

        Args:
            storage: The table.
            input_list: The list column.
            output_item: The column for the item; None to put it in the list's place.
        """
        table = storage.read()
        counts, items = _flattened(table[input_list])
        if not self.keep_empty:
            empty = counts == 0
            storage.drop(table.index[empty], "empty_list")
            table, counts = table[~empty], counts[~empty]
        rows = table.loc[table.index.repeat(np.maximum(counts, 1))]
        rows[output_item or input_list] = pd.Series(_spread(items, counts), index=rows.index)
        storage.write(rows)

    def columns_after(
        self, columns: Mapping[str, pa.DataType], bindings: Bindings
    ) -> dict[str, pa.DataType]:
        """Return the columns with the item's."""
        source = str(bindings["input_list"])
        kind = columns.get(source, pa.null())
        item = kind.value_type if _is_list(kind) else pa.null()
        return {**columns, str(bindings.get("output_item") or source): item}


def _flattened(lists: pd.Series) -> tuple[npt.NDArray[np.int64], Any]:
    """Return the number of items of each row, and the items one after another."""
    if lists.dtype == object:
        unpacked = [_items(value) for value in lists]
        return np.array([*map(len, unpacked)], np.int64), [*chain.from_iterable(unpacked)]
    column = arrow_column(lists)
    if pat.is_null(column.type):
        column = column.cast(pa.list_(pa.null()))
    if not _is_list(column.type):
        raise ColumnError(
            f"explode: column {lists.name!r} is {column.type}; it takes a column of lists."
        )
    counts = pc.fill_null(pc.list_value_length(column), 0)
    return counts.to_numpy(zero_copy_only=False).astype(np.int64), pc.list_flatten(column)


def _spread(items: Any, counts: npt.NDArray[np.int64]) -> Any:
    """Return the items as an array of a DataFrame, with a null for each row that has none."""
    missing = np.repeat(counts == 0, np.maximum(counts, 1))
    places = np.cumsum(~missing) - 1
    if isinstance(items, list):
        spread = np.empty(len(places), dtype=object)
        for position, place in enumerate(places):
            spread[position] = None if missing[position] else items[place]
        return spread
    return to_pandas(pa.chunked_array([items.take(pa.array(places, mask=missing))]))


def _is_list(kind: pa.DataType) -> bool:
    return bool(pat.is_list(kind) or pat.is_large_list(kind) or pat.is_fixed_size_list(kind))


def _items(value: object) -> list[object]:
    if value is None or value is pd.NA:
        return []
    if not hasattr(value, "__iter__") or isinstance(value, (str, bytes, dict)):
        raise TypeError(f"a list wanted, found {value!r:.60}")
    return list(value)
