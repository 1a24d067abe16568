"""``run.lock``: all that it takes to repeat a run, and to tell whether it is the same run.

Its paths are absolute, so that it works from any folder.
"""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from dataflow_core.engine.fingerprints import Fingerprints
from dataflow_core.engine.run_changes import explain, retried_tables
from dataflow_core.engine.rundir import RunDirectory
from dataflow_core.engine.sources import source_of
from dataflow_core.errors import RecipeError, RunError
from dataflow_core.pipeline.plan import SOURCE, Plan
from dataflow_core.pipeline.recipe import Resolve, from_yaml, plan_as_dict, require_writable
from dataflow_core.secrets import without_secrets
from dataflow_core.storage.base import Storage
from dataflow_core.storage.file import ReadersSource
from dataflow_core.storage.repeated import RepeatedSource
from dataflow_core.storage.source import Source

NAME = "run.lock"
FORMAT = 1

_LIBRARIES = ("dataflow-llm-core", "pandas", "pyarrow", "numpy", "pydantic")


@dataclass(frozen=True)
class Lock:
    """What a run was, as its ``run.lock`` tells.

    Attributes:
        path: The file.
        content: What it says.
    """

    path: Path
    content: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Lock:
        """Read a lock.

        Raises:
            RunError: The file is no lock, or its run cannot be repeated from a file.
        """
        try:
            content = json.loads(path.read_text("utf-8"))
        except OSError as error:
            raise RunError(f"cannot read the lock {path}: {error.strerror}") from error
        except ValueError as error:
            raise RunError(f"cannot read the lock {path}: {error}") from error
        if not isinstance(content, dict) or content.get("dataflow_lock") != FORMAT:
            raise RunError(f"{path} is no lock of a run, or of another version of dataflow.")
        if content["recipe"] is None:
            raise RunError(f"{path}: the run cannot be repeated from a file: {content['reason']}")
        return cls(path, content)

    @property
    def source(self) -> str | None:
        """Where the main source was; None where that was no file."""
        found: str | None = self.content["input"]["source"]
        return found

    @property
    def note(self) -> str | None:
        """Why a repeated run may still differ, in a sentence; None where nothing speaks for it."""
        if not self.content["retried"]:
            return None
        tables = ", ".join(self.content["retried"])
        return (
            f"{self.path}: failed rows of that run were done again ({tables}). Where code or "
            "parameters had changed by then, its other rows came of the earlier ones, and may come "
            "out otherwise now."
        )

    def plan(self, storage: Storage | None, resolve: Resolve | None = None) -> Plan:
        """Return the run's plan.

        Args:
            storage: The main source.
            resolve: Finds operators by registered name.
        """
        text = json.dumps(self.content["recipe"])  # which is YAML
        return from_yaml(text, resolve, path=str(self.path), storage=storage)

    def require_same(self, plan: Plan, limit: int | None) -> None:
        """Refuse a plan that would give other rows than the run did.

        Raises:
            RunError: It would; the message says why.
        """
        now = Fingerprints.of(plan, limit=limit).parts
        changes = list(explain(self.content["fingerprints"], now))
        if changes:
            raise RunError(
                f"{self.path} cannot be repeated as it was:\n"
                + "\n".join(f"  {change}" for change in changes)
                + "\nBring these back, or run the pipeline itself."
            )


def write_lock(
    directory: RunDirectory, plan: Plan, fingerprints: Fingerprints, limit: int | None
) -> None:
    """Write the lock of a run.

    Args:
        directory: The run directory.
        plan: Its plan.
        fingerprints: Those of the plan's tables.
        limit: The most rows of its main source.
    """
    recipe, reason = None, None
    try:
        require_writable(plan)
        recipe = _recipe(plan)
    except RecipeError as error:
        reason = str(error)
    retried = retried_tables(fingerprints.parts)
    if retried:  # whoever repeats the run has no rows to retry
        fingerprints = Fingerprints.of(plan, limit=limit, files=fingerprints.files)
    content = {
        "dataflow_lock": FORMAT,
        "recipe": recipe,
        "reason": reason,
        "input": _input(plan),
        "folder": str(Path.cwd()),  # of its relative paths in run.json
        "limit": limit,
        "fingerprints": fingerprints.parts,
        "retried": retried,
        "files": {path: told[-1] for path, told in fingerprints.files.items()},
        "python": platform.python_version(),
        "distributions": dict(_versions()),
    }
    directory.write_json(NAME, content)


def _recipe(plan: Plan) -> dict[str, Any]:
    from dataflow_core.prompts import Prompt

    recipe = plan_as_dict(plan, named=None)
    if "sources" in recipe:
        recipe["sources"] = {name: _absolute(path) for name, path in recipe["sources"].items()}
    for step, told in zip(plan.steps, recipe["steps"], strict=True):
        for name in told.get("config", {}):
            value = getattr(step.operator, name)
            place = value.given if isinstance(value, Prompt) else value
            if isinstance(place, Path):
                told["config"][name] = str(place.absolute())
    return recipe


def _absolute(path: str) -> str:
    """Return a path, pattern or folder from the root on; ``..`` stays, for links are not read."""
    return str(Path(path).absolute())


def _place(source: ReadersSource) -> str:
    """Return what ``--input`` takes for a source, a scheme before its path included."""
    told = source.describe()
    if not told.endswith(source.name):
        return told
    return told.removesuffix(source.name) + _absolute(source.name)


def _input(plan: Plan) -> dict[str, Any]:
    source: Source = source_of(SOURCE, plan.sources[SOURCE])
    rounds = 1
    if isinstance(source, RepeatedSource):
        rounds, source = source.rounds, source.once
    if not isinstance(source, ReadersSource):
        return {"source": None, "rounds": rounds}
    options = source.options
    return {
        "rounds": rounds,
        "source": without_secrets(_place(source)),
        "on_bad_row": options.on_bad_row,
        "types": dict(options.types),
    }


def _versions() -> list[tuple[str, str]]:
    found = []
    for name in _LIBRARIES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return found
