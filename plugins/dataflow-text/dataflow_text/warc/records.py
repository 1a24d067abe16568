"""The records of a WARC file (ISO 28500), and the damaged places between them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dataflow_text.warc.unpacking import Damage, Unpacker, unpacker

HEAD_BYTES = 1 << 16
"""The most bytes of a record's header, and of a block that is too large to be read whole."""

_RAW_BYTES = 1 << 20
_CUT_IN_HEADER = "the file ends within the header of a record: it was cut short"
_VERSION = re.compile(rb"WARC/\d+\.\d+\s*")


@dataclass(frozen=True)
class Record:
    """A record.

    Attributes:
        headers: Its named fields, by lower-case name.
        block: What follows them.
        whole: Whether the block is all there; one that is too large is cut at `HEAD_BYTES`.
    """

    headers: Mapping[str, str]
    block: bytes
    whole: bool = True

    @property
    def kind(self) -> str:
        """The record's type, such as ``"response"``."""
        return self.headers.get("warc-type", "").lower()


@dataclass(frozen=True)
class Damaged:
    """A place in a file from which no record can be read.

    Attributes:
        message: Where it is, and what is wrong.
        raw: The first MiB of its bytes: as they are in the file, or, of a part of a gzip member,
            unpacked.
    """

    message: str
    raw: bytes


def records(path: Path, kinds: Collection[str], most: int) -> Iterator[Record | Damaged]:
    """Yield the records of some types, and every damaged place, in order.

    Args:
        path: The file.
        kinds: The types of records wanted.
        most: The most bytes of a block that is read whole.

    Raises:
        SourceError: The file is packed in a way that is not supported.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        reading = _Reading(unpacker(file), kinds, most)
        while True:
            try:
                yield from reading.records()
            except Damage as damage:
                yield _damaged(reading.bytes, str(damage))
            else:
                return


class _Reading:
    """Records one after the other, up to the first damage, behind whose mark the next are sought.

    Attributes:
        bytes: The unpacked bytes; the record that is being read begins at their mark.
    """

    def __init__(self, unpacked: Unpacker, kinds: Collection[str], most: int) -> None:
        self.bytes = unpacked
        self._kinds = kinds
        self._most = most

    def records(self) -> Iterator[Record]:
        while self._find_start():
            headers = self._headers()
            length = _length(headers)
            wanted = headers.get("warc-type", "").lower() in self._kinds
            kept = (length if length <= self._most else HEAD_BYTES) if wanted else 0
            block = self.bytes.read(kept)
            read = len(block)
            if read == kept:
                read += self.bytes.skip(length - kept)
            if read < length:
                raise Damage(
                    f"the file ends after {read:,} of the record's {length:,} bytes: it was cut "
                    "short"
                )
            self._require_end(length)
            if wanted:
                yield Record(headers, block, kept == length)

    def _find_start(self) -> bool:
        """Pass over blank lines to the next record, and tell whether there is one."""
        self.bytes.mark_next()
        line = self.bytes.line(HEAD_BYTES)
        if not line:
            return False
        if _VERSION.fullmatch(line):
            return True
        if not line.endswith(b"\n"):
            raise Damage(_CUT_IN_HEADER)
        raise Damage(f"a record wanted, which begins with WARC/1.0; found {line[:40]!r}")

    def _headers(self) -> dict[str, str]:
        lines: list[bytes] = []
        left = HEAD_BYTES
        while (line := self.bytes.line(left)).strip():
            lines.append(line)
            left -= len(line)
        if not line:
            raise Damage(_CUT_IN_HEADER)
        return fields_of(lines, "utf-8")

    def _require_end(self, length: int) -> None:
        """Check that a record ends where it says, so that one too long swallows no other."""
        after = self.bytes.line(HEAD_BYTES)
        if after.strip():
            raise Damage(
                f"its Content-Length is {length:,}, but no record ends there; found {after[:40]!r}"
            )


def fields_of(lines: list[bytes], encoding: str) -> dict[str, str]:
    """Return named fields by lower-case name; a line that begins with a space goes on another.

    Args:
        lines: The lines ``Name: value``; one without a colon does not count.
        encoding: Their encoding. Of a field that occurs twice, the first counts.
    """
    unfolded: list[bytes] = []
    for line in lines:
        if line[:1] in (b" ", b"\t") and unfolded:
            unfolded[-1] += b" " + line.strip()
        else:
            unfolded.append(line.strip())
    fields: dict[str, str] = {}
    for line in unfolded:
        name, colon, value = line.decode(encoding, "replace").partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), value.strip())
    return fields


def _length(headers: Mapping[str, str]) -> int:
    length = headers.get("content-length", "")
    if not (length.isascii() and length.isdigit()):
        raise Damage(f"its Content-Length is {length!r}; a number of bytes wanted")
    return int(length)


def _damaged(unpacked: Unpacker, fault: str) -> Damaged:
    """Pass on to the next record, and return what is lost."""
    where = unpacked.marked()
    gap = unpacked.pass_on(_RAW_BYTES)
    faults = fault if gap.fault in ("", fault) else f"{fault}; {gap.fault}"
    until = f"the next one begins at {gap.end}" if gap.end else "none after it was found"
    return Damaged(f"record at {where}: {faults}; {until}", gap.raw)
