"""From what was measured on a sample to what a run over all rows will do and take."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import mean, median, stdev

from dataflow_core.engine.intervals import Blocks, Interval, t_quantile
from dataflow_core.engine.parts import PART_BYTES
from dataflow_core.engine.sample_lineage import Count, StepCounts
from dataflow_core.engine.sample_run import Measured, SampleRun
from dataflow_core.engine.sketch_sizes import SketchSize
from dataflow_core.pipeline.plan import SOURCE, Plan, Step
from dataflow_core.storage.formats.parquet import GROUP_ROWS
from dataflow_core.storage.source import BATCH_BYTES, BATCH_ROWS

FRONT_GUESS = 0.3
"""By how much the rows of a source that is told by its front are taken to be wrong."""

TIME_MARGIN = 0.2
DISK_MARGIN = 0.1
MEMORY_MARGIN = 0.1
"""What machines, and files of more rows, do otherwise; no sample shows it."""


@dataclass(frozen=True)
class StepEstimate:
    """What one step will do.

    Attributes:
        step: The step's name.
        rows_in: Rows that go in, those of a second table included.
        rows_out: Rows that come out.
        dropped: Rows that it drops.
        failed: Rows that fail in it.
        share: Its share of the time of all steps.
        may_drop_more: Whether it needs all rows to judge one: duplicates of a row are seldom in the
            sample with it, so what the sample tells is the least that is dropped.
        may_get_fewer: Whether it comes after such a step: what the sample tells is the most.
    """

    step: str
    rows_in: Interval
    rows_out: Interval
    dropped: Interval
    failed: Interval
    share: float
    may_drop_more: bool = False
    may_get_fewer: bool = False


def step_estimates(measured: Measured, whole: Blocks) -> Iterator[StepEstimate]:
    """Yield what each step will do.

    Args:
        measured: What was measured on the sample.
        whole: Its blocks, and how many rows there are.
    """
    fewer: set[str] = set()
    growing = _growing(measured.plan)
    growth = whole.total / max(1, whole.rows)
    seconds = {
        told.step: told.seconds * (growth if told.step in growing else 1)
        for told in measured.full.report.steps
    }
    for step in measured.plan.steps:
        counts = measured.traced.counts[step.name]
        share = seconds[step.name] / (sum(seconds.values()) or 1.0)
        if step.name not in growing:
            yield _constant(step.name, counts, share)
            continue
        drops_more = bool(whole.left) and _judges_all(step, counts)
        gets_fewer = not fewer.isdisjoint((step.table, *step.other_tables))
        if drops_more or gets_fewer:
            fewer.add(step.name)
        yield _step(step, counts, whole, share, drops_more=drops_more, gets_fewer=gets_fewer)


def _growing(plan: Plan) -> set[str]:
    """Return the tables that grow with the main source."""
    tables = {SOURCE}
    for step in plan.steps:
        if not tables.isdisjoint((step.table, *step.other_tables)):
            tables.add(step.name)
    return tables


def _constant(name: str, counts: StepCounts, share: float) -> StepEstimate:
    """Return what a step does to second sources alone, which were read whole."""
    parts = (counts.came, counts.went, counts.dropped, counts.failed)
    came, went, dropped, failed = (Interval.exactly(part.others) for part in parts)
    return StepEstimate(name, came, went, dropped, failed, share)


def _judges_all(step: Step, counts: StepCounts) -> bool:
    drops = step.operator.function == "filter" or any(counts.dropped.blocks)
    return step.is_barrier and step.operator.scope == "dataset" and drops


def _step(
    step: Step,
    counts: StepCounts,
    whole: Blocks,
    share: float,
    *,
    drops_more: bool,
    gets_fewer: bool,
) -> StepEstimate:
    came, went = _rows(whole, counts.came), _rows(whole, counts.went)
    dropped, failed = _rows(whole, counts.dropped), _rows(whole, counts.failed)
    if step.operator.function in ("evaluate", "refine") and not sum(counts.dropped.blocks):
        dropped = Interval.exactly(counts.dropped.others)
    if gets_fewer:
        came, went, dropped, failed = (_from_zero(one) for one in (came, went, dropped, failed))
    if drops_more:
        went = _from_zero(went)
        dropped = Interval(dropped.value, dropped.low, came.high)
    return StepEstimate(step.name, came, went, dropped, failed, share, drops_more, gets_fewer)


def _rows(whole: Blocks, count: Count) -> Interval:
    """Return how many rows of the whole are to be counted."""
    if list(count.blocks) == list(whole.sizes):
        return whole.count().plus(count.others)
    fits = all(rows <= size for rows, size in zip(count.blocks, whole.sizes, strict=True))
    return whole.total_of(count.blocks, is_share=fits).plus(count.others)


def _from_zero(told: Interval) -> Interval:
    return Interval(told.value, 0.0, told.high)


def rows_out(
    plan: Plan, steps: Sequence[StepEstimate], whole: Blocks, measured: Measured
) -> Interval:
    """Return the rows of the result."""
    for step in steps:
        if step.step == plan.result:
            return step.rows_out
    return _rows(whole, Count([block.num_rows for block in measured.blocks]))


def time_of(measured: Measured, whole: Blocks) -> Interval:
    """Return the seconds of a run in one process.

    The least is told by the time for which the process was at work, as if it had the machine for
    itself; the estimate and the most by the clock.
    """
    few, rows, pieces = measured.few, whole.count(), len(measured.pieces)
    if not rows.value:
        return Interval.exactly(measured.cold.seconds).widened(TIME_MARGIN)
    own = _each(measured, lambda run: run.operator_seconds).value
    usual = median(few.operator_seconds for few, _ in measured.pairs)
    batch = max(0.0, usual - own * few.rows) / pieces
    batches = max(pieces, rows.value * measured.row_bytes / BATCH_BYTES, rows.value / BATCH_ROWS)
    spread = _spread(measured, batch) * math.sqrt(whole.left)
    each = _each(measured, lambda run: run.seconds).widened(spread).plus(measured.reading)
    more = [max(0.0, count - few.rows) for count in (rows.value, rows.low, rows.high)]
    moving = Interval(each.value * more[0], each.low * more[1], each.high * more[2])
    fixed = measured.cold.seconds + batch * (batches - pieces)
    told = moving.plus(fixed).widened(TIME_MARGIN)
    work = _each(measured, lambda run: run.busy).value * (1 - min(1.0, spread))
    alone = (1 - TIME_MARGIN) * (measured.cold.busy + work * more[1])
    return Interval(told.value, min(told.low, alone), told.high)


def _each(measured: Measured, of: Callable[[SampleRun], float]) -> Interval:
    """Return what a row adds to what a run takes or leaves, as far as it was the same each time."""
    full = [of(run) for _, run in measured.pairs]
    few, more = [of(run) for run, _ in measured.pairs], measured.full.rows - measured.few.rows
    if more <= 0:
        few, more = [0.0], max(1, measured.full.rows)
    ends = median(full) - median(few), min(full) - max(few), max(full) - min(few)
    return Interval(*(max(0.0, end) / more for end in ends))


def _spread(measured: Measured, batch: float) -> float:
    """Return by which share the time of a row may be wrong, as the pieces vary."""
    runs = [full.pieces for _, full in measured.pairs if full.pieces]
    seconds = [median(times) for times in zip(*runs, strict=True)]
    pairs = zip(seconds, measured.pieces, strict=False)
    rates = [max(0.0, taken - batch) / rows for taken, rows in pairs if rows]
    if len(rates) < 2 or not mean(rates):
        return 0.0
    return t_quantile(len(rates) - 1) * stdev(rates) / mean(rates) / math.sqrt(len(rates))


def with_workers(measured: Measured, alone: Interval, workers: int) -> Interval:
    """Return the seconds of a run with worker processes, about.

    The operators' share of the time is divided by them, as far as there are cores. Reading,
    deciding about all rows and writing the result are not, nor is the start. At best all but the
    start is, and at worst nothing.

    Args:
        measured: What was measured on the sample.
        alone: The seconds with one process.
        workers: How many processes.
    """
    cores = min(workers, len(os.sched_getaffinity(0)))
    start = min(measured.cold.seconds, alone.low)
    share = min(1.0, measured.full.operator_seconds / measured.full.seconds)
    saved = (alone.value - start) * share * (1 - 1 / cores) if alone.value > start else 0.0
    return Interval(alone.value - saved, start + (alone.low - start) / cores, alone.high)


def memory_of(measured: Measured, whole: Blocks, steps: Sequence[StepEstimate]) -> Interval:
    """Return the most memory of a run's process."""
    rows, row = whole.count(), measured.row_bytes
    seen = row * max(measured.pieces, default=0)
    batch = max(0.0, min(BATCH_BYTES, BATCH_ROWS * row, rows.value * row) - seen)
    part = min(PART_BYTES, max(0.0, rows.value - measured.full.rows) * row)
    group = min(GROUP_ROWS * row, max(0.0, rows.value - measured.full.rows) * row)
    working = Interval(4 * batch + part + 2 * group, 2 * batch, 12 * batch + 2 * part + 4 * group)
    told = {step.step: step.rows_in for step in steps}
    kept = [_kept(size, told[name]) for name, size in measured.traced.sketches.items()]
    most = max(kept, key=lambda one: one.value, default=Interval.exactly(0))
    return working.plus(most).plus(measured.peak).widened(MEMORY_MARGIN)


def _kept(size: SketchSize, rows: Interval) -> Interval:
    """Return what a step that needs all rows keeps of those that are not in the sample."""
    if not size.rows:
        return Interval.exactly(0)
    kept, working = size.kept / size.rows, size.working / size.rows
    more, most = (max(0.0, count - size.rows) for count in (rows.value, rows.high))
    high = most * (2 * kept + 1.5 * working)
    return Interval(more * (kept + working), more * max(kept, working), high)


def disk_of(measured: Measured, whole: Blocks) -> Interval:
    """Return the bytes of the run directory without the result."""
    each = _each(measured, lambda run: run.disk).value
    read = [block.nbytes for block in measured.blocks]
    grown = whole.total_of(read).times(each * measured.full.rows / max(1, sum(read)))
    fixed = max(0.0, measured.full.disk - each * measured.full.rows)
    return grown.plus(fixed).widened(DISK_MARGIN)


def output_of(measured: Measured, whole: Blocks, steps: Sequence[StepEstimate]) -> Interval:
    """Return the bytes of the result as a Parquet file."""
    rows = measured.full.rows
    each = _each(measured, lambda run: run.output).value
    kept = measured.traced.output
    grown = whole.total_of(kept).times(each * rows / max(1, sum(kept)))
    size = grown.plus(measured.full.output - each * rows)
    if whole.left:
        size = size.widened(DISK_MARGIN)
    fewer = any(step.may_drop_more or step.may_get_fewer for step in steps)
    return Interval(size.value, 0.0, size.high) if fewer else size
