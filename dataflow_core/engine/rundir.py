"""The run directory: everything that a run leaves behind, in one folder."""

from __future__ import annotations

import datetime as dt
import json
import re
import secrets
import shutil
from pathlib import Path
from typing import Any

from dataflow_core.engine.parts import PartTable, PartWriter
from dataflow_core.errors import RunError
from dataflow_core.storage.formats.atomic import AtomicFile

RUNS = Path("dataflow-runs")
"""Where runs go that name no directory, below the working directory."""


KINDS = ("tables", "dropped", "quarantine", "ledger")


class RunDirectory:
    """A folder with one run.

    | file | holds |
    |---|---|
    | ``run.json`` | what was asked: plan, source, versions, options, state |
    | ``report.json`` | the sums of each step, samples of what was dropped, where the output is |
    | ``ledger.parquet`` | where every row ended, by row id |
    | ``tables/STEP/`` | the committed parts of each stage's result |
    | ``dropped/STEP/`` | dropped rows as they were, with reason and value |
    | ``quarantine/STEP/`` | failed rows and unreadable lines, with reason and raw value |

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path | None, name: str) -> RunDirectory:
        """Make the folder of a new run.

        Args:
            path: Where; None for a new folder below ``dataflow-runs/``.
            name: The pipeline's name, for such a folder's name.

        Raises:
            RunError: The folder holds something already, or cannot be made.
        """
        folder = path if path is not None else RUNS / _folder_name(name)
        try:
            if folder.is_dir() and any(folder.iterdir()):
                what = "a run" if (folder / "run.json").exists() else "other files"
                raise RunError(
                    f"run directory {folder} already holds {what}. Name a new one with --run-dir, "
                    "or leave --run-dir out; going on with an earlier run is not possible yet."
                )
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(
                f"cannot make the run directory {folder}: {error.strerror or error}. "
                "Name another place with --run-dir."
            ) from error
        return cls(folder)

    def table(self, kind: str, name: str) -> PartTable:
        """Return a committed table of a kind: tables, dropped, quarantine or ledger."""
        return PartTable(self.path / kind / _escaped(name))

    def writer(self, kind: str, name: str) -> PartWriter:
        """Return a writer of a new table of a kind: tables, dropped, quarantine or ledger."""
        return PartWriter(self.path / kind / _escaped(name))

    def clear(self) -> None:
        """Remove what a run has committed, so that it can begin again."""
        for kind in KINDS:
            shutil.rmtree(self.path / kind, ignore_errors=True)

    def write_json(self, name: str, content: dict[str, Any]) -> None:
        """Write a JSON file, atomically."""
        file = AtomicFile(self.path / name)
        file.write(json.dumps(content, indent=2, ensure_ascii=False, default=str).encode() + b"\n")
        file.commit()


def _escaped(name: str) -> str:
    return name.replace("%", "%25").replace("/", "%2F").replace("\\", "%5C")


def _folder_name(name: str) -> str:
    stamp = dt.datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    slug = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower() or "run"
    return f"{slug}-{stamp}-{secrets.token_hex(2)}"
