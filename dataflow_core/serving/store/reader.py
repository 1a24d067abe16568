"""Reads a store, from any thread."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dataflow_core.serving.completion import Usage
from dataflow_core.serving.store.answers import Reuse, Spent, Stored
from dataflow_core.serving.store.database import open_to_read, told
from dataflow_core.serving.store.rows import COLUMNS, from_row
from dataflow_core.serving.tally import Tally

_SIZES = (1, 16, 128, 500)
"""So many keys a statement looks up: few statements, which stay compiled."""

_FIND = (
    "SELECT key, written, CASE WHEN paid THEN session END, "  # noqa: S608
    f"{', '.join(COLUMNS)} FROM answers WHERE key IN "
)
_FINISH, _PROBLEM = (3 + COLUMNS.index(name) for name in ("finish_reason", "problem"))

_SPENT = (
    "SELECT sum(answers), sum(requests), sum(prompt_tokens), sum(completion_tokens), "
    "sum(cached_tokens), sum(reasoning_tokens), sum(cost), sum(unpriced) FROM sessions "
    "WHERE ? IS NULL OR run = ?"
)
_WASTED = (
    "SELECT sum(tokens), sum(waste.cost) FROM waste JOIN sessions ON sessions.id = session "
    "WHERE ? IS NULL OR run = ?"
)
_COUNTED = (
    "SELECT step, field, sum(amount) FROM calls JOIN sessions ON sessions.id = session "
    "WHERE ? IS NULL OR run = ? GROUP BY step, field"
)
_LOST = (
    "SELECT sum(most_at_once) FROM sessions WHERE NOT ended AND id IS NOT ? "
    "AND (? IS NULL OR run = ?)"
)
_SESSIONS = "SELECT id FROM sessions WHERE ? IS NULL OR run = ?"
_FAILED = (
    "SELECT 1 FROM failures WHERE reason = ? "
    "AND settings = (SELECT id FROM settings WHERE digest = ?) LIMIT 1"
)


@dataclass(slots=True)
class Found:
    """Answers that were found, when they came, and the sessions that paid, by questions' keys."""

    answers: dict[bytes, Stored] = field(default_factory=dict)
    written: dict[bytes, float] = field(default_factory=dict)
    paid_by: dict[bytes, int | None] = field(default_factory=dict)


class Reader:
    """A store that is read.

    Args:
        path: Its file.

    Raises:
        StoreError: It cannot be opened, or is no store.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle = [open_to_read(path)]
        self._closed = False

    def find(self, keys: Sequence[bytes], reuse: Reuse) -> Found:
        """Return the last answers to questions, those of them that count.

        Raises:
            StoreError: The store cannot be read.
        """
        found = Found()
        with self.connection() as connection:
            for start in range(0, len(keys), _SIZES[-1]):
                _find(connection, keys[start : start + _SIZES[-1]], reuse, found)
        return found

    def spent(self, run: str | None = None) -> Spent:
        """Return what was paid for all answers that models gave into the store, and in vain.

        Args:
            run: The run whose sessions count; None for all.

        Raises:
            StoreError: The store cannot be read.
        """
        with self.connection() as connection:
            sums = connection.execute(_SPENT, (run, run)).fetchone()
            wasted = connection.execute(_WASTED, (run, run)).fetchone()
        answers, requests, *tokens, cost, unpriced = (one or 0 for one in sums)
        in_vain = (wasted[0] or 0, float(wasted[1] or 0))
        return Spent(answers, requests, Usage(*tokens), float(cost), unpriced, *in_vain)

    def counted(self, run: str | None = None) -> dict[str, Tally]:
        """Return what each step paid for, by the step's name.

        Args:
            run: The run whose sessions count; None for all.

        Raises:
            StoreError: The store cannot be read.
        """
        found: dict[str, dict[str, float]] = {}
        with self.connection() as connection:
            for step, name, amount in connection.execute(_COUNTED, (run, run)):
                found.setdefault(step, {})[name] = amount if name == "cost" else int(amount)
        return {step: Tally.from_dict(sums) for step, sums in found.items()}

    def sessions(self, run: str | None = None) -> frozenset[int]:
        """Return the numbers of a run's sessions, None standing for all runs.

        Raises:
            StoreError: The store cannot be read.
        """
        with self.connection() as connection:
            return frozenset(number for (number,) in connection.execute(_SESSIONS, (run, run)))

    def lost(self, run: str | None = None, session: int | None = None) -> int:
        """Return how many requests, at most, were on their way where sessions were killed.

        Args:
            run: The run whose sessions count; None for all.
            session: The session that is on, and does not count.

        Raises:
            StoreError: The store cannot be read.
        """
        with self.connection() as connection:
            found: int | None = connection.execute(_LOST, (session, run, run)).fetchone()[0]
        return found or 0

    def has_failed(self, settings: bytes, reason: str) -> bool:
        """Return whether a question under some settings, told by their digest, failed so.

        Raises:
            StoreError: The store cannot be read.
        """
        with self.connection() as connection:
            return connection.execute(_FAILED, (reason, settings)).fetchone() is not None

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Give a connection to one thread for a while.

        Raises:
            StoreError: The store cannot be read.
        """
        with told(self.path):
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = open_to_read(self.path)
            try:
                yield connection
            finally:
                self._idle.append(connection)
                if self._closed:
                    self.close()

    def close(self) -> None:
        """Let the file go, once those who read it have done so."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()


def _find(
    connection: sqlite3.Connection, keys: Sequence[bytes], reuse: Reuse, found: Found
) -> None:
    size = next(size for size in _SIZES if size >= len(keys))
    padded = itertools.chain(keys, itertools.repeat(keys[-1], size - len(keys)))
    statement = f"{_FIND}({','.join('?' * size)}) ORDER BY key, id"
    # The last row of a key is the last answer, whatever the ones before it are.
    last = {row[0]: row for row in connection.execute(statement, tuple(padded))}
    for key, row in last.items():
        if reuse.takes(row[_FINISH], row[_PROBLEM]):
            found.answers[key] = from_row(row[3:])
            found.written[key] = row[1]
            found.paid_by[key] = row[2]
