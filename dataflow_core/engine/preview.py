"""Previews: a few rows through every step of a plan, with what each step changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from dataflow_core.engine.failure_limit import ANY_NUMBER, FailureLimit
from dataflow_core.engine.fingerprints import Fingerprints
from dataflow_core.engine.ledger import StepAccount
from dataflow_core.engine.local import LocalEngine
from dataflow_core.engine.options import EngineOptions
from dataflow_core.engine.rundir import RunDirectory
from dataflow_core.errors import ConfigurationError
from dataflow_core.pipeline.plan import Plan, Step
from dataflow_core.serving.tally import Tally
from dataflow_core.storage.formats import SchemaMisfit
from dataflow_core.storage.outcome import Outcome
from dataflow_core.storage.source import BATCH_ROWS
from dataflow_core.table.identity import format_id
from dataflow_core.table.types import HIDDEN
from dataflow_core.table.values import python_values


@dataclass(frozen=True)
class Change:
    """A value that a step changed or made.

    Attributes:
        row: The row's id.
        column: The column.
        before: The value before, of a row made of another one the value there; None as well where
            the column is new.
        after: The value after.
    """

    row: str
    column: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Gone:
    """A row that a step dropped or that failed in it."""

    row: str
    reason: str
    value: str | None
    message: str | None


@dataclass(frozen=True)
class Made:
    """A row that a step made.

    Attributes:
        row: Its id.
        parent: The row of which it was made; None where it came in from a second table.
    """

    row: str
    parent: str | None


@dataclass(frozen=True)
class StepPreview:
    """What one step did to the previewed rows.

    Attributes:
        step: The step's name.
        rows_in: Rows that went in.
        rows_out: Rows that came out.
        new_columns: Columns that it made.
        changed: How many values it changed, by column.
        changes: The first changed or made values, row by row.
        gone: Rows dropped or failed.
        reordered: Whether rows came out in another order.
        findings: What it found out about the table as a whole.
        made: Rows made of others, or come in from a second table.
        calls: What its calls of models took.
    """

    step: str
    rows_in: int
    rows_out: int
    new_columns: list[str]
    changed: dict[str, int]
    changes: list[Change] = field(default_factory=list)
    gone: list[Gone] = field(default_factory=list)
    reordered: bool = False
    findings: dict[str, Any] = field(default_factory=dict)
    made: list[Made] = field(default_factory=list)
    calls: Tally = field(default_factory=Tally)

    def as_dict(self) -> dict[str, Any]:
        """Return the preview for JSON."""
        return {**asdict(self), "calls": self.calls.as_dict()}


def preview_plan(
    plan: Plan, rows: int = 10, *, cache: str | Path | None = None
) -> list[StepPreview]:
    """Run the first rows of the source through all steps, as a run does, and keep none of it.

    Args:
        plan: The plan, whose sources are given.
        rows: How many rows; of second tables, all.
        cache: The file in which answers of models are kept, so that they are not paid for again;
            None to keep none.

    Returns:
        What each step did; before that, for each source with rows that could not be read, these.

    Raises:
        DataflowError: A step failed as a whole, or broke its contract.
    """
    if rows < 1:
        raise ConfigurationError(f"a preview takes at least one row, found {rows}.")
    try:
        return _previews(plan, rows, cache, exact=False)
    except SchemaMisfit:
        return _previews(plan, rows, cache, exact=True)


def _previews(plan: Plan, rows: int, cache: str | Path | None, *, exact: bool) -> list[StepPreview]:
    found: dict[str, list[StepPreview]] = {step.name: [] for step in plan.steps}
    options = EngineOptions(
        batch_rows=max(rows, BATCH_ROWS),
        limit=rows,
        max_failures=FailureLimit(rows=ANY_NUMBER),
        fresh=True,
        seen=lambda step, outcome: found[step.name].append(preview_of(step, outcome)),
        in_order=True,
        cache=None if cache is None else Path(cache),
    )
    # Nothing is taken over, so that names do for fingerprints, and no input need be read whole.
    names = Fingerprints(hashes={name: name for name in (*plan.sources, *found)})
    with TemporaryDirectory(prefix="dataflow-preview-") as folder:
        directory = RunDirectory(Path(folder, "run"))
        directory.path.mkdir()
        engine = LocalEngine(plan, directory, options, names, exact=exact)
        engine.run()
        unreadable = [one for name in plan.sources for one in _unreadable(name, directory)]
    accounts = engine.accounts
    return [*unreadable, *(_joined(accounts[name], parts) for name, parts in found.items())]


def _unreadable(source: str, directory: RunDirectory) -> Iterator[StepPreview]:
    """Yield the rows of a source that could not be read, if there are any."""
    tables = list(directory.table("quarantine", source).batches())
    gone = [
        Gone(row["row_id"], row["reason"], None, row["message"])
        for table in tables
        for row in table.select(["row_id", "reason", "message"]).to_pylist()
    ]
    if gone:
        yield StepPreview(source, len(gone), 0, [], {}, gone=gone)


def _joined(account: StepAccount, parts: Sequence[StepPreview]) -> StepPreview:
    """Return what a step did to all rows, of what it did to each batch."""
    changed: Counter[str] = Counter()
    for part in parts:
        changed.update(part.changed)
    return StepPreview(
        account.step,
        sum(part.rows_in for part in parts),
        sum(part.rows_out for part in parts),
        list(dict.fromkeys(name for part in parts for name in part.new_columns)),
        dict(changed),
        [change for part in parts for change in part.changes],
        [gone for part in parts for gone in part.gone],
        any(part.reordered for part in parts),
        dict(account.findings),
        [made for part in parts for made in part.made],
        account.calls,
    )


def preview_of(step: Step, outcome: Outcome) -> StepPreview:
    """Return what a step did to some rows, from its account of them."""
    before, after = outcome.before.to_arrow(), outcome.after.to_arrow()
    new = [name for name in outcome.after.names if name not in outcome.before.names]
    ids, parents = outcome.after.ids.tolist(), _parents(outcome)
    places = {row: place for place, row in enumerate(outcome.before.ids.tolist())}
    origins = [places.get(parents.get(row, row)) for row in ids]
    changes: list[Change] = []
    changed: dict[str, int] = {}
    for name in after.column_names:
        if name in HIDDEN or (name not in new and after[name].equals(before[name])):
            continue
        found = _changes(name, after[name], before[name] if name not in new else None, ids, origins)
        if name not in new and found:
            changed[name] = len(found)
        changes += found
    gone = [
        Gone(format_id(row), reason, value, message)
        for removed in (outcome.dropped, outcome.failed)
        for row, reason, value, message in zip(
            removed.ids.tolist(), removed.reasons, removed.values, removed.messages, strict=True
        )
    ]
    made = [
        Made(format_id(row), format_id(parents[row]) if row in parents else None)
        for row in ids
        if row not in places
    ]
    known = [places[row] for row in ids if row in places]
    return StepPreview(
        step.name, outcome.rows_in, len(outcome.after), new, changed, changes, gone,
        reordered=known != sorted(known), made=made,
    )  # fmt: skip


def _parents(outcome: Outcome) -> dict[int, int]:
    """Return the rows of which others were made, by those."""
    return dict(zip(outcome.children.tolist(), outcome.parents.tolist(), strict=True))


def _changes(
    name: str,
    after: pa.ChunkedArray,
    before: pa.ChunkedArray | None,
    ids: list[int],
    origins: list[int | None],
) -> list[Change]:
    """Return where a column differs from the rows before: itself, or that of which it was made.

    A row from a second table has none before it, and counts only in new columns.
    """
    old = python_values(before) if before is not None else None
    found = []
    for row, value, origin in zip(ids, python_values(after), origins, strict=True):
        previous = old[origin] if old is not None and origin is not None else None
        if old is None or (origin is not None and previous != value):
            found.append(Change(format_id(row), name, previous, value))
    return found
