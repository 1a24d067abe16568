"""What a file really is, by its first bytes, so that an ending that lies is noticed."""

from __future__ import annotations

import errno
from pathlib import Path

from dataflow_core.errors import SourceError

SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"PAR1", "Parquet", ".parquet"),
    (b"ARROW1", "an Arrow file", ".arrow"),
    (b"FEA1", "a Feather version 1 file", ""),
    (b"\xff\xff\xff\xff", "an Arrow stream", ".arrows"),
    (b"\x1f\x8b", "gzip", ".gz"),
    (b"\x28\xb5\x2f\xfd", "zstd", ".zst"),
    (b"\xfd7zXZ\x00", "xz", ".xz"),
    (b"BZh", "bzip2", ".bz2"),
    (b"PK\x03\x04", "a ZIP archive", ""),
    (b"SQLite format 3\x00", "an SQLite database", ""),
    (b"%PDF-", "a PDF document", ""),
    (b"Obj\x01", "Avro", ""),
    (b"ORC", "ORC", ""),
    (b"\xff\xfe", "text in UTF-16", ""),
    (b"\xfe\xff", "text in UTF-16", ""),
)

HEAD_BYTES = 16
_TEXT_LIKE = frozenset({"ORC", "bzip2"})


def head_of(path: Path) -> bytes:
    """Return the first bytes of a file.

    Raises:
        SourceError: The file is missing, a folder, forbidden, or empty.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise unreadable(path, error) from error
    if not head:
        raise SourceError(f"{path} is empty (0 bytes); name a file that holds rows.")
    return head


def unreadable(path: Path, error: OSError) -> SourceError:
    """Return the error that says why a file cannot be opened, and what to do."""
    match error.errno:
        case errno.ENOENT:
            return SourceError(f"{path} does not exist; check the path.")
        case errno.EISDIR:
            return SourceError(f"{path} is a folder; name a file in it, or the glob {path}/*.")
        case errno.EACCES | errno.EPERM:
            return SourceError(f"{path} cannot be read: permission denied; allow reading it.")
        case _:
            return SourceError(f"{path} cannot be read: {error.strerror or error}.")


def check_binary(path: Path, head: bytes, wanted: str, *names: str) -> None:
    """Refuse a file that does not begin as its format must.

    Args:
        path: The file.
        head: Its first bytes.
        wanted: The format that its ending promises, for the message.
        names: The names in `SIGNATURES` that are right.

    Raises:
        SourceError: It begins otherwise.
    """
    found = _signature(head)
    if found is None or found[0] not in names:
        raise _lie(path, wanted, found or _text(head))


def check_text(path: Path, head: bytes, wanted: str) -> None:
    """Refuse a file of a text format that begins as a well-known binary format does.

    Raises:
        SourceError: It does.
    """
    found = _signature(head)
    if found is not None and not (found[0] in _TEXT_LIKE and head.isascii() and _printable(head)):
        raise _lie(path, wanted, found)


def _signature(head: bytes) -> tuple[str, str] | None:
    for magic, name, ending in SIGNATURES:
        if head.startswith(magic):
            return name, ending
    return None


def _text(head: bytes) -> tuple[str, str]:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start == b"{":
        return "JSON", ".jsonl"
    if start == b"[":
        return "a JSON array", ".json"
    if _printable(head):
        return "text", ".csv"
    return f"an unknown format (its first bytes are {head[:8]!r})", ""


def _printable(head: bytes) -> bool:
    return all(byte >= 32 or byte in b"\t\r\n" for byte in head)


def _lie(path: Path, wanted: str, found: tuple[str, str]) -> SourceError:
    name, ending = found
    if ending in (".gz", ".zst", ".bz2", ".xz"):
        advice = f"rename it to end in {ending} (such as .jsonl{ending}), or unpack it"
    elif ending:
        advice = f"rename it to end in {ending}, or name another file"
    else:
        advice = "convert it to JSONL, CSV, Parquet or Arrow, or name another file"
    return SourceError(f"{path} is named as {wanted} but looks like {name}: {advice}.")
