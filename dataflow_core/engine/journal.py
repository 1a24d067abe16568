"""The journal of a stage: what is done, one line a commit, on disk before it counts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataflow_core.engine.ledger import StepAccount, TableSum
from dataflow_core.engine.pieces import Spans
from dataflow_core.engine.stored_runs import read_lines
from dataflow_core.storage.formats.atomic import write_bytes, writing


@dataclass
class Commit:
    """What was done since the last commit, by one worker.

    Attributes:
        spans: The stretches of places of the stage's table that went through.
        files: The names of the part files written, by kind and table.
        accounts: What each step did, by name.
        sum: The rows of the stage's result.
        unreadable: How many rows of a source could not be read.
        read: How many rows of the stage's table were read, unreadable ones included.
        undone: What counts no more of what steps did, by name: rows that failed are done again.
        replaced: Part files whose place others take, by kind and table.
    """

    spans: list[tuple[int, int]] = field(default_factory=list)
    files: dict[str, list[str]] = field(default_factory=dict)
    accounts: dict[str, StepAccount] = field(default_factory=dict)
    sum: TableSum = field(default_factory=TableSum)
    unreadable: int = 0
    read: int = 0
    undone: dict[str, StepAccount] = field(default_factory=dict)
    replaced: dict[str, list[str]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the commit as plain data."""
        told = {
            "spans": self.spans,
            "files": self.files,
            "accounts": _states(self.accounts),
            "rows": self.sum.rows,
            "sum": self.sum.sum,
            "unreadable": self.unreadable,
            "read": self.read,
        }
        if self.undone:
            told |= {"undone": _states(self.undone), "replaced": self.replaced}
        return told

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Commit:
        """Return the commit of what `as_dict` returned."""
        return cls(
            spans=[(start, stop) for start, stop in content["spans"]],
            files=content["files"],
            accounts=_accounts(content["accounts"]),
            sum=TableSum(content["rows"], content["sum"]),
            unreadable=content["unreadable"],
            read=content["read"],
            undone=_accounts(content.get("undone", {})),
            replaced=content.get("replaced", {}),
        )


@dataclass
class Progress:
    """The sum of a stage's commits.

    Attributes:
        done: The places that went through.
        commits: How many there were.
        files: All part files, each as ``KIND/TABLE/FILE``.
        accounts: What each step did so far.
        sum: The rows of the result so far.
        unreadable: How many rows of a source could not be read.
        read: How many rows were read.
        finished: Whether nothing is left to do.
    """

    done: Spans = field(default_factory=Spans)
    commits: int = 0
    files: set[str] = field(default_factory=set)
    accounts: dict[str, StepAccount] = field(default_factory=dict)
    sum: TableSum = field(default_factory=TableSum)
    unreadable: int = 0
    read: int = 0
    finished: bool = False

    def next_number(self) -> int:
        """Return a number that no part file has in its name, nor any above it."""
        names = (path.rpartition("/")[2] for path in self.files)
        return 1 + max((int(name.split("-")[1]) for name in names), default=-1)

    def add(self, commit: Commit) -> None:
        """Count one more commit."""
        self.commits += 1
        for start, stop in commit.spans:
            self.done.add(start, stop)
        self.files -= set(_paths(commit.replaced))
        self.files |= set(_paths(commit.files))
        for name, account in commit.undone.items():
            self.accounts[name].take_away(account)
        for name, account in commit.accounts.items():
            self.accounts.setdefault(name, StepAccount(account.step)).merge(account)
        self.sum.rows += commit.sum.rows
        self.sum.sum = (self.sum.sum + commit.sum.sum) % 2**64
        self.unreadable += commit.unreadable
        self.read += commit.read


class Journal:
    """The file with a stage's commits: lines of JSON, the first of which says of what they are.

    A line that was cut short by a crash counts as not written.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, fingerprint: str) -> None:
        """Start a journal of work with this fingerprint."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        self._append({"format": 1, "fingerprint": fingerprint})

    def commit(self, commit: Commit) -> None:
        """Write down what was done; its part files are on disk."""
        self._append(commit.as_dict())

    def spans(self) -> list[tuple[int, int]]:
        """Return the stretches of places that went through, each by itself."""
        lines = (line for line in read_lines(self.path)[1:] if "spans" in line)
        return [(start, stop) for line in lines for start, stop in line["spans"]]

    def reopen(self) -> None:
        """Write down that something is to change in what was finished."""
        self._append({"finished": False})

    def relabel(self, labels: Mapping[str, str]) -> None:
        """Give the work another fingerprint, with what is done of it.

        Args:
            labels: The new fingerprints of all work, by the old ones.
        """
        if not self.path.exists():
            return
        head, *lines = self.path.read_bytes().splitlines(keepends=True) or [b""]
        told = json.loads(head) if head.endswith(b"\n") else {}
        if told.get("fingerprint") not in labels:
            return
        told["fingerprint"] = labels[told["fingerprint"]]
        write_bytes(self.path, b"".join([_line(told), *lines]))

    def remove(self) -> None:
        """Forget what was done."""
        self.path.unlink(missing_ok=True)

    def finish(self) -> None:
        """Write down that nothing is left."""
        self._append({"finished": True})

    def is_of(self, fingerprint: str) -> bool:
        """Tell whether there is a journal of work with this fingerprint."""
        try:
            with self.path.open("rb") as file:
                head = file.readline()
        except FileNotFoundError:
            return False
        return head.endswith(b"\n") and json.loads(head).get("fingerprint") == fingerprint

    def read(self) -> tuple[str | None, Progress]:
        """Return the fingerprint of the work, and how far it is; none without a journal."""
        progress = Progress()
        lines = read_lines(self.path) if self.path.exists() else []
        if not lines:
            return None, progress
        for line in lines[1:]:
            if "finished" in line:
                progress.finished = line["finished"]
            else:
                progress.add(Commit.from_dict(line))
        return lines[0].get("fingerprint"), progress

    def mend(self) -> None:
        """Cut off a line that a crash has cut short, so that the next one begins on its own.

        For the run whose journal it is alone: another one may be writing at this moment.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            with writing(self.path):
                os.truncate(self.path, whole)

    def _append(self, content: dict[str, Any]) -> None:
        line = _line(content)
        with writing(self.path), self.path.open("ab") as file:
            size = file.tell()
            try:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                os.truncate(self.path, size)
                raise


def _line(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"


def _paths(files: Mapping[str, Sequence[str]]) -> Iterator[str]:
    return (f"{table}/{name}" for table, names in files.items() for name in names)


def _states(accounts: Mapping[str, StepAccount]) -> dict[str, Any]:
    return {name: account.state() for name, account in accounts.items()}


def _accounts(states: Mapping[str, Any]) -> dict[str, StepAccount]:
    return {name: StepAccount.from_state(state) for name, state in states.items()}
