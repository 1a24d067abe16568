"""The file of a request store: an SQLite database of its own kind, and what may be wrong in it."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from dataflow_core.errors import StoreError

APPLICATION = 0x44664C77
"""Marks a database as a request store."""
VERSION = 1

_UNSHARED = "ro&immutable=1"
"""The mode for files that nobody writes, in folders where nobody may."""

BUSY_SECONDS = 60.0
"""So long one process waits for another to write."""

_TABLES = """
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    started REAL NOT NULL,
    run TEXT NOT NULL,
    command TEXT NOT NULL,
    also TEXT NOT NULL,
    reuse TEXT NOT NULL DEFAULT '',
    ended INTEGER NOT NULL DEFAULT 0,
    most_at_once INTEGER NOT NULL DEFAULT 0,
    answers INTEGER NOT NULL DEFAULT 0,
    requests INTEGER NOT NULL DEFAULT 0,
    prompt_tokens INTEGER NOT NULL DEFAULT 0,
    completion_tokens INTEGER NOT NULL DEFAULT 0,
    cached_tokens INTEGER NOT NULL DEFAULT 0,
    reasoning_tokens INTEGER NOT NULL DEFAULT 0,
    cost REAL NOT NULL DEFAULT 0,
    unpriced INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE settings (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    content TEXT NOT NULL
);
-- Several answers to one question may be there: the last one stands, the others were paid for too.
-- Texts come last: what goes before is read without them.
CREATE TABLE answers (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL,
    settings INTEGER NOT NULL,
    prompt BLOB NOT NULL,
    sample TEXT NOT NULL,
    session INTEGER NOT NULL,
    paid INTEGER NOT NULL,
    written REAL NOT NULL,
    finish_reason TEXT NOT NULL,
    problem TEXT,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    latency REAL NOT NULL,
    attempts INTEGER NOT NULL,
    cost REAL,
    text,
    reasoning,
    vector BLOB
);
CREATE INDEX answers_by_key ON answers (key);
CREATE TABLE failures (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL,
    settings INTEGER NOT NULL,
    session INTEGER NOT NULL,
    written REAL NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    attempts INTEGER NOT NULL
);
-- What each step has paid for: the fields of a tally.
CREATE TABLE calls (
    session INTEGER NOT NULL,
    step TEXT NOT NULL,
    field TEXT NOT NULL,
    amount REAL NOT NULL,
    PRIMARY KEY (session, step, field)
);
CREATE TABLE waste (
    session INTEGER PRIMARY KEY,
    tokens INTEGER NOT NULL,
    cost REAL NOT NULL
);
"""


def open_to_write(path: Path) -> sqlite3.Connection:
    """Open a store, after making it where there is none.

    Raises:
        StoreError: It cannot be opened, or is no store.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot make the folder of the request store {path}: {error.strerror or error}. "
            "Name another place."
        ) from error
    with told(path):
        connection = _connect(path, "rwc")
        try:
            _prepare(connection, path)
            _share(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def require_place(path: Path) -> None:
    """Check that a store can be at a place, and make nothing there.

    Raises:
        StoreError: It is a folder, something else than a store, or cannot be written to.
    """
    if path.is_dir():
        raise StoreError(
            f"the request store {path} would be a folder; name a file, such as {path / _USUAL}."
        )
    if path.exists() and path.stat().st_size:
        open_to_read(path).close()
    place = path if path.exists() else _nearest(path.absolute().parent)
    if place != path and not place.is_dir():
        raise StoreError(
            f"cannot make the request store {path}: {place} is no folder. Name another place."
        )
    if not os.access(place, os.W_OK):
        raise StoreError(
            f"the request store {path} cannot be written: {place} is not to be written to. Look "
            "at its rights, or name another place."
        )


_USUAL = "requests.sqlite"


def _nearest(folder: Path) -> Path:
    """Return the folder, or the nearest above it that is there."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open a store that is there, which may be in a place that is not to be written to.

    Raises:
        StoreError: There is none, it cannot be opened, or is no store.
    """
    with told(path):
        return _readable(path)[0]


def open_alone(path: Path) -> sqlite3.Connection:
    """Open a store with every other process kept out, until it is closed.

    Raises:
        StoreError: Another process has it open, there is none, or it cannot be opened.
    """
    open_to_read(path).close()
    with told(path):
        connection = _connect(path, "rw")
        try:
            connection.execute("PRAGMA busy_timeout = 1000")
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            # Only the one who is alone may leave the journal that several processes share.
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            connection.close()
            if "locked" not in str(error):
                raise
            raise StoreError(
                f"the request store {path} is in use by another process. Wait for its run to end, "
                "or stop it."
            ) from None
    return connection


@contextmanager
def attached(connection: sqlite3.Connection, path: Path, name: str) -> Iterator[None]:
    """Have a connection read a store under a name for a while.

    Raises:
        StoreError: There is no store, or it cannot be read.
    """
    with told(path):
        checked, mode = _readable(path)
        with closing(checked):
            connection.execute(f"ATTACH ? AS {name}", (_place(path, mode),))
        try:
            yield
        finally:
            connection.execute(f"DETACH {name}")


def bytes_of(path: Path) -> int:
    """Return how many bytes a store takes on disk."""
    return sum(file.stat().st_size for file in (path, _journal(path)) if file.exists())


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write all of a block, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Have errors of SQLite tell which store they are about, and what mends them."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"the request store {path} {_cure(error)}") from error


def _cure(error: sqlite3.Error) -> str:
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return (
            f"is something else: {error}. It was left as it is; move it away, or name another file."
        )
    if code == sqlite3.SQLITE_CORRUPT:
        return (
            f"is damaged: {error}. It was left as it is. What can be read of it is saved by "
            "`sqlite3 FILE .recover`; or move it away, and its answers are asked for again."
        )
    if code == sqlite3.SQLITE_FULL:
        return "cannot be written: the disk is full. Make room and run the same command again."
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return (
            f"was kept locked by another process for {BUSY_SECONDS:.0f} s. Stop it, or give this "
            "run a store of its own."
        )
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOLFS):
        return _CANNOT_SHARE.format(error)
    return (
        f"cannot be used: {error}. Look at the rights and the room of its folder, or name another "
        "place."
    )


_CANNOT_SHARE = (
    "cannot be used: {}. Its file system may not lock files or share memory, as network drives "
    "often do not. Put it on a local disk."
)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        _place(path, mode),
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,  # transactions begin where they are written
        check_same_thread=False,  # one thread at a time is what the callers see to
    )
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _readable(path: Path) -> tuple[sqlite3.Connection, str]:
    """Open a store to read, and return with which mode that went."""
    if not path.is_file():
        raise StoreError(f"there is no request store {path}: no such file. Look at its name.")
    try:
        return _opened(path, "rw"), "rw"
    except sqlite3.OperationalError:  # it has to make files beside it, and must not
        if _journal(path).exists() and _journal(path).stat().st_size:
            raise
        return _opened(path, _UNSHARED), _UNSHARED


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    connection = _connect(path, mode)
    try:
        connection.execute("PRAGMA query_only = 1")
        _check(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _place(path: Path, mode: str) -> str:
    return f"file:{quote(str(path.absolute()))}?mode={mode}"


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables where there are none, and check that it is a store where there are."""
    with transaction(connection):  # one process makes them, others wait for it
        if _is_empty(connection):
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        _check(connection, path)


def _share(connection: sqlite3.Connection, path: Path) -> None:
    """Choose the journal with which several processes write, and commits need no wait for disks."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            # Of two processes that change it at once, one is told so without having waited.
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            break
    if mode != "wal":
        problem = _CANNOT_SHARE.format(f"its journal can only be {mode!r}")
        raise StoreError(f"the request store {path} {problem}")


def _is_empty(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def _check(connection: sqlite3.Connection, path: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application != APPLICATION:
        raise StoreError(
            f"{path} is a database of another kind, and no request store. It was left as it is; "
            "name another file."
        )
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise StoreError(
            f"the request store {path} has format {version}, which a newer DataFlow wrote; this "
            f"one reads formats up to {VERSION}. Upgrade dataflow-llm-core, or name another file."
        )
    connection.execute("SELECT count(*) FROM (SELECT 1 FROM answers LIMIT 1)").fetchone()


def _journal(path: Path) -> Path:
    return path.with_name(path.name + "-wal")
