"""``dataflow runs``: list, show, retry and compare runs, and say what became of a row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dataflow_core.cli.catalogue.listing import JSON
from dataflow_core.cli.completion import words
from dataflow_core.cli.output import write_json, write_table
from dataflow_core.cli.running import Running, run_and_report, running_options
from dataflow_core.engine.run_paths import RUNS, run_folders
from dataflow_core.errors import RunError

if TYPE_CHECKING:
    from dataflow_core.engine.replay import Replay
    from dataflow_core.engine.row_story import Story
    from dataflow_core.engine.stored_plans import Open
    from dataflow_core.engine.stored_runs import StoredRun
    from dataflow_core.plugins import PluginManager
    from dataflow_core.storage.base import Storage


@click.group("runs")
def command() -> None:
    """List, show and compare runs; say what became of a row; do failed rows again.

    RUN is the path of a run directory, the name of one in dataflow-runs/, or 'last' for the newest
    one there.
    """


@command.command("list")
@click.argument("folder", type=click.Path(path_type=Path), default=RUNS)
@JSON
def list_runs(folder: Path, *, as_json: bool) -> None:
    """List the runs in FOLDER (by default, dataflow-runs), newest first."""
    from dataflow_core.cli.run_texts import run_row
    from dataflow_core.engine.stored_runs import StoredRun

    runs, broken = [], []
    for path in run_folders(folder):
        try:
            runs.append(StoredRun(path).summary())
        except RunError as error:
            broken.append(str(error))
    if as_json:
        write_json(runs)
    elif runs:
        header = ["NAME", "PIPELINE", "STATE", "IN", "OUT", "CHANGED", "WHERE"]
        write_table(header, [run_row(run) for run in runs])
    else:
        click.echo(f"No runs found in {folder}.", err=True)
    for message in broken:
        click.secho(message, fg="yellow", err=True)


@command.command("show")
@click.argument("run", shell_complete=words.runs)
@JSON
def show_run(run: str, *, as_json: bool) -> None:
    """Show what was asked of RUN and what came of it, or how far it is."""
    from dataflow_core.cli.run_texts import asked_lines, progress_lines, sample_lines
    from dataflow_core.engine.stored_runs import find_run

    found = find_run(run)
    stages = [stage.as_dict() for stage in found.stages]
    if as_json:
        told = {"asked": found.asked, "stages": stages, "report": found.report}
        write_json(found.summary() | told)
        return
    click.echo("\n".join(asked_lines(found)))
    if found.report is None:
        click.echo("\n".join(["", *progress_lines(found, stages)]))
        return
    from dataflow_core.engine.report import Report

    report = Report.from_dict(found.report)
    click.echo(f"\n{report}")
    if report.samples:
        click.echo("\n".join(["", *sample_lines(report.samples)]))


@command.command("report")
@click.argument("run", shell_complete=words.runs)
@JSON
def report_of_run(run: str, *, as_json: bool) -> None:
    """Print where the report of RUN is: a page for a browser; with --json, what it says."""
    from dataflow_core.engine.report_writer import PAGE
    from dataflow_core.engine.stored_runs import find_run

    found = find_run(run)
    page = found.path / PAGE
    if found.report is None or not (as_json or page.is_file()):
        raise RunError(
            f"{found.path} has no report: it is {found.state}. `dataflow runs show` tells how far "
            "it is; the same `dataflow run` command makes the report."
        )
    if as_json:
        write_json(found.report)
    else:
        click.echo(str(page))


@command.command("why")
@click.argument("run", shell_complete=words.runs)
@click.argument("row", required=False)
@click.option("--position", type=click.IntRange(min=0), help="The row by its number, from 0.")
@click.option("--where", metavar="COLUMN=VALUE", help="The rows that ended with this value.")
@click.option("--replay", "again", is_flag=True, help="Take the row through the steps again.")
@click.option(
    "--input", "-i", "source", metavar="SOURCE", shell_complete=words.sources,
    help="Where the source is now.",
)  # fmt: skip
@JSON
@click.pass_obj
def why(
    manager: PluginManager,
    run: str,
    row: str | None,
    *,
    position: int | None,
    where: str | None,
    again: bool,
    source: str | None,
    as_json: bool,
) -> None:
    """Say what became of ROW of RUN, at which step and why.

    ROW is a row's id, or the beginning of one, or the row's number in the main source, from 0. With
    --replay, the row is taken through the steps again, to see its values before and after each.
    """
    from dataflow_core.engine.row_story import story_at, story_of
    from dataflow_core.engine.stored_runs import find_run

    if [row, position, where].count(None) != 2:
        raise click.UsageError("name one row: ROW, --position NUMBER, or --where COLUMN=VALUE.")
    found = find_run(run)
    if row is not None and row.isdecimal() and len(row) < 16:
        position, row = int(row), None
    if position is not None:
        story = story_at(found, position)
    else:
        ids = [row] if row is not None else _ids_with(found, where or "")
        if len(ids) > 1:
            _write_matches(found, ids, as_json)
            return
        story = story_of(found, ids[0])
    replayed = _replayed(manager, found, story, source) if again else None
    if as_json:
        told: dict[str, Any] = story.as_dict()
        write_json(told if replayed is None else told | {"replay": replayed.as_dict()})
        return
    from dataflow_core.cli.run_texts import replay_lines, story_lines

    click.echo("\n".join(story_lines(story)))
    if replayed is not None:
        click.echo("\n".join(["", *replay_lines(replayed)]))
    else:
        click.echo("\nIts values before and after each step: add --replay.")


@command.command("retry")
@click.argument("run", shell_complete=words.runs)
@click.option(
    "--input", "-i", "source", metavar="SOURCE", shell_complete=words.sources,
    help="Where the source is now.",
)  # fmt: skip
@click.option(
    "--param", "-p", "params", multiple=True, metavar="STEP.FIELD=VALUE",
    shell_complete=words.settings,
    help="Another value of a step's parameter, where that is the fix. Repeatable.",
)  # fmt: skip
@running_options
@click.pass_obj
def retry(
    manager: PluginManager,
    run: str,
    *,
    source: str | None,
    params: tuple[str, ...],
    running: Running,
) -> None:
    """Do the rows again that failed in RUN, after a fix, and put them in their places.

    A row goes on from the step in which it failed. The other rows stay as they are, whatever has
    changed in operators; steps behind that need all rows, such as a deduplication, are done again.
    """
    from dataflow_core.cli.parameters import reconfigured
    from dataflow_core.cli.run_texts import unfinished_text
    from dataflow_core.engine.stored_plans import output_of, plan_over_source
    from dataflow_core.engine.stored_runs import find_run

    found = find_run(run)
    if not found.failed():
        if found.state != "done":
            raise RunError(unfinished_text(found))
        click.echo(f"No row of {found.path} failed in a step. There is nothing to do again.")
        return
    plan = plan_over_source(found, _opener(manager, found), source)
    options = found.asked["options"]
    run_and_report(
        manager,
        reconfigured(plan, params),
        running,
        output=output_of(found),
        run_dir=found.path,
        limit=options["limit"],
        max_failures=options["max_failures"],
        retry_failed=True,
    )


@command.command("diff")
@click.argument("before", metavar="A", shell_complete=words.runs)
@click.argument("after", metavar="B", shell_complete=words.runs)
@JSON
def diff(before: str, after: str, *, as_json: bool) -> None:
    """Say which rows and columns differ between runs A and B, and what made them differ."""
    from dataflow_core.cli.planning import find_own_modules
    from dataflow_core.engine.run_diff import diff_runs
    from dataflow_core.engine.stored_runs import find_run

    find_own_modules()
    found = diff_runs(find_run(before), find_run(after))
    if as_json:
        write_json(found.as_dict())
        return
    from dataflow_core.cli.run_texts import diff_lines

    click.echo("\n".join(diff_lines(found)))


def _ids_with(run: StoredRun, where: str) -> list[str]:
    from dataflow_core.engine.row_story import ids_with

    column, equals, value = where.partition("=")
    if not equals:
        raise click.UsageError(f"--where takes COLUMN=VALUE, found {where!r}.")
    return ids_with(run, column.strip(), value)


def _write_matches(run: StoredRun, ids: list[str], as_json: bool) -> None:
    """Write the rows that were found; of many, the first."""
    from dataflow_core.engine.row_story import LISTED, fates_of

    fates = fates_of(run, ids[:LISTED])
    if as_json:
        listed = [{"row": row, "fates": told} for row, told in fates.items()]
        write_json({"matches": listed, "more": len(ids) > LISTED})
        return
    count = f"More than {LISTED}" if len(ids) > LISTED else str(len(ids))
    click.echo(f"{count} rows; name one of them by its id:")
    write_table(["ROW", "FATE"], [[row, "; ".join(told)] for row, told in fates.items()])


def _replayed(manager: PluginManager, run: StoredRun, story: Story, source: str | None) -> Replay:
    from dataflow_core.engine.replay import replay

    return replay(run, story, _opener(manager, run), source)


def _opener(manager: PluginManager, run: StoredRun) -> Open:
    """Return what opens a source by its name."""
    from dataflow_core.cli.planning import find_own_modules, open_storage

    find_own_modules()

    def opened(place: str, on_bad_row: str, types: dict[str, str]) -> Storage:
        storage = open_storage(manager, place, on_bad_row, types)
        if storage is None:
            raise RunError(f"{run.path}: its source has no name; give one with --input.")
        return storage

    return opened
