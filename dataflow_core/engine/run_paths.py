"""Where runs and their tables lie, without importing what runs need."""

from __future__ import annotations

import os
from pathlib import Path

RUNS = Path("dataflow-runs")
"""Where runs go that name no directory, below the working directory."""

REQUESTS = "requests.sqlite"
"""The store of models' answers, in a run's directory or beside them all."""


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
