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
    lock = _lock_from_elsewhere(run)
    content = run.asked["plan"] if lock is None else lock.content["recipe"]
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
    lock = _lock_from_elsewhere(run)
    locked = None if lock is None else lock.source
    place = source or locked or run.asked["sources"][SOURCE_KEY]
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
    output, lock = str(run.asked["output"]), _lock_from_elsewhere(run)
    return output if lock is None else str(Path(lock.content["folder"]) / output)


def _lock_from_elsewhere(run: StoredRun) -> Lock | None:
    """Return the lock of a run that was started in another folder, for its paths are absolute.

    A run has one once it is done. If that folder is gone, it was moved, and the relative paths that
    the run was given are as good as ever.
    """
    if run.state != "done":
        return None
    try:
        lock = Lock.read(run.path / NAME)
    except RunError:  # of a plan that no file can hold, or removed
        return None
    folder = Path(lock.content.get("folder", "")).absolute()
    return lock if folder != Path.cwd() and folder.exists() else None
