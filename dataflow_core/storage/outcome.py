"""What one operator did to the rows of a table, with sums that must match."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from dataflow_core.errors import OperatorError
from dataflow_core.table.distributions import Distribution
from dataflow_core.table.frames import Frame, concat_frames
from dataflow_core.table.identity import IdIndex, RowIds, checksum, format_id, formatted
from dataflow_core.table.types import json_text

NO_IDS: RowIds = np.empty(0, dtype=np.uint64)


@dataclass
class Removed:
    """Rows that left the table, with why; all lists have one entry a row.

    Attributes:
        ids: The rows' ids.
        rows: The rows as they were when they left.
        reasons: Why, in a short snake-case word.
        values: The measure that decided, as JSON text; for failures the raw answer; or None.
        related: The row that each duplicates, or None.
        messages: A sentence for people, or None.
        traces: Where the operator failed, or None.
    """

    ids: RowIds = field(default_factory=lambda: NO_IDS)
    rows: list[Frame] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    values: list[str | None] = field(default_factory=list)
    related: list[int | None] = field(default_factory=list)
    messages: list[str | None] = field(default_factory=list)
    traces: list[str | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ids)

    def add(
        self,
        rows: Frame,
        reasons: Sequence[str],
        values: Sequence[Any] | None = None,
        related: Sequence[int | None] | None = None,
        messages: Sequence[str | None] | None = None,
        traces: Sequence[str | None] | None = None,
    ) -> None:
        """Append rows."""
        ids = rows.ids
        self.rows.append(rows)
        self.ids = np.concatenate([self.ids, ids])
        self.reasons += reasons
        self.values += _texts(values) if values is not None else _nones(ids)
        self.related += list(related) if related is not None else _nones(ids)
        self.messages += list(messages) if messages is not None else _nones(ids)
        self.traces += list(traces) if traces is not None else _nones(ids)

    def frame(self) -> Frame:
        """Return the rows as they were when they left."""
        return concat_frames(self.rows) if self.rows else Frame({}, NO_IDS)

    def table(self, step: str, *, traced: bool = False) -> pa.Table:
        """Return the removed rows with their reasons, as run directories and notebooks keep them.

        Args:
            step: The step that removed them.
            traced: Whether the column ``traceback`` is one of those before them.

        Returns:
            The rows as they were when they left, after the columns row_id, step, reason, value,
            message and related_row_id; columns of theirs with such a name end in ``_``.
        """
        rows = self.frame()
        columns: dict[str, Any] = {
            "row_id": formatted(self.ids),
            "step": pa.array([step] * len(self), pa.string()),
            "reason": pa.array(self.reasons, pa.string()),
            "value": pa.array(self.values, pa.string()),
            "message": pa.array(self.messages, pa.string()),
            "related_row_id": related_ids(self.related),
        }
        if traced:
            columns["traceback"] = pa.array(self.traces, pa.string())
        for name, free in zip(rows.names, free_names(rows.names, columns), strict=True):
            columns[free] = rows.columns[name].arrow()
        return pa.table(columns)


@dataclass
class Outcome:
    """The account of one step over some rows.

    Attributes:
        step: The step's name.
        before: The rows that went in.
        after: The rows that came out.
        dropped: Rows dropped, with reasons.
        failed: Rows sent to quarantine, with reasons.
        parents: For each row made from another one, its parent's id.
        children: The ids of the rows made, aligned with ``parents``.
        joined: Ids of rows that came in from a second table.
        seconds: Wall time.
        measures: How the measures that the step took are distributed, by name.
        findings: What the step found out about the table as a whole.
    """

    step: str
    before: Frame
    after: Frame
    dropped: Removed
    failed: Removed
    parents: RowIds = field(default_factory=lambda: NO_IDS)
    children: RowIds = field(default_factory=lambda: NO_IDS)
    joined: RowIds = field(default_factory=lambda: NO_IDS)
    seconds: float = 0.0
    measures: dict[str, Distribution] = field(default_factory=dict)
    findings: dict[str, Any] = field(default_factory=dict)

    @property
    def rows_in(self) -> int:
        """Rows that went in, those of a second table included."""
        return len(self.before) + len(self.joined)

    @property
    def expanded(self) -> int:
        """Rows that became other rows."""
        return len(np.unique(self.parents)) if len(self.parents) else 0

    @property
    def all_went_through(self) -> bool:
        """Whether exactly the rows that went in came out."""
        ended = len(self.dropped) + len(self.failed) + len(self.parents) + len(self.joined)
        before, after = self.before.ids, self.after.ids
        return not ended and (before is after or np.array_equal(before, after))

    def check_sums(self) -> None:
        """Check that every row that went in ended in exactly one place, and none came from nowhere.

        Raises:
            OperatorError: The sums do not match.
        """
        if self.all_went_through:
            return
        gone = [self.dropped.ids, self.failed.ids, np.unique(self.parents)]
        entered = checksum(self.before.ids) + checksum(self.joined) + checksum(self.children)
        ended = sum(checksum(ids) for ids in gone) + checksum(self.after.ids)
        if (entered - ended) % 2**64 == 0:
            return
        raise OperatorError(
            f"step {self.step!r}: the ledger does not balance. {self.rows_in:,} rows went in and "
            f"{len(self.children):,} were made, but {len(self.after):,} came out, "
            f"{len(self.dropped):,} were dropped, {len(self.failed):,} failed and "
            f"{self.expanded:,} became other rows; a row was lost or counted twice. "
            "This is a defect of the operator or of the storage that ran it."
        )


def as_json(step: str, findings: Mapping[str, Any]) -> dict[str, Any]:
    """Return findings as plain data, after checking that JSON has their values.

    Raises:
        OperatorError: A value is none of JSON's, such as NaN, a date or numpy's numbers.
    """
    plain = {}
    for name, value in findings.items():
        try:
            plain[name] = json.loads(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise OperatorError(
                f"step {step!r}, finding {name!r}: {error}. Findings are texts, numbers (Python's, "
                "not numpy's; None for NaN), booleans, None, and lists and dicts of these."
            ) from error
    return plain


def free_names(names: Sequence[str], taken: Iterable[str]) -> list[str]:
    """Return names of columns for use beside others: those that are taken end in ``_``.

    Args:
        names: The names of the columns.
        taken: The names of the others.
    """
    found = dict.fromkeys(taken)
    others = len(found)
    for name in names:
        free = name
        while free in found or (free != name and free in names):
            free += "_"
        found[free] = None
    return list(found)[others:]


def related_ids(related: list[int | None]) -> pa.Array:
    """Return the ids of related rows as a column of texts, null where there is none."""
    if related.count(None) == len(related):
        return pa.nulls(len(related), pa.string())
    missing = np.array([row is None for row in related], dtype=bool)
    return formatted(np.array([row or 0 for row in related], dtype=np.uint64), missing)


def positions_of(ids: RowIds, wanted: RowIds) -> npt.NDArray[np.int64]:
    """Return the position of each wanted id, -1 where there is none; ids must be unique."""
    if len(ids) == len(wanted) and np.array_equal(ids, wanted):
        return np.arange(len(ids))
    return IdIndex(ids).positions(wanted)


def listed(ids: RowIds, most: int = 3) -> str:
    """Return the first ids, for messages."""
    shown = ", ".join(format_id(row_id) for row_id in ids[:most])
    return shown + (f" and {len(ids) - most:,} more" if len(ids) > most else "")


def _texts(values: Sequence[Any]) -> list[str | None]:
    if set(map(type, values)) <= {float, int}:  # the measures of most filters
        return list(map(repr, values))
    return list(map(_text, values))


def _text(value: Any) -> str | None:
    if isinstance(value, float | np.floating):
        return repr(float(value))  # as JSON has it, NaN and the infinities aside
    if value is None or value is pd.NA:
        return None
    if isinstance(value, str):
        return value
    return json_text(value) if isinstance(value, (bool, int, list, dict)) else str(value)


def _nones(ids: RowIds) -> list[Any]:
    return [None] * len(ids)
