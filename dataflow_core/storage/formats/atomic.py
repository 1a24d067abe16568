"""Files that appear whole or not at all: written beside the target, flushed, then renamed."""

from __future__ import annotations

import errno
import glob
import io
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dataflow_core.errors import StorageError


class AtomicFile(io.RawIOBase):
    """A binary file for writing that takes its name only on `commit`.

    Args:
        path: The target; a symbolic link is followed. Its folder is made if need be.

    Raises:
        StorageError: The folder or the file cannot be made, or the target is no regular file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._target = Path(os.path.realpath(path))
        self._temporary = self._target.with_name(
            f".{self._target.name[:200]}.{secrets.token_hex(6)}.tmp"
        )
        with writing(path):
            _check_target(path, self._target)
            self._target.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
            self._descriptor = os.open(self._temporary, flags, 0o666)
        self._size = 0
        self._open = True
        self._discarded = False

    def writable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the number of bytes written."""
        return self._size

    def write(self, data: Any) -> int:
        """Write all of some bytes.

        Raises:
            StorageError: The disk is full, or writing failed otherwise; the temporary file is gone.
        """
        if self._discarded:  # what a compressor or writer still holds when it goes
            return len(memoryview(data).cast("B"))
        if not self._open:
            raise ValueError(f"{self.path} is committed already")
        view = memoryview(data).cast("B")
        try:
            with writing(self.path):
                _write_all(self._descriptor, view)
        except StorageError:
            self.discard()
            raise
        self._size += len(view)
        return len(view)

    def commit(self) -> None:
        """Flush the bytes to the disk and give the file its name.

        Raises:
            StorageError: That failed; the temporary file is gone, the target as it was.
        """
        try:
            with writing(self.path):
                os.fsync(self._descriptor)
                _copy_mode(self._target, self._descriptor)
                self._close_descriptor()
                self._temporary.replace(self._target)
                _sync_folder(self._target.parent)
        except StorageError:
            self.discard()
            raise

    def discard(self) -> None:
        """Remove the temporary file; the target stays as it was."""
        self._discarded = True
        self._close_descriptor()
        self._temporary.unlink(missing_ok=True)

    def _close_descriptor(self) -> None:
        if self._open:
            self._open = False
            os.close(self._descriptor)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; see `AtomicFile`."""
    file = AtomicFile(path)
    file.write(content)
    file.commit()


def remove_temporaries(path: Path) -> None:
    """Remove what processes that were killed had begun to write under a name.

    Args:
        path: The target, with ``*`` in its name for several.
    """
    target = Path(os.path.realpath(path))
    name = glob.escape(target.name[:200]).replace("[*]", "*")
    for temporary in target.parent.glob(f".{name}.{'[0-9a-f]' * 12}.tmp"):
        temporary.unlink(missing_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an error of the operating system into one that says how to fix it.

    Raises:
        StorageError: The body raised an OSError.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(f"cannot write {path}: {reason}. {_advice(error, path)}") from error


def _advice(error: OSError, path: Path) -> str:
    kept = "Check the disk, or write elsewhere; nothing of the file was kept."
    return _ADVICE.get(error.errno or 0, kept).format(folder=path.parent)


def _check_target(path: Path, target: Path) -> None:
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))


def _write_all(descriptor: int, view: memoryview) -> None:
    while len(view):
        view = view[os.write(descriptor, view) :]


def _copy_mode(target: Path, descriptor: int) -> None:
    with suppress(FileNotFoundError, PermissionError):
        mode = target.stat().st_mode & 0o777
        os.fchmod(descriptor, mode)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_FULL = "Free some space on that disk, or write elsewhere; nothing of the file was kept."
_FORBIDDEN = "Allow writing to the folder {folder}, or write elsewhere."
_NO_FOLDER = "A part of {folder} is a file, not a folder: choose another path."
_ADVICE = MappingProxyType(
    {
        errno.ENOSPC: _FULL,
        errno.EDQUOT: _FULL,
        errno.EACCES: _FORBIDDEN,
        errno.EPERM: _FORBIDDEN,
        errno.EROFS: "That file system is read-only: write elsewhere.",
        errno.ENOTDIR: _NO_FOLDER,
        errno.EEXIST: _NO_FOLDER,
        errno.EISDIR: "Name a file inside the folder.",
        errno.ENAMETOOLONG: "Choose a shorter name.",
    }
)
