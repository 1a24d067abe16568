"""``dataflow prompts``: list and show prompts, and render them as models get them."""

from __future__ import annotations

import re
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
_MAY_BE_NAME = re.compile(r"[\w./-]+")


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
    VARIABLE=VALUE: numbers, true, false and null as JSON writes them, a list in [...], a mapping
    in {...}, else texts; in double quotes (a='"1"') always a text. Of a registered prompt, the
    fields of its operator have their defaults, and take values as --param does.
    """
    from dataflow_core.cli.catalogue.prompt_fields import asking_operator
    from dataflow_core.cli.catalogue.prompt_texts import messages, row_of, values_of

    about, template = _found(manager, name)
    given = pairs(values, "render", once=True)
    columns = {} if source is None else row_of(manager, source, row)
    asking = asking_operator(manager, about["name"], about.get("asked_by", []))
    sent = messages(template, values_of(template, given, columns, asking))
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

    from dataflow_core.prompts import Prompt, PromptTemplate
    from dataflow_core.prompts.prompt import is_text, read_template

    if is_text(name):
        template = PromptTemplate.from_text(name)
        return {"name": template.name, "file": None}, template
    if name.endswith(ENDING):
        return {"name": name, "file": str(Path(name))}, read_template(Path(name))
    if not _MAY_BE_NAME.fullmatch(name):
        Prompt(name)  # which says what a prompt is
    registered = find(manager, "prompt", name)
    path = manager.load(registered)
    template = read_template(path, f"the prompt {registered.full_name}")
    asking = _asking(manager, registered.full_name)
    fields = {
        variable: operator
        for operator, names in asking.items()
        for variable in sorted(names & template.used)
    }
    about = {
        **summary_of(registered),
        "file": str(path),
        "asked_by": list(asking),
        "fields": fields,
    }
    return about, template


def _asking(manager: PluginManager, prompt: str) -> dict[str, set[str]]:
    """Return the operators whose modules name a prompt, with the fields that stand there.

    None of them is imported.
    """
    from dataflow_core.cli.catalogue.prompt_fields import fields_in
    from dataflow_core.plugins.target_source import source_text

    quoted = (f'"{prompt}"', f"'{prompt}'")
    sources = {operator.full_name: source_text(operator) for operator in manager.operators()}
    return {
        name: fields_in(source)
        for name, source in sources.items()
        if any(one in source for one in quoted)
    }
