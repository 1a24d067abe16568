"""File formats: a reader and a writer each for JSONL, JSON, CSV, TSV, Parquet and Arrow."""

from __future__ import annotations

from dataflow_core.storage.formats.base import (
    BadRow,
    Reader,
    ReadOptions,
    SchemaMisfit,
    SourceBatch,
    Writer,
)
from dataflow_core.storage.formats.discovery import expand_source
from dataflow_core.storage.formats.endings import is_typed, reader_for, writer_for

__all__ = [
    "BadRow",
    "ReadOptions",
    "Reader",
    "SchemaMisfit",
    "SourceBatch",
    "Writer",
    "expand_source",
    "is_typed",
    "reader_for",
    "writer_for",
]
