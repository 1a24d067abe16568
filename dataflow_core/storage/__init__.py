"""Storages: where tables are read from and written to, and the parts of which one is made.

Each name is imported when it is used. `FileStorage`, `MemoryStorage` and `RepeatedStorage` are to
be used; `TableStorage`, `Source` and `Batch` to make a storage of one's own from; `ReadersSource`
and `Reader` to make a source of files of a format of one's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataflow_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from dataflow_core.storage.base import Bindings, Storage
    from dataflow_core.storage.file import FileStorage, ReadersSource
    from dataflow_core.storage.formats import (
        BadRow,
        Reader,
        ReadOptions,
        SourceBatch,
        expand_source,
    )
    from dataflow_core.storage.formats.signature import head_of, unreadable
    from dataflow_core.storage.memory import MemoryStorage
    from dataflow_core.storage.repeated import RepeatedStorage
    from dataflow_core.storage.source import BATCH_BYTES, BATCH_ROWS, Batch, Source
    from dataflow_core.storage.table_storage import TableStorage
    from dataflow_core.table.frames import Frame
    from dataflow_core.table.identity import format_id, source_ids

_HOMES = {
    "BATCH_BYTES": "storage.source",
    "BATCH_ROWS": "storage.source",
    "BadRow": "storage.formats",
    "Batch": "storage.source",
    "Bindings": "storage.base",
    "FileStorage": "storage.file",
    "Frame": "table.frames",
    "MemoryStorage": "storage.memory",
    "ReadOptions": "storage.formats",
    "Reader": "storage.formats",
    "ReadersSource": "storage.file",
    "RepeatedStorage": "storage.repeated",
    "Source": "storage.source",
    "SourceBatch": "storage.formats",
    "Storage": "storage.base",
    "TableStorage": "storage.table_storage",
    "expand_source": "storage.formats",
    "format_id": "table.identity",
    "head_of": "storage.formats.signature",
    "source_ids": "table.identity",
    "unreadable": "storage.formats.signature",
}

__all__ = [
    "BATCH_BYTES",
    "BATCH_ROWS",
    "BadRow",
    "Batch",
    "Bindings",
    "FileStorage",
    "Frame",
    "MemoryStorage",
    "ReadOptions",
    "Reader",
    "ReadersSource",
    "RepeatedStorage",
    "Source",
    "SourceBatch",
    "Storage",
    "TableStorage",
    "expand_source",
    "format_id",
    "head_of",
    "source_ids",
    "unreadable",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES, within="dataflow_core")
