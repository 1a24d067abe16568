"""``dataflow servings``: list, show and check servings."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from dataflow_core.cli.catalogue.listing import JSON, list_command, show_command
from dataflow_core.cli.completion import words
from dataflow_core.cli.output import write_json
from dataflow_core.plugins.manager import PluginManager

if TYPE_CHECKING:
    from dataflow_core.plugins import Registered
    from dataflow_core.serving.checking import Finding

_WORKS = {True: ("works", "green"), False: ("fails", "red"), None: ("-", None)}


@click.group("servings")
def command() -> None:
    """List, show and check servings: where answers of models come from."""


def _describe(registered: Registered[Any], cls: Any) -> dict[str, Any]:
    from dataflow_core.cli.catalogue.description import describe_serving

    return describe_serving(registered, cls)


def _full_name(manager: PluginManager, name: str) -> str:
    """Return the name of the serving of a prefix, by which servings are known."""
    found = [one.full_name for one in manager.servings() if name in one.spec.prefixes]
    return found[0] if len(found) == 1 else name


command.add_command(list_command("serving", ("namespace", "search"), ("prefixes",)))
command.add_command(show_command("serving", _describe, _full_name))


@command.command("check")
@click.argument("spec", shell_complete=words.servings)
@JSON
@click.make_pass_decorator(PluginManager, ensure=True)
@click.pass_context
def check(context: click.Context, manager: PluginManager, /, spec: str, *, as_json: bool) -> None:
    """Ask a serving for an answer, for one that fits a schema, and for a vector.

    SPEC is a serving, such as openai:gpt-4o-mini, openai:NAME@http://localhost:8000/v1 or
    embedded:. The exit code is 1 if it does not answer.
    """
    from dataflow_core.serving.checking import check_serving
    from dataflow_core.serving.spec import serving_from_spec

    with serving_from_spec(spec, manager, cache=None) as serving:
        findings = check_serving(serving)
    if as_json:
        parts = [dataclasses.asdict(finding) for finding in findings]
        write_json({"serving": serving.spec, "works": _works(findings), "parts": parts})
    else:
        click.echo(serving.name)
        for finding in findings:
            _write(finding)
    context.exit(0 if _works(findings) else 1)


def _works(findings: list[Finding]) -> bool:
    """Tell whether the first thing that the serving offers works: chats, or vectors."""
    return next((one.works for one in findings if one.works is not None), False)


def _write(finding: Finding) -> None:
    word, color = _WORKS[finding.works]
    told = [f"{finding.seconds:.2f} s"] if finding.seconds is not None else []
    if finding.tokens_per_second is not None:
        told.append(f"{finding.tokens_per_second:.0f} tokens/s")
    head = f"{', '.join(told)}: " if told else ""
    click.echo(f"  {finding.part:<10}{click.style(f'{word:<6}', fg=color)}{head}{finding.told}")
    if finding.cure is not None:
        click.echo(f"  {'':<16}{finding.cure}")
