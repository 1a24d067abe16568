"""The records of one WARC file as rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from dataflow_core.errors import BadRowError, SourceError
from dataflow_core.storage import BadRow, Reader, ReadOptions, SourceBatch, head_of, unreadable
from dataflow_text.warc.charsets import decode, is_wide
from dataflow_text.warc.payload import NOT_TEXT, TRUNCATED, Payload, looks_like_text, payload_of
from dataflow_text.warc.records import Damaged, Record, records
from dataflow_text.warc.unpacking import Damage, first_bytes

SCHEMA = pa.schema(
    [
        ("url", pa.string()),
        ("warc_record_id", pa.string()),
        ("warc_type", pa.string()),
        ("date", pa.string()),
        ("http_status", pa.int64()),
        ("content_type", pa.string()),
        ("language", pa.string()),
        ("charset", pa.string()),
        ("charset_origin", pa.string()),
        ("replaced_characters", pa.int64()),
        ("problem", pa.string()),
        ("html", pa.string()),
        ("text", pa.string()),
    ]
)
"""The columns of a row; `WarcStorage` says what they hold."""

UNKNOWN_CHARSET = "unknown_charset"
_OF_TEXT = frozenset(
    {"charset", "charset_origin", "replaced_characters", "problem", "html", "text"}
)


class WarcReader(Reader):
    """Reads one WARC file.

    Args:
        path: The file, plain or packed by gzip or zstd.
        options: What to read, and what to do with records that cannot be read.
        kinds: The types of records that are rows.
        max_payload: The most bytes of a payload that is read.
    """

    def __init__(
        self, path: Path, options: ReadOptions, kinds: tuple[str, ...], max_payload: int
    ) -> None:
        super().__init__(path, options)
        self._kinds = kinds
        self._max_payload = max_payload

    def sample_schema(self) -> pa.Schema:
        """Return the columns, once the beginning of the file proves that it is a WARC file.

        A file that is damaged from the beginning on has none of its own, and is read as bad rows.
        """
        head_of(self.path)
        try:
            start = first_bytes(self.path, 16)
        except OSError as error:
            raise unreadable(self.path, error) from error
        except Damage:
            return SCHEMA
        if not start.startswith(b"WARC/"):
            raise SourceError(
                f"{self.path} is no WARC file: it begins with {start!r}, where WARC/1.0 or "
                "WARC/1.1 is wanted. Name WARC files (.warc, .warc.gz, .warc.zst); ARC files must "
                "be converted."
            )
        return SCHEMA

    def batches(
        self, schema: pa.Schema, batch_rows: int, batch_bytes: int
    ) -> Iterator[SourceBatch]:
        """Yield the rows in order; see `Reader.batches`."""
        batch = _Batch(schema)
        for position, found in enumerate(self._records()):
            if isinstance(found, Damaged):
                batch.add_bad(self._bad_row(found, position))
            else:
                batch.add(self._row(found, schema), position)
            if len(batch.rows) >= batch_rows or batch.weight >= batch_bytes:
                yield batch.take()
        if batch.rows or batch.bad:
            yield batch.take()

    def _records(self) -> Iterator[Record | Damaged]:
        try:
            yield from records(self.path, self._kinds, self._max_payload)
        except OSError as error:
            raise unreadable(self.path, error) from error

    def _bad_row(self, damaged: Damaged, position: int) -> BadRow:
        if self.options.on_bad_row == "error":
            raise BadRowError(
                f"{self.path}, {damaged.message}. Fetch the file again, or set aside what cannot "
                "be read and go on with the next record: --on-bad-row quarantine (in Python: "
                'on_bad_row="quarantine").'
            )
        return BadRow(str(self.path), position, None, None, damaged.message, damaged.raw)

    def _row(self, record: Record, schema: pa.Schema) -> dict[str, Any]:
        headers = record.headers
        payload = payload_of(record, self._max_payload)
        row = {
            "url": headers.get("warc-target-uri", "").removeprefix("<").removesuffix(">") or None,
            "warc_record_id": headers.get("warc-record-id"),
            "warc_type": record.kind,
            "date": headers.get("warc-date"),
            "http_status": payload.status,
            "content_type": payload.media_type,
            "language": headers.get("warc-identified-content-language"),
        }
        return row | _text_of(payload) if _OF_TEXT.intersection(schema.names) else row


@dataclass
class _Batch:
    """Rows that wait until they are enough for a batch."""

    schema: pa.Schema
    rows: list[dict[str, Any]] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    weight: int = 0

    def add(self, row: dict[str, Any], position: int) -> None:
        self.rows.append(row)
        self.positions.append(position)
        self.weight += sum(len(value) for value in row.values() if isinstance(value, str))

    def add_bad(self, row: BadRow) -> None:
        self.bad.append(row)
        self.weight += len(row.raw)

    def take(self) -> SourceBatch:
        arrays = [
            pa.array([row.get(column.name) for row in self.rows], column.type)
            for column in self.schema
        ]
        table = pa.table(arrays, schema=self.schema)
        positions = np.array(self.positions, np.int64)
        batch = SourceBatch(table, positions, tuple(self.bad))
        self.rows, self.positions, self.bad, self.weight = [], [], [], 0
        return batch


def _text_of(payload: Payload) -> dict[str, Any]:
    """Return the columns of a payload's text, or of why there is none."""
    if payload.problem not in (None, TRUNCATED):
        return {"problem": payload.problem}
    if not (payload.is_html or payload.is_text) or _is_binary(payload):
        return {"problem": NOT_TEXT}
    markup = payload.is_html or (payload.media_type or "").endswith("xml")
    found = decode(payload.data, payload.charset, markup=markup)
    if found.text is None:
        return {"problem": UNKNOWN_CHARSET}
    return {
        "html" if payload.is_html else "text": found.text,
        "charset": found.charset,
        "charset_origin": found.origin,
        "replaced_characters": found.replaced,
        "problem": payload.problem,
    }


def _is_binary(payload: Payload) -> bool:
    """Tell whether what is called text is a picture or an archive."""
    return not (looks_like_text(payload.data) or is_wide(payload.data, payload.charset))
