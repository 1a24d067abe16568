"""Make one row of each item of a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pandas as pd
import pyarrow as pa
import pyarrow.types as pat

from dataflow_core.errors import ColumnError
from dataflow_core.operators.base import Generator
from dataflow_core.operators.columns import AnyColumn, ListColumn
from dataflow_core.storage.base import Bindings, Storage
from dataflow_core.table.frames import arrow_column


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
        kind = _item_type(table[input_list])
        lists = [_items(value) for value in table[input_list]]
        if not self.keep_empty:
            empty = pd.array([not items for items in lists], dtype=bool)
            storage.drop(table.index[empty], "empty_list")
            table = table[~empty]
            lists = [items for items in lists if items]
        repeats = [max(len(items), 1) for items in lists]
        rows = table.loc[table.index.repeat(repeats)]
        items = [item for items in lists for item in (items or [None])]
        dtype = object if kind is None else pd.ArrowDtype(kind)
        rows[output_item or input_list] = pd.Series(items, index=rows.index, dtype=dtype)
        storage.write(rows)

    def columns_after(
        self, columns: Mapping[str, pa.DataType], bindings: Bindings
    ) -> dict[str, pa.DataType]:
        """Return the columns with the item's."""
        source = str(bindings["input_list"])
        kind = columns.get(source, pa.null())
        item = kind.value_type if pat.is_list(kind) or pat.is_large_list(kind) else pa.null()
        return {**columns, str(bindings.get("output_item") or source): item}


def _item_type(lists: pd.Series) -> pa.DataType | None:
    """Return the type of the items, whatever the rows; None for JSON values."""
    if lists.dtype == object:
        return None
    kind = arrow_column(lists).type
    if pat.is_null(kind):
        return kind
    if not (pat.is_list(kind) or pat.is_large_list(kind) or pat.is_fixed_size_list(kind)):
        raise ColumnError(f"explode: column {lists.name!r} is {kind}; it takes a column of lists.")
    return kind.value_type


def _items(value: object) -> list[object]:
    if value is None or value is pd.NA:
        return []
    if not hasattr(value, "__iter__") or isinstance(value, (str, bytes, dict)):
        raise TypeError(f"a list wanted, found {value!r:.60}")
    return list(value)
