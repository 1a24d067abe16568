"""The run directory: everything that a run leaves behind, in one folder."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from dataflow_core.engine.journal import Journal
from dataflow_core.engine.parts import PartTable, PartWriter
from dataflow_core.engine.run_paths import RUNS, escaped
from dataflow_core.errors import RunError
from dataflow_core.storage.formats.atomic import remove_temporaries, write_bytes

_ORPHANS_SECONDS = 10.0

RETRY = "retry"
"""The folder in which failed rows are done again."""

KINDS = ("tables", "dropped", "quarantine", "ledger", "sketches")


class RunDirectory:
    """A folder with one run, which one process at a time may work in.

    | file | holds |
    |---|---|
    | ``run.json`` | what was asked: plan, fingerprints, source, versions, options; the state |
    | ``report.json`` | the sums of each step, samples of what was dropped, where the output is |
    | ``run.lock`` | all that it takes to repeat the run: ``dataflow run run.lock`` |
    | ``report.html`` | the same for people, as one page for a browser |
    | ``ledger.parquet`` | where every row ended, by row id |
    | ``journals/STAGE.jsonl`` | what is done of each stage, one line a commit |
    | ``tables/STEP/`` | the rows of each stage's result |
    | ``dropped/STEP/`` | dropped rows as they were, with reason and value |
    | ``quarantine/STEP/`` | failed rows and unreadable lines, with reason and raw value |
    | ``decisions/STEP.arrow`` | what a step that needs all rows decided |
    | ``retry/`` | failed rows that are done again, while they are |

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @classmethod
    def create(cls, path: Path | None, name: str) -> RunDirectory:
        """Make the folder of a run, or take up that of an earlier one, and lock it.

        Args:
            path: Where; None for a new folder below ``dataflow-runs/``.
            name: The pipeline's name, for such a folder's name.

        Raises:
            RunError: The folder holds other files, is in use, or cannot be made.
        """
        folder = path if path is not None else RUNS / _folder_name(name)
        try:
            if folder.is_dir() and not is_run(folder):
                # A run that was killed at once has left no more than these.
                others = {p for p in folder.iterdir() if not p.name.startswith((".lock", ".run."))}
                if others:
                    raise RunError(
                        f"run directory {folder} already holds other files. Name a new one with "
                        "--run-dir, or leave --run-dir out."
                    )
            folder.mkdir(parents=True, exist_ok=True)
            directory = cls(folder)
            directory.lock()
            for place in (folder, folder / "decisions", folder / "journals"):
                remove_temporaries(place / "*")
        except OSError as error:
            raise RunError(
                f"cannot make the run directory {folder}: {error.strerror or error}. "
                "Name another place with --run-dir."
            ) from error
        return directory

    def lock(self) -> None:
        """Keep other processes out until `release`, or until this one ends.

        Raises:
            RunError: Another process works in it.
        """
        descriptor = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
        deadline = time.monotonic() + _ORPHANS_SECONDS
        while not _is_locked(descriptor):
            holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip()
            # Workers of a process that was killed end in a moment, and hold the lock till then.
            if _is_alive(holder) or time.monotonic() > deadline:
                os.close(descriptor)
                raise RunError(
                    f"run directory {self.path} is in use{' by ' + holder if holder else ''}. "
                    "Wait for it, stop it, or name another place with --run-dir."
                )
            time.sleep(0.05)
        self._lock = descriptor
        with suppress(OSError):  # of no weight but in messages
            os.truncate(descriptor, 0)
            os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())

    @property
    def lock_descriptor(self) -> int | None:
        """The open file that locks it, for child processes to share; None without a lock."""
        return self._lock

    def release(self) -> None:
        """Let other processes in."""
        if self._lock is not None:
            descriptor, self._lock = self._lock, None
            os.close(descriptor)  # the file stays: another process may wait at it

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def table(self, kind: str, name: str) -> PartTable:
        """Return a committed table of a kind: tables, dropped, quarantine, ledger or sketches."""
        return PartTable(self.folder(kind, name))

    def writer(self, kind: str, name: str, prefix: str) -> PartWriter:
        """Return a writer of new parts of a table, whose names begin with ``prefix``."""
        return PartWriter(self.folder(kind, name), prefix)

    def folder(self, kind: str, name: str) -> Path:
        """Return the folder of a table."""
        return self.path / kind / escaped(name)

    def journal(self, name: str) -> Journal:
        """Return the journal of a stage."""
        return Journal(self.path / "journals" / f"{escaped(name)}.jsonl")

    def journals(self) -> list[Journal]:
        """Return the journals of all stages that were begun."""
        return [Journal(path) for path in sorted((self.path / "journals").glob("*.jsonl"))]

    def decision(self, name: str) -> Path:
        """Return the path of a step's decision."""
        return self.path / "decisions" / f"{escaped(name)}.arrow"

    def forget(self, folders: Iterable[tuple[str, str]]) -> None:
        """Remove tables."""
        for kind, name in folders:
            shutil.rmtree(self.folder(kind, name), ignore_errors=True)

    def tidy(self, folders: Iterable[tuple[str, str]], known: set[str]) -> None:
        """Remove the files of tables that no commit tells of: a crash left them.

        Args:
            folders: The kinds and names of the tables.
            known: The files that commits tell of, each as ``KIND/TABLE/FILE``.
        """
        for kind, name in folders:
            folder = self.folder(kind, name)
            files = list(folder.iterdir()) if folder.is_dir() else []
            unknown = [file for file in files if f"{kind}/{name}/{file.name}" not in known]
            for file in unknown:
                file.unlink()
            if files and len(unknown) == len(files):
                self.forget([(kind, name)])

    def keep_only(self, folders: Iterable[tuple[str, str]], journals: Collection[str]) -> None:
        """Remove tables, journals and decisions of an earlier plan, and what a retry has left.

        Args:
            folders: The kinds and names of the plan's tables.
            journals: The names of its journals.
        """
        shutil.rmtree(self.path / RETRY, ignore_errors=True)
        kept = {self.folder(kind, name) for kind, name in folders}
        for kind in KINDS:
            for folder in (self.path / kind).glob("*"):
                if folder not in kept:
                    shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):  # there are some, or it is not there
                (self.path / kind).rmdir()
        paths = {self.journal(name).path for name in journals}
        for journal in self.journals():
            if journal.path not in paths:
                journal.remove()
        decided = {self.decision(name) for _, name in folders}
        for path in (self.path / "decisions").glob("*.arrow"):
            if path not in decided:
                path.unlink()

    def clear(self) -> None:
        """Remove what a run has done, so that it can begin again."""
        for name in (*KINDS, "journals", "decisions", RETRY):
            shutil.rmtree(self.path / name, ignore_errors=True)
        for name in ("ledger.parquet", "report.json", "report.html", "run.lock"):
            (self.path / name).unlink(missing_ok=True)

    def read_json(self, name: str) -> dict[str, Any] | None:
        """Return the content of a JSON file, None without the file.

        Raises:
            RunError: It is no JSON.
        """
        path = self.path / name
        try:
            content: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise RunError(
                f"{path} is damaged: {error}. Begin again with --fresh, or elsewhere."
            ) from error
        return content

    def write_json(self, name: str, content: dict[str, Any]) -> None:
        """Write a JSON file, atomically."""
        text = json.dumps(content, indent=2, ensure_ascii=False, default=str)
        self.write_text(name, text + "\n")

    def write_text(self, name: str, text: str) -> Path:
        """Write a text file, atomically, and return its path."""
        path = self.path / name
        write_bytes(path, text.encode())
        return path


def is_run(folder: Path) -> bool:
    """Tell whether a folder is a run directory, and no other that happens to have a run.json."""
    path = folder / "run.json"
    try:
        told = json.loads(path.read_bytes())
    except FileNotFoundError:
        return False
    except ValueError:  # damaged; its journals tell
        return (folder / "journals").is_dir()
    return isinstance(told, dict) and isinstance(told.get("plan"), dict) and "fingerprints" in told


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_alive(holder: str) -> bool:
    """Tell whether the process that a lock names may be there; one elsewhere may."""
    found = re.fullmatch(r"process (\d+) on (.+)", holder)
    if found is None or found[2] != socket.gethostname():
        return True
    try:
        os.kill(int(found[1]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _folder_name(name: str) -> str:
    stamp = dt.datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    slug = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower() or "run"
    return f"{slug}-{stamp}-{secrets.token_hex(2)}"
