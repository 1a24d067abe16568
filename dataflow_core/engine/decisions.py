"""A two-phase operator's decision, looked up batch by batch."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dataflow_core.table.identity import RowIds


class Decision:
    """A decision over all rows, from which each batch takes its own part.

    Args:
        table: What `TwoPhase.decide` returned, indexed by row id.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        ids = table.index.to_numpy(dtype=np.uint64)
        order = np.argsort(ids, kind="stable")
        self._ids = ids[order]
        self._table = table.iloc[order]

    def of(self, ids: RowIds) -> pd.DataFrame:
        """Return the part of the decision that concerns these rows, in their order."""
        found = np.searchsorted(self._ids, ids)
        found[found == len(self._ids)] = 0
        known = self._ids[found] == ids if len(self._ids) else np.zeros(len(ids), dtype=bool)
        return self._table.iloc[found[known]]
