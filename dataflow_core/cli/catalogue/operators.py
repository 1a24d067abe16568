"""``dataflow operators``: list and show operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dataflow_core.cli.catalogue.listing import list_command, show_command

if TYPE_CHECKING:
    from dataflow_core.plugins import OperatorSpec, Registered


@click.group("operators")
def command() -> None:
    """List and show operators."""


def _describe(registered: Registered[OperatorSpec], operator: Any) -> dict[str, Any]:
    from dataflow_core.cli.catalogue.description import describe_operator

    return describe_operator(registered, operator)


command.add_command(
    list_command(
        "operator",
        ("namespace", "function", "modality", "search"),
        ("function", "scope", "modality", "source"),
    )
)
command.add_command(show_command("operator", _describe))
