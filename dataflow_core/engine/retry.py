"""Rows that failed, done again after a fix: from the step on that failed with them, and no others.

What comes of them is put where it would stand had they not failed. The tables of a stage change all
at once, with one line of its journal; a run that is killed before that has changed nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from dataflow_core.engine.failed_rows import FailedRows, entering_later, stored_failures
from dataflow_core.engine.journal import Commit, Progress
from dataflow_core.engine.ledger import StepAccount
from dataflow_core.engine.parts import PartWriter, StoredBatch
from dataflow_core.engine.pieces import Piece, pieces_of
from dataflow_core.engine.removed_rows import APART_ID, put_together, set_apart
from dataflow_core.engine.row_order import Places, RowOrder
from dataflow_core.engine.rundir import RETRY, RunDirectory
from dataflow_core.engine.stored_decisions import relabel_decision
from dataflow_core.engine.stored_runs import RETRIED, hash_of
from dataflow_core.engine.work import Work
from dataflow_core.table.frames import Frame, concat_frames
from dataflow_core.table.identity import RowIds, checksum, parsed
from dataflow_core.table.types import ROW_ID, concat


def relabel(directory: RunDirectory, labels: Mapping[str, str]) -> None:
    """Give work another label, with what is done of it, and its decisions another fingerprint.

    Args:
        directory: The run directory.
        labels: The new labels and fingerprints, by the old ones.
    """
    for journal in directory.journals():
        journal.relabel(labels)
    for path in sorted((directory.path / "decisions").glob("*.arrow")):
        relabel_decision(path, labels)


@dataclass
class Again:
    """The failed rows of a stage that enter it before one of its steps, done again.

    Attributes:
        entry: The step's number.
        work: What is left of the stage from there on.
        directory: Where it is done, below the run directory.
        frames: The rows.
        dangerous: Whether worker processes died of some, or hung on them.
    """

    entry: int
    work: Work
    directory: RunDirectory
    frames: list[Frame]
    dangerous: bool
    progress: Progress = field(default_factory=Progress)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(map(len, self.frames))

    def pieces(self) -> Iterator[Piece]:
        """Yield the rows, numbered from 0."""
        return pieces_of(self.frames)

    def label(self, parts: Mapping[str, Mapping[str, Any]]) -> str:
        """Return what determines what comes of the rows.

        Args:
            parts: The parts of the fingerprints of the plan's tables.
        """
        aside = dict.fromkeys(("table", RETRIED))  # of which the rows themselves tell
        steps = [{**parts[step.name], **aside} for step in self.work.steps]
        rows = sum(checksum(frame.ids) for frame in self.frames)
        return hash_of({"entry": self.entry, "steps": steps, "rows": rows})

    def told(self, told: Mapping[str, str]) -> dict[str, str]:
        """Return what is told of rows that failed again, for the whole stage."""
        return entering_later(told, self.entry)


class Retry:
    """The failed rows of a stage.

    Args:
        work: The stage.
        directory: The run directory.
        batch_rows: The most rows a piece.
    """

    def __init__(self, work: Work, directory: RunDirectory, batch_rows: int) -> None:
        self.work = work
        self.directory = directory
        self._batch_rows = batch_rows
        self.undone: dict[str, StepAccount] = {}
        entering: dict[int, list[FailedRows]] = {}
        for number, step in enumerate(work.steps):
            for failed in stored_failures(directory.table("quarantine", step.name)):
                entry = number if failed.entry is None else failed.entry
                entering.setdefault(entry, []).append(failed)
                self._count(failed, entry, number)
        self.agains = [self._again(entry, entering[entry]) for entry in sorted(entering)]

    @property
    def rows(self) -> int:
        """How many rows failed."""
        return sum(again.rows for again in self.agains)

    @property
    def failed(self) -> dict[str, int]:
        """How many rows failed in each step in which some did."""
        counts = {name: account.quarantined for name, account in self.undone.items()}
        return {name: count for name, count in counts.items() if count}

    @property
    def needs_all_rows(self) -> bool:
        """Whether the stage must be done as a whole: a step needs to see the rows among all."""
        behind = self.work.steps[self.agains[0].entry :] if self.agains else ()
        return self.work.kind == "whole-table" or any(step.only_looks for step in behind)

    def merge(self, spans: list[tuple[int, int]], prefix: str) -> Commit:
        """Write what came of the rows to their places, in new files; return what to commit.

        Args:
            spans: The stretches of places that its batches cover.
            prefix: What the names of the new files begin with.
        """
        merging = _Merging(self, spans, prefix)
        done = Commit(undone=self.undone)
        try:
            merging.insert("tables", self.work.name)
            for step in self.work.steps:
                merging.insert("dropped", step.name)
                merging.insert("ledger", step.name)
                merging.replace_failed(step.name)
            done.files, done.replaced = merging.files()
        except BaseException:
            merging.discard()
            raise
        for again in self.agains:
            first = self.work.steps[again.entry].name
            if first in again.progress.accounts:  # these rows had asked before
                asked = again.progress.accounts[first].calls.asked
                self.undone[first].calls.asked += asked
            for name, account in again.progress.accounts.items():
                done.accounts.setdefault(name, StepAccount(name)).merge(account)
            done.sum.rows += again.progress.sum.rows
            done.sum.sum = (done.sum.sum + again.progress.sum.sum) % 2**64
        return done

    def clear(self) -> None:
        """Remove the folder in which the rows were done."""
        shutil.rmtree(self.directory.path / RETRY, ignore_errors=True)

    def _count(self, failed: FailedRows, entry: int, number: int) -> None:
        """Count rows that will not have failed any more."""
        rows = len(failed.frame)
        for step in self.work.steps[entry:number]:  # which passed them on without seeing them
            passed = self.undone.setdefault(step.name, StepAccount(step.name))
            passed.rows_in += rows
            passed.rows_out += rows
        name = self.work.steps[number].name
        undone = self.undone.setdefault(name, StepAccount(name))
        undone.rows_in += rows
        undone.quarantined += rows
        undone.reasons.update(failed.reasons)

    def _again(self, entry: int, failed: list[FailedRows]) -> Again:
        folder = self.directory.path / RETRY / str(entry)
        kind = self.work.kind if entry == 0 else "rows"
        work = Work(self.work.name, self.work.table, self.work.steps[entry:], kind)
        frames = list(self._joined(one.frame for one in failed))
        dangerous = any(one.entry is not None for one in failed)
        return Again(entry, work, RunDirectory(folder), frames, dangerous)

    def _joined(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Yield the rows in fewer, larger frames, as far as their columns are of the same types."""
        waiting: list[Frame] = []
        for frame in frames:
            rows = sum(map(len, waiting))
            fits = not waiting or frame.to_arrow().schema.equals(waiting[0].to_arrow().schema)
            if waiting and (not fits or rows + len(frame) > self._batch_rows):
                yield concat_frames(waiting)
                waiting = []
            waiting.append(frame)
        if waiting:
            yield concat_frames(waiting)


class _Merging:
    """Rows on their way into the tables of a stage.

    Args:
        retry: The rows.
        spans: The stretches of places that the stage's batches cover.
        prefix: What the names of the new files begin with.
    """

    def __init__(self, retry: Retry, spans: list[tuple[int, int]], prefix: str) -> None:
        self._directory = retry.directory
        self._agains = retry.agains
        self._starts = np.array(sorted(start for start, _ in spans), np.int64)
        self._prefix = prefix
        others = [again.directory for again in retry.agains]
        self._order = RowOrder(retry.work, retry.directory, others)
        self._writers: dict[str, PartWriter] = {}
        self._replaced: dict[str, list[str]] = {}

    def insert(self, kind: str, name: str) -> None:
        """Put new rows of a table among those that are there."""
        tables = [_read(one, kind) for again in self._agains for one in _stored(again, kind, name)]
        if not tables:
            return
        new = concat(tables)
        rows_of = self._by_span(_ids(new))
        there = self._directory.table(kind, name).stored()
        files = {one.path for one in there if self._span(one.start) in rows_of}
        self._replaced[f"{kind}/{name}"] = sorted(path.name for path in files)
        old: dict[int, list[pa.Table]] = {}
        for one in there:
            if one.path in files and (span := self._span(one.start)) in rows_of:
                old.setdefault(span, []).append(_read(one, kind))
            elif one.path in files:
                self._writer(kind, name).write_table(one.table(), one.start, one.told)
        for span, rows in rows_of.items():
            joined = concat([*old.get(span, ()), new.take(pa.array(rows))])
            order = np.lexsort(self._order.keys(_ids(joined))[::-1])
            start = int(self._starts[span])
            ordered = joined.take(pa.array(order))
            table, told = put_together(ordered) if kind == "dropped" else (ordered, None)
            self._writer(kind, name).write_table(table, start, told)

    def replace_failed(self, name: str) -> None:
        """Put the rows that failed again in the place of those that had failed in a step."""
        key = f"quarantine/{name}"
        files = {one.path.name for one in self._directory.table("quarantine", name).stored()}
        self._replaced[key] = sorted(files)
        for again in self._agains:
            for one in _stored(again, "quarantine", name):
                table, told = one.table(), again.told(one.told)
                for span, rows in self._by_span(_ids(table)).items():
                    start = int(self._starts[span])
                    part = table.take(pa.array(rows))
                    self._writer("quarantine", name).write_table(part, start, told)

    def files(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """Return the new files, closed, and those that they replace, by kind and table."""
        for writer in self._writers.values():
            writer.close()
        return {key: writer.files for key, writer in self._writers.items()}, self._replaced

    def discard(self) -> None:
        """Remove what was written."""
        for writer in self._writers.values():
            writer.discard()

    def _span(self, place: int) -> int:
        return int(np.searchsorted(self._starts, place, side="right")) - 1

    def _by_span(self, ids: RowIds) -> dict[int, Places]:
        """Return the numbers of rows by the span to which they belong."""
        places = self._order.keys(ids)[0]
        spans = np.searchsorted(self._starts, places, side="right") - 1
        order = np.argsort(spans, kind="stable")
        found, starts = np.unique(spans[order], return_index=True)
        return dict(zip(found.tolist(), np.split(order, starts[1:]), strict=True))

    def _writer(self, kind: str, name: str) -> PartWriter:
        key = f"{kind}/{name}"
        if key not in self._writers:
            self._writers[key] = self._directory.writer(kind, name, self._prefix)
        return self._writers[key]


def _stored(again: Again, kind: str, name: str) -> list[StoredBatch]:
    return again.directory.table(kind, name).stored()


def _read(stored: StoredBatch, kind: str) -> pa.Table:
    """Return rows in a form in which they can be joined with others of the table."""
    table = stored.table()
    return set_apart(table, stored.told) if kind == "dropped" else table


def _ids(table: pa.Table) -> RowIds:
    if ROW_ID in table.column_names:
        return table[ROW_ID].to_numpy()
    return parsed(table[APART_ID if APART_ID in table.column_names else "row_id"])
