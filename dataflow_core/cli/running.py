"""What commands that run a plan have in common: how it runs, and what they print."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from dataflow_core.cli.completion import words
from dataflow_core.cli.planning import Command, gathered, require_ready
from dataflow_core.cli.target import SHORT, shortfalls

if TYPE_CHECKING:
    from dataflow_core.pipeline.plan import Plan
    from dataflow_core.plugins import PluginManager


@dataclass(frozen=True)
class Running:
    """What a command line says about how to run.

    Attributes:
        max_failures: How many of a step's rows may fail; None for what was said before, or 5 %.
        workers: How many processes work at a time; None for one a core.
        step_timeout: How many seconds a worker may be in one step of a batch.
        budget: What answers of models may cost.
        cache: A file in which answers are kept in place of the run directory's.
        quiet: Whether to print errors alone.
    """

    max_failures: str | None
    workers: int | None
    step_timeout: float | None
    budget: str | None
    cache: str | None
    quiet: bool


def running_options(command: Command) -> Command:
    """Add the options that say how to run; they arrive as ``running``."""
    decorators = [
        click.option(
            "--max-failures", metavar="N|P%", show_default="5%",
            help="How many of a step's rows may fail, or the run stops: a number, or a share, of "
            "which up to 10 rows always may, unless they are half of all. 0 stops at the first "
            "failure.",
        ),
        click.option(
            "--workers", type=click.IntRange(min=1), show_default="the number of cores",
            help="How many processes work at a time; never changes the result.",
        ),
        click.option(
            "--step-timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
            help="Kill a worker that is in one step of a batch for longer, and set the row aside "
            "on which it hangs. Default: never.",
        ),
        click.option(
            "--budget", metavar="AMOUNT",
            help="What models may cost in this run directory in all, such as 5 (dollars) or "
            "2Mtok. Before it is exceeded, the run stops, to go on with a larger one.",
        ),
        click.option(
            "--cache", metavar="FILE", shell_complete=words.files,
            help="Keep answers of models in this file, which runs may share, and not in the run "
            "directory.",
        ),
        click.option("--quiet", "-q", is_flag=True, help="Print only errors."),
    ]  # fmt: skip
    return gathered(command, "running", Running, decorators)


def run_and_report(manager: PluginManager, plan: Plan, running: Running, **options: Any) -> None:
    """Check a plan, run it with a display of how far it is, and print its report.

    Args:
        manager: The plugins, which observe the run.
        plan: The plan.
        running: How to run it.
        **options: Further options of `dataflow_core.engine.run_plan`.

    Raises:
        DataflowError: The plan has problems, or the run fails.
    """
    from dataflow_core.cli.progress import display_for
    from dataflow_core.engine import run_plan

    for problem in require_ready(plan, options.get("run_dir"), running.cache):
        click.echo(str(problem), err=True)
    if running.max_failures is not None:
        options["max_failures"] = running.max_failures
    with display_for(sys.stderr, quiet=running.quiet) as display:
        manager.observe(display, "progress")
        report = run_plan(
            plan,
            workers=running.workers or _workers(running),
            step_timeout=running.step_timeout,
            budget=running.budget,
            cache=running.cache,
            may_fork=True,
            notify=manager.notify,
            on_stop=display.say_stopping,
            **options,
        )
    if not running.quiet:
        click.echo(str(report))
    if short := list(shortfalls(plan, report)):
        click.echo("\n".join(short), err=True)
        click.get_current_context().exit(SHORT)


def _workers(running: Running) -> int:
    """Return as many processes as there are cores; for a time limit, two at least."""
    return max(len(os.sched_getaffinity(0)), 1 if running.step_timeout is None else 2)
