"""Where the answers of models are kept: a store in each run directory, and one between them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from dataflow_core.engine.run_paths import REQUESTS, run_folders
from dataflow_core.engine.stored_runs import StoredRun

_LOOKED_AT = 8


def answer_stores(folder: Path, cache: Path | None) -> tuple[Path, list[Path]]:
    """Return the store that a run writes to, and those that it reads besides.

    These are the one between the run directories, in which previews and estimates keep their
    answers, and those of the runs beside it, the newest first, as far as it is worth looking.

    Args:
        folder: The run directory.
        cache: The store that takes the place of the run's own; None for that.
    """
    own = folder / REQUESTS
    places = [own, *_around(folder.parent)]
    if cache is not None and cache.name == REQUESTS:  # the one between runs, of a preview
        places += _around(cache.parent)
    chosen = own if cache is None else cache
    others = (path for path in dict.fromkeys(places) if path.absolute() != chosen.absolute())
    return chosen, list(itertools.islice(_readable(others), _LOOKED_AT))


def store_of_run(folder: Path) -> Path:
    """Return the store that a run on disk has used: the one that it was given, or its own.

    Args:
        folder: The run directory.

    Raises:
        RunError: It holds no run, or one that this version cannot read.
    """
    cache = StoredRun(folder).asked["options"].get("cache")
    return folder / REQUESTS if cache is None else Path(cache)


def _around(folder: Path) -> list[Path]:
    """Return the store between the runs in a folder, and theirs, the newest first."""
    return [folder / REQUESTS, *(path / REQUESTS for path in run_folders(folder))]


def _readable(places: Iterator[Path]) -> Iterator[Path]:
    """Yield the stores that are there; a damaged one of another run is no reason to fail."""
    from dataflow_core.errors import StoreError
    from dataflow_core.serving.store.reader import Reader

    for path in places:
        if not path.exists():
            continue
        try:
            Reader(path).close()
        except StoreError:
            continue
        yield path
