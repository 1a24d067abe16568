"""Keep a random part of the rows, the same part every time."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from dataflow_core.operators.columns import AnyColumn
from dataflow_core.operators.dataset import DatasetFilter
from dataflow_core.operators.general.hashing import row_digests
from dataflow_core.storage.base import Storage
from dataflow_core.table.identity import child_ids


class Sample(DatasetFilter):
    """Keep a random part of the rows: a number of them, or a fraction.

    The choice depends on the rows' ids and the seed alone, so it is the same whatever the batch
    size. Rows keep their order. With ``input_group`` the part is taken of each group on its own
    (stratified): the number or fraction holds within each distinct value of that column.

    Attributes:
        count: How many rows to keep (of each group); all if there are fewer.
        fraction: Which share to keep (of each group), 0 to 1, rounded to whole rows.
        seed: Another seed chooses other rows.

    Raises:
        ConfigurationError: Both or none of ``count`` and ``fraction`` are given.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"n": n} for n in range(100)])
        >>> Sample(count=10, seed=7).run(table)
        >>> len(table)
        10
    """

    modality: ClassVar = "any"

    count: int | None = Field(default=None, ge=0)
    fraction: float | None = Field(default=None, ge=0, le=1)
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.count is None) == (self.fraction is None):
            raise ValueError("give either count or fraction")
        return self

    def run(self, storage: Storage, input_group: AnyColumn | None = None) -> None:
        """Drop the rows that were not chosen.

        Args:
            storage: The table.
            input_group: The column whose values are the groups; None for one group.
        """
        self.run_phases(storage, input_group=input_group)

    def sketch(self, storage: Storage, **bindings: Any) -> pd.DataFrame:
        """Return each row's place in a random order, and its group."""
        group = bindings["input_group"]
        table = storage.read([group] if group else [])
        ids = table.index.to_numpy()
        order = child_ids(ids, f"sample {self.seed}", np.zeros(len(ids), np.int64))
        groups = row_digests(table, [group])["low"] if group else np.zeros(len(ids), np.uint64)
        return pd.DataFrame({"order": order, "group": groups}, index=table.index)

    def decide(self, sketches: pd.DataFrame) -> pd.DataFrame:
        """Drop all but the first of each group in the random order."""
        groups = sketches.groupby("group", sort=False)["order"]
        rank = groups.rank(method="first").to_numpy()
        if self.count is not None:
            wanted = np.full(len(sketches), self.count, dtype=np.float64)
        else:
            wanted = np.rint(groups.transform("size").to_numpy() * (self.fraction or 0.0))
        dropped = sketches.index[rank > wanted]
        return pd.DataFrame({"reason": ["not_sampled"] * len(dropped)}, index=dropped)
