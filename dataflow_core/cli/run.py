"""``dataflow run``: run a pipeline over a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dataflow_core.cli.completion import words
from dataflow_core.cli.planning import Asked, is_lock, load_plan, locked_limit, pipeline_options
from dataflow_core.cli.running import Running, run_and_report, running_options
from dataflow_core.cli.target import Target, target_of

if TYPE_CHECKING:
    from dataflow_core.plugins import PluginManager


@click.command("run")
@pipeline_options
@click.option(
    "--output", "-o", metavar="PATH", shell_complete=words.files,
    help="Where the result goes: FILE with a known ending, 'part-*.jsonl', or a folder. "
    "Default: output.parquet in the run directory.",
)  # fmt: skip
@click.option(
    "--run-dir",
    metavar="DIR",
    shell_complete=words.run_folders,
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
    "--want", metavar="'N where CONDITION'", callback=target_of,
    help="Go on until so many rows of the result are accepted, such as '5000 where score >= 4', "
    "keep just these, and read no more of the input than that takes.",
)  # fmt: skip
@running_options
@click.option(
    "--fresh", is_flag=True,
    help="Begin again, whatever earlier runs have done. Answers that were paid for are kept.",
)  # fmt: skip
@click.option(
    "--ask-again", type=click.Choice(["truncated", "failed", "all"]),
    help="Ask models again where answers were cut short, also where they were of no use, or for "
    "all answers, and do again what is made of them.",
)  # fmt: skip
@click.pass_obj
def command(
    manager: PluginManager,
    asked: Asked,
    output: str | None,
    run_dir: str | None,
    limit: int | None,
    batch_size: int | None,
    want: Target | None,
    fresh: bool,
    ask_again: str | None,
    running: Running,
) -> None:
    """Run PIPELINE over the rows of --input.

    PIPELINE is a registered name (text/pretrain_filter), a recipe (clean.yaml), module:Class, or
    the run.lock of an earlier run, which is repeated as it was.
    """
    plan = load_plan(manager, asked, needs_input=True)
    if is_lock(asked.pipeline):
        limit = locked_limit(asked.pipeline, limit)
    if want is not None:
        plan = want.behind(plan)
    run_and_report(
        manager,
        plan,
        running,
        output=output,
        run_dir=run_dir,
        limit=limit,
        batch_size=batch_size,
        fresh=fresh,
        ask_again=ask_again,
    )
