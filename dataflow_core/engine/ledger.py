"""The ledger: where every row ended, with sums checked after each step and between stages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from dataflow_core.engine.edits import Edit, lowest
from dataflow_core.errors import OperatorError
from dataflow_core.serving.tally import Tally
from dataflow_core.storage.outcome import Outcome
from dataflow_core.table.distributions import Distribution, merge_measures
from dataflow_core.table.frames import Frame
from dataflow_core.table.identity import RowIds, checksum, formatted
from dataflow_core.wording import counted

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
        edits: The first texts that it changed, where it is a refiner.
        calls: What it asked of models, and what that took, as `dataflow_core.engine.call_sums`
            says.
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
    edits: list[Edit] = field(default_factory=list)
    calls: Tally = field(default_factory=Tally)

    @property
    def rows_per_second(self) -> float | None:
        """Rows that went in by the time spent in the operator; None where it took none yet."""
        return self.rows_in / self.seconds if self.seconds > 0 else None

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
        for removed in (outcome.dropped, outcome.failed):
            if removed.reasons:
                self.reasons.update(removed.reasons)
        for reason, message in zip(outcome.failed.reasons, outcome.failed.messages, strict=True):
            self.failures.setdefault(reason, message or "")
        merge_measures(self.measures, outcome.measures)
        self.findings.update(outcome.findings)

    def add_sums(self, other: StepAccount) -> None:
        """Add the sums of other rows, and why some of them failed."""
        self.rows_in += other.rows_in
        self.rows_out += other.rows_out
        self.dropped += other.dropped
        self.quarantined += other.quarantined
        self.expanded += other.expanded
        self.made += other.made
        self.seconds += other.seconds
        self.calls.merge(other.calls)
        if other.failures:
            self.failures = {**other.failures, **self.failures}

    def take_away(self, failed: StepAccount) -> None:
        """Take away the sums of rows that failed: they are done again."""
        self.rows_in -= failed.rows_in
        self.rows_out -= failed.rows_out
        self.quarantined -= failed.quarantined
        self.reasons -= failed.reasons  # reasons of which nothing is left go
        self.failures = {n: told for n, told in self.failures.items() if n in self.reasons}
        self.calls.forget(failed.calls.asked)

    def merge(self, other: StepAccount) -> None:
        """Add the account of other rows."""
        self.add_sums(other)
        if other.reasons:
            self.reasons.update(other.reasons)
        merge_measures(self.measures, other.measures)
        self.findings.update(other.findings)
        if other.edits:
            self.edits = lowest([*self.edits, *other.edits])

    def state(self) -> dict[str, Any]:
        """Return all of it as plain data, of which `from_state` makes it again."""
        measures = {name: found.state() for name, found in self.measures.items()}
        edits = [asdict(edit) for edit in self.edits]
        reasons = dict(self.reasons)
        told = {"reasons": reasons, "measures": measures, "edits": edits}
        return {**vars(self), **told, "calls": self.calls.as_dict()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> StepAccount:
        """Return the account of what `state` returned."""
        measures = {n: Distribution.from_state(found) for n, found in state["measures"].items()}
        edits = [Edit(**edit) for edit in state.get("edits", ())]
        reasons = Counter(state["reasons"])
        calls = Tally.from_dict(state.get("calls", {}))
        made = {"reasons": reasons, "measures": measures, "edits": edits, "calls": calls}
        return cls(**{**state, **made})

    def check(self) -> None:
        """Check the sums of the whole step.

        Raises:
            OperatorError: They do not match.
        """
        ended = self.rows_out + self.dropped + self.quarantined + self.expanded
        if self.rows_in + self.made != ended:
            raise OperatorError(
                f"step {self.step!r}: {counted(self.rows_in, 'row')} in and {self.made:,} made, "
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
            rows = counted(self.rows, "row was", "rows were")
            raise OperatorError(
                f"table {table!r}: {rows} written, {other.rows:,} read back "
                "(or other ones). Was the run directory or the source changed during the run?"
            )


def other_entries(outcome: Outcome) -> pa.Table | None:
    """Return the ledger's lines for rows that a step made of others or took from a second table.

    Rows that it dropped, or that failed, are kept with all that the ledger says of them.
    """
    parts = []
    if len(outcome.parents):
        children = formatted(outcome.children)
        parts.append(_entries(outcome.parents, "expanded", outcome.step, related=children))
    if len(outcome.joined):
        parts.append(_entries(outcome.joined, "added", outcome.step))
    return pa.concat_tables(parts) if parts else None


def removed_entries(rows: pa.Table, fate: Literal["dropped", "quarantined"]) -> pa.Table:
    """Return the ledger's lines for rows that a step removed, as `Removed.table` keeps them."""
    related = rows["related_row_id"]
    fates: Any = pa.repeat(pa.scalar(fate), rows.num_rows)
    if fate == "dropped" and related.null_count < rows.num_rows:
        fates = pc.if_else(related.is_null(), "dropped", "duplicate")
    columns = [rows["row_id"], fates, rows["step"], rows["reason"], related]
    return pa.table(columns, schema=LEDGER_SCHEMA)


def output_entries(frame: Frame) -> pa.Table:
    """Return the ledger's lines for rows of the result."""
    return _entries(frame.ids, "output")


def _entries(
    ids: RowIds,
    fate: str,
    step: str | None = None,
    related: pa.Array | None = None,
) -> pa.Table:
    rows = len(ids)
    columns = [
        formatted(ids),
        pa.repeat(pa.scalar(fate), rows),
        pa.repeat(pa.scalar(step, pa.string()), rows),
        pa.nulls(rows, pa.string()),
        pa.nulls(rows, pa.string()) if related is None else related,
    ]
    return pa.table(columns, schema=LEDGER_SCHEMA)
