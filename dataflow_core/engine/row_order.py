"""The order of the rows of a stage: that of the rows that flowed into it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dataflow_core.engine.rundir import RunDirectory
from dataflow_core.engine.work import Work
from dataflow_core.table.identity import IdIndex, RowIds, parsed, positions_in_source

Places = npt.NDArray[np.int64]


class RowOrder:
    """Where rows that a stage keeps, drops or makes belong in its tables.

    A row has the place of the row that flowed in of which it was made; rows made of one row stand
    in the order in which they were made.

    Args:
        work: The stage.
        directory: The run directory.
        others: Further directories with rows that the stage has made.
    """

    def __init__(
        self, work: Work, directory: RunDirectory, others: Sequence[RunDirectory] = ()
    ) -> None:
        self._table = work.table
        places = [directory, *others]
        self._made = [_Made.of(step.name, places) for step in work.steps]
        ids = None if work.reads_source else directory.table("tables", work.table).ids()
        self._ids = None if ids is None else IdIndex(ids)

    def keys(self, ids: RowIds) -> list[Places]:
        """Return what rows are sorted by: first their places, then those among their siblings.

        Args:
            ids: The rows' ids.
        """
        keys: list[Places] = []
        for made in reversed(self._made):
            ids, numbers = made.back(ids)
            keys.append(numbers)
        return [self._places(ids), *reversed(keys)]

    def _places(self, ids: RowIds) -> Places:
        if self._ids is None:
            return positions_in_source(self._table, ids).astype(np.int64)
        return self._ids.positions(ids)


class _Made:
    """The rows that a step made of others, in the order in which it made them."""

    def __init__(self, parents: RowIds, children: RowIds) -> None:
        self._parents = np.append(parents, np.uint64(0))
        self._children = IdIndex(children)

    @classmethod
    def of(cls, step: str, directories: Sequence[RunDirectory]) -> _Made:
        none = np.empty(0, np.uint64)
        parents, children = [none], [none]
        for directory in directories:
            for table in directory.table("ledger", step).batches():
                parents.append(parsed(table["row_id"]))
                children.append(parsed(table["related_row_id"]))
        return cls(np.concatenate(parents), np.concatenate(children))

    def back(self, ids: RowIds) -> tuple[RowIds, Places]:
        """Return the rows of which rows were made, and their numbers; -1 where a row was not."""
        numbers = self._children.positions(ids)
        return np.where(numbers < 0, ids, self._parents[numbers]), numbers
