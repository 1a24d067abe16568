"""Previews: a few rows through every step of a plan, with what each step changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

from dataflow_core.engine.batch import run_step
from dataflow_core.engine.sources import SourceReader, source_of
from dataflow_core.errors import ConfigurationError
from dataflow_core.pipeline.plan import Plan, Step
from dataflow_core.storage.base import Storage
from dataflow_core.storage.formats import SchemaMisfit
from dataflow_core.storage.outcome import Outcome
from dataflow_core.storage.table_storage import TableStorage
from dataflow_core.table.frames import Frame, concat_frames
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
        made: Rows made of others, or come in from a second table.
    """

    step: str
    rows_in: int
    rows_out: int
    new_columns: list[str]
    changed: dict[str, int]
    changes: list[Change] = field(default_factory=list)
    gone: list[Gone] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the preview for JSON."""
        return asdict(self)


def preview_plan(plan: Plan, rows: int = 10) -> list[StepPreview]:
    """Run the first rows of the source through all steps, without a run directory.

    Args:
        plan: The plan, whose sources are given.
        rows: How many rows.

    Raises:
        DataflowError: A step failed on all rows, or broke its contract.
    """
    if rows < 1:
        raise ConfigurationError(f"a preview takes at least one row, found {rows}.")
    tables: dict[str, Frame] = {
        name: _head(name, storage, rows if number == 0 else None)
        for number, (name, storage) in enumerate(plan.sources.items())
    }
    previews = []
    for step in plan.steps:
        others: dict[str, Storage] = {n: TableStorage(tables[n]) for n in step.other_tables}
        outcome = run_step(step, tables[step.table], others)
        tables[step.name] = outcome.after
        previews.append(preview_of(step, outcome))
    return previews


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
    counts = outcome.rows_in, len(outcome.after)
    return StepPreview(step.name, *counts, new, changed, changes, gone, made)


def _parents(outcome: Outcome) -> dict[int, int]:
    """Return the rows of which others were made, by those."""
    return dict(zip(outcome.children.tolist(), outcome.parents.tolist(), strict=True))


def _head(name: str, storage: Storage | None, rows: int | None) -> Frame:
    source = source_of(name, storage)
    for exact in (False, True):
        reader = SourceReader(name, source, batch_rows=rows or 10_000, limit=rows, exact=exact)
        try:
            return concat_frames([piece.frame for piece in reader.pieces()])
        except SchemaMisfit:
            if exact:
                raise
    raise AssertionError("the exact schema fits by definition")


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
