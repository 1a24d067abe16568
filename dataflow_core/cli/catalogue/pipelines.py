"""``dataflow pipelines``: list and show pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dataflow_core.cli.catalogue.listing import list_command, show_command

if TYPE_CHECKING:
    from dataflow_core.plugins import Registered


@click.group("pipelines")
def command() -> None:
    """List and show pipelines."""


def _describe(registered: Registered[Any], cls: Any) -> dict[str, Any]:
    from dataflow_core.cli.catalogue.description import describe_class

    return describe_class(registered, cls)


command.add_command(list_command("pipeline", ("namespace", "modality", "search"), ("modality",)))
command.add_command(show_command("pipeline", _describe))
