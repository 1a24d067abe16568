"""The plans of runs on disk, made again from what their files tell."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from dataflow_core.engine.lockfile import NAME, Lock
from dataflow_core.engine.stored_runs import StoredRun
from dataflow_core.errors import RunError
from dataflow_core.pipeline.plan import Plan
from dataflow_core.pipeline.recipe import from_yaml
from dataflow_core.storage.base import Storage
from dataflow_core.table.identity import SOURCE_KEY

Open = Callable[[str, str, dict[str, str]], Storage]
"""Opens a source by its path or URL, with what to do with bad rows, and the types of columns."""


def plan_of(run: StoredRun, storage: Storage | None = None) -> Plan:
    """Return the plan of a run.

    Args:
        run: The run.
        storage: Its main source; None where that is not wanted.

    Raises:
        RunError: A step holds a Python function.
        DataflowError: An operator is not there any more.
    """
    for step in run.steps:
        if "not_serialisable" in step.get("config", {}):
            raise RunError(
                f"step {step['name']!r} of {run.path} holds a Python function or the like, which "
                "run.json cannot; its rows cannot be taken through the steps again. Use an "
                "operator with expressions, or one of a module of your own, to be able to."
            )
    content = dict(run.asked["plan"])
    if "sources" in content:
        content["sources"] = {name: _place(run, name) for name in content["sources"]}
    # JSON is YAML.
    return from_yaml(json.dumps(content), path=f"{run.path}/run.json", storage=storage)


def plan_over_source(run: StoredRun, open_source: Open, source: str | None = None) -> Plan:
    """Return the plan of a run over its main source, opened as the run did.

    Args:
        run: The run.
        open_source: Opens the source.
        source: Where it is now; None for where the run found it.

    Raises:
        RunError: The source was a table in memory; or see `plan_of`.
        DataflowError: An operator or the source is not there any more.
    """
    place = source or _place(run, SOURCE_KEY)
    if place == "memory":
        raise RunError(
            f"the source of {run.path} was a table in memory, which is gone. Save it to a file, "
            "and name that with --input."
        )
    content = run.asked["fingerprints"][SOURCE_KEY]["content"]
    options = content.get("options", {}) if isinstance(content, dict) else {}
    opened = open_source(place, options.get("on_bad_row", "error"), options.get("types") or {})
    return plan_of(run, opened)


def output_of(run: StoredRun) -> str:
    """Return where the output of a run is, also from another folder than that of the run."""
    output, lock = str(run.asked["output"]), _lock_of(run)
    folder = Path("" if lock is None else lock.content.get("folder", "")).absolute()
    return output if folder == Path.cwd() or not folder.exists() else str(folder / output)


def _place(run: StoredRun, name: str) -> str:
    """Return where a source is: where the run's lock says, or as the run was told.

    The latter is for runs without a lock, and for folders that were moved with all that is in them.
    """
    told, lock = str(run.asked["sources"][name]), _lock_of(run)
    if lock is None:
        return told
    is_main = name == SOURCE_KEY
    locked = lock.source if is_main else lock.content["recipe"].get("sources", {}).get(name)
    return told if locked is None or not _may_be_there(locked) else str(locked)


def _lock_of(run: StoredRun) -> Lock | None:
    """Return the lock of a run, which it has once it is done."""
    if run.state != "done":
        return None
    try:
        return Lock.read(run.path / NAME)
    except RunError:  # of a plan that no file can hold, or removed
        return None


def _may_be_there(place: str) -> bool:
    """Tell whether there is a file or folder, or the one in which a pattern's files would be."""
    path = Path(place)
    if not path.is_absolute():  # it has a scheme
        return True
    head, star, _ = place.partition("*")
    return Path(f"{head}x").parent.exists() if star else path.exists()
