"""Estimates: what a run will do, take and leave behind, told by a sample of its rows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from dataflow_core.engine.call_estimate import CallEstimate, call_estimate
from dataflow_core.engine.call_texts import spent_text
from dataflow_core.engine.calls import asking_steps, kept_open
from dataflow_core.engine.extrapolation import (
    FRONT_GUESS,
    StepEstimate,
    disk_of,
    memory_of,
    output_of,
    rows_out,
    step_estimates,
    time_of,
    with_workers,
)
from dataflow_core.engine.failure_limit import FailureLimit
from dataflow_core.engine.interrupts import stop_at_once
from dataflow_core.engine.intervals import Blocks, Interval
from dataflow_core.engine.sample_run import Measured, measure
from dataflow_core.engine.sources import needed_columns, source_of
from dataflow_core.engine.wanted_rows import as_wanted
from dataflow_core.errors import ConfigurationError, RunStopped
from dataflow_core.pipeline.plan import SOURCE, Plan
from dataflow_core.secrets import without_secrets
from dataflow_core.serving.tally import Tally
from dataflow_core.storage.formats import SchemaMisfit
from dataflow_core.storage.source import Origin, Source, SourceSample
from dataflow_core.wording import counted

ROWS = 2_000
ASKING_ROWS = 100
BLOCKS = 16


@dataclass(frozen=True)
class Estimate:
    """What a run will do, take and leave behind.

    Attributes:
        pipeline: The pipeline's name.
        source: Where the rows come from.
        sampled: How many rows were run.
        origin: Where they are from: ``"whole"`` source, places ``"spread"`` over it, its
            ``"front"``, or the ``"fronts"`` of several of its files.
        places: From how many places they are.
        rows: How many rows the source has, unreadable ones included.
        unreadable: How many of them cannot be read.
        steps: What each step will do.
        rows_out: Rows in the result.
        seconds: How long the run takes with one process, its start included.
        workers: With how many processes otherwise.
        seconds_with_workers: How long it takes with these: the time of the operators divided by
            them, as far as there are cores; None for one process.
        memory: The most memory of the run's process (its resident set), in bytes.
        disk: The size of the run directory, without the result, in bytes.
        output: The size of the result as a Parquet file, in bytes.
        calls: What each step that asks models will ask of them, by name.
        cost: What all of that costs, in US dollars; None where nobody is asked, or prices are not
            known.
        notes: What else is to know, in sentences.
    """

    pipeline: str
    source: str
    sampled: int
    origin: Origin
    places: int
    rows: Interval
    unreadable: Interval
    steps: tuple[StepEstimate, ...]
    rows_out: Interval
    seconds: Interval
    workers: int
    seconds_with_workers: Interval | None
    memory: Interval
    disk: Interval
    output: Interval
    calls: Mapping[str, CallEstimate] = field(default_factory=dict)
    cost: Interval | None = None
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the estimate for JSON."""
        return asdict(self)


def estimate_plan(
    plan: Plan, rows: int | None = None, *, workers: int = 1, cache: str | Path | None = None
) -> Estimate:
    """Run a sample of the source through all steps, and tell what a run over all rows will take.

    The rows are from places spread over the source, where it can be read in part, and go through
    the steps as those of a run do, in a temporary run directory. What becomes of the rows is told
    by the blocks of the sample (`Blocks`): cluster sampling, with 95 % intervals. The time has two
    parts: what a run takes whatever its rows, measured by one of a few rows, and what each further
    row takes; its interval is that of the sample's pieces, each a sample of its own, and a margin
    of 20 % for what a machine does otherwise another time, and its least is that of a machine that
    does nothing else. Memory is what the process had in the end, and what more rows add to it: full
    batches, files at hand, and sketches or tables of steps that need all rows, as measured.

    Args:
        plan: The plan, whose sources are given.
        rows: About how many rows to run; second tables are read whole. None for 2,000, or for 100
            where models are asked.
        workers: With how many processes the run is to work.
        cache: The file in which answers of models are kept, so that a run need not pay for them
            again; None to keep none.

    Raises:
        ConfigurationError: `rows` or `workers` is below 1.
        DataflowError: A row cannot be read, or a step fails as a whole, as it would in a run.
    """
    asks = bool(asking_steps(plan))
    if rows is None:
        rows = ASKING_ROWS if asks else ROWS
    for name, number in (("rows", rows), ("workers", workers)):
        if number < 1:
            raise ConfigurationError(f"{name} is {number}; it takes a whole number from 1 on.")
    source = _needed(plan)
    sample, schema, exact_seconds = _taken(source, rows)
    try:
        with stop_at_once():
            place = None if cache is None else Path(cache)
            with kept_open(plan), _store_of_sample(asks, place) as store:
                measured = measure(plan, source, sample, schema, store)
    except RunStopped as error:
        raise KeyboardInterrupt from error  # nothing of it is kept
    whole, told = as_wanted(_whole(sample, measured), plan, measured.full.report)
    steps = tuple(step_estimates(measured, whole))
    seconds = time_of(measured, whole).plus(exact_seconds)
    calls = dict(_calls(measured, whole, steps))
    notes = [*told, *_notes(sample, steps, exact_seconds)]
    notes += _notes_of_calls(measured, calls, cache)
    return Estimate(
        pipeline=plan.name,
        source=without_secrets(source.describe()),
        sampled=sample.rows,
        origin=sample.origin,
        places=len(sample.blocks),
        rows=whole.count(),
        unreadable=whole.total_of(measured.unreadable, is_share=True),
        steps=steps,
        rows_out=rows_out(plan, steps, whole, measured),
        seconds=seconds,
        workers=workers,
        seconds_with_workers=None
        if workers == 1 or calls  # models are not asked by workers
        else with_workers(measured, seconds, workers),
        memory=memory_of(measured, whole, steps),
        disk=disk_of(measured, whole),
        output=output_of(measured, whole, steps),
        calls=calls,
        cost=_sum([one.cost for one in calls.values()]),
        notes=tuple(notes),
    )


@contextmanager
def _store_of_sample(asks: bool, cache: Path | None) -> Iterator[Path | None]:
    """Yield where the answers to a sample are kept while it is run more than once."""
    if not asks or cache is not None:
        yield cache
        return
    with TemporaryDirectory(prefix="dataflow-estimate-") as folder:
        yield Path(folder, "answers.sqlite")


def _calls(
    measured: Measured, whole: Blocks, steps: Sequence[StepEstimate]
) -> Iterator[tuple[str, CallEstimate]]:
    """Yield what each step that asks models will ask of them."""
    for step in steps:
        pieces = measured.full.asked.get(step.step)
        if pieces:
            yield step.step, call_estimate(pieces, step.rows_in, whole.left)


def _sum(costs: Sequence[Interval | None]) -> Interval | None:
    known = [cost for cost in costs if cost is not None]
    if not costs or len(known) < len(costs):
        return None
    total = Interval.exactly(0.0)
    for cost in known:
        total = total.plus(cost)
    return total


def _notes_of_calls(
    measured: Measured, calls: Mapping[str, CallEstimate], cache: str | Path | None
) -> Iterator[str]:
    """Yield what is to know of the models."""
    if not calls:
        return
    spent = Tally()
    for run in (measured.cold, *(run for pair in measured.pairs for run in pair)):
        for step in run.report.steps:
            spent.merge(step.calls)
    kept = "" if cache is None else f"; the answers are kept in {cache}, where runs find them"
    yield f"the sample itself took {spent_text(spent)}{kept}"
    if any(step.calls.reused for step in measured.cold.report.steps):
        yield (
            "some answers of the sample were there from before: what models take of the time is "
            "told too low"
        )
    yield (
        "of so few rows, fewer are asked for at a time than of all: a run may take less time for "
        "each"
    )


def _needed(plan: Plan) -> Source:
    """Return the main source of a plan, of the columns that it needs, as a run reads it."""
    source = source_of(SOURCE, plan.sources[SOURCE])
    columns = source.schema().names
    needed = needed_columns(plan, SOURCE, columns)
    return source.project(needed) if len(needed) < len(columns) else source


def _taken(source: Source, rows: int) -> tuple[SourceSample, pa.Schema, float]:
    """Return a sample, its schema, and how long it took to find the exact types, if need be."""
    schema = source.schema()
    try:
        return source.sample(schema, rows, min(BLOCKS, rows)), schema, 0.0
    except SchemaMisfit:
        began = time.perf_counter()
        schema = source.exact_schema()
        seconds = time.perf_counter() - began
        return source.sample(schema, rows, min(BLOCKS, rows)), schema, seconds


def _whole(sample: SourceSample, measured: Measured) -> Blocks:
    pairs = zip(measured.blocks, measured.unreadable, strict=True)
    sizes = [block.num_rows + unreadable for block, unreadable in pairs]
    told = sample.is_exact or sample.origin != "spread"
    return Blocks(sizes, sample.total, told, 0.0 if sample.is_exact or not told else FRONT_GUESS)


def _notes(
    sample: SourceSample, steps: Sequence[StepEstimate], exact_seconds: float
) -> Iterator[str]:
    """Yield what else is to know."""
    first = counted(sample.rows, "row")
    if sample.origin == "front":
        yield f"from the first {first}: what comes later may differ"
    if sample.origin == "fronts":
        yield (
            f"{first} from the beginnings of files: what comes later in them may differ; only "
            "there these files can be read"
        )
    if not sample.is_exact and sample.origin != "spread":
        yield "the number of rows is told by the beginning of the source: a guess"
    if exact_seconds:
        yield (
            "some rows have other types than those at the head of the source: a run reads it all "
            f"for its types first, {exact_seconds:.1f} s, and then begins again"
        )
    drops = [step.step for step in steps if step.may_drop_more]
    if drops:
        yield (
            f"{', '.join(drops)}: judged by all rows, of which a sample holds few together; what "
            "is dropped is a lower bound, and what comes after an upper one"
        )
    limit = FailureLimit()
    for step in steps:
        if limit.is_broken(round(step.failed.value), round(step.rows_in.value)):
            share = step.failed.value / step.rows_in.value
            yield (
                f"{step.step}: {share:.1%} of the rows fail, and a run stops at more than {limit}, "
                "unless --max-failures allows them"
            )
