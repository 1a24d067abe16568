"""``dataflow prompts``: list and show prompts, and render them as models get them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dataflow_core.cli.catalogue.listing import JSON, find, list_command, summary_of
from dataflow_core.cli.completion import words
from dataflow_core.cli.output import write_json
from dataflow_core.cli.parameters import pairs
from dataflow_core.plugins.manager import PluginManager

if TYPE_CHECKING:
    from dataflow_core.prompts import PromptTemplate

ENDING = ".jinja"


@click.group("prompts")
def command() -> None:
    """List and show prompts, and render them as models get them."""


command.add_command(list_command("prompt", ("namespace", "search"), ()))


@command.command("show")
@click.argument("name", shell_complete=words.names_of("prompt"))
@JSON
@click.make_pass_decorator(PluginManager, ensure=True)
def show(manager: PluginManager, /, name: str, *, as_json: bool) -> None:
    """Show all about a prompt: its variables, its texts, and the form of the answer.

    NAME is a registered prompt, a file ending with .jinja, or a text with {{ variables }}.
    """
    from dataflow_core.cli.catalogue.prompt_texts import as_text, described

    about, template = _found(manager, name)
    if as_json:
        write_json(described(about, template))
    else:
        click.echo(as_text(about, template))


@command.command("render")
@click.argument("name", shell_complete=words.names_of("prompt"))
@click.argument("values", nargs=-1, metavar="[VARIABLE=VALUE]...")
@click.option("--input", "-i", "source", metavar="SOURCE", help="Where a row's values come from.")
@click.option(
    "--row",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The number of the row in SOURCE, from 0.",
)
@JSON
@click.make_pass_decorator(PluginManager, ensure=True)
def render(
    manager: PluginManager,
    /,
    name: str,
    values: tuple[str, ...],
    source: str | None,
    row: int,
    *,
    as_json: bool,
) -> None:
    """Print what a model is sent: the system message and the user's, exactly.

    NAME is a registered prompt, a file ending with .jinja, or a text with {{ variables }}. These
    have the values of the columns of their names in a row of --input, or those given as
    VARIABLE=VALUE: texts; a list in [...], a mapping in {...}, or null.
    """
    from dataflow_core.cli.catalogue.prompt_texts import messages, require_values, row_of, value_of

    _, template = _found(manager, name)
    given = {variable: value_of(text) for variable, text in pairs(values, "render").items()}
    columns = {} if source is None else row_of(manager, source, row)
    require_values(template, given, columns)
    sent = messages(template, {**columns, **given})
    if as_json:
        write_json(sent)
        return
    for role, text in sent.items():
        if text is not None:
            click.echo(click.style(f"--- {role}", bold=True))
            click.echo(text)


def _found(manager: PluginManager, name: str) -> tuple[dict[str, Any], PromptTemplate]:
    """Return what is known about a prompt besides its file, and the template."""
    from pathlib import Path

    from dataflow_core.prompts import PromptTemplate
    from dataflow_core.prompts.prompt import is_text, read_template

    if is_text(name):
        template = PromptTemplate.from_text(name)
        return {"name": template.name, "file": None}, template
    if name.endswith(ENDING):
        return {"name": name, "file": str(Path(name))}, read_template(Path(name))
    registered = find(manager, "prompt", name)
    path = manager.load(registered)
    asking = _asking(manager, registered.full_name)
    about = {**summary_of(registered), "file": str(path), "asked_by": asking}
    return about, read_template(path, f"the prompt {registered.full_name}")


def _asking(manager: PluginManager, prompt: str) -> list[str]:
    """Return the operators whose modules name a prompt; none of them is imported."""
    from dataflow_core.plugins.target_source import source_text

    quoted = (f'"{prompt}"', f"'{prompt}'")
    return [
        operator.full_name
        for operator in manager.operators()
        if any(one in source_text(operator) for one in quoted)
    ]
