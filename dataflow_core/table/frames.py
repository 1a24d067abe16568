"""Frames: the rows of a table with their ids, column by column."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from dataflow_core.table.columns import Column, Selection
from dataflow_core.table.identity import RowIds
from dataflow_core.table.types import ABSENT, HIDDEN, concat, visible

INDEX_NAME = "row_id"


class Frame:
    """Rows with their ids: what storages hold, operators change, and engines pass on.

    Args:
        columns: The columns by name, hidden ones included.
        ids: One id a row.
    """

    __slots__ = ("columns", "ids")

    def __init__(self, columns: Mapping[str, Column], ids: RowIds) -> None:
        self.columns = dict(columns)
        self.ids = ids

    @classmethod
    def from_arrow(cls, table: pa.Table, ids: RowIds) -> Frame:
        """Make a frame of an Arrow table and the ids of its rows."""
        return cls({name: Column(table[name]) for name in table.column_names}, ids)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def names(self) -> list[str]:
        """The names of the visible columns."""
        return [name for name in self.columns if name not in HIDDEN]

    def to_arrow(self) -> pa.Table:
        """Return the frame as an Arrow table, hidden columns included."""
        if not self.columns:
            return pa.table({"_": pa.nulls(len(self))}).select([])
        return pa.table({name: column.arrow() for name, column in self.columns.items()})

    def to_pandas(self, names: Sequence[str], texts: Container[str] = ()) -> pd.DataFrame:
        """Return columns as a DataFrame whose index holds the row ids.

        Args:
            names: The columns.
            texts: Those that the operator takes for texts, even where all are null.
        """
        index = pd.Index(self.ids, name=INDEX_NAME)
        arrays = {name: self.columns[name].lend(as_text=name in texts) for name in names}
        return pd.DataFrame(arrays, index=index, copy=False)

    def take(self, positions: npt.NDArray[np.int64]) -> Frame:
        """Return the rows at ``positions``."""
        selection = Selection(positions)
        columns = {name: column.take(selection) for name, column in self.columns.items()}
        return Frame(columns, self.ids[positions])

    def slice(self, start: int, length: int) -> Frame:
        """Return up to ``length`` rows from ``start`` on."""
        return self.take(np.arange(start, min(start + length, len(self)), dtype=np.int64))

    def rename(self, names: Mapping[str, str]) -> Frame:
        """Return the frame with other names for its columns, also where rows lack their keys."""
        columns = {names.get(name, name): column for name, column in self.columns.items()}
        if ABSENT in columns:
            absent = columns[ABSENT].arrow()
            values = [keys and [names.get(key, key) for key in keys] for keys in absent.to_pylist()]
            columns[ABSENT] = Column(pa.chunked_array([pa.array(values, absent.type)]))
        return Frame(columns, self.ids)

    def schema(self) -> pa.Schema:
        """Return the Arrow schema of the visible columns."""
        return visible(self.to_arrow().schema)


def concat_frames(frames: Sequence[Frame]) -> Frame:
    """Concatenate frames, widening column types where they differ."""
    if len(frames) == 1:
        return frames[0]
    ids = [frame.ids for frame in frames] or [np.empty(0, np.uint64)]
    return Frame.from_arrow(concat([frame.to_arrow() for frame in frames]), np.concatenate(ids))
