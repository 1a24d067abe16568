"""``dataflow plan``: draw what a pipeline will do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dataflow_core.cli.completion import words
from dataflow_core.cli.planning import Asked, load_plan, pipeline_options

if TYPE_CHECKING:
    from dataflow_core.pipeline.plan import Plan
    from dataflow_core.plugins import PluginManager

FORMATS = ("text", "json", "yaml", "python", "mermaid", "html")


@click.command("plan")
@pipeline_options
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    shell_complete=words.files,
    help="Write to a file instead of the terminal.",
)
@click.pass_obj
def command(
    manager: PluginManager,
    asked: Asked,
    form: str,
    output: str | None,
) -> None:
    """Show the steps, columns and stages of PIPELINE.

    The format yaml is a recipe that `dataflow run` takes; python is the source of a pipeline class.
    """
    plan = load_plan(manager, asked)
    text = _drawn(plan, form, manager)
    if output is None:
        click.echo(text.rstrip("\n"))
        return
    for storage in plan.sources.values():
        source = getattr(storage, "source", None)
        if source is not None and source.would_read(Path(output)):
            raise click.UsageError(
                f"--output {output} is a file that the plan reads; name another."
            )
    try:
        Path(output).write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"cannot write {output}: {error.strerror}") from error


def _drawn(plan: Plan, form: str, manager: PluginManager) -> str:
    from dataflow_core.pipeline import drawing, python_source, recipe
    from dataflow_core.pipeline.plan import SOURCE

    storage = plan.sources[SOURCE]
    columns = storage.columns() if storage is not None else None
    tables = plan.columns(columns) if columns is not None else None
    match form:
        case "json":
            return json.dumps(
                recipe.plan_as_dict(plan, manager.name_of), indent=2, ensure_ascii=False
            )
        case "yaml":
            return recipe.to_yaml(plan, manager.name_of)
        case "python":
            return python_source.to_python(plan)
        case "mermaid":
            return drawing.as_mermaid(plan)
        case "html":
            return drawing.as_html(plan, tables)
    return drawing.as_text(plan, tables)
