"""``dataflow cache``: the answers of models that are kept, why others were paid for, room."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dataflow_core.cli.catalogue.listing import JSON
from dataflow_core.cli.completion import words
from dataflow_core.cli.output import write_json
from dataflow_core.engine.run_paths import LAST, REQUESTS, RUNS
from dataflow_core.errors import RunError, StoreError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataflow_core.serving.store.contents import Contents
    from dataflow_core.serving.store.misses import Session
    from dataflow_core.serving.store.pruning import Pruned, Selection


_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


@click.group("cache")
def command() -> None:
    """List the answers of models that are kept, say why others were paid for, remove some.

    Every answer that a model was paid for is kept in a store, requests.sqlite, and not asked for
    again. PATH is a store, or a run directory with one; without any, those in dataflow-runs/ are
    meant, and of `list` also those that runs there were given by --cache.
    """


@command.command("list")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@JSON
def list_stores(paths: tuple[Path, ...], *, as_json: bool) -> None:
    """List what stores hold: answers, tokens and cost by endpoint and model."""
    from dataflow_core.serving.store.contents import contents_of

    found: list[Contents] = []
    broken: list[str] = []
    for store in _stores(paths) if paths else [*_stores_of(RUNS), *_given_to(RUNS)]:
        try:
            found.append(contents_of(store))
        except StoreError as error:
            if paths:
                raise
            broken.append(str(error))
    if as_json:
        write_json([contents.as_dict() for contents in found])
    elif found:
        from dataflow_core.cli.cache_texts import contents_lines

        click.echo("\n\n".join("\n".join(contents_lines(contents)) for contents in found))
    elif not broken:
        click.echo(f"No request stores found in {RUNS}.", err=True)
    for message in broken:
        click.secho(message, fg="yellow", err=True)


@command.command("why")
@click.argument("run", metavar="RUN|STORE", shell_complete=words.runs)
@click.option("--all", "every", is_flag=True, help="Of all sessions, not only of the last.")
@click.option(
    "--also",
    multiple=True,
    metavar="STORE",
    type=click.Path(path_type=Path),
    help="Another store in which answers may have been. Repeatable.",
)
@JSON
def why(run: str, *, every: bool, also: tuple[Path, ...], as_json: bool) -> None:
    """Say why the answers of a run were paid for, and none that was there served.

    RUN is a run directory, the name of one in dataflow-runs/, or 'last' for the newest; the answers
    looked at are those of its last session. Earlier answers are looked for in its store, in those
    that it looked into, and in those of the runs beside it.
    """
    from dataflow_core.serving.store.misses import explain

    path, sessions = _sessions(run)
    chosen = sessions if every else sessions[-1:]
    others = [*(_store_in(place) for place in also), *_beside(path)]
    misses = explain(path, chosen, others)
    if as_json:
        write_json(misses.as_dict())
        return
    from dataflow_core.cli.cache_texts import misses_lines

    click.echo("\n".join(misses_lines(misses)))


@command.command("prune")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@click.option("--older-than", metavar="TIME", help="Answers older than so long: 12h, 30d, 8w.")
@click.option("--model", metavar="NAME", help="Answers of one model.")
@click.option("--problem-only", is_flag=True, help="Answers that were judged a problem.")
@click.option(
    "--superseded", is_flag=True, help="Answers that a later one to the same question replaced."
)
@click.option("--all", "everything", is_flag=True, help="All answers.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@JSON
def prune_stores(
    paths: tuple[Path, ...],
    *,
    older_than: str | None,
    model: str | None,
    problem_only: bool,
    superseded: bool,
    everything: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove answers for good, and give their room on the disk back.

    Of several conditions all must apply. What is removed is asked and paid for again where it is
    needed. A store that a run has open is refused.
    """
    if everything == any((older_than, model, problem_only, superseded)):
        raise click.UsageError(
            "say which answers to remove: --older-than TIME, --model NAME, --problem-only, "
            "--superseded; or --all, alone."
        )
    from dataflow_core.cli.cache_texts import pruned_line
    from dataflow_core.serving.store.pruning import Selection, prunable, prune

    before = None if older_than is None else time.time() - _seconds(older_than)
    selection = Selection(before, model, problem_only, superseded)
    found = [prunable(store, selection) for store in _stores(paths)]
    if not as_json:
        _announce(found, selection)
    wanted = [one.path for one in found if one.answers]
    if wanted and not dry_run:
        if not yes:
            click.confirm("Remove them for good?", abort=True, err=True)
        found = []
        for path in wanted:
            found.append(prune(path, selection))
            if not as_json:
                click.echo(pruned_line(found[-1]))
    if as_json:
        write_json([one.as_dict() for one in found])


def _stores(paths: Sequence[Path]) -> list[Path]:
    """Return the stores that are named, or those where runs are."""
    if paths:
        return list(dict.fromkeys(_store_in(path) for path in paths))
    return _stores_of(RUNS)


def _stores_of(runs: Path) -> list[Path]:
    """Return the stores in a folder of runs: the one that they share, and their own."""
    places = [runs / REQUESTS, *sorted(runs.glob(f"*/{REQUESTS}"))]
    return [path for path in places if path.is_file()]


def _given_to(runs: Path) -> list[Path]:
    """Return the stores elsewhere that runs in a folder were given by ``--cache``."""
    known = {path.absolute() for path in _stores_of(runs)}
    used = (_store_used(folder) for folder in sorted(runs.glob("*")))
    found = dict.fromkeys(path for path in used if path is not None and path.is_file())
    return [path for path in found if path.absolute() not in known]


def _store_used(folder: Path) -> Path | None:
    """Return the store that a run was given by ``--cache``; None for its own, or of no run."""
    from dataflow_core.engine.answers import store_of_run

    try:
        store = store_of_run(folder)
    except RunError:
        return None
    return None if store == folder / REQUESTS else store


def _store_in(path: Path) -> Path:
    """Return the store that a path names, or that lies in the folder that it names."""
    if path.is_dir():
        if not (path / REQUESTS).is_file():
            raise StoreError(
                f"{path} holds no request store: there is no {REQUESTS} in it.", unknown_name=True
            )
        return path / REQUESTS
    if not path.is_file():
        raise StoreError(
            f"there is no request store {path}. `dataflow cache list` shows some.",
            unknown_name=True,
        )
    return path


def _sessions(run: str) -> tuple[Path, list[Session]]:
    """Return the store of a run, and the sessions of the run in it."""
    from dataflow_core.serving.store.misses import sessions_of

    for path in (Path(run), RUNS / run):
        if path.is_file() or (path / REQUESTS).is_file():
            store = _store_in(path)
            return store, sessions_of(store)
        if (used := _of_shared(path)) is not None:
            return used
    own = list(RUNS.glob(f"*/{REQUESTS}"))
    if run == LAST and (newest := _newest(own)) is not None:
        return newest
    shared = RUNS / REQUESTS
    sessions = sessions_of(shared) if shared.is_file() else []
    chosen = sessions if run == LAST else [one for one in sessions if one.run == Path(run).name]
    if not chosen:
        known = [path.parent.name for path in own] + [one.run for one in sessions]
        raise StoreError(
            f"no request store of a run {run!r}.{did_you_mean(run, known)} `dataflow cache list` "
            f"shows those in {RUNS}; others are named by their path.",
            unknown_name=True,
        )
    return shared, chosen


def _of_shared(folder: Path) -> tuple[Path, list[Session]] | None:
    """Return the store that a run shares with others, and its own sessions in it."""
    from dataflow_core.serving.store.misses import sessions_of

    store = _store_used(folder)
    if store is None or not store.is_file():
        return None
    name = str(folder.absolute())
    sessions = [one for one in sessions_of(store) if one.run == name]
    return (store, sessions) if sessions else None


def _newest(own: Sequence[Path]) -> tuple[Path, list[Session]] | None:
    """Return the store of the run that asked last, and its sessions, of own and shared stores."""
    from dataflow_core.serving.store.misses import sessions_of

    found: list[tuple[float, Path, list[Session] | None]]
    found = [(path.stat().st_mtime, path, None) for path in own]
    given = (_of_shared(folder) for folder in RUNS.glob("*"))
    found += [(used[1][-1].started, *used) for used in given if used is not None]
    if not found:
        return None
    _, store, sessions = max(found, key=lambda one: one[0])
    return store, sessions_of(store) if sessions is None else sessions


def _beside(store: Path) -> list[Path]:
    """Return the other stores where a store's run is, as far as they are readable."""
    from dataflow_core.serving.store.reader import Reader

    here = store.absolute().parent
    runs = here if here.name == RUNS.name else here.parent
    found = []
    for path in _stores_of(runs):
        if path != store.absolute():
            try:
                Reader(path).close()
            except StoreError as error:
                click.secho(str(error), fg="yellow", err=True)
            else:
                found.append(path)
    return found


def _announce(found: Sequence[Pruned], selection: Selection) -> None:
    """Say what would be removed, and of a model that no store knows, which there are."""
    from dataflow_core.cli.cache_texts import selected_line

    for one in found:
        if one.answers:
            click.echo(selected_line(one))
    if not sum(one.answers for one in found):
        click.echo("There is nothing to remove.", err=True)
        if selection.model is not None:
            _tell_models([one.path for one in found], selection.model)


def _tell_models(stores: Sequence[Path], model: str) -> None:
    from dataflow_core.serving.store.contents import contents_of

    known = {portion.model for store in stores for portion in contents_of(store).portions}
    if model not in known and known:
        models = ", ".join(sorted(known))
        click.echo(f"No answer is of a model {model!r}; there are: {models}.", err=True)


def _seconds(told: str) -> float:
    """Return the seconds of a time such as ``30d``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([mhdw])", told.strip())
    if match is None:
        raise click.UsageError(
            f"--older-than takes a number with m, h, d or w behind it, such as 30d; found {told!r}."
        )
    return float(match[1]) * _SECONDS[match[2]]
