"""``dataflow run``: run a pipeline over a file."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from dataflow_core.cli.planning import Asked, check, load_plan, locked_limit, pipeline_options

if TYPE_CHECKING:
    from dataflow_core.plugins import PluginManager


@click.command("run")
@pipeline_options
@click.option(
    "--output", "-o", metavar="PATH",
    help="Where the result goes: FILE with a known ending, 'part-*.jsonl', or a folder. "
    "Default: output.parquet in the run directory.",
)  # fmt: skip
@click.option(
    "--run-dir",
    metavar="DIR",
    help="The run directory, or that of an earlier run to go on with; default: a new one in "
    "dataflow-runs/.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Read at most this many rows.")
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    help="The most rows a batch; never changes the result.",
)
@click.option(
    "--max-failures", metavar="N|P%", default="5%", show_default=True,
    help="How many of a step's rows may fail, or the run stops: a number, or a share, of which up "
    "to 10 rows always may, unless they are half of all. 0 stops at the first failure.",
)  # fmt: skip
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=None,
    show_default="the number of cores",
    help="How many processes work at a time; never changes the result.",
)
@click.option(
    "--step-timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Kill a worker that is in one step of a batch for longer, and set the row aside on which "
    "it hangs. Default: never.",
)
@click.option("--fresh", is_flag=True, help="Begin again, whatever earlier runs have done.")
@click.option("--quiet", "-q", is_flag=True, help="Print only errors.")
@click.pass_obj
def command(
    manager: PluginManager,
    asked: Asked,
    output: str | None,
    run_dir: str | None,
    limit: int | None,
    batch_size: int | None,
    max_failures: str,
    workers: int | None,
    step_timeout: float | None,
    fresh: bool,
    quiet: bool,
) -> None:
    """Run PIPELINE over the rows of --input.

    PIPELINE is a registered name (text/pretrain_filter), a recipe (clean.yaml), module:Class, or
    the run.lock of an earlier run, which is repeated as it was.
    """
    plan = load_plan(manager, asked, needs_input=True)
    if asked.pipeline.endswith(".lock"):
        limit = locked_limit(asked.pipeline, limit)
    from dataflow_core.cli.progress import display_for
    from dataflow_core.engine import run_plan
    from dataflow_core.pipeline.checks import require_sound

    problems = check(plan)
    require_sound(plan, problems)
    for problem in problems:
        click.echo(str(problem), err=True)
    display = display_for(sys.stderr, quiet=quiet)
    with display as watch:
        report = run_plan(
            plan,
            output=output,
            run_dir=run_dir,
            limit=limit,
            batch_size=batch_size,
            max_failures=max_failures,
            workers=workers or len(os.sched_getaffinity(0)),
            step_timeout=step_timeout,
            fresh=fresh,
            notify=manager.notify,
            watch=watch,
        )
    if not quiet:
        click.echo(str(report))
