"""The one line that says, at the end of a listing, which plugins could not be loaded."""

from __future__ import annotations

import click

from dataflow_core.plugins.manager import PluginManager
from dataflow_core.plugins.problems import summarize


def warn_of_broken_plugins(manager: PluginManager) -> None:
    """Write one line on plugins that could not be loaded to the standard error."""
    if line := summarize(manager.problems):
        click.secho(line, fg="yellow", err=True)
