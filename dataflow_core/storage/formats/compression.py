"""Compressed files (.gz, .zst, .bz2) as streams; one that was cut short is an error."""

from __future__ import annotations

import lzma
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import pyarrow as pa

from dataflow_core.errors import SourceError
from dataflow_core.storage.formats.atomic import AtomicFile
from dataflow_core.storage.formats.signature import (
    HEAD_BYTES,
    check_binary,
    check_text,
    head_of,
    unreadable,
)

CODECS: Mapping[str, str] = MappingProxyType(
    {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".xz": "xz"}
)
"""The codec of each ending, by Arrow's name; Arrow has no xz, Python does."""

_NAMES: Mapping[str, str] = MappingProxyType(
    {"gzip": "gzip", "zstd": "zstd", "bz2": "bzip2", "xz": "xz"}
)


class ByteStream(Protocol):
    """Where readers of text formats get their bytes."""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes, none at the end."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill some of a buffer, and return how many bytes of it; 0 at the end."""


def codec_of(path: Path) -> str | None:
    """Return the codec that a file's ending promises, None for a plain file."""
    return CODECS.get(path.suffix.lower())


@contextmanager
def open_text(path: Path, wanted: str) -> Iterator[ByteStream]:
    """Open a file of a text format for reading, unpacked.

    Args:
        path: The file.
        wanted: The format that its ending promises, for messages.

    Raises:
        SourceError: The file is missing, empty, unreadable, damaged, or not what its ending says.
    """
    check_content(path, wanted)
    with open_unpacked(path) as stream:
        yield _Named(stream, path)


def check_content(path: Path, wanted: str) -> None:
    """Refuse a file of a text format whose first bytes, packed or unpacked, say otherwise.

    Raises:
        SourceError: The file is missing, empty, unreadable, or not what its ending says.
    """
    head = head_of(path)
    codec = codec_of(path)
    if codec is None:
        check_text(path, head, wanted)
        return
    check_binary(path, head, f"{_NAMES[codec]}", _NAMES[codec])
    with open_unpacked(path) as stream:
        inner = _Named(stream, path).read(HEAD_BYTES)
    if not inner:
        raise SourceError(f"{path} is empty once unpacked; name a file that holds rows.")
    check_text(path, inner, f"packed {wanted}")


@contextmanager
def open_unpacked(path: Path) -> Iterator[pa.NativeFile]:
    """Open a file as an Arrow stream of its unpacked bytes.

    Raises:
        SourceError: The file cannot be opened.
    """
    codec = codec_of(path)
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(pa.OSFile(str(path), "rb"))
            if codec == "xz":
                packed = stack.enter_context(lzma.open(path, "rb"))
                stream = stack.enter_context(pa.PythonFile(packed, mode="r"))
            elif codec is not None:
                stream = stack.enter_context(pa.CompressedInputStream(stream, codec))
        except OSError as error:
            raise unreadable(path, error) from error
        yield stream


def unpacked_head(path: Path, size: int) -> tuple[bytes, int]:
    """Return the first bytes of a packed file, unpacked, and how many packed ones they are of.

    Of a file that is damaged, what comes before; whoever reads it will be told.

    Args:
        path: The file.
        size: How many bytes, unpacked.
    """
    head, taken = b"", 0
    codec = codec_of(path)
    with suppress(OSError, EOFError, lzma.LZMAError), ExitStack() as stack:
        raw = stack.enter_context(path.open("rb"))
        if codec == "xz":
            stream = stack.enter_context(lzma.LZMAFile(raw))
        else:
            stream = stack.enter_context(pa.CompressedInputStream(raw, codec))
        while len(head) < size and (part := stream.read(size - len(head))):
            head, taken = head + part, raw.tell()
    return head, taken


def damaged(path: Path, error: Exception) -> SourceError:
    """Return the error for a packed file that cannot be unpacked to its end."""
    cut = isinstance(error, EOFError) or "runcated" in str(error)
    reason = "it was cut short" if cut else str(error)
    return SourceError(
        f"{path} cannot be unpacked: {reason}. Fetch or pack it again; none of its rows after the "
        "fault can be read."
    )


class TextTarget:
    """A file of a text format for writing, packed as its ending says, that appears on `commit`.

    Args:
        path: The target.

    Raises:
        StorageError: It cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._file = AtomicFile(path)
        self._codec = codec_of(path)
        self._sink: pa.NativeFile | lzma.LZMAFile | None = None
        if self._codec is not None:
            self._sink = self._packed()

    def _packed(self) -> pa.NativeFile | lzma.LZMAFile:
        if self._codec == "xz":
            return lzma.LZMAFile(self._file, "wb")  # type: ignore[arg-type]
        return pa.CompressedOutputStream(pa.PythonFile(self._file, mode="w"), self._codec)

    def write(self, data: bytes | memoryview) -> int:
        """Write bytes."""
        if self._sink is None:
            return self._file.write(data)
        self._sink.write(data)
        return len(data)

    def commit(self) -> None:
        """Finish the file and give it its name."""
        if self._sink is not None:
            self._sink.close()
        self._file.commit()

    def discard(self) -> None:
        """Throw the file away."""
        self._file.discard()


class _Named:
    """A stream whose faults name the file."""

    def __init__(self, stream: pa.NativeFile, path: Path) -> None:
        self._stream = stream
        self._path = path

    def read(self, size: int, /) -> bytes:
        with self._faults_named():
            data: bytes = self._stream.read(size)
        return data

    def readinto(self, buffer: memoryview, /) -> int:
        with self._faults_named():
            read: int = self._stream.readinto(buffer)
        return read

    @contextmanager
    def _faults_named(self) -> Iterator[None]:
        try:
            yield
        except (OSError, EOFError, lzma.LZMAError) as error:
            if codec_of(self._path) is None and isinstance(error, OSError):
                raise unreadable(self._path, error) from error
            raise damaged(self._path, error) from error
