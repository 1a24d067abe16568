"""Go on until there are as many good rows as are wanted, and keep just these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from dataflow_core.operators.dataset import DatasetFilter
from dataflow_core.operators.general.filter_rows import FilterRows
from dataflow_core.storage.base import Bindings, Storage


class Want(DatasetFilter):
    """Keep the first so many rows for which a condition holds, and read no further than for these.

    ``Want(rows=5000, where="score >= 4")`` behind steps that make and judge candidates ends a run
    with exactly 5,000 accepted rows: as soon as they are there, no more of the source is read, and
    no more answers are asked for. Which rows these are depends on the rows alone, not on batches,
    timing or interruptions: the first ones accepted, in the order of the source.

    Reading ends early where all steps before it work row by row; else (behind a deduplication, say)
    the result is the same, but all of the source is read. Other rows are dropped: with reason
    ``"not_accepted"``, where the condition is false or null; ``"beyond_target"``, accepted ones
    that were on their way already; ``"beyond_candidates"``.

    Where the source ends first, or ``max_candidates``, there are fewer rows than wanted: the report
    has the sums, and the command line says so and ends with code 3. With more rows, or a higher
    ``max_candidates``, the same run goes on where it stopped.

    Attributes:
        rows: How many rows are wanted.
        where: The condition for a row to be accepted, as in `core/filter_rows`; None for all rows.
        max_candidates: The most rows of the source to try; None for all.

    Raises:
        ExpressionError: The condition does not parse or does not fit the columns.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"n": n} for n in range(100)])
        >>> Want(rows=3, where="n % 7 = 6").run(table)
        >>> table.rows()
        [{'n': 6}, {'n': 13}, {'n': 20}]
        >>> table.findings()["want"]["candidates"]
        21
    """

    modality: ClassVar = "any"

    rows: Annotated[int, Field(ge=1)]
    where: str | None = None
    max_candidates: Annotated[int, Field(ge=1)] | None = None

    def model_post_init(self, context: Any, /) -> None:
        """Refuse a condition that does not parse."""
        super().model_post_init(context)
        _ = self._condition

    @property
    def _condition(self) -> FilterRows | None:
        return None if self.where is None else FilterRows(where=self.where)

    def run(self, storage: Storage) -> None:
        """Drop the other rows."""
        self.run_phases(storage)

    def sketch(self, storage: Storage, **_: Any) -> pd.DataFrame:
        """Return which rows are accepted."""
        return pd.DataFrame({"accepted": self.accepted(storage)}, index=storage.row_ids())

    def accepted(self, storage: Storage) -> npt.NDArray[np.bool_]:
        """Return for each row whether it is accepted.

        Args:
            storage: The rows.
        """
        if self._condition is None:
            return np.ones(len(storage.row_ids()), dtype=bool)
        verdict = pc.fill_null(self._condition.verdict(storage), False)
        return np.asarray(verdict.to_numpy(zero_copy_only=False), dtype=bool)

    def decide(self, sketches: pd.DataFrame) -> pd.DataFrame:
        """Drop all but the first rows that are accepted."""
        accepted = sketches["accepted"].to_numpy()
        tried = self._tried(len(sketches))
        kept = accepted & (np.cumsum(accepted) <= self.rows)
        kept[tried:] = False
        reasons = np.where(accepted, "beyond_target", "not_accepted")
        reasons[tried:] = "beyond_candidates"
        return pd.DataFrame({"reason": reasons[~kept]}, index=sketches.index[~kept])

    def findings(self, sketches: pd.DataFrame) -> Mapping[str, Any]:
        """Return how many candidates it took, up to the last row that is kept."""
        accepted = sketches["accepted"].to_numpy()[: self._tried(len(sketches))]
        places = np.flatnonzero(accepted)[: self.rows]
        is_met = len(places) == self.rows
        candidates = int(places[-1]) + 1 if is_met else len(accepted)
        return {
            "wanted": self.rows,
            "accepted": len(places),
            "candidates": candidates,
            "acceptance": round(len(places) / candidates, 4) if candidates else None,
        }

    def _tried(self, rows: int) -> int:
        return rows if self.max_candidates is None else min(rows, self.max_candidates)

    def reads(self, bindings: Bindings) -> dict[str, tuple[str, ...]]:
        """Return the columns that the condition names."""
        return {} if self._condition is None else self._condition.reads(bindings)

    def problems(
        self,
        columns: Mapping[str, pa.DataType],
        bindings: Bindings,
        others: Mapping[str, Mapping[str, pa.DataType]] | None = None,
    ) -> list[str]:
        """Say whether the condition does not fit the columns, or is none."""
        if self._condition is None:
            return []
        return self._condition.problems(columns, bindings, others)
