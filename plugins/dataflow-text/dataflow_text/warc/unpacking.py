"""Files of WARC records as streams of bytes that know where in the file they are.

Records are packed one a gzip member, so that reading can go on after damage at the next member.
"""

from __future__ import annotations

import io
import zlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from dataflow_core.errors import SourceError

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_ZSTD_DICTIONARY = b"\x5d\x2a\x4d\x18"
_GZIP_MEMBER = GZIP + b"\x08"
_RECORD_START = b"\nWARC/1."
_READ_BYTES = 1 << 16
_GZIP_OR_ZLIB = 47


class Damage(Exception):
    """A file cannot be read on from here; the reader of records turns it into a bad row."""


class Unpacker(ABC):
    """The unpacked bytes of a file from some offset on.

    Args:
        file: The file.
        start: Where a record begins, in bytes of the file as it is.
    """

    unit = "byte"
    """What offsets count, for messages."""

    def __init__(self, file: BinaryIO, start: int) -> None:
        self._file = file
        self._block = b""
        self._place = 0
        file.seek(start)

    @property
    @abstractmethod
    def offset(self) -> int:
        """Where in the file what comes next is; of packed bytes, where their member begins."""

    @abstractmethod
    def next_start(self, offset: int) -> int | None:
        """Return where the first record after an offset begins, None if there is none.

        Reading through this object ends with it.
        """

    @abstractmethod
    def _unpack(self) -> bytes:
        """Return some bytes more, none at the end.

        Raises:
            Damage: There are none although the file does not end here as it should.
        """

    def read(self, size: int) -> bytes:
        """Return ``size`` bytes, fewer at the end of the file."""
        parts, left = [], size
        while left and self._fill():
            part = self._block[self._place : self._place + left]
            self._place += len(part)
            left -= len(part)
            parts.append(part)
        return b"".join(parts)

    def skip(self, size: int) -> int:
        """Pass over ``size`` bytes, and return how many there were."""
        left = size
        while left and self._fill():
            passed = min(left, len(self._block) - self._place)
            self._place += passed
            left -= passed
        return size - left

    def line(self, most: int) -> bytes:
        """Return the bytes up to a line's end, with it; at the end of the file, those left.

        Raises:
            Damage: The line is longer than ``most`` bytes.
        """
        parts, length = [], 0
        while self._fill():
            end = self._block.find(b"\n", self._place) + 1
            part = self._block[self._place : end or len(self._block)]
            self._place += len(part)
            length += len(part)
            parts.append(part)
            if end or length > most:
                break
        if length > most:
            raise Damage("a header goes on for too long to be one")
        return b"".join(parts)

    def _fill(self) -> bool:
        if self._place == len(self._block):
            self._block, self._place = self._unpack(), 0
        return bool(self._block)


def unpacker(file: BinaryIO, start: int) -> Unpacker:
    """Return what reads a file, packed or not as its first bytes tell.

    Raises:
        SourceError: The file is packed with a dictionary of its own, which is not supported.
    """
    file.seek(0)
    head = file.read(len(ZSTD))
    if head == _ZSTD_DICTIONARY:
        raise SourceError(
            f"{file.name} is packed by zstd with a dictionary of its own, which is not supported. "
            "Unpack it (zstd -d), or pack it as .warc.gz."
        )
    if head.startswith(GZIP):
        return _Gzip(file, start)
    return _Zstd(file, start) if head == ZSTD else _Plain(file, start)


def first_bytes(path: Path, size: int) -> bytes:
    """Return the first unpacked bytes of a file.

    Raises:
        Damage: They cannot be unpacked.
        OSError: The file cannot be opened.
    """
    with path.open("rb") as file:
        return unpacker(file, 0).read(size)


class _Plain(Unpacker):
    """A file that is not packed."""

    @property
    def offset(self) -> int:
        return self._file.tell() - len(self._block) + self._place

    def next_start(self, offset: int) -> int | None:
        found = _find(self._file, offset, _RECORD_START)
        return None if found is None else found + 1

    def skip(self, size: int) -> int:
        """Pass over bytes without reading them."""
        waiting = len(self._block) - self._place
        if size <= waiting:
            self._place += size
            return size
        here = self._file.tell()
        left = self._file.seek(0, io.SEEK_END) - here
        passed = min(size - waiting, left)
        self._file.seek(here + passed)
        self._block, self._place = b"", 0
        return waiting + passed

    def _unpack(self) -> bytes:
        return self._file.read(_READ_BYTES)


class _Gzip(Unpacker):
    """Gzip members, one after the other."""

    def __init__(self, file: BinaryIO, start: int) -> None:
        super().__init__(file, start)
        self._member = start
        self._packed = b""
        self._codec = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._within = False

    @property
    def offset(self) -> int:
        if self._place == len(self._block) and not self._within:
            return self._file.tell() - len(self._packed)
        return self._member

    def next_start(self, offset: int) -> int | None:
        found = _find(self._file, offset + 1, _GZIP_MEMBER)
        while found is not None and not _begins_record(self._file, found):
            found = _find(self._file, found + 1, _GZIP_MEMBER)
        return found

    def _unpack(self) -> bytes:
        while packed := self._packed or self._file.read(_READ_BYTES):
            if not self._within:
                self._member = self._file.tell() - len(packed)
                self._codec, self._within = zlib.decompressobj(_GZIP_OR_ZLIB), True
            try:
                block = self._codec.decompress(packed, 4 * _READ_BYTES)
            except zlib.error as error:
                raise Damage(f"its gzip data is damaged ({error})") from error
            self._within = not self._codec.eof
            self._packed = self._codec.unconsumed_tail or self._codec.unused_data
            if block:
                return block
        if self._within:
            raise Damage("the file ends within its gzip data: it was cut short")
        return b""


class _Zstd(Unpacker):
    """Zstandard frames; offsets are those of the unpacked bytes.

    With what is damaged, up to 128 KiB before it are lost, since zstd unpacks them together.
    """

    unit = "unpacked byte"

    def __init__(self, file: BinaryIO, start: int) -> None:
        super().__init__(file, start)
        self._stream = pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")
        self._before = 0

    @property
    def offset(self) -> int:
        return self._before - len(self._block) + self._place

    def next_start(self, offset: int) -> int | None:
        return None

    def _unpack(self) -> bytes:
        try:
            block: bytes = self._stream.read(_READ_BYTES)
        except OSError as error:
            raise Damage(f"its zstd data is damaged or cut short ({error})") from error
        self._before += len(block)
        return block


def _find(file: BinaryIO, offset: int, wanted: bytes) -> int | None:
    """Return where some bytes are first found from an offset on."""
    file.seek(offset)
    base, block = offset, b""
    while more := file.read(_READ_BYTES):
        block += more
        place = block.find(wanted)
        if place >= 0:
            return base + place
        kept = len(wanted) - 1
        base, block = base + len(block) - kept, block[-kept:]
    return None


def _begins_record(file: BinaryIO, offset: int) -> bool:
    file.seek(offset)
    try:
        head = zlib.decompressobj(_GZIP_OR_ZLIB).decompress(file.read(_READ_BYTES), 5)
    except zlib.error:
        return False
    return head == b"WARC/"
