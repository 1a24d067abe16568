"""One row of a run through its steps again, to see its values before and after each.

Row operators do not depend on the batch, so what they do to the row alone is what they did in the
run. What an operator in two phases decided is kept in the run directory. A step that needs the
whole table is left out; behind it, the row is taken from the table that the run kept.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from dataflow_core.engine.batch import run_step
from dataflow_core.engine.calls import Calls
from dataflow_core.engine.decisions import Decision
from dataflow_core.engine.fingerprints import Fingerprints
from dataflow_core.engine.ledger import StepAccount
from dataflow_core.engine.options import EngineOptions, never
from dataflow_core.engine.preview import StepPreview, preview_of
from dataflow_core.engine.row_story import Story
from dataflow_core.engine.run_changes import differences, in_short
from dataflow_core.engine.run_paths import REQUESTS
from dataflow_core.engine.rundir import RunDirectory
from dataflow_core.engine.sources import reader_of, source_of
from dataflow_core.engine.stored_decisions import load_decision
from dataflow_core.engine.stored_plans import Open, plan_over_source
from dataflow_core.engine.stored_rows import find_rows
from dataflow_core.engine.stored_runs import StoredRun
from dataflow_core.errors import RunError
from dataflow_core.pipeline.plan import Plan, Step
from dataflow_core.pipeline.secrets import hidden_fields
from dataflow_core.storage.outcome import NO_IDS, positions_of
from dataflow_core.table.frames import Frame, concat_frames
from dataflow_core.table.identity import parse_id, position_of
from dataflow_core.table.types import ROW_ID
from dataflow_core.table.values import rows_of


@dataclass(frozen=True)
class Replayed:
    """What one step did to the row.

    Attributes:
        step: The step's name.
        preview: What it changed, made and removed; None where it was left out.
        left_out: Why it was left out.
    """

    step: str
    preview: StepPreview | None = None
    left_out: str | None = None


@dataclass(frozen=True)
class Replay:
    """A row through the steps again.

    Attributes:
        row: The row of a source that went in: the row itself, or that of which it was made.
        source: Its values there.
        steps: The steps that it met.
        notes: What differs from the run, so that this may not be what happened in it.
    """

    row: str
    source: dict[str, Any]
    steps: list[Replayed] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the replay for JSON."""
        return asdict(self)


def replay(run: StoredRun, story: Story, open_source: Open, source: str | None = None) -> Replay:
    """Take a row of a run through the steps again, up to where it ended.

    Args:
        run: The run.
        story: The row's story; of rows made of others, only those in it are followed.
        open_source: Opens the sources.
        source: Where the main source is now; None for where the run found it.

    Raises:
        RunError: The plan cannot be made again, or the row cannot be read.
        DataflowError: A source cannot be read, or a step failed as a whole.
    """
    plan = plan_over_source(run, open_source, source)
    for hidden, field_name in hidden_fields(plan):
        raise RunError(
            f"step {hidden!r} of {run.path} has a secret, {field_name}, that run.json does not "
            "tell; its rows cannot be taken through the steps again."
        )
    found = Fingerprints.of(plan, limit=run.asked["options"]["limit"], files=run.asked["files"])
    notes = list(in_short(differences(run.asked["fingerprints"], found.parts)))
    name, frame = _source_row(run, plan, story.root)
    (values,) = rows_of(frame.to_arrow())
    # Answers of the run are found; others are kept beside it, and it stays as it is.
    options = EngineOptions(cache=run.path.parent / REQUESTS)
    calls = Calls(plan, run.path, options, never)
    player = _Player(run, story, {name: frame}, calls)
    try:
        for step in plan.steps:
            player.play(step)
    finally:
        calls.close()
    notes += _contradictions(story, player.steps)
    return Replay(story.root, values, player.steps, notes)


class _Player:
    """Takes the row, and rows made of it, from table to table."""

    def __init__(
        self, run: StoredRun, story: Story, tables: dict[str, Frame], calls: Calls
    ) -> None:
        self.run = run
        self._calls = calls
        self.steps: list[Replayed] = []
        self._tables = tables
        self._lineage = story.lineage
        self._all = story.root == story.row

    def play(self, step: Step) -> None:
        """Take the row through a step, if it comes that far."""
        if not any(map(self._reaches, (step.table, *step.other_tables))):
            return
        why = self._why_not(step)
        if why is not None:
            self.steps.append(Replayed(step.name, left_out=why))
            self._take_up(step)
            return
        frame, decision = self._tables[step.table], None
        if step.is_two_phase:
            path = RunDirectory(self.run.path).decision(step.name)
            stored = load_decision(path, self.run.hashes[step.name])
            if stored is None:
                self.steps.append(Replayed(step.name, left_out="the run has not decided yet"))
                return
            decision = Decision(stored[0]).of(frame.ids)
        with self._calls.of(step, StepAccount(step.name)):
            outcome = run_step(step, frame, {}, decision)
        self._tables[step.name] = self._followed(outcome.after)
        self.steps.append(Replayed(step.name, preview_of(step, outcome)))

    def _reaches(self, table: str) -> bool:
        return len(self._tables.get(table, ())) > 0

    def _why_not(self, step: Step) -> str | None:
        if step.only_looks:
            return "it only looks at rows"
        if step.is_barrier and not step.is_two_phase:
            return "it needs the whole table"
        return None

    def _take_up(self, step: Step) -> None:
        """Find the row behind a step that was left out."""
        if step.only_looks:
            self._tables[step.name] = self._tables[step.table]
        else:
            self._tables[step.name] = _kept(self.run, step.name, self._lineage)

    def _followed(self, frame: Frame) -> Frame:
        """Return the rows of the story; of a source's row, all that are made of it."""
        if self._all:
            return frame
        wanted = np.array(sorted(parse_id(row) for row in self._lineage), np.uint64)
        return frame.take(np.flatnonzero(np.isin(frame.ids, wanted)))


def _source_row(run: StoredRun, plan: Plan, row: str) -> tuple[str, Frame]:
    """Return the source of a row, and the row as it was there."""
    number = parse_id(row)
    name = min(plan.sources, key=lambda source: position_of(source, number))
    kept = _kept(run, name, [row])
    if len(kept):
        return name, kept
    reader = reader_of(plan, name, limit=None, exact=bool(run.asked["exact"]))
    position = position_of(name, number)
    for piece in reader.pieces():
        if piece.stop > position:
            (place,) = positions_of(piece.frame.ids, np.array([number], np.uint64)).tolist()
            if place < 0:
                raise RunError(f"row {row}, at position {position}, could not be read.")
            return name, piece.frame.take(np.array([place]))
    place = source_of(name, plan.sources[name]).describe()
    raise RunError(f"row {row} is not in {place}: it has no position {position}.")


def _kept(run: StoredRun, table: str, rows: Collection[str]) -> Frame:
    """Return those of some rows that are in a table that the run keeps."""
    frames = []
    for one in find_rows(run, rows, kinds=["tables"]):
        if one.table == table:
            found = one.arrow()
            ids = found[ROW_ID].to_numpy()
            frames.append(Frame.from_arrow(found.drop_columns([ROW_ID]), ids))
    return concat_frames(frames) if frames else Frame.from_arrow(pa.table({}), NO_IDS)


def _contradictions(story: Story, steps: list[Replayed]) -> list[str]:
    """Return where the replay tells of another end than the run."""
    told = {
        (end.step, end.reason)
        for end in story.ends
        if end.fate in ("dropped", "duplicate", "quarantined")
    }
    played = {one.step for one in steps if one.preview is not None}
    found = {
        (one.step, gone.reason)
        for one in steps
        for gone in (one.preview.gone if one.preview else ())
        if gone.row == story.row
    }
    notes = [
        f"in the run, the row left at {step} ({reason}); now it does not"
        for step, reason in sorted(told - found, key=str)
        if step in played
    ]
    return notes + [
        f"the row leaves at {step} ({reason}) now; in the run it did not"
        for step, reason in sorted(found - told, key=str)
    ]
