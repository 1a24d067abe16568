"""``dataflow check``: find what is wrong with a pipeline before it runs."""

from __future__ import annotations

import json

import click

from dataflow_core.cli.planning import Asked, check, load_plan, pipeline_options
from dataflow_core.errors import DataflowError, RecipeError
from dataflow_core.wording import counted


@click.command("check")
@pipeline_options
@click.option("--json", "as_json", is_flag=True, help="Print the problems as JSON.")
@click.pass_context
def command(
    context: click.Context,
    asked: Asked,
    as_json: bool,
) -> None:
    """Compile PIPELINE, and report every problem at once; runs nothing.

    Without --input, only what does not depend on the columns of a source is checked. What servings
    need is looked for on this machine: keys, packages, files of models. Exits with 2 if there is an
    error.
    """
    from dataflow_core.pipeline.checks import check_servings

    try:
        plan = load_plan(context.obj, asked)
        problems = [*check(plan), *check_servings(plan)]
    except DataflowError as error:
        if not as_json:
            raise
        click.echo(json.dumps({"pipeline": asked.pipeline, "problems": _refusals(error)}, indent=2))
        context.exit(2)
    errors = [problem for problem in problems if problem.level == "error"]
    if as_json:
        content = {"pipeline": plan.name, "steps": len(plan.steps)}
        click.echo(json.dumps(content | {"problems": [p.as_dict() for p in problems]}, indent=2))
    else:
        for problem in problems:
            click.echo(str(problem))
        warnings = counted(len(problems) - len(errors), "warning")
        found = f"{counted(len(errors), 'error')}, {warnings}" if problems else "no problems"
        click.echo(f"{plan.name}: {counted(len(plan.steps), 'step')}, {found}")
    if errors:
        context.exit(2)


def _refusals(error: DataflowError) -> list[dict[str, object]]:
    """Return what kept a pipeline from being compiled; the faults of a recipe have lines."""
    refusal = {"level": "error", "code": type(error).__name__}
    faults = error.faults if isinstance(error, RecipeError) else ()
    listed = [{**refusal, "line": line, "message": message} for line, message in faults]
    return listed or [{**refusal, "message": str(error)}]
