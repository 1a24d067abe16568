"""The ledger: where every row ended, with sums checked after each step and between stages."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from dataflow_core.errors import OperatorError
from dataflow_core.storage.outcome import Outcome, related_ids
from dataflow_core.storage.source import UNREADABLE
from dataflow_core.table.distributions import Distribution, merge_measures
from dataflow_core.table.frames import Frame
from dataflow_core.table.identity import RowIds, checksum, formatted

LEDGER_SCHEMA = pa.schema(
    [
        ("row_id", pa.string()),
        ("fate", pa.string()),
        ("step", pa.string()),
        ("reason", pa.string()),
        ("related_row_id", pa.string()),
    ]
)
"""``fate``: output, dropped, duplicate, quarantined, expanded (into the related row), added."""


@dataclass
class StepAccount:
    """The sums of one step over a whole run.

    Attributes:
        step: The step's name.
        rows_in: Rows that went in, those of a second table included.
        rows_out: Rows that came out.
        dropped: Rows dropped.
        quarantined: Rows that failed.
        expanded: Rows that became other rows.
        made: Rows made of others.
        seconds: Time spent in the operator.
        reasons: Dropped and failed rows by reason.
        failures: The reasons of failed rows, each with the message of the first such row.
        measures: How the measures that it took are distributed, by name.
        findings: What it found out about the table as a whole.
    """

    step: str
    rows_in: int = 0
    rows_out: int = 0
    dropped: int = 0
    quarantined: int = 0
    expanded: int = 0
    made: int = 0
    seconds: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    measures: dict[str, Distribution] = field(default_factory=dict)
    findings: dict[str, Any] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        """Add the account of one batch, after checking its sums."""
        outcome.check_sums()
        self.rows_in += outcome.rows_in
        self.rows_out += len(outcome.after)
        self.dropped += len(outcome.dropped)
        self.quarantined += len(outcome.failed)
        self.expanded += outcome.expanded
        self.made += len(outcome.children)
        self.seconds += outcome.seconds
        self.reasons.update(outcome.dropped.reasons)
        self.reasons.update(outcome.failed.reasons)
        for reason, message in zip(outcome.failed.reasons, outcome.failed.messages, strict=True):
            self.failures.setdefault(reason, message or "")
        merge_measures(self.measures, outcome.measures)
        self.findings.update(outcome.findings)

    def check(self) -> None:
        """Check the sums of the whole step.

        Raises:
            OperatorError: They do not match.
        """
        ended = self.rows_out + self.dropped + self.quarantined + self.expanded
        if self.rows_in + self.made != ended:
            raise OperatorError(
                f"step {self.step!r}: {self.rows_in:,} rows in and {self.made:,} made, "
                f"but {ended:,} accounted for; the run is not to be trusted and stops here."
            )


@dataclass
class TableSum:
    """A running count and checksum of the rows of a table, to compare what was written and read."""

    rows: int = 0
    sum: int = 0

    def add(self, ids: RowIds) -> None:
        """Count rows."""
        self.rows += len(ids)
        self.sum = (self.sum + checksum(ids)) % 2**64

    def check(self, other: TableSum, table: str) -> None:
        """Raise when two passes over a table did not see the same rows."""
        if self != other:
            raise OperatorError(
                f"table {table!r}: {self.rows:,} rows were written, {other.rows:,} read back "
                "(or other ones). Was the run directory or the source changed during the run?"
            )


def ledger_entries(outcome: Outcome) -> pa.Table | None:
    """Return the ledger's lines for the rows that ended in a step; None if none did."""
    if outcome.all_went_through:
        return None
    dropped, failed, step = outcome.dropped, outcome.failed, outcome.step
    fates: list[str] | str = "dropped"
    if any(row is not None for row in dropped.related):
        fates = ["dropped" if row is None else "duplicate" for row in dropped.related]
    parts = []
    if len(dropped):
        related = related_ids(dropped.related)
        parts.append(_entries(dropped.ids, fates, step, dropped.reasons, related))
    if len(failed):
        parts.append(_entries(failed.ids, "quarantined", step, failed.reasons))
    if len(outcome.parents):
        children = formatted(outcome.children)
        parts.append(_entries(outcome.parents, "expanded", step, related=children))
    if len(outcome.joined):
        parts.append(_entries(outcome.joined, "added", step))
    return pa.concat_tables(parts) if parts else None


def unreadable_entries(ids: RowIds, source: str) -> pa.Table:
    """Return the ledger's lines for rows of a source that could not be read."""
    return _entries(ids, "quarantined", source, [UNREADABLE] * len(ids))


def output_entries(frame: Frame) -> pa.Table:
    """Return the ledger's lines for rows of the result."""
    return _entries(frame.ids, "output")


def _entries(
    ids: RowIds,
    fate: str | list[str],
    step: str | None = None,
    reasons: list[str] | None = None,
    related: pa.Array | None = None,
) -> pa.Table:
    rows = len(ids)
    columns = [
        formatted(ids),
        pa.repeat(pa.scalar(fate), rows) if isinstance(fate, str) else pa.array(fate, pa.string()),
        pa.repeat(pa.scalar(step, pa.string()), rows),
        pa.nulls(rows, pa.string()) if reasons is None else pa.array(reasons, pa.string()),
        pa.nulls(rows, pa.string()) if related is None else related,
    ]
    return pa.table(columns, schema=LEDGER_SCHEMA)
