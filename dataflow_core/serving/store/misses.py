"""Why answers were paid for: what kept the ones that were there from serving."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from dataflow_core.serving.store.answers import CUT_SHORT, Reuse
from dataflow_core.serving.store.database import attached
from dataflow_core.serving.store.reader import Reader
from dataflow_core.serving.store.setting_changes import Change, changes_between

Kind = Literal[
    "new_prompt", "settings", "sample", "not_reused", "failed_before", "asked_twice", "not_read"
]

_TABLES = """
CREATE TABLE settings (id INTEGER PRIMARY KEY, digest BLOB UNIQUE, content TEXT);
CREATE TABLE missed (id INTEGER PRIMARY KEY, key, prompt, settings, sample, session, written);
CREATE INDEX missed_by_prompt ON missed (prompt);
CREATE INDEX missed_by_key ON missed (key);
CREATE TABLE earlier (
    key, prompt, settings, sample, finish, problem, failed, session, written, store
);
CREATE INDEX earlier_by_prompt ON earlier (prompt);
"""
_SETTINGS = """
INSERT OR IGNORE INTO main.settings (digest, content) SELECT digest, content FROM store.settings
"""
_JOINED = """
JOIN store.settings AS theirs ON theirs.id = answers.settings
JOIN main.settings AS ours ON ours.digest = theirs.digest
"""
_MISSED = f"""
INSERT INTO missed SELECT answers.id, key, prompt, ours.id, sample, session, written
FROM store.answers AS answers {_JOINED}
WHERE paid AND session IN (SELECT value FROM json_each(?))
"""  # noqa: S608
_EARLIER = f"""
INSERT INTO earlier SELECT key, prompt, ours.id, sample, finish_reason, problem, NULL, session,
    written, ?
FROM store.answers AS answers {_JOINED}
WHERE prompt IN (SELECT prompt FROM missed)
"""  # noqa: S608
_FAILED = f"""
INSERT INTO earlier SELECT answers.key, missed.prompt, ours.id, missed.sample, NULL, NULL, reason,
    answers.session, answers.written, ?
FROM store.failures AS answers {_JOINED}
JOIN missed ON missed.key = answers.key GROUP BY answers.id
"""  # noqa: S608
_ANY_BEFORE = "SELECT EXISTS (SELECT 1 FROM store.answers WHERE session < ?1 OR ?1 IS NULL)"
# Of this store what an earlier session left; of the others what was there by then. Within one
# session only the same question counts.
_PAIRS = """
SELECT missed.id, missed.settings, missed.session, earlier.settings, earlier.key = missed.key,
    earlier.sample = missed.sample, finish, problem, failed, earlier.written, store
FROM missed LEFT JOIN earlier ON earlier.prompt = missed.prompt AND CASE
    WHEN store > 0 THEN earlier.written < missed.written
    WHEN earlier.session = missed.session
        THEN earlier.key = missed.key AND earlier.written < missed.written AND failed IS NULL
    ELSE earlier.session < missed.session
END
ORDER BY missed.id
"""


_ASKED_AGAIN = {Reuse.FINISHED: "truncated", Reuse.GOOD: "failed", Reuse.NONE: "all"}
"""What runs are told with ``--ask-again``, by the answers that count then."""


@dataclass(frozen=True)
class Cause:
    """Why some answers were asked for.

    Attributes:
        kind: ``"new_prompt"``: nothing with this prompt was there. ``"settings"``: the prompt was
            asked, with other settings. ``"sample"``: another answer to the same is wanted.
            ``"not_reused"``: there was an answer, which was not to count. ``"failed_before"``: it
            was asked, and no answer came. ``"asked_twice"``: again in the same session, or by two
            runs at the same time.
            ``"not_read"``: there was an answer in a store that was not looked into.
        changes: In what the settings differ from those of the nearest earlier answer.
        detail: Why an answer did not count, why none came, or which store has it.
    """

    kind: Kind
    changes: tuple[Change, ...] = ()
    detail: str = ""


@dataclass(frozen=True)
class Session:
    """One opening of a store by a run."""

    id: int
    started: float
    run: str
    command: str
    also: tuple[str, ...]
    policies: tuple[str, ...]


@dataclass
class Misses:
    """Why answers of some sessions were asked for.

    Attributes:
        path: The store's file.
        sessions: The sessions.
        answers: How many were paid for in them.
        causes: How many for which cause, the most first.
        cut_short: Of how many of them the earlier answers had been truncated or filtered.
        first: Whether nothing at all was there before.
    """

    path: Path
    sessions: list[Session]
    answers: int
    causes: Counter[Cause]
    cut_short: Counter[Cause]
    first: bool

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "path": str(self.path),
            "sessions": [vars(session) for session in self.sessions],
            "answers": self.answers,
            "causes": [
                {
                    "kind": cause.kind,
                    "answers": count,
                    "cut_short_before": self.cut_short[cause],
                    "changes": [vars(change) for change in cause.changes],
                    "detail": cause.detail,
                }
                for cause, count in self.causes.most_common()
            ],
        }


def sessions_of(path: Path) -> list[Session]:
    """Return the sessions of a store, the oldest first.

    Raises:
        StoreError: There is none, or it cannot be read.
    """
    asked = "SELECT id, started, run, command, also, reuse FROM sessions ORDER BY id"
    with closing(Reader(path)) as reader, reader.connection() as connection:
        return [_session(*row) for row in connection.execute(asked)]


def _session(number: int, started: float, run: str, command: str, also: str, reuse: str) -> Session:
    policies = tuple(filter(None, reuse.split(",")))
    return Session(number, started, run, command, tuple(json.loads(also)), policies)


def explain(path: Path, sessions: Sequence[Session], others: Iterable[Path] = ()) -> Misses:
    """Say why the answers of some sessions were asked for.

    Args:
        path: The store's file.
        sessions: Its sessions to look at.
        others: Further stores in which answers may have been.

    Raises:
        StoreError: A store cannot be read.
    """
    read = {Path(other) for session in sessions for other in session.also if Path(other).is_file()}
    known = dict.fromkeys(one.absolute() for one in [*sorted(read), *others])
    places = [place for place in known if place != path.absolute()]
    causes: Counter[Cause] = Counter()
    cut_short: Counter[Cause] = Counter()
    # Without a name, the database is a file for as long as it is open.
    with closing(sqlite3.connect("", isolation_level=None, uri=True)) as connection:
        anything = _gather(connection, path, sessions, places)
        explainer = _Explainer(connection, sessions, places)
        for cause, was_cut_short in explainer.causes():
            causes[cause] += 1
            cut_short[cause] += was_cut_short
    return Misses(path, list(sessions), causes.total(), causes, cut_short, not anything)


def _gather(
    connection: sqlite3.Connection, path: Path, sessions: Sequence[Session], places: list[Path]
) -> bool:
    """Bring together what was missed and what there was with the same prompts.

    Returns:
        Whether anything was there, with whichever prompts.
    """
    connection.executescript(_TABLES)
    chosen = [session.id for session in sessions]
    anything = False
    for number, place in enumerate([path, *places]):
        with attached(connection, place, "store"):
            connection.execute(_SETTINGS)
            if number == 0:
                connection.execute(_MISSED, (json.dumps(chosen),))
            first = min(chosen, default=0) if number == 0 else None
            anything = anything or bool(connection.execute(_ANY_BEFORE, (first,)).fetchone()[0])
            connection.execute(_EARLIER, (number,))
            connection.execute(_FAILED, (number,))
    return anything


class _Pair(NamedTuple):
    """An answer that was asked for, and an earlier one with its prompt, if there is one."""

    missed: int
    settings: int
    session: int
    earlier_settings: int | None
    same_key: int | None
    same_sample: int | None
    finish: str | None
    problem: str | None
    failed: str | None
    written: float | None
    store: int | None


class _Explainer:
    """Finds the nearest earlier answer of each that was asked for."""

    def __init__(
        self, connection: sqlite3.Connection, sessions: Sequence[Session], places: list[Path]
    ) -> None:
        self._connection = connection
        self._sessions = {session.id: session for session in sessions}
        self._places = places
        self._changes = lru_cache(maxsize=100_000)(self._between)

    def causes(self) -> Iterator[tuple[Cause, bool]]:
        """Yield why each was asked for, and whether its earlier answer was cut short."""
        pairs = map(_Pair._make, self._connection.execute(_PAIRS))
        for _, some in itertools.groupby(pairs, key=lambda pair: pair.missed):
            nearest = min(some, key=self._distance)
            yield self._cause(nearest), nearest.finish in CUT_SHORT

    def _distance(self, pair: _Pair) -> tuple[Any, ...]:
        """Return how far an earlier answer is from the one that was asked for."""
        if pair.earlier_settings is None:
            return ()
        changes = self._changes(pair.earlier_settings, pair.settings)
        return (
            not pair.same_key,
            not self._was_read(pair),
            pair.failed is not None,
            len({change.part for change in changes}),
            len(changes),
            not pair.same_sample,
            -(pair.written or 0.0),
        )

    def _cause(self, pair: _Pair) -> Cause:
        if pair.earlier_settings is None:
            return Cause("new_prompt")
        if pair.same_key:
            return self._cause_of_same(pair)
        changes = self._changes(pair.earlier_settings, pair.settings)
        return Cause("settings", changes) if changes else Cause("sample")

    def _cause_of_same(self, pair: _Pair) -> Cause:
        if pair.failed is not None:
            return Cause("failed_before", detail=pair.failed)
        if not self._was_read(pair):
            assert pair.store is not None  # noqa: S101
            return Cause("not_read", detail=str(self._places[pair.store - 1]))
        policies = [Reuse(name) for name in self._sessions[pair.session].policies]
        against = [one for one in policies if not one.takes(pair.finish or "", pair.problem)]
        if not against:
            return Cause("asked_twice")
        names = "|".join(_ASKED_AGAIN[policy] for policy in against)
        if Reuse.NONE in against:
            return Cause("not_reused", detail=f"--ask-again {_ASKED_AGAIN[Reuse.NONE]}")
        why = f"judged {pair.problem}"
        if pair.finish in CUT_SHORT:
            why = f"finish reason {pair.finish}"
        return Cause("not_reused", detail=f"{why}, --ask-again {names}")

    def _was_read(self, pair: _Pair) -> bool:
        """Tell whether the session looked into the store of an earlier answer."""
        if not pair.store:
            return True
        return str(self._places[pair.store - 1]) in self._sessions[pair.session].also

    def _between(self, before: int, after: int) -> tuple[Change, ...]:
        if before == after:
            return ()
        found = changes_between(self._contents[before], self._contents[after])
        return found or (Change("system", "(a secret in it)", "(another)"),)

    @cached_property
    def _contents(self) -> dict[int, dict[str, Any]]:
        rows = self._connection.execute("SELECT id, content FROM settings")
        return {number: json.loads(content) for number, content in rows}
