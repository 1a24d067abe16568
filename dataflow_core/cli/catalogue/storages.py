"""``dataflow storages``: list and show storages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dataflow_core.cli.catalogue.listing import list_command, show_command

if TYPE_CHECKING:
    from dataflow_core.plugins import Registered


@click.group("storages")
def command() -> None:
    """List and show storages."""


def _describe(registered: Registered[Any], cls: Any) -> dict[str, Any]:
    from dataflow_core.cli.catalogue.description import describe_class

    return describe_class(registered, cls)


command.add_command(list_command("storage", ("namespace", "search"), ("schemes",)))
command.add_command(show_command("storage", _describe))
