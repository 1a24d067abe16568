"""What other runs beside a run have done already: the same work is taken over, not done again.

Files are linked, not copied, where the file system can; so each run directory is whole, and any of
them may be removed.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dataflow_core.engine.journal import Progress
from dataflow_core.engine.run_paths import is_held, run_folders
from dataflow_core.engine.rundir import RunDirectory
from dataflow_core.engine.stored_decisions import load_decision
from dataflow_core.engine.work import Work
from dataflow_core.errors import RunError

_LOOKED_AT = 50


def neighbours(folder: Path) -> list[RunDirectory]:
    """Return the runs beside a run directory, the newest first, as far as it is worth looking."""
    others = (RunDirectory(path) for path in run_folders(folder.parent) if path != folder)
    return list(itertools.islice(others, _LOOKED_AT))


def take_over(
    others: Iterable[RunDirectory], directory: RunDirectory, work: Work, fingerprint: str
) -> tuple[Progress, Path] | None:
    """Link the tables of the same work of another run into this one; None where there is none.

    Args:
        others: The other runs.
        directory: The run directory.
        work: The work, of which it has nothing.
        fingerprint: What its journal would begin with.

    Returns:
        How far that work is, and the directory of the other run.
    """
    for other in others:
        journal = other.journal(work.journal)
        if not journal.is_of(fingerprint):
            continue
        _, progress = journal.read()
        if progress.finished and _link(other, directory, work, progress.files):
            return progress, other.path
    return None


def take_decision(
    others: Iterable[RunDirectory], directory: RunDirectory, name: str, fingerprint: str
) -> Any:
    """Link a decision of another run into this one and return it; None where there is none."""
    path = directory.decision(name)
    for other in others:
        stored = load_decision(other.decision(name), fingerprint)
        if stored is not None:
            link_file(other.decision(name), path)
            return stored
    return None


def unfinished(
    runs: Path, name: str, output: str | None, fingerprints: dict[str, Any]
) -> Path | None:
    """Return the newest run that was asked the same and did not end, for the same command.

    Args:
        runs: The folder of all runs.
        name: The pipeline's name.
        output: Where the result goes; None for the run directory.
        fingerprints: The parts of the plan's fingerprints.
    """
    for path in run_folders(runs)[:_LOOKED_AT]:
        try:
            asked = RunDirectory(path).read_json("run.json") or {}
        except RunError:
            continue
        goal = output if output is not None else str(path / "output.parquet")
        same = asked.get("plan", {}).get("name") == name and asked.get("output") == goal
        if same and asked.get("fingerprints") == fingerprints:
            return None if asked["state"] == "done" or is_held(path) else path
    return None


def _link(other: RunDirectory, directory: RunDirectory, work: Work, files: set[str]) -> bool:
    """Link all files of some work; return whether they were all there."""
    try:
        for kind, name in work.folders():
            source, target = other.folder(kind, name), directory.folder(kind, name)
            for file in sorted(source.iterdir()) if source.is_dir() else ():
                if f"{kind}/{name}/{file.name}" in files:
                    link_file(file, target / file.name)
        journal = directory.journal(work.journal).path
        journal.parent.mkdir(exist_ok=True)
        shutil.copyfile(other.journal(work.journal).path, journal)
    except FileNotFoundError:  # it was removed meanwhile
        directory.journal(work.journal).remove()
        directory.forget(work.folders())
        return False
    return True


def link_file(source: Path, target: Path) -> None:
    """Let a file have a second name, in place of what has that now; or copy it.

    Raises:
        FileNotFoundError: There is no such file.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
