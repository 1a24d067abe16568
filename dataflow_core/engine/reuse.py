"""What other runs beside a run have done already: the same work is taken over, not done again.

Files are linked, not copied, where the file system can; so each run directory is whole, and any of
them may be removed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dataflow_core.engine.journal import Progress
from dataflow_core.engine.run_paths import is_held
from dataflow_core.engine.rundir import RunDirectory
from dataflow_core.engine.stored_decisions import load_decision
from dataflow_core.engine.work import Work
from dataflow_core.errors import RunError

_LOOKED_AT = 50


def neighbours(folder: Path) -> Iterator[RunDirectory]:
    """Yield the runs beside a run directory, the newest first, as far as it is worth looking."""
    found = [path for path in folder.parent.glob("*/run.json") if path.parent != folder]
    times = {path: _time(path) for path in found}
    for path in sorted(found, key=lambda one: times[one], reverse=True)[:_LOOKED_AT]:
        yield RunDirectory(path.parent)


def take_over(directory: RunDirectory, work: Work, fingerprint: str) -> Progress | None:
    """Link the tables of the same work of another run into this one; None where there is none.

    Args:
        directory: The run directory.
        work: The work, of which it has nothing.
        fingerprint: What its journal would begin with.
    """
    for other in neighbours(directory.path):
        journal = other.journal(work.journal)
        if not journal.is_of(fingerprint):
            continue
        _, progress = journal.read()
        if progress.finished and _link(other, directory, work, progress.files):
            return progress
    return None


def take_decision(directory: RunDirectory, name: str, fingerprint: str) -> Any:
    """Link a decision of another run into this one and return it; None where there is none."""
    path = directory.decision(name)
    for other in neighbours(directory.path):
        stored = load_decision(other.decision(name), fingerprint)
        if stored is not None:
            path.parent.mkdir(exist_ok=True)
            path.unlink(missing_ok=True)
            _link_file(other.decision(name), path)
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
    for other in neighbours(runs / ".new"):
        try:
            asked = other.read_json("run.json") or {}
        except RunError:
            continue
        goal = output if output is not None else str(other.path / "output.parquet")
        same = asked.get("plan", {}).get("name") == name and asked.get("output") == goal
        if same and asked.get("fingerprints") == fingerprints:
            return None if asked["state"] == "done" or is_held(other.path) else other.path
    return None


def _link(other: RunDirectory, directory: RunDirectory, work: Work, files: set[str]) -> bool:
    """Link all files of some work; return whether they were all there."""
    try:
        for kind, name in work.folders():
            source, target = other.folder(kind, name), directory.folder(kind, name)
            for file in sorted(source.iterdir()) if source.is_dir() else ():
                if file.name in files:
                    target.mkdir(parents=True, exist_ok=True)
                    _link_file(file, target / file.name)
        journal = directory.journal(work.journal).path
        journal.parent.mkdir(exist_ok=True)
        shutil.copyfile(other.journal(work.journal).path, journal)
    except FileNotFoundError:  # it was removed meanwhile
        directory.journal(work.journal).remove()
        directory.forget(work.folders())
        return False
    return True


def _link_file(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
