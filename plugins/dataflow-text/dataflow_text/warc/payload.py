"""What a record holds: the payload of an HTTP message with its codings undone, or the block."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

import pyarrow as pa

from dataflow_text.warc.records import HEAD_BYTES, Record, fields_of

TOO_LARGE, TRUNCATED, BAD_CODING = "too_large", "truncated", "bad_coding"
NO_HTTP, NO_PAYLOAD, NOT_TEXT = "no_http", "no_payload", "not_text"

HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_UNKNOWN_TYPES = frozenset({"", "application/octet-stream", "unknown/unknown", "unk"})
_TEXT_TYPES = frozenset(
    {
        "application/json", "application/xml", "application/javascript", "application/x-javascript",
        "application/ecmascript", "application/warc-fields",
    }
)  # fmt: skip

_STATUS = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})\b")
_REQUEST = re.compile(rb"[A-Z]+[ \t]\S+[ \t]+HTTP/\d(?:\.\d)?\s*\Z")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_HTML_START = re.compile(
    rb"(?:\xef\xbb\xbf)?(?>\s+|<!--.*?-->)*+<(?:!doctype html|html|head|body|title)\b",
    re.IGNORECASE | re.DOTALL,
)
_CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\f\r\x1b")
_PIECE_BYTES = 1 << 14


@dataclass(frozen=True)
class Payload:
    """A payload, and what is known of it.

    Attributes:
        data: Its bytes.
        status: The HTTP status.
        media_type: Its media type in lower case, without parameters.
        charset: The encoding that is declared with the type.
        problem: What is wrong with it, None if nothing is.
    """

    data: bytes
    status: int | None = None
    media_type: str | None = None
    charset: str | None = None
    problem: str | None = None

    @property
    def is_html(self) -> bool:
        """Whether it is a page: by its type or, where that says nothing, by how it begins."""
        known = self.media_type or ""
        return known in HTML_TYPES or (
            known in _UNKNOWN_TYPES and _HTML_START.match(self.data[:HEAD_BYTES]) is not None
        )

    @property
    def is_text(self) -> bool:
        """Whether it is text of another kind, by its type."""
        known = self.media_type or ""
        return (
            known.startswith("text/") or known in _TEXT_TYPES or known.endswith(("+xml", "+json"))
        )


def payload_of(record: Record, most: int) -> Payload:
    """Return the payload of a record.

    Args:
        record: The record.
        most: The most bytes that it may have once its codings are undone.
    """
    media_type, charset = _type(record.headers.get("content-type", ""))
    if media_type == "application/http":
        payload = _of_http(record, most)
    else:
        payload = Payload(record.block, media_type=media_type, charset=charset)
    if not record.whole:
        return replace(payload, problem=TOO_LARGE)
    if payload.problem is None and _is_part(record.headers):
        payload = replace(payload, problem=TRUNCATED)
    if not payload.data and payload.problem is None:
        payload = replace(payload, problem=NO_PAYLOAD)
    return payload


def _of_http(record: Record, most: int) -> Payload:
    end = _HEAD_END.search(record.block[:HEAD_BYTES])
    head = record.block[: end.start()] if end else record.block[:HEAD_BYTES]
    first, *lines = head.split(b"\n")
    status = _STATUS.match(first)
    if not (status or _REQUEST.match(first)):
        return Payload(record.block, problem=NO_HTTP if record.block else NO_PAYLOAD)
    fields = fields_of(lines, "latin-1")
    media_type, charset = _type(fields.get("content-type", ""))
    payload = Payload(
        record.block[end.end() :] if end else b"",
        status=int(status[1]) if status else None,
        media_type=media_type,
        charset=charset,
    )
    return _decoded(payload, fields, most) if record.whole else payload


def _type(content_type: str) -> tuple[str | None, str | None]:
    """Return the media type and the charset that a Content-Type names."""
    charset = _CHARSET.search(content_type)
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type or None, charset[1] if charset else None


def _is_part(headers: Mapping[str, str]) -> bool:
    """Tell whether a crawler says that it did not keep all, or put the rest elsewhere."""
    return "warc-truncated" in headers or "warc-segment-number" in headers


def _decoded(payload: Payload, fields: Mapping[str, str], most: int) -> Payload:
    """Undo the codings of a message, the one applied last first.

    Crawlers that undo a coding often leave its header; data that is not coded stays as it is.
    """
    transfer, content = (
        [name.strip().lower() for name in fields.get(field, "").split(",")]
        for field in ("transfer-encoding", "content-encoding")
    )
    data, whole = payload.data, True
    for coding in (*reversed(transfer), *reversed(content)):
        found = _undone(coding, data, most)
        if found is None:
            return replace(payload, data=b"", problem=BAD_CODING)
        data, complete = found
        whole = whole and complete
        if len(data) > most:
            return replace(payload, data=data[:HEAD_BYTES], problem=TOO_LARGE)
    return replace(payload, data=data, problem=None if whole else TRUNCATED)


def _undone(coding: str, data: bytes, most: int) -> tuple[bytes, bool] | None:
    """Return data without a coding, and whether all of it could be read; None for none of it."""
    if coding == "chunked":
        return _joined(data) if _CHUNK.match(data) else (data, True)
    part = b""
    for attempt in _ATTEMPTS.get(coding, ()) if data else ():
        found, complete = attempt(data, most)
        if complete or len(found) > most:
            return found, complete
        part = part or found
    if coding not in _ATTEMPTS or looks_like_text(data):
        return data, True
    return (part, False) if part else None


def looks_like_text(data: bytes) -> bool:
    """Tell whether data has hardly any of the control characters of packed and binary data."""
    head = data[:1024]
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return b"\0" not in head and 50 * controls <= len(head)


def _joined(data: bytes) -> tuple[bytes, bool]:
    parts: list[bytes] = []
    place = 0
    while header := _CHUNK.match(data, place):
        size = int(header[1], 16)
        if not size:
            return b"".join(parts), True
        part = data[header.end() : header.end() + size]
        parts.append(part)
        end = header.end() + size
        if len(part) < size:
            break
        place = end + (2 if data[end : end + 2] == b"\r\n" else data[end : end + 1] == b"\n")
    return b"".join(parts), False


def _inflated(data: bytes, most: int, window: int = zlib.MAX_WBITS | 32) -> tuple[bytes, bool]:
    """Return the content of one or more gzip or zlib streams; what follows them does not count."""
    found = bytearray()
    codec = zlib.decompressobj(window)
    for start in range(0, len(data), _PIECE_BYTES):
        piece = data[start : start + _PIECE_BYTES]
        while piece and len(found) <= most:
            if codec.eof:
                if not piece.startswith(b"\x1f\x8b"):
                    return bytes(found), True
                codec = zlib.decompressobj(window)
            try:
                found += codec.decompress(piece, most + 1 - len(found))
            except zlib.error:
                return bytes(found), False
            piece = codec.unused_data
    return bytes(found), codec.eof


def _unpacked(data: bytes, most: int, codec: str) -> tuple[bytes, bool]:
    found = bytearray()
    try:
        stream = pa.CompressedInputStream(pa.BufferReader(data), codec)
        while len(found) <= most and (piece := stream.read(_PIECE_BYTES)):
            found += piece
    except OSError:
        return bytes(found), False
    return bytes(found), True


_ATTEMPTS: Mapping[str, tuple[Callable[[bytes, int], tuple[bytes, bool]], ...]] = MappingProxyType(
    {
        "gzip": (_inflated,),
        "x-gzip": (_inflated,),
        # Some servers send the bare stream under this name, which should mean zlib's.
        "deflate": (_inflated, partial(_inflated, window=-zlib.MAX_WBITS)),
        "br": (partial(_unpacked, codec="brotli"),),
        "zstd": (partial(_unpacked, codec="zstd"),),
    }
)
"""How each content coding may be undone, in order."""
