"""Removes answers from a store, for good."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dataflow_core.serving.store.database import bytes_of, open_alone, told, transaction
from dataflow_core.serving.store.reader import Reader

_OF_MODEL = "settings IN (SELECT id FROM settings WHERE json_extract(content, '$.model') = :model)"
_SUPERSEDED = (
    "EXISTS (SELECT 1 FROM answers AS later WHERE later.key = answers.key "
    "AND later.id > answers.id)"
)
_UNUSED_SETTINGS = (
    "DELETE FROM settings WHERE id NOT IN (SELECT settings FROM answers) "
    "AND id NOT IN (SELECT settings FROM failures)"
)


@dataclass(frozen=True)
class Selection:
    """Which answers to remove: those to which all that is given applies.

    Attributes:
        before: Those that came before, in seconds since 1970.
        model: Those of one model.
        problems: Those that were judged a problem.
        superseded: Those that a later answer to the same question replaced.
    """

    before: float | None = None
    model: str | None = None
    problems: bool = False
    superseded: bool = False

    def answers(self) -> str:
        """Return it as a condition for answers."""
        parts = [self.failures()]
        parts += ["problem IS NOT NULL"] * self.problems + [_SUPERSEDED] * self.superseded
        return " AND ".join(parts)

    def failures(self) -> str:
        """Return it as a condition for the record of failures."""
        parts = ["written < :before"] * (self.before is not None)
        return " AND ".join([*parts, *[_OF_MODEL] * (self.model is not None)]) or "1"

    @property
    def values(self) -> dict[str, float | str | None]:
        """What the conditions name."""
        return {"before": self.before, "model": self.model}


@dataclass(frozen=True)
class Pruned:
    """What was removed, or would be.

    Attributes:
        path: The store's file.
        answers: How many answers.
        cost: US dollars that they had cost, as far as prices are known.
        freed: Bytes on disk; None where nothing was removed yet.
    """

    path: Path
    answers: int
    cost: float
    freed: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self) | {"path": str(self.path)}


def prunable(path: Path, selection: Selection) -> Pruned:
    """Return what would be removed from a store.

    Raises:
        StoreError: There is none, or it cannot be read.
    """
    with closing(Reader(path)) as reader, reader.connection() as connection:
        return _counted(connection, path, selection)


def prune(path: Path, selection: Selection) -> Pruned:
    """Remove answers from a store, and give the room back.

    What they had cost stays in the sums of the store.

    Raises:
        StoreError: Another process has it open, there is none, or it cannot be written.
    """
    before = bytes_of(path)
    with told(path), closing(open_alone(path)) as connection:
        with transaction(connection):
            counted = _counted(connection, path, selection)
            _delete(connection, selection)
        connection.execute("VACUUM")
    return Pruned(path, counted.answers, counted.cost, before - bytes_of(path))


def _counted(connection: sqlite3.Connection, path: Path, selection: Selection) -> Pruned:
    asked = f"SELECT count(*), sum(cost) FROM answers WHERE {selection.answers()}"  # noqa: S608
    answers, cost = connection.execute(asked, selection.values).fetchone()
    return Pruned(path, answers, cost or 0.0)


def _delete(connection: sqlite3.Connection, selection: Selection) -> None:
    values = selection.values
    connection.execute(f"DELETE FROM answers WHERE {selection.answers()}", values)  # noqa: S608
    if not selection.problems and not selection.superseded:
        delete = f"DELETE FROM failures WHERE {selection.failures()}"  # noqa: S608
        connection.execute(delete, values)
    connection.execute(_UNUSED_SETTINGS)
