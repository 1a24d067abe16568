"""``dataflow estimate``: what a run will do, take and leave behind, told by a sample."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from dataflow_core.cli.output import write_json
from dataflow_core.cli.planning import Asked, cache_of, load_plan, pipeline_options, require_ready
from dataflow_core.wording import counted

if TYPE_CHECKING:
    from dataflow_core.engine.estimate import Estimate
    from dataflow_core.engine.extrapolation import StepEstimate
    from dataflow_core.engine.intervals import Interval
    from dataflow_core.plugins import PluginManager


@click.command("estimate")
@pipeline_options
@click.option(
    "-n", "--rows", type=click.IntRange(min=1), show_default="2000, or 100 where models are asked",
    help="About how many rows to run, from all over the input where it can be read in part.",
)  # fmt: skip
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=None,
    show_default="the number of cores",
    help="How many processes the run is to have.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.pass_obj
def command(
    manager: PluginManager, asked: Asked, rows: int | None, workers: int | None, as_json: bool
) -> None:
    """Run a sample of --input through PIPELINE, and tell what all of it will take.

    Rows, time, memory and disk come with the interval in which they are likely to be (95 %).
    So do the calls of models, their tokens and cost, as if no answer were there. Nothing is written
    but a temporary run directory, which is gone in the end, and what models answered, which is kept
    in dataflow-runs/requests.sqlite, where runs find it.
    """
    plan = load_plan(manager, asked, needs_input=True)
    from dataflow_core.engine import estimate_plan

    require_ready(plan, cache=cache_of(plan))
    found = estimate_plan(
        plan, rows, workers=workers or len(os.sched_getaffinity(0)), cache=cache_of(plan)
    )
    if as_json:
        write_json(found.as_dict())
        return
    click.echo("\n".join(estimate_lines(found)))


def estimate_lines(found: Estimate) -> Iterator[str]:
    """Yield an estimate as text."""
    from dataflow_core.engine.report import align

    header = ("step", "in", "out", "dropped", "failed", "time")
    rows = [header, *(_row(step) for step in found.steps)]
    yield align(rows, left=(0,))
    yield ""
    if found.calls:
        yield align(list(_call_rows(found)), left=(0,))
        yield ""
    fewer = any(step.may_drop_more or step.may_get_fewer for step in found.steps)
    yield f"rows    {_count(found.rows)} in, {_count(found.rows_out, most=fewer)} out"
    if found.unreadable.value:
        yield f"        {_count(found.unreadable)} cannot be read"
    if found.cost is not None:
        yield f"cost    {_dollars(found.cost)}"
    yield f"time    {_seconds(found.seconds)} with one process"
    if found.seconds_with_workers is not None:
        with_workers = _seconds(found.seconds_with_workers)
        yield f"        {with_workers} with {found.workers}: the steps' share divided by the cores"
    yield f"memory  {_bytes(found.memory)} at most at a time, in one process"
    output = _bytes(found.output, most=fewer)
    yield f"disk    {_bytes(found.disk)} in the run directory, and {output} of output as Parquet"
    yield _origin(found)
    yield from (f"note: {note}" for note in found.notes)


def _call_rows(found: Estimate) -> Iterator[tuple[str, ...]]:
    """Yield the lines of the table of calls."""
    yield ("step", "asked", "tokens in", "tokens out", "cost")
    for name, told in found.calls.items():
        tokens = (_count(told.prompt_tokens), _count(told.completion_tokens))
        yield (name, _count(told.asked), *tokens, _dollars(told.cost))


def _dollars(told: Interval | None) -> str:
    """Return an amount of money; a dash where prices are not known."""
    from dataflow_core.engine.call_texts import dollars

    if told is None:
        return "-"
    low, high = dollars(told.low), dollars(told.high)
    return f"${low}" if low == high else f"${low}-{high}"


def _row(step: StepEstimate) -> tuple[str, ...]:
    later = step.may_get_fewer
    return (
        step.step,
        _count(step.rows_in, most=later),
        _count(step.rows_out, most=later or step.may_drop_more),
        _count(step.dropped, least=step.may_drop_more, most=later),
        _count(step.failed, most=later),
        f"{step.share:.0%}",
    )


def _origin(found: Estimate) -> str:
    if found.origin == "whole":
        rows = counted(found.sampled, "row was", "rows were")
        return f"All {rows} run: their counts are exact."
    where = {
        "spread": f"from {found.places} places of the source",
        "front": "the first ones",
        "fronts": f"from {found.places} beginnings of files",
    }[found.origin]
    rows = counted(found.sampled, "row")
    return f"Told by {rows}, {where}. a-b: where it lies in 95 of 100 cases."


def _count(told: Interval, *, least: bool = False, most: bool = False) -> str:
    """Return a number of rows; as a bound where the interval is open to one side."""
    if least and most:  # more or less than the sample tells
        return f"0-{_digits(told.high)}"
    if least:
        return f"{_digits(told.low)} or more"
    if most:
        return f"{_digits(told.high)} or less"
    if told.is_exact:
        return f"{told.value:,.0f}"
    return f"{_digits(told.low)}-{_digits(told.high)}"


def _digits(number: float) -> str:
    """Return a number of rows in three digits that count."""
    return f"{float(f'{number:.3g}'):,.0f}"


def _short(number: float, digits: int) -> str:
    return f"{float(f'{number:.{digits}g}'):,g}"


def _seconds(told: Interval) -> str:
    units = ((3600, "h"), (60, "min"), (1, "s"))
    size, unit = next((u for u in units if told.value >= 2 * u[0]), units[-1])
    low, value, high = (_short(one / size, 2) for one in (told.low, told.value, told.high))
    return f"about {value} {unit} ({low}-{high})"


def _bytes(told: Interval, *, most: bool = False) -> str:
    units = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
    size, unit = next((u for u in units if told.value >= u[0]), units[-1])
    low, value, high = (_short(one / size, 3) for one in (told.low, told.value, told.high))
    return f"{high} {unit} or less" if most else f"about {value} {unit} ({low}-{high})"
