"""The request store: every answer that was paid for, by all that determines it."""

from __future__ import annotations

import atexit
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from dataflow_core.errors import StoreError
from dataflow_core.secrets import without_secrets
from dataflow_core.serving.completion import Usage
from dataflow_core.serving.store.answers import SCHEMA_REFUSED, Reuse, Spent, Stored
from dataflow_core.serving.store.database import open_to_write, told
from dataflow_core.serving.store.question import Question, Settings
from dataflow_core.serving.store.reader import Found, Reader
from dataflow_core.serving.store.writer import (
    Answered,
    Counted,
    Failed,
    Flush,
    Judged,
    Note,
    Reused,
    Sent,
    Wasted,
    Writer,
)
from dataflow_core.serving.tally import Tally


class RequestStore:
    """Keeps answers, row by row, in one file that several processes may share.

    An answer is safe from a killed process about a millisecond after `put`, and from a power
    failure as soon as the system has written it to its disk. All methods may be called from any
    thread; what was put is found at once.

    Args:
        path: Its file; made where there is none.
        also: Files of other stores, which are only read: what is found there is copied into this.
        run: The run that this session is of.
        of_one_run: Whether all sessions are of that run, whatever it was called then.
        command: What was asked for, for people.

    Raises:
        StoreError: A file cannot be opened, or is no store.

    Example:
        >>> import tempfile
        >>> from dataflow_core.serving.store import Settings, prompt_digest
        >>> folder = tempfile.TemporaryDirectory()
        >>> question = Settings("openai", "gpt-4o-mini").question(prompt_digest("2 + 2?"))
        >>> with RequestStore(Path(folder.name) / "requests.sqlite") as store:
        ...     store.put(question, Stored("4"))
        ...     store.find([question])[question.key].text
        '4'
        >>> folder.cleanup()
    """

    def __init__(
        self,
        path: str | Path,
        *,
        also: Iterable[str | Path] = (),
        run: str = "",
        of_one_run: bool = False,
        command: str = "",
    ) -> None:
        self.path = Path(path)
        own = self.path.absolute()
        others = list(dict.fromkeys(Path(one).absolute() for one in also))
        self._also = [Reader(other) for other in others if other != own]
        connection = open_to_write(self.path)
        with told(self.path):
            self.session = _begun(connection, run, command, [one.path for one in self._also])
        self._own = Reader(self.path)
        self._run = None if of_one_run else run
        self._sessions = self._own.sessions(self._run) if run or of_one_run else {self.session}
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._unwritten: dict[bytes, Answered] = {}
        self._policies: dict[Reuse, None] = {}
        self._on_their_way = 0
        self._most_at_once = 0
        self._refused: dict[bytes, bool] = {}
        self._connection = connection
        self._writer: Writer | None = Writer(connection, self.path, self.session, self._let_go)
        atexit.register(self.close)

    def find(self, questions: Iterable[Question], reuse: Reuse = Reuse.ALL) -> dict[bytes, Stored]:
        """Return the answers that are there, by their questions' keys.

        Of several answers to a question the last one counts. Those are marked (`Stored.ours`) that
        a session of this run has paid for.

        Args:
            questions: What to answer.
            reuse: Which answers count.

        Raises:
            StoreError: The store cannot be read.
        """
        self._note(reuse)
        if reuse is Reuse.NONE:
            return {}
        wanted = {question.key: question for question in questions}
        last = self._unwritten_of(wanted)
        found = {k: a for k, a in last.items() if reuse.takes(a.finish_reason, a.problem)}
        found |= self._marked(self._own.find([key for key in wanted if key not in last], reuse))
        for other in self._also:
            missing = [key for key in wanted if key not in found]
            if not missing:
                break
            found |= self._copied(wanted, other.find(missing, reuse))
        return found

    def put(
        self,
        question: Question,
        answer: Stored,
        *,
        committed: Callable[[], object] | None = None,
        failed: Callable[[StoreError], object] | None = None,
        counted: Counted | None = None,
    ) -> None:
        """Keep an answer that was paid for; it is safe when `committed` is called.

        Args:
            question: What was asked.
            answer: What came.
            committed: Called once it is safe, in the thread of the store: it is to be quick.
            failed: Called instead where it cannot be written.
            counted: What the step of the run paid, to be counted with it.

        Raises:
            StoreError: Nothing can be written any more.
        """
        self._keep(question, answer, time.time(), True, committed, failed, counted)

    def put_failure(
        self,
        question: Question,
        reason: str,
        message: str,
        attempts: int,
        counted: Counted | None = None,
    ) -> None:
        """Note that no answer came, for the record: it is asked for again next time.

        Args:
            question: What was asked.
            reason: Why there is no answer, in a word.
            message: The same in a sentence, without secrets.
            attempts: Requests sent.
            counted: What the step of the run paid, to be counted with it.

        Raises:
            StoreError: Nothing can be written any more.
        """
        if reason == SCHEMA_REFUSED:
            self._refused[question.settings.digest] = True
        now, told_to_all = time.time(), without_secrets(message)
        note = Failed(question.key, question.settings, now, reason, told_to_all, attempts, counted)
        self._write(note)

    def add_waste(self, usage: Usage, cost: float | None, requests: int = 1) -> None:
        """Count what was paid for without an answer that is kept, so that `spent` tells it.

        That is an empty or broken answer that was asked for again, and, as far as one can tell,
        what a server may have done for a request that was lost or withdrawn.

        Args:
            usage: Tokens read and written.
            cost: US dollars; None where the price is not known.
            requests: Requests sent for it, those apart that `put` or `put_failure` tell of.

        Raises:
            StoreError: Nothing can be written any more.
        """
        self._write(Wasted(usage, cost, requests))

    def begin_request(self) -> None:
        """Note that a request goes, whose answer is lost if the process is killed now.

        Raises:
            StoreError: Nothing can be written any more.
        """
        with self._lock:
            self._on_their_way += 1
            if self._on_their_way > self._most_at_once:
                self._most_at_once = self._on_their_way
                self._working().write(Sent(self._most_at_once))

    def end_request(self) -> None:
        """Note that a request is over, and that what came of it is written."""
        with self._lock:
            self._on_their_way -= 1

    def lost(self) -> int:
        """Return how many requests, at most, were on their way when this run was killed before.

        Raises:
            StoreError: The store cannot be read.
        """
        return self._own.lost(self._run, self.session)

    def count(self, counted: Counted) -> None:
        """Count what a step of the run paid for, or what of it was in vain.

        Args:
            counted: The step, and requests, tokens, money and answers.

        Raises:
            StoreError: Nothing can be written any more.
        """
        self._write(counted)

    def counted(self) -> dict[str, Tally]:
        """Return what each step of the run paid for in all of its sessions, by the step's name.

        Raises:
            StoreError: The store cannot be read or written.
        """
        self.flush()
        return self._own.counted(self._run)

    def was_refused(self, settings: Settings) -> bool:
        """Return whether a server, now or in an earlier session, did not take a schema.

        Args:
            settings: The settings with that schema.

        Raises:
            StoreError: The store cannot be read.
        """
        known = self._refused.get(settings.digest)
        if known is None:  # the failures are looked through once
            stores = (self._own, *self._also)
            known = any(one.has_failed(settings.digest, SCHEMA_REFUSED) for one in stores)
            self._refused.setdefault(settings.digest, known)
        return known

    def judge(self, keys: Iterable[bytes], problem: str | None) -> None:
        """Note why the last answers to questions were of no use; None takes that back.

        Args:
            keys: The questions' keys.
            problem: Why, in a word, such as ``"schema_mismatch"``.

        Raises:
            StoreError: Nothing can be written any more.
        """
        judged = Judged(tuple(keys), problem)
        with self._lock:
            for key in judged.keys:
                if (note := self._unwritten.get(key)) is not None:
                    note.answer = replace(note.answer, problem=problem)
        self._write(judged)

    def spent(self, run: str | None = None) -> Spent:
        """Return what was paid for all answers that models gave into this store, by any process.

        Answers that were copied out of other stores are not in it; those that were removed since
        are, and so is what was spent in vain.

        Args:
            run: The run whose sessions count; None for all.

        Raises:
            StoreError: The store cannot be read or written.
        """
        self.flush()
        return self._own.spent(run)

    def flush(self) -> None:
        """Wait until everything is safe that was put so far.

        Raises:
            StoreError: It cannot be written.
        """
        flush = Flush()
        self._write(flush).wait_for(flush)

    def close(self) -> None:
        """Write what is left, and let the file go.

        Raises:
            StoreError: It cannot be written.
        """
        end = Flush(last=True)
        with self._lock:  # whatever is written before this is written
            writer, self._writer = self._writer, None
            if writer is None or os.getpid() != self._process:
                return
            writer.write(end)
        atexit.unregister(self.close)
        try:
            writer.wait_for(end)
        finally:
            for reader in (self._own, *self._also):
                reader.close()
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _working(self) -> Writer:
        if self._writer is None:
            raise StoreError(f"the request store {self.path} is closed.")
        if os.getpid() != self._process:
            raise StoreError(
                f"the request store {self.path} was opened by another process than this one, which "
                "was forked. Open it anew in every process."
            )
        if self._writer.failure is not None:
            raise self._writer.failure
        return self._writer

    def _write(self, note: Note) -> Writer:
        """Have something written, and return the one who does."""
        with self._lock:  # so that nothing comes behind the end
            writer = self._working()
            writer.write(note)
        return writer

    def _keep(
        self,
        question: Question,
        answer: Stored,
        written: float,
        paid: bool,
        committed: Callable[[], object] | None = None,
        failed: Callable[[StoreError], object] | None = None,
        counted: Counted | None = None,
    ) -> None:
        note = Answered(
            question.key, question.prompt, question.sample, question.settings, answer, written,
            paid, committed, failed, counted,
        )  # fmt: skip
        with self._lock:  # that the last put is the last written, too
            self._working().write(note)
            self._unwritten[question.key] = note

    def _let_go(self, notes: Sequence[Answered]) -> None:
        """Forget answers that are found in the file from now on."""
        with self._lock:
            for note in notes:
                if self._unwritten.get(note.key) is note:
                    del self._unwritten[note.key]

    def _unwritten_of(self, keys: Iterable[bytes]) -> dict[bytes, Stored]:
        """Return the answers that are not in the file yet, whether or not they count."""
        if not self._unwritten:
            return {}
        with self._lock:
            notes = [self._unwritten[key] for key in keys if key in self._unwritten]
        return {note.key: replace(note.answer, ours=note.paid) for note in notes}

    def _marked(self, found: Found) -> dict[bytes, Stored]:
        """Return what was found in the own file, marked where this run had paid for it."""
        ours = {key for key, session in found.paid_by.items() if session in self._sessions}
        return {k: replace(a, ours=True) if k in ours else a for k, a in found.answers.items()}

    def _copied(self, wanted: Mapping[bytes, Question], found: Found) -> dict[bytes, Stored]:
        """Keep what was found in another store, as something that was paid for there."""
        for key, answer in found.answers.items():
            self._keep(wanted[key], answer, found.written[key], False)
        return found.answers

    def _note(self, reuse: Reuse) -> None:
        """Note which answers count in this session, where that is new."""
        with self._lock:
            writer = self._working()
            if reuse not in self._policies:
                self._policies[reuse] = None
                writer.write(Reused(",".join(policy.value for policy in self._policies)))


def _begun(connection: sqlite3.Connection, run: str, command: str, also: list[Path]) -> int:
    """Note that a session begins, and return its number."""
    names = json.dumps([str(path) for path in also])
    cursor = connection.execute(
        "INSERT INTO sessions (started, run, command, also) VALUES (?, ?, ?, ?)",
        (time.time(), run, command, names),
    )
    session = cursor.lastrowid
    assert session is not None  # noqa: S101
    return session
