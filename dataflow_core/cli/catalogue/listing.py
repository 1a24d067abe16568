"""The pair of commands ``list`` and ``show`` that operators, pipelines and storages share."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, get_args

import click

from dataflow_core.cli.broken import warn_of_broken_plugins
from dataflow_core.cli.completion import words
from dataflow_core.cli.output import shortened, write_json, write_table
from dataflow_core.errors import DataflowDeprecationWarning
from dataflow_core.plugins.manager import PluginManager
from dataflow_core.plugins.specs import Function, Modality

if TYPE_CHECKING:
    from dataflow_core.plugins import Kind, Registered

Command = Callable[..., None]

_WIDEST_SOURCE = 44
_WORK = re.compile(r"[^;(]+(\([^)]*\))?")

JSON = click.option("--json", "as_json", is_flag=True, help="Write JSON.")
FILTERS: Mapping[str, Callable[[Command], Command]] = {
    "namespace": click.option(
        "--namespace",
        metavar="NAME",
        shell_complete=words.namespaces,
        help="Only those of one plugin.",
    ),
    "function": click.option(
        "--function", type=click.Choice(get_args(Function)), help="Only those with one function."
    ),
    "modality": click.option(
        "--modality",
        type=click.Choice(get_args(Modality)),
        help="Only those that work on one modality; those for any modality work on all.",
    ),
    "search": click.option(
        "--search", metavar="WORDS", help="Only those whose name, summary or source has all words."
    ),
}


def list_command(kind: Kind, filters: tuple[str, ...], columns: tuple[str, ...]) -> click.Command:
    """Return the command that lists what is registered of a kind.

    Args:
        kind: The kind.
        filters: The names of the `FILTERS` that it takes.
        columns: What to show between name and summary: attributes of the specification.
    """

    def run(manager: PluginManager, /, *, as_json: bool, **wanted: str | None) -> None:
        if namespace := wanted.get("namespace"):
            manager.require_namespace(namespace)
        found = [item for item in manager.all_of(kind) if _is_wanted(item, wanted)]
        if as_json:
            write_json([summary_of(item) for item in found])
        elif found:
            header = ["NAME", *(name.upper() for name in columns), "SUMMARY"]
            rows = [_row(item, columns) for item in found]
            if "source" in columns:
                write_table(header, rows, cut=2, spare=("MODALITY", "SCOPE"))
            else:
                write_table(header, rows)
        else:
            click.echo(f"No {kind}s found.", err=True)
        warn_of_broken_plugins(manager)

    command = JSON(click.make_pass_decorator(PluginManager, ensure=True)(run))
    for name in reversed(filters):
        command = FILTERS[name](command)
    return click.command("list", help=f"List the {kind}s of all plugins.")(command)


def show_command(
    kind: Kind,
    describe: Callable[[Registered[Any], Any], dict[str, Any]],
    full_name: Callable[[PluginManager, str], str] = lambda _, name: name,
) -> click.Command:
    """Return the command that shows one registered thing in full.

    Args:
        kind: The kind.
        describe: Makes what to show of it, from its specification and its target.
        full_name: Returns the full name of what it is also called by.
    """

    @click.command("show", help=f"Show all about one of the {kind}s.")
    @click.argument("name", shell_complete=words.names_of(kind))
    @JSON
    @click.make_pass_decorator(PluginManager, ensure=True)
    def run(manager: PluginManager, /, name: str, *, as_json: bool) -> None:
        registered = find(manager, kind, full_name(manager, name))
        described = describe(registered, manager.load(registered))
        if as_json:
            write_json(described)
            return
        from dataflow_core.cli.catalogue.description import as_text

        click.echo(as_text(described))

    return run


def find(manager: PluginManager, kind: Kind, name: str) -> Registered[Any]:
    """Find something by name; that a name is a former one is said on the standard error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DataflowDeprecationWarning)
        registered = manager.find(kind, name)
    for warning in caught:
        click.echo(f"Note: {warning.message}", err=True)
    return registered


def summary_of(item: Registered[Any]) -> dict[str, Any]:
    """Return what a specification says, as JSON shows it."""
    # A specification is a frozen dataclass with slots; those of its bases come first.
    names = [name for name in item.spec.__dataclass_fields__ if name != "name"]
    said = {name: getattr(item.spec, name) for name in names}
    return {
        "name": item.full_name,
        "namespace": item.namespace,
        **said,
        "distribution": item.distribution,
        "version": item.version,
    }


def _is_wanted(item: Registered[Any], wanted: Mapping[str, str | None]) -> bool:
    spec = item.spec
    if wanted.get("namespace") not in (None, item.namespace):
        return False
    if wanted.get("function") not in (None, getattr(spec, "function", None)):
        return False
    if wanted.get("modality") and spec.modality not in (wanted["modality"], "any"):
        return False
    said = f"{item.full_name} {spec.summary} {getattr(spec, 'source', '')}".lower()
    return all(word in said for word in (wanted.get("search") or "").lower().split())


def _row(item: Registered[Any], columns: tuple[str, ...]) -> list[str]:
    return [
        item.full_name,
        *(_cell(name, getattr(item.spec, name)) for name in columns),
        item.spec.summary,
    ]


def _cell(name: str, value: Any) -> str:
    if name == "source":
        return shortened(_first_work(value), _WIDEST_SOURCE)
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _first_work(source: str) -> str:
    """Return the first work of a citation up to its authors: ``Gopher (Rae et al. 2021)``."""
    match = _WORK.match(source)
    return match[0].strip() if match else source
