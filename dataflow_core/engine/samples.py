"""A few of the dropped rows of each step and reason, for people to look at."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.types as pat

from dataflow_core.engine.report import Sample
from dataflow_core.storage.source import UNREADABLE

PER_REASON = 3
TEXT_LENGTH = 160

_ACCOUNT = ("row_id", "step", "reason", "value", "message", "related_row_id", "path", "line")


@dataclass
class Samples:
    """The first rows removed for each step and reason."""

    taken: list[Sample] = field(default_factory=list)
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, rows: pa.Table) -> None:
        """Take what is still wanted from removed rows.

        Args:
            rows: Rows of one step with their reasons, as `Removed.table` makes them.
        """
        wanted: list[int] = []
        step, reasons = rows["step"][0].as_py(), np.asarray(rows["reason"])
        for reason in rows["reason"].unique().to_pylist():
            left = PER_REASON - self._counts[step, reason]
            if left > 0:
                found = np.flatnonzero(reasons == reason)[:left].tolist()
                self._counts[step, reason] += len(found)
                wanted += found
        if wanted:
            self._take(rows.take(pa.array(sorted(wanted))))

    def _take(self, rows: pa.Table) -> None:
        texts = _main_text(rows)
        for row, text in zip(rows.select(_ACCOUNT[:5]).to_pylist(), texts, strict=True):
            value = row["value"] if row["value"] is not None else row["message"]
            shown = text if text is None else text[:TEXT_LENGTH]
            self.taken.append(Sample(row["row_id"], row["step"], row["reason"], value, shown))


def _main_text(rows: pa.Table) -> list[str | None]:
    """Return the texts of the column with the longest ones: most likely the text itself."""
    best: list[str | None] = [None] * rows.num_rows
    if rows["reason"].to_pylist() == [UNREADABLE] * rows.num_rows and "raw" in rows.column_names:
        return [(raw or b"").decode("utf-8", "replace") for raw in rows["raw"].to_pylist()]
    for name in rows.column_names:
        kind = rows.schema.field(name).type
        if name in _ACCOUNT or not (pat.is_string(kind) or pat.is_large_string(kind)):
            continue
        texts = rows[name].to_pylist()
        if sum(map(len, filter(None, texts))) > sum(map(len, filter(None, best))):
            best = texts
    return best
