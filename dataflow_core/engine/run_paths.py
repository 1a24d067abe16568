"""Where runs and their tables lie, without importing what runs need."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

RUNS = Path("dataflow-runs")
"""Where runs go that name no directory, below the working directory."""

REQUESTS = "requests.sqlite"
"""The store of models' answers, in a run's directory or beside them all."""

LAST = "last"
"""The name that stands for the newest run."""


def run_folders(folder: Path = RUNS) -> list[Path]:
    """Return the run directories in a folder, newest first."""
    found = []
    for path in folder.glob("*/run.json"):
        with suppress(FileNotFoundError):  # it was removed meanwhile
            found.append((path.stat().st_mtime_ns, path.parent.name, path.parent))
    return [path for *_, path in sorted(found, reverse=True)]


def escaped(name: str) -> str:
    """Return the name of a table as that of its folder or file."""
    return name.replace("%", "%25").replace("/", "%2F").replace("\\", "%5C")


def is_held(folder: Path) -> bool:
    """Tell whether a process works in a run directory.

    Args:
        folder: The run directory.
    """
    import fcntl

    try:
        descriptor = os.open(folder / ".lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        # Shared, so that askers do not see one another; gone again at once.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
