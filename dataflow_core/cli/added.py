"""How ``new-operator`` and ``new-pipeline`` tell what they added."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from dataflow_core.scaffold.adding import Added
    from dataflow_core.scaffold.home import PluginHome
    from dataflow_core.scaffold.registration import Registration

FAILED = 1


def tell(home: PluginHome, what: str, added: Added) -> None:
    """Print what was added; the exit code is 1 if the author has something left to write."""
    hooks = home.hooks.relative_to(home.root).as_posix()
    if added.nothing:
        click.echo(f"There is nothing to do: {home.namespace} has the {what} already.")
        return
    for path in added.written:
        click.echo(f"wrote       {path}")
    for path in added.kept:
        click.echo(f"kept        {path}, which was there")
    for name in added.registered:
        click.echo(f"registered  {name} in {hooks}")
    for registration, why in added.unplaced:
        click.echo(_to_paste(hooks, registration, why), err=True)
    if added.unplaced:
        click.get_current_context().exit(FAILED)


def _to_paste(hooks: str, registration: Registration, why: str) -> str:
    call = registration.call("    ")
    return (
        f"\nCould not register the {registration.kind} {registration.name} in {hooks}, which is "
        f"left as it was: {why}.\nImport {registration.cls} there (from dataflow_core.plugins "
        f"import {registration.cls}), and add this to what {registration.hook} returns:\n\n"
        f"    {call},"
    )
