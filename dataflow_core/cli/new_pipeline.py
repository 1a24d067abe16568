"""``dataflow new-pipeline``: add a pipeline to a plugin."""

from __future__ import annotations

from pathlib import Path

import click

from dataflow_core.cli.added import tell
from dataflow_core.cli.completion import words
from dataflow_core.scaffold.answers import check_line


@click.command("new-pipeline")
@click.argument("name")
@click.option(
    "--operator",
    "operators",
    metavar="NAME",
    multiple=True,
    shell_complete=words.own_operators,
    help="The operator of the plugin that it applies; several are applied in order. "
    "Default: the first.",
)
@click.option("--description", metavar="TEXT", help="What it is for, in one line.")
def command(name: str, operators: tuple[str, ...], description: str | None) -> None:
    """Add the pipeline NAME to the plugin in this folder: module, test, specification.

    NAME is in snake case, without the namespace. What is there already stays as it is.
    """
    from dataflow_core.scaffold.home import find_home
    from dataflow_core.scaffold.pipeline import new_pipeline

    home = find_home(Path())
    if description is not None:
        description = check_line("the description", description)
    added = new_pipeline(home, name, operators=operators, description=description)
    tell(home, f"pipeline {name}", added)
