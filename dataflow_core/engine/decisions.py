"""What a two-phase operator knows of all rows: their sketches, and then its decision."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from dataflow_core.operators.dataset import DatasetEvaluator, TwoPhase
from dataflow_core.table.identity import IdIndex, RowIds

_MERGED_LINES = 1 << 20
"""The fewest lines of new sketches worth merging."""


class Sketches:
    """The sketches of the batches so far, merged as they come where the operator can.

    They are merged when the new ones have as many lines as all before, so that each line is merged
    a few times only, and memory holds about twice what is left of them.

    Args:
        operator: Whose sketches they are.
        sketches: Sketches, in order.
    """

    def __init__(self, operator: TwoPhase, sketches: Iterable[pd.DataFrame] = ()) -> None:
        self._operator = operator
        self._parts: list[pd.DataFrame] = []
        self._merged = self._fresh = 0
        for sketch in sketches:
            self.add(sketch)

    def add(self, sketch: pd.DataFrame) -> None:
        """Add the sketch of one more batch."""
        self._parts.append(sketch)
        self._fresh += len(sketch)
        if self._fresh >= max(_MERGED_LINES, self._merged) and isinstance(
            self._operator, DatasetEvaluator
        ):
            self._parts = [self._operator.merge(self.all())]
            self._merged, self._fresh = len(self._parts[0]), 0

    def all(self) -> pd.DataFrame:
        """Return the sketches of all batches, in order."""
        return pd.concat(self._parts)


class Decision:
    """A decision over all rows, from which each batch takes its own part.

    Args:
        table: What `TwoPhase.decide` returned, indexed by row id.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self._index = IdIndex(table.index.to_numpy(dtype=np.uint64))
        self._table = table

    def of(self, ids: RowIds) -> pd.DataFrame:
        """Return the part of the decision that concerns these rows, in their order."""
        found = self._index.positions(ids)
        return self._table.iloc[found[found >= 0]]
