"""Runs on disk: found by name, and what their files tell, read without pandas and never changed."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dataflow_core.engine.run_paths import LAST, RUNS, escaped, is_held, run_folders
from dataflow_core.errors import RunError, did_you_mean
from dataflow_core.table.identity import SOURCE_KEY

FORMAT = 2
"""Of ``run.json``."""

RETRIED = "retried"
"""The part of a fingerprint that tells tables in which failed rows were done again."""

ASKED_AGAIN = "asked_again"
"""The part of a fingerprint that tells tables for which models were asked again."""

_ASKED: Mapping[str, type] = {
    "state": str, "plan": dict, "sources": dict, "output": str, "options": dict, "versions": dict,
    "exact": bool, "fingerprints": dict, "files": dict,
}  # fmt: skip
_COMMIT: Mapping[str, type] = {"read": int, "rows": int, "files": dict}
_REPORT: Mapping[str, type] = {"rows_in": int, "rows_out": int, "steps": list}

_TAIL = 200
_STEP = re.compile(r"(.+?)=([0-9a-f]{32})(?: |$)")


@dataclass(frozen=True)
class StoredStage:
    """A stage of a run, as its journal tells of it.

    Attributes:
        name: The table that comes out; for sketches, the step that they are for.
        kind: ``rows``, ``two-phase``, ``whole-table`` or ``sketch``.
        table: The table that goes in.
        steps: The names of its steps.
        journal: Its journal.
    """

    name: str
    kind: str
    table: str
    steps: tuple[str, ...]
    journal: Path

    @cached_property
    def is_finished(self) -> bool:
        """Whether nothing is left to do."""
        with self.journal.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL))
            lines = file.read().splitlines(keepends=True)
        return bool(lines) and lines[-1] == b'{"finished":true}\n'

    @cached_property
    def commits(self) -> list[dict[str, Any]]:
        """What was written down of it, commit by commit; a line cut short counts for nothing."""
        lines = read_lines(self.journal)[1:]
        return [_require(self.journal, line, _COMMIT) for line in lines if "finished" not in line]

    def writes(self, kind: str, name: str) -> bool:
        """Tell whether it writes a table of a kind."""
        if self.kind == "sketch" or kind == "tables":
            return self.kind != "sketch" and name == self.name
        return name in self.steps or (kind == "quarantine" and name == self.table)

    def as_dict(self) -> dict[str, Any]:
        """Return how far it is, for JSON."""
        return {
            "table": self.name,
            "kind": self.kind,
            "steps": list(self.steps),
            "finished": self.is_finished,
            "rows_in": sum(commit["read"] for commit in self.commits),
            "rows_out": sum(commit["rows"] for commit in self.commits),
        }


class StoredRun:
    """One run, as its directory tells of it.

    Args:
        path: The run directory.

    Raises:
        RunError: It holds no run, or one that this version cannot read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        file = path / "run.json"
        self.asked = _read_json(file, {"format": object})
        if self.asked["format"] != FORMAT:
            raise RunError(
                f"{path} holds a run of another version (format {self.asked['format']!r}; "
                f"this version reads {FORMAT}). Run its pipeline again."
            )
        _require(file, self.asked, _ASKED)
        _require(file, self.asked["plan"], {"name": str, "steps": list}, "plan.")
        for number, step in enumerate(self.asked["plan"]["steps"]):
            _require(file, step, {"name": str}, f"plan.steps[{number}].")
        for name, parts in self.asked["fingerprints"].items():
            _require(file, parts, {}, f"fingerprints.{name}.")
        self.pipeline = str(self.asked["plan"]["name"])
        self.steps: list[dict[str, Any]] = self.asked["plan"]["steps"]
        self.sources = tuple(self.asked["sources"])

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.path.resolve().name

    @cached_property
    def state(self) -> str:
        """``done``, ``running``, ``interrupted``, ``failed``, or ``killed``: nobody works on it."""
        told = str(self.asked["state"])
        if told not in ("running", "exporting"):
            return told
        return "running" if is_held(self.path) else "killed"

    @property
    def changed(self) -> dt.datetime:
        """When its state was last written down: when it ended, or began."""
        stamp = (self.path / "run.json").stat().st_mtime
        return dt.datetime.fromtimestamp(stamp, dt.UTC).astimezone()

    @cached_property
    def report(self) -> dict[str, Any] | None:
        """The content of ``report.json``, once it is done; an earlier run's is not its own."""
        path = self.path / "report.json"
        return _read_json(path, _REPORT) if self.state == "done" and path.exists() else None

    @cached_property
    def is_written(self) -> bool:
        """Whether its output is there; that of an earlier run in its directory may not be its."""
        told = self.asked.get("exported")
        asked = f"{self.hashes.get(self.result)} {self.asked['output']}"
        return isinstance(told, dict) and "stats" in told and told.get("table") == asked

    @cached_property
    def result(self) -> str:
        """The name of the table that is its result."""
        last = self.steps[-1]["name"] if self.steps else SOURCE_KEY
        return str(self.asked["plan"].get("result", last))

    @cached_property
    def hashes(self) -> dict[str, str]:
        """The hash of each table's fingerprint, as `Fingerprints` makes it."""
        return {name: hash_of(parts) for name, parts in self.asked["fingerprints"].items()}

    @cached_property
    def stages(self) -> list[StoredStage]:
        """The stages that were begun, in order of execution; those of an earlier plan are not."""
        names = {value: name for name, value in self.hashes.items()}
        order = {name: number for number, name in enumerate(self.hashes)}
        found = []
        for path in sorted((self.path / "journals").glob("*.jsonl")):
            stage = _stage(path, names, self.hashes)
            if stage is not None:
                found.append(stage)
        return sorted(found, key=lambda stage: (order[stage.name], stage.kind != "sketch"))

    def parts(self, kind: str, name: str) -> list[Path]:
        """Return the committed files of a table: tables, dropped, quarantine or ledger."""
        folder = self.path / kind / escaped(name)
        stages = [stage for stage in self.stages if stage.writes(kind, name)]
        # What a crash leaves is removed when a stage goes on, so a finished one has no leftovers.
        if any(stage.is_finished for stage in stages):
            return sorted(folder.glob("part-*.arrow"))
        files: set[str] = set()
        for commit in (commit for stage in stages for commit in stage.commits):
            files -= set(commit.get("replaced", {}).get(f"{kind}/{name}", ()))
            files |= set(commit["files"].get(f"{kind}/{name}", ()))
        return sorted(folder / file for file in files)

    def rows(self) -> tuple[int | None, int | None]:
        """Return the rows read from the main source, and those of the result, so far."""
        if self.report is not None:
            return self.report["rows_in"], self.report["rows_out"]
        reading = [s for s in self.stages if s.table == SOURCE_KEY and s.kind != "sketch"]
        read = sum(commit["read"] for commit in reading[0].commits) if reading else None
        return read, None

    def failed(self) -> dict[str, int]:
        """Return how many rows have failed, for each step in which some did."""
        counts: Counter[str] = Counter()
        for commit in (commit for stage in self.stages for commit in stage.commits):
            for told, sign in (("accounts", 1), ("undone", -1)):
                for name, account in commit.get(told, {}).items():
                    counts[name] += sign * account["quarantined"]
        return dict(+counts)

    def table_before(self, step: str) -> str:
        """Return the table on which a step works."""
        before = SOURCE_KEY
        for one in self.steps:
            if one["name"] == step:
                break
            before = one["name"]
        return str(one.get("table", before))

    def summary(self) -> dict[str, Any]:
        """Return what listings tell of it."""
        rows_in, rows_out = self.rows()
        return {
            "name": self.name,
            "pipeline": self.pipeline,
            "state": self.state,
            "rows_in": rows_in,
            "rows_out": rows_out,
            "changed": self.changed.isoformat(timespec="seconds"),
            "run_dir": str(self.path),
        }


def find_run(name: str, folder: Path = RUNS) -> StoredRun:
    """Return a run.

    Args:
        name: The path of a run directory, the name of one in ``folder``, or ``last`` for the newest
            one there.
        folder: Where runs are.

    Raises:
        RunError: There is none, or it cannot be read.
    """
    for path in (Path(name), folder / name):
        if (path / "run.json").is_file():
            return StoredRun(path)
    known = run_folders(folder)
    if name == LAST and known:
        return StoredRun(known[0])
    if Path(name).is_dir():
        raise RunError(f"{name} holds no run: there is no run.json in it.", unknown_name=True)
    if not known:
        raise RunError(
            f"no run {name!r}, and none in {folder}; name a run directory by its path.",
            unknown_name=True,
        )
    raise RunError(
        f"no run {name!r}.{did_you_mean(name, [path.name for path in known])} "
        f"`dataflow runs list` shows those in {folder}; others are named by their path.",
        unknown_name=True,
    )


def read_lines(journal: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a journal, which another process may be writing.

    Raises:
        RunError: One of them is damaged.
    """
    data = journal.read_bytes()
    return [_line(journal, line) for line in data[: data.rfind(b"\n") + 1].splitlines()]


def hash_of(parts: dict[str, Any]) -> str:
    """Return the hash of the parts of a table's fingerprint."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _stage(path: Path, names: dict[str, str], hashes: dict[str, str]) -> StoredStage | None:
    """Return the stage of a journal; None where it is of work that the run no longer asks for."""
    with path.open("rb") as file:
        line = file.readline()
    if not line.endswith(b"\n"):
        return None
    begun = _line(path, line)
    _require(path, begun, {"fingerprint": str})
    kind, _, rest = begun["fingerprint"].partition(" ")
    table, _, done = rest.partition(" ")
    # The names of steps may hold spaces and signs of equality; their hashes do not.
    told = list(_steps(done))
    if table not in names or any(hashes.get(name) != value for name, value in told):
        return None
    steps = tuple(name for name, _ in told)
    return StoredStage(steps[-1] if steps else names[table], kind, names[table], steps, path)


def _steps(text: str) -> Iterator[tuple[str, str]]:
    """Yield the names and hashes of ``NAME=HASH NAME=HASH``."""
    for match in _STEP.finditer(text):
        yield match[1], match[2]


def _read_json(path: Path, wanted: Mapping[str, type]) -> dict[str, Any]:
    """Return the content of a file.

    Raises:
        RunError: It cannot be read, or lacks what is wanted.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    return _require(path, content, wanted)


def _line(journal: Path, line: bytes) -> dict[str, Any]:
    try:
        return _require(journal, json.loads(line), {})
    except ValueError as error:
        raise _damaged(journal, str(error)) from error


def _require(path: Path, content: Any, wanted: Mapping[str, type], at: str = "") -> dict[str, Any]:
    """Return content that has what is wanted, names with types, at a place in a file.

    Raises:
        RunError: It has not.
    """
    if not isinstance(content, dict):
        where = f"{at.rstrip('.')}: " if at else ""
        raise _damaged(path, f"{where}names and values wanted, found {type(content).__name__}")
    for name, wanted_type in wanted.items():
        if name not in content:
            raise _damaged(path, f"{at}{name} is missing")
        found = content[name]
        if not isinstance(found, wanted_type):
            types = f"{wanted_type.__name__} wanted, found {type(found).__name__}"
            raise _damaged(path, f"{at}{name}: {types}")
    return content


def _damaged(path: Path, why: str) -> RunError:
    return RunError(f"{path} is damaged, or no file of a run: {why}. Run its pipeline again.")
