"""Files of WARC records as streams of bytes that know where in the file they are.

Records are packed one a gzip member, so that reading can go on after damage at the next member.
"""

from __future__ import annotations

import io
import zlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

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


@dataclass(frozen=True)
class Gap:
    """What lies between the beginning of a damaged record and the next one.

    Attributes:
        raw: The first bytes of it: as they are in the file, or, of a part of a gzip member,
            unpacked.
        end: Where the next record begins, for messages; None if none was found.
        fault: Why not all of it could be looked through; empty if it could.
    """

    raw: bytes
    end: str | None
    fault: str = ""


class Unpacker(ABC):
    """The unpacked bytes of a file.

    Args:
        file: The file.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._block = b""
        self._place = 0
        file.seek(0)

    @abstractmethod
    def mark(self) -> None:
        """Remember this place, where a record begins."""

    @abstractmethod
    def marked(self) -> str:
        """Return where the mark is, for messages."""

    @abstractmethod
    def pass_on(self, most: int) -> Gap:
        """Go to the next record after the mark, or to the end where there is none.

        Args:
            most: The most bytes to keep of what lies between.
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

    def mark_next(self) -> None:
        """Pass over line ends and other white space, and mark what comes after them."""
        while True:
            while self._block[self._place : self._place + 1].isspace():
                self._place += 1
            # Before more is unpacked, which may fail.
            self.mark()
            if self._place < len(self._block) or not self._fill():
                return

    def _fill(self) -> bool:
        if self._place == len(self._block):
            self._block, self._place = self._unpack(), 0
        return bool(self._block)


def unpacker(file: BinaryIO) -> Unpacker:
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
        return _Gzip(file)
    return _Zstd(file) if head == ZSTD else _Plain(file)


def first_bytes(path: Path, size: int) -> bytes:
    """Return the first unpacked bytes of a file.

    Raises:
        Damage: They cannot be unpacked.
        OSError: The file cannot be opened.
    """
    with path.open("rb") as file:
        return unpacker(file).read(size)


class _Plain(Unpacker):
    """A file that is not packed."""

    _mark = 0

    def mark(self) -> None:
        self._mark = self._file.tell() - len(self._block) + self._place

    def marked(self) -> str:
        return f"byte {self._mark:,}"

    def pass_on(self, most: int) -> Gap:
        found = _find(self._file, self._mark, _RECORD_START)
        end = None if found is None else found + 1
        raw = _between(self._file, self._mark, end, most)
        self._block, self._place = b"", 0
        _go_to(self._file, end)
        return Gap(raw, None if end is None else f"byte {end:,}")

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


class _Mark(NamedTuple):
    """A place among gzip members, and what it takes to read on from there.

    Attributes:
        member: Where its member begins in the file.
        inner: How many bytes of the member, unpacked, come before it.
        block: Bytes that are unpacked already.
        place: How many of them come before it.
        packed: Those that are read and not yet unpacked.
        here: Where in the file those end.
        codec: What unpacks them; None where the next member begins with them.
        unpacked: How many bytes of the member are unpacked.
    """

    member: int
    inner: int
    block: bytes
    place: int
    packed: bytes
    here: int
    codec: Any
    unpacked: int

    def __str__(self) -> str:
        within = f", unpacked byte {self.inner:,} of the gzip member there" if self.inner else ""
        return f"byte {self.member:,}{within}"


class _Gzip(Unpacker):
    """Gzip members, one after the other; a record is a member, or a part of one or more."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self._member = 0
        self._packed = b""
        self._codec = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._within = False
        self._unpacked = 0
        self._mark = self._here()

    def mark(self) -> None:
        self._mark = self._here()

    def marked(self) -> str:
        return str(self._mark)

    def pass_on(self, most: int) -> Gap:
        mark = self._mark
        self._return_to(mark)
        try:
            skipped = self._skip_to_record(most)
        except Damage as damage:
            return self._next_member(most, str(damage))
        end = self._here() if self._fill() else None
        if mark.inner or (end is not None and end.inner):
            return Gap(skipped, None if end is None else str(end))
        raw = _between(self._file, mark.member, None if end is None else end.member, most)
        if end is None:
            _go_to(self._file, None)
            return Gap(raw, None)
        self._return_to(end)
        return Gap(raw, str(end))

    def _here(self) -> _Mark:
        block, place, packed, here = self._block, self._place, self._packed, self._file.tell()
        if place == len(block) and not self._within:
            return _Mark(here - len(packed), 0, b"", 0, packed, here, None, 0)
        codec = self._codec.copy() if self._within else None
        inner = max(0, self._unpacked - (len(block) - place))
        return _Mark(self._member, inner, block, place, packed, here, codec, self._unpacked)

    def _return_to(self, mark: _Mark) -> None:
        self._file.seek(mark.here)
        self._member, self._block, self._place = mark.member, mark.block, mark.place
        self._packed, self._unpacked = mark.packed, mark.unpacked
        self._within = mark.codec is not None
        self._codec = mark.codec.copy() if mark.codec is not None else self._codec

    def _skip_to_record(self, most: int) -> bytes:
        """Pass over bytes up to the next that begin a record, and return the first of them."""
        skipped = bytearray()
        kept = len(_RECORD_START) - 1
        while self._fill():
            found = self._block.find(_RECORD_START, self._place)
            end = found + 1 if found >= 0 else max(self._place, len(self._block) - kept)
            skipped += self._block[self._place : end][: most - len(skipped)]
            self._block, self._place = self._block[end:], 0
            if found >= 0:
                break
            more = self._unpack()
            if not more:
                skipped += self._block[: most - len(skipped)]
                self._block = b""
            self._block += more
        return bytes(skipped)

    def _next_member(self, most: int, fault: str) -> Gap:
        """Go to the next member that begins a record: what is before it cannot be unpacked."""
        start = self._mark.member
        found = _find(self._file, start + 1, _GZIP_MEMBER)
        while found is not None and not _begins_record(self._file, found):
            found = _find(self._file, found + 1, _GZIP_MEMBER)
        raw = _between(self._file, start, found, most)
        _go_to(self._file, found)
        self._block, self._place, self._packed, self._within = b"", 0, b"", False
        return Gap(raw, None if found is None else f"byte {found:,}", fault)

    def _unpack(self) -> bytes:
        while packed := self._packed or self._file.read(_READ_BYTES):
            if not self._within:
                self._member = self._file.tell() - len(packed)
                self._codec, self._within = zlib.decompressobj(_GZIP_OR_ZLIB), True
                self._unpacked = 0
            try:
                block = self._codec.decompress(packed, 4 * _READ_BYTES)
            except zlib.error as error:
                raise Damage(
                    f"its gzip data is damaged ({error}), and the rest of its gzip member cannot "
                    "be read"
                ) from error
            self._within = not self._codec.eof
            self._packed = self._codec.unconsumed_tail or self._codec.unused_data
            self._unpacked += len(block)
            if block:
                return block
        if self._within:
            raise Damage("the file ends within its gzip data: it was cut short")
        return b""


class _Zstd(Unpacker):
    """Zstandard frames; offsets are those of the unpacked bytes.

    With what is damaged, up to 128 KiB before it are lost, since zstd unpacks them together.
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self._stream = pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")
        self._before = self._mark = 0
        self._ended = False

    def mark(self) -> None:
        self._mark = self._before - len(self._block) + self._place

    def marked(self) -> str:
        return f"unpacked byte {self._mark:,}"

    def pass_on(self, most: int) -> Gap:
        self._ended, self._block, self._place = True, b"", 0
        return Gap(b"", None)

    def _unpack(self) -> bytes:
        if self._ended:
            return b""
        try:
            block: bytes = self._stream.read(_READ_BYTES)
        except OSError as error:
            raise Damage(f"its zstd data is damaged or cut short ({error})") from error
        self._before += len(block)
        return block


def _go_to(file: BinaryIO, offset: int | None) -> None:
    """Go to an offset, or to the end of the file."""
    file.seek(*((0, io.SEEK_END) if offset is None else (offset,)))


def _between(file: BinaryIO, start: int, end: int | None, most: int) -> bytes:
    """Return the first bytes of a part of a file, which ends with it where no end is given."""
    file.seek(start)
    return file.read(most if end is None else min(most, end - start))


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
