"""The thread that writes a store: it takes all that waits, commits it at once, and tells."""

from __future__ import annotations

import itertools
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from dataflow_core.errors import StoreError
from dataflow_core.serving.completion import NO_USAGE, Usage
from dataflow_core.serving.store.answers import Stored
from dataflow_core.serving.store.database import told, transaction
from dataflow_core.serving.store.question import Settings
from dataflow_core.serving.store.rows import COLUMNS, as_row
from dataflow_core.serving.tally import Tally

_MOST = 1000
"""So many notes at most go into one transaction."""

_INSERT_ANSWER = (
    "INSERT INTO answers (key, settings, prompt, sample, session, paid, written, "  # noqa: S608
    f"{', '.join(COLUMNS)}) VALUES ({', '.join('?' * (7 + len(COLUMNS)))})"
)
_INSERT_FAILURE = (
    "INSERT INTO failures (key, settings, session, written, reason, message, attempts) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_JUDGE = (
    "UPDATE answers SET problem = ? WHERE id = (SELECT max(id) FROM answers WHERE key = ?) "
    "AND problem IS NOT ?"
)
_ADD = (
    "UPDATE sessions SET answers = answers + ?, requests = requests + ?, "
    "prompt_tokens = prompt_tokens + ?, completion_tokens = completion_tokens + ?, "
    "cached_tokens = cached_tokens + ?, reasoning_tokens = reasoning_tokens + ?, "
    "cost = cost + ?, unpriced = unpriced + ? WHERE id = ?"
)
_COUNT = (
    "INSERT INTO calls (session, step, field, amount) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (session, step, field) DO UPDATE SET amount = amount + excluded.amount"
)
_WASTE = (
    "INSERT INTO waste (session, tokens, cost) VALUES (?, ?, ?) ON CONFLICT (session) "
    "DO UPDATE SET tokens = tokens + excluded.tokens, cost = cost + excluded.cost"
)


@dataclass(eq=False, slots=True)
class Answered:
    """An answer to keep.

    Attributes:
        key: The question's key.
        prompt: Its prompt's digest.
        sample: Its sample.
        settings: Its settings.
        answer: The answer.
        written: When it came, in seconds since 1970.
        paid: Whether it came from a model now, and not out of another store.
        committed: Called when it is safe.
        failed: Called when it cannot be kept.
        counted: What is counted with it.
    """

    key: bytes
    prompt: bytes
    sample: str
    settings: Settings
    answer: Stored
    written: float
    paid: bool = True
    committed: Callable[[], object] | None = None
    failed: Callable[[StoreError], object] | None = None
    counted: Counted | None = None


@dataclass(eq=False, slots=True)
class Failed:
    """That there is no answer, for the record."""

    key: bytes
    settings: Settings
    written: float
    reason: str
    message: str
    attempts: int
    counted: Counted | None = None


@dataclass(eq=False, slots=True)
class Wasted:
    """What was paid for in vain, or may have been."""

    usage: Usage
    cost: float | None
    requests: int


@dataclass(eq=False, slots=True)
class Counted:
    """What a step of the run paid for: requests, tokens, money, and the answers that came."""

    step: str
    paid: Tally


@dataclass(eq=False, slots=True)
class Judged:
    """What answers were found to be: a problem, or none."""

    keys: tuple[bytes, ...]
    problem: str | None


@dataclass(eq=False, slots=True)
class Reused:
    """Which stored answers the session takes, in a word."""

    policies: str


@dataclass(eq=False, slots=True)
class Sent:
    """How many requests were on their way at a time, at most."""

    most_at_once: int


@dataclass(eq=False, slots=True)
class Flush:
    """Somebody waits until all before it is safe; the last of all also ends the writer."""

    last: bool = False
    done: threading.Event = field(default_factory=threading.Event)


Note = Answered | Failed | Wasted | Counted | Judged | Reused | Sent | Flush


class Writer:
    """The only one that writes through a connection.

    Args:
        connection: An open store.
        path: Its file.
        session: The session that pays for what is written.
        let_go: Called with the answers that are safe, before their own calls.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        session: int,
        let_go: Callable[[Sequence[Answered]], None],
    ) -> None:
        self.failure: StoreError | None = None
        self._connection = connection
        self._path = path
        self._session = session
        self._let_go = let_go
        self._queue: queue.SimpleQueue[Note] = queue.SimpleQueue()
        self._settings: dict[bytes, int] = {}
        self._thread = threading.Thread(target=self._run, name="dataflow-store", daemon=True)
        self._thread.start()

    def write(self, note: Note) -> None:
        """Have something written, soon."""
        self._queue.put(note)

    def wait_for(self, flush: Flush) -> None:
        """Wait until all is safe that was given before a note that was given, too.

        Raises:
            StoreError: It cannot be written.
        """
        flush.done.wait()
        if flush.last:
            self._thread.join()
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        ended = False
        while not ended:
            notes = [self._queue.get()]
            notes += (self._queue.get() for _ in range(min(self._queue.qsize(), _MOST)))
            if self.failure is None:
                self._commit(notes)
            self._tell(notes)
            ended = any(note.last for note in notes if isinstance(note, Flush))

    def _commit(self, notes: Sequence[Note]) -> None:
        """Write some notes in one transaction."""
        try:
            with told(self._path), transaction(self._connection):
                for kind, some in itertools.groupby(_together(notes), type):
                    self._WRITES[kind](self, list(some))
        except StoreError as error:
            self.failure = error
        except Exception as error:  # noqa: BLE001  whatever it is, nobody may wait for ever
            self.failure = StoreError(f"the request store {self._path} cannot be written: {error}")

    def _tell(self, notes: Sequence[Note]) -> None:
        """Tell those who wait what became of theirs."""
        answers = [note for note in notes if isinstance(note, Answered)]
        self._let_go(answers)
        for answer in answers:
            self._call(answer)
        for note in notes:
            if isinstance(note, Flush):
                note.done.set()

    def _call(self, answer: Answered) -> None:
        try:
            if self.failure is None:
                if answer.committed is not None:
                    answer.committed()
            elif answer.failed is not None:
                answer.failed(self.failure)
        except Exception:  # the answers behind it must be written all the same
            logging.getLogger("dataflow").exception("what waited for an answer's commit failed")

    def _write_answers(self, notes: list[Answered]) -> None:
        known, session = self._known(notes), self._session
        self._connection.executemany(
            _INSERT_ANSWER,
            [
                (
                    note.key, known[note.settings.digest], note.prompt, note.sample, session,
                    note.paid, note.written, *as_row(note.answer),
                )
                for note in notes
            ],
        )  # fmt: skip
        self._add(note.answer for note in notes if note.paid)
        self._write_counts([note.counted for note in notes if note.counted is not None])

    def _add(self, answers: Iterable[Stored]) -> None:
        """Add to what the session paid: that remains when answers are removed."""
        count = requests = read = wrote = cached = reasoned = unpriced = 0
        cost = 0.0
        for answer in answers:
            usage = answer.usage
            count += 1
            requests += answer.attempts
            read += usage.prompt_tokens
            wrote += usage.completion_tokens
            cached += usage.cached_tokens
            reasoned += usage.reasoning_tokens
            if answer.cost is None:
                unpriced += 1
            else:
                cost += answer.cost
        sums = (count, requests, read, wrote, cached, reasoned, cost, unpriced)
        self._connection.execute(_ADD, (*sums, self._session))

    def _write_failures(self, notes: list[Failed]) -> None:
        known = self._known(notes)
        self._connection.executemany(
            _INSERT_FAILURE,
            [
                (
                    note.key, known[note.settings.digest], self._session, note.written,
                    note.reason, note.message, note.attempts,
                )
                for note in notes
            ],
        )  # fmt: skip
        requests = sum(note.attempts for note in notes)
        self._connection.execute(_ADD, (0, requests, 0, 0, 0, 0, 0.0, 0, self._session))
        self._write_counts([note.counted for note in notes if note.counted is not None])

    def _write_waste(self, notes: list[Wasted]) -> None:
        usage = sum((note.usage for note in notes), NO_USAGE)
        cost = sum(note.cost or 0.0 for note in notes)
        tokens = (usage.prompt_tokens, usage.completion_tokens)
        of_them = (usage.cached_tokens, usage.reasoning_tokens)
        requests = sum(note.requests for note in notes)
        self._connection.execute(_ADD, (0, requests, *tokens, *of_them, cost, 0, self._session))
        self._connection.execute(_WASTE, (self._session, usage.total_tokens, cost))

    def _write_counts(self, notes: list[Counted]) -> None:
        sums: dict[str, Tally] = {}
        for note in notes:
            sums.setdefault(note.step, Tally()).merge(note.paid)
        self._connection.executemany(
            _COUNT,
            [
                (self._session, step, name, amount)
                for step, tally in sums.items()
                for name, amount in tally.as_dict().items()
            ],
        )

    def _write_judgements(self, notes: list[Judged]) -> None:
        self._connection.executemany(
            _JUDGE, [(note.problem, key, note.problem) for note in notes for key in note.keys]
        )

    def _write_policies(self, notes: list[Reused]) -> None:
        told_last = (notes[-1].policies, self._session)
        self._connection.execute("UPDATE sessions SET reuse = ? WHERE id = ?", told_last)

    def _write_most(self, notes: list[Sent]) -> None:
        told_last = (notes[-1].most_at_once, self._session)
        self._connection.execute("UPDATE sessions SET most_at_once = ? WHERE id = ?", told_last)

    def _write_end(self, notes: list[Flush]) -> None:
        if any(note.last for note in notes):
            self._connection.execute("UPDATE sessions SET ended = 1 WHERE id = ?", (self._session,))

    def _known(self, notes: Sequence[Answered | Failed]) -> dict[bytes, int]:
        """Return the numbers of settings by their digests, after adding new ones."""
        new = {
            note.settings.digest: note.settings.content
            for note in notes
            if note.settings.digest not in self._settings
        }
        for digest, content in new.items():
            insert = "INSERT OR IGNORE INTO settings (digest, content) VALUES (?, ?)"
            self._connection.execute(insert, (digest, content))
            found = "SELECT id FROM settings WHERE digest = ?"
            self._settings[digest] = self._connection.execute(found, (digest,)).fetchone()[0]
        return self._settings

    _WRITES: ClassVar[dict[type, Callable[[Writer, list[Any]], None]]] = {
        Answered: _write_answers,
        Failed: _write_failures,
        Wasted: _write_waste,
        Counted: _write_counts,
        Judged: _write_judgements,
        Reused: _write_policies,
        Sent: _write_most,
        Flush: _write_end,
    }


def _together(notes: Sequence[Note]) -> Iterator[Note]:
    """Yield notes in order, and before them the last that tells what is on its way.

    Each of these outdates the one before, and would part answers that are written together.
    """
    yield from [note for note in notes if isinstance(note, Sent)][-1:]
    yield from (note for note in notes if not isinstance(note, Sent))
