"""``dataflow new-operator``: add an operator to a plugin."""

from __future__ import annotations

from pathlib import Path
from typing import cast, get_args

import click

from dataflow_core.cli.added import tell
from dataflow_core.plugins.specs import Function, Scope
from dataflow_core.scaffold.answers import check_line
from dataflow_core.scaffold.names import check_class


@click.command("new-operator")
@click.argument("name")
@click.option(
    "--function", type=click.Choice(get_args(Function)),
    help="What it does to rows. Default: evaluate.",
)  # fmt: skip
@click.option(
    "--scope", type=click.Choice(get_args(Scope)),
    help="Whether it looks at each row alone, or at all of them. Default: row.",
)  # fmt: skip
@click.option("--llm", is_flag=True, help="Have it ask a model, with a prompt.")
@click.option("--description", metavar="TEXT", help="What it is to do, in one line.")
def command(
    name: str, function: str | None, scope: str | None, description: str | None, *, llm: bool
) -> None:
    """Add the operator NAME to the plugin in this folder: module, test, specification.

    NAME is in snake case, without the namespace. What is there already stays as it is. The
    operator does something small as it is generated, and its test tests that: put your own logic
    in its place, and rewrite the test with it.
    """
    from dataflow_core.scaffold.home import find_home
    from dataflow_core.scaffold.operator import new_operator

    home = find_home(Path())
    check_class("the operator", name)
    if description is not None:
        description = check_line("the description", description)
    added = new_operator(
        home, name, cast("Function | None", function), cast("Scope | None", scope),
        llm=llm, description=description,
    )  # fmt: skip
    tell(home, f"operator {name}", added)
    test = f"tests/operators/test_{name}.py"
    if test in added.written:
        click.echo(f"{test} tests the placeholder: rewrite it with the logic.")
