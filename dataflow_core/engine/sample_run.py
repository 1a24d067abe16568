"""A plan run over a sample of its source, by the code that runs it over all, and measured.

The run directory is a temporary one. The sample goes through in a few pieces, each of which has
rows from all over it, so that the time of one piece can be held against that of another.
"""

from __future__ import annotations

import itertools
import resource
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa

from dataflow_core.engine.call_estimate import Asked
from dataflow_core.engine.calls import asking_steps
from dataflow_core.engine.failure_limit import ANY_NUMBER
from dataflow_core.engine.progress import Update
from dataflow_core.engine.report import Report
from dataflow_core.engine.run import run_plan
from dataflow_core.engine.rundir import RunDirectory
from dataflow_core.engine.sample_lineage import StepCounts, trace
from dataflow_core.engine.sketch_sizes import SketchSize, sketch_sizes
from dataflow_core.pipeline.plan import SOURCE, Plan
from dataflow_core.serving.tally import Tally
from dataflow_core.storage.memory_source import MemorySource
from dataflow_core.storage.source import (
    BATCH_BYTES,
    BATCH_ROWS,
    Batch,
    Source,
    SourceSample,
)
from dataflow_core.storage.table_storage import TableStorage
from dataflow_core.table.types import concat

PIECES = 4
REPEATS, ENOUGH_SECONDS = 6, 3.0
"""A sample is run again until the clock has seen enough of it."""

FEW = 4
"""The few rows are one in so many: enough for what a run does once, such as its page."""


@dataclass(frozen=True)
class SampleRun:
    """A run of a plan over some rows; its run directory is gone.

    Attributes:
        report: Its report.
        seconds: How long it took.
        busy: For how much of that the process was at work, and not kept waiting by others.
        pieces: How long the operators took for each piece, where a step does not take all at once.
        output: The size of the result as a Parquet file.
        disk: The size of the run directory without it.
        asked: What the rows of each step asked of models, piece by piece.
    """

    report: Report
    seconds: float
    busy: float
    pieces: tuple[float, ...]
    output: int
    disk: int
    asked: Mapping[str, Sequence[Asked]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """The rows that were run."""
        return self.report.rows_in

    @property
    def operator_seconds(self) -> float:
        """How long all operators took."""
        return sum(step.seconds for step in self.report.steps)


@dataclass(frozen=True)
class Traced:
    """What became of the blocks of a sample.

    Attributes:
        counts: The rows of each block, by step.
        output: The bytes of the rows of each block in the result.
        sketches: What the steps that need all rows keep in memory.
    """

    counts: dict[str, StepCounts]
    output: tuple[int, ...]
    sketches: dict[str, SketchSize]


def run_sample(
    plan: Plan, pieces: Sequence[pa.Table], folder: Path, cache: Path | None = None
) -> SampleRun:
    """Run a plan over some rows.

    Args:
        plan: The plan.
        pieces: The rows, as they go through together.
        folder: The run directory.
        cache: Where answers of models are kept; None for the run directory.

    Raises:
        DataflowError: A step fails as a whole, as it would in a run.
    """
    storage = TableStorage()
    storage.source = _Pieces(pieces)
    sampled = replace(plan, sources={**plan.sources, SOURCE: storage})
    watched: dict[str, list[float]] = {}
    watch_calls = _CallWatch()

    def notify(event: str, **told: Any) -> None:
        if event == "on_progress":
            watch(told["update"])
            watch_calls.note(told["update"])

    def watch(update: Update) -> None:
        if update.rows and not update.finished:  # no piece was done when a stage begins or ends
            seconds = sum(account.seconds for account in update.accounts().values())
            watched.setdefault(update.stage, []).append(seconds)

    began, worked = time.perf_counter(), time.process_time()
    report = run_plan(
        sampled, run_dir=folder, fresh=True, max_failures=ANY_NUMBER, cache=cache, notify=notify
    )
    seconds, busy = time.perf_counter() - began, time.process_time() - worked
    output = Path(report.output)
    files = [file for file in folder.rglob("*") if file.is_file() and file != output]
    return SampleRun(
        report=report,
        seconds=seconds,
        busy=min(busy, seconds),
        pieces=tuple(_by_piece(list(watched.values()), len(pieces))),
        output=output.stat().st_size,
        disk=sum(file.stat().st_size for file in files),
        asked=watch_calls.pieces,
    )


class _CallWatch:
    """Notes what the rows of each piece asked of models, by what progress tells."""

    def __init__(self) -> None:
        self.pieces: dict[str, list[Asked]] = {}
        self._seen: dict[str, Asked] = {}

    def note(self, update: Update) -> None:
        """Take notice of how far a stage is."""
        for name, account in update.accounts().items():
            before = self._seen.get(name, Asked(0, Tally()))
            # Sketches tell of no rows: those of the stage are theirs.
            now = Asked(account.rows_in or update.rows, account.calls.copy())
            if now.calls and now.rows > before.rows:
                came = Asked(now.rows - before.rows, now.calls.minus(before.calls))
                self.pieces.setdefault(name, []).append(came)
                self._seen[name] = now


def _traced(plan: Plan, blocks: Sequence[pa.Table], run: SampleRun, folder: Path) -> Traced:
    directory = RunDirectory(folder)
    accounts = {step.step: step for step in run.report.steps}
    counts, homes = trace(plan, directory, accounts, [block.num_rows for block in blocks])
    output = tuple(_bytes_by_block(directory, plan.result, homes, len(blocks)))
    return Traced(counts, output, sketch_sizes(plan, directory, blocks))


@dataclass(frozen=True)
class Measured:
    """What was measured of a plan on a sample of its source.

    Attributes:
        plan: The plan.
        blocks: The blocks of the sample, in the order in which they were run.
        unreadable: The unreadable rows of each.
        pieces: The rows of each piece in which they were run.
        cold: A run of a few rows of each piece, the first in this process.
        pairs: A run of the same few rows and one of the whole sample, once or more often; where
            more often, without the first, in which operators may have got ready for rare rows.
        traced: What became of the blocks.
        reading: The seconds that the source takes to read a row.
        peak: The most memory that the process has had, in bytes.
    """

    plan: Plan
    blocks: tuple[pa.Table, ...]
    unreadable: tuple[int, ...]
    pieces: tuple[int, ...]
    cold: SampleRun
    pairs: tuple[tuple[SampleRun, SampleRun], ...]
    traced: Traced
    reading: float
    peak: int

    @property
    def few(self) -> SampleRun:
        """A run of a few rows."""
        return self.pairs[-1][0]

    @property
    def full(self) -> SampleRun:
        """A run of the whole sample."""
        return self.pairs[-1][1]

    @property
    def row_bytes(self) -> float:
        """The bytes of a row of the source, as it is in memory."""
        return sum(block.nbytes for block in self.blocks) / max(1, self.full.rows)


def measure(
    plan: Plan,
    source: Source,
    sample: SourceSample,
    schema: pa.Schema,
    cache: Path | None = None,
) -> Measured:
    """Run a plan over a sample of its main source, and over a few rows to know what a start takes.

    Args:
        plan: The plan.
        source: The main source, of the columns that the plan needs.
        sample: Its sample.
        schema: The schema in which it was read.
        cache: Where answers of models are kept.
    """
    asks = bool(asking_steps(plan))
    repeats = 1 if asks else REPEATS  # the second time, all answers would be there
    groups = _groups(len(sample.blocks), apart=sample.origin != "whole")
    order = [number for group in groups for number in group]
    blocks = [sample.blocks[number] for number in order]
    joined = [concat([sample.blocks[number] for number in group]) for group in groups]
    pieces = [piece for table in joined for piece in _cut(table)]
    few = [piece.slice(0, -(-piece.num_rows // FEW)) for piece in pieces]
    pairs: list[tuple[SampleRun, SampleRun]] = []
    with TemporaryDirectory(prefix="dataflow-estimate-") as folder:
        numbers = itertools.count()
        cold = run_sample(plan, few, Path(folder, str(next(numbers))), cache)
        began = time.perf_counter()
        while not pairs or (len(pairs) < repeats and time.perf_counter() - began < ENOUGH_SECONDS):
            small, last = (Path(folder, str(next(numbers))) for _ in range(2))
            pairs.append(
                (run_sample(plan, few, small, cache), run_sample(plan, pieces, last, cache))
            )
        peak = _peak_memory()
        traced = _traced(plan, blocks, pairs[-1][1], last)
    return Measured(
        plan=plan,
        blocks=tuple(blocks),
        unreadable=tuple(sample.unreadable[number] for number in order),
        pieces=tuple(piece.num_rows for piece in pieces),
        cold=cold,
        pairs=tuple(pairs[1:] or pairs),
        traced=traced,
        reading=_seconds_of_reading(source, schema, blocks),
        peak=peak,
    )


def _groups(blocks: int, *, apart: bool) -> list[list[int]]:
    """Return the numbers of the blocks of each piece: each piece spans the source, or a part of it.

    Pieces that span it are samples of their own by the same design, so that their variation tells
    that of the whole (interpenetrating subsamples: Mahalanobis 1946; Wolter 2007, chapter 2).
    """
    numbers, count = list(range(blocks)), min(PIECES, blocks)
    if apart:
        return [numbers[first::count] for first in range(count)]
    return [numbers[n * blocks // count : (n + 1) * blocks // count] for n in range(count)]


def _cut(table: pa.Table) -> Iterator[pa.Table]:
    """Yield a table in pieces no larger than the batches of a run."""
    rows = max(1, min(BATCH_ROWS, table.num_rows * BATCH_BYTES // max(1, table.nbytes)))
    for start in range(0, max(1, table.num_rows), rows):
        yield table.slice(start, rows)


def _seconds_of_reading(source: Source, schema: pa.Schema, blocks: Sequence[pa.Table]) -> float:
    """Return how long a row takes to read, told by one or two batches of a run."""
    batches, seconds, size = source.batches(schema), 0.0, 0
    for _ in range(2):  # The first opens files, and the second tells, where there is one.
        began = time.perf_counter()
        batch = next(batches, None)
        if batch is not None:
            seconds, size = time.perf_counter() - began, batch.table.nbytes
    row = sum(block.nbytes for block in blocks) / max(1, sum(block.num_rows for block in blocks))
    return seconds * row / max(1, size)


def _peak_memory() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


class _Pieces(MemorySource):
    """A table in memory, in batches as they are given."""

    def __init__(self, pieces: Sequence[pa.Table]) -> None:
        super().__init__(concat(pieces))
        self._pieces = pieces

    def batches(self, schema: pa.Schema, *_: Any, **__: Any) -> Iterator[Batch]:
        """Yield the pieces."""
        start = 0
        for piece in self._pieces:
            stop = start + piece.num_rows
            yield Batch(piece, np.arange(start, stop, dtype=np.int64))
            start = stop


def _by_piece(stages: Sequence[Sequence[float]], pieces: int) -> Iterator[float]:
    """Yield the seconds of each piece, summed over the stages through which they went apart."""
    steady = [np.diff([0.0, *seconds]) for seconds in stages if len(seconds) == pieces]
    if steady and pieces > 1:
        yield from np.sum(steady, axis=0).tolist()


def _bytes_by_block(
    directory: RunDirectory, result: str, homes: dict[int, int], blocks: int
) -> Iterator[int]:
    sizes = np.zeros(blocks, np.int64)
    for frame in directory.table("tables", result).frames():
        numbers = np.array([homes.get(i, -1) for i in frame.ids.tolist()], np.int64)
        table = frame.to_arrow()
        for block in set(numbers.tolist()) - {-1}:
            sizes[block] += table.take(np.flatnonzero(numbers == block)).nbytes
    yield from sizes.tolist()
