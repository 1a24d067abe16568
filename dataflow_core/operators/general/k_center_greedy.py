"""Keep a few rows that stand for all: a core-set."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from dataflow_core.operators.columns import ListColumn
from dataflow_core.operators.general.vectors import (
    Matrix,
    Positions,
    VectorFilter,
    unit_length,
)
from dataflow_core.storage.base import Storage
from dataflow_core.table.identity import child_ids

_ROWS = 512
"""So many rows are compared at a time, that what is worked on stays in the processor's cache."""


class KCenterGreedy(VectorFilter):
    """Keep ``num_samples`` rows such that each other one is near one of them: a core-set.

    The first centre is chosen at random; each further one is the row farthest from all centres so
    far (the lowest of equals). Thus the greatest distance of a row to its centre is at most twice
    the least that is possible with so many centres. Centres are the rows that stay, in their order,
    exactly ``num_samples`` of them, all if there are fewer: rows with equal vectors count each.

    A dropped row has reason ``"not_selected"`` and its distance to the nearest centre as value; one
    whose vector is null or empty has reason ``"no_embedding"``. A vector with a null, NaN or
    infinite component sends its row to quarantine (reason ``"invalid_vector"``), and with the
    cosine metric one of zeros alone (``"zero_vector"``).

    The choice depends on the vectors, the rows' ids and the seed alone, not on batches. Kept in
    memory are four bytes a component; the time is in proportion to rows x samples x components.

    Source: core-set (Sener and Savarese 2018), Algorithm 1: Active Learning for Convolutional
    Neural Networks: A Core-Set Approach (arXiv 1708.00489).

    Attributes:
        num_samples: How many rows to keep.
        metric: ``"euclidean"``: the length of the difference; ``"cosine"``: 1 less the cosine of
            the angle, 0 to 2.
        seed: Another seed begins with another row.

    Raises:
        OperatorError: Vectors differ in their number of components.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> vectors = [[0.0, 0.0], [0.0, 1.0], [9.0, 9.0], [9.0, 8.0], [0.0, 9.0]]
        >>> table = MemoryStorage([{"embedding": vector} for vector in vectors])
        >>> KCenterGreedy(num_samples=3).run(table)
        >>> table.rows()
        [{'embedding': [0.0, 1.0]}, {'embedding': [9.0, 9.0]}, {'embedding': [0.0, 9.0]}]
        >>> table.dropped()[["reason", "value"]].values.tolist()
        [['not_selected', '1.0'], ['not_selected', '1.0']]
    """

    num_samples: int = Field(ge=1)
    metric: Literal["euclidean", "cosine"] = "euclidean"
    seed: int = Field(default=0, ge=0)

    def run(self, storage: Storage, input_embedding: ListColumn = "embedding") -> None:
        """Drop the rows that were not chosen.

        Args:
            storage: The table.
            input_embedding: The column of vectors: lists of numbers, all equally long.
        """
        self.run_phases(storage, input_embedding=input_embedding)

    @property
    def needs_direction(self) -> bool:
        """Whether vectors of length zero are wrong: where the angle counts."""
        return self.metric == "cosine"

    def decide_of(self, vectors: Matrix, ids: pd.Index) -> pd.DataFrame:
        """Drop all rows but the centres."""
        if len(vectors) <= self.num_samples:
            return pd.DataFrame({"reason": [], "value": []}, index=ids[:0])
        if self.metric == "cosine":
            unit_length(vectors)
        order = child_ids(ids.to_numpy(), f"k_center_greedy {self.seed}", np.zeros(len(ids), int))
        centres, squares = _centres(vectors, self.num_samples, int(np.argmin(order)))
        others = np.ones(len(ids), bool)
        others[centres] = False
        distances = squares[others].astype(np.float64)
        distances = distances / 2 if self.metric == "cosine" else np.sqrt(distances)
        reasons = ["not_selected"] * len(distances)
        return pd.DataFrame({"reason": reasons, "value": distances}, index=ids[others])

    def drop_absent(self, storage: Storage, rows: pd.Index) -> None:
        """Drop rows without a vector."""
        storage.drop(rows, "no_embedding")


def _centres(vectors: Matrix, count: int, first: int) -> tuple[Positions, npt.NDArray[np.float32]]:
    """Return the positions of the centres, and the squared distance of all to the nearest one."""
    nearest = np.full(len(vectors), np.inf, np.float32)
    centres = np.empty(count, np.int64)
    chosen = first
    for number in range(count):
        centres[number] = chosen
        _approach(nearest, vectors, vectors[chosen])
        nearest[chosen] = -1  # Never again, not even where all distances are zero.
        chosen = int(np.argmax(nearest))
    return centres, nearest


def _approach(nearest: npt.NDArray[np.float32], vectors: Matrix, centre: Matrix) -> None:
    """Take one more centre into account.

    By differences: dot products are no quicker where memory is what limits, and not exact at zero.
    """
    room = np.empty((min(_ROWS, len(vectors)), len(centre)), np.float32)
    for start in range(0, len(vectors), _ROWS):
        block = vectors[start : start + _ROWS]
        apart = np.subtract(block, centre, out=room[: len(block)])
        part = nearest[start : start + _ROWS]
        np.minimum(part, np.einsum("ij,ij->i", apart, apart), out=part)
