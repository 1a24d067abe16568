"""Which format a file has, by its ending; the code of a format is imported on first use."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataflow_core.errors import FormatError, SourceError, StorageError, did_you_mean
from dataflow_core.storage.formats.base import Reader, ReadOptions, Writer
from dataflow_core.storage.formats.compression import CODECS

if TYPE_CHECKING:
    import pyarrow as pa

_HERE = "dataflow_core.storage.formats"


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes:
        name: Its name, for people.
        endings: The endings of its files.
        reader: The reader's class, as ``module:name``.
        writer: The writer's class, likewise.
        packable: Whether its files may be packed (.gz, .zst, .bz2).
    """

    name: str
    endings: tuple[str, ...]
    reader: str
    writer: str
    packable: bool


FORMATS = (
    Format("JSONL", (".jsonl", ".ndjson"), "jsonl:JsonLinesReader", "jsonl:JsonLinesWriter", True),
    Format(
        "JSON",
        (".json",),
        "json_documents:JsonDocumentsReader",
        "json_documents:JsonDocumentsWriter",
        True,
    ),
    Format("CSV", (".csv",), "delimited:CsvReader", "delimited:CsvWriter", True),
    Format("TSV", (".tsv", ".tab"), "delimited:TsvReader", "delimited:TsvWriter", True),
    Format("Parquet", (".parquet", ".pq"), "parquet:ParquetReader", "parquet:ParquetWriter", False),
    Format("Arrow", (".arrow", ".feather"), "arrow:ArrowReader", "arrow:ArrowWriter", False),
    Format("Arrow stream", (".arrows",), "arrow:StreamReader", "arrow:StreamWriter", False),
)


def reader_for(path: Path, options: ReadOptions) -> Reader:
    """Return the reader for a file, by its ending.

    Args:
        path: The file.
        options: How to read it.

    Raises:
        SourceError: The ending is unknown, or the format cannot be read packed.
    """
    reader: Reader = _load(_known(path, SourceError).reader)(path, options)
    return reader


def writer_for(path: Path, schema: pa.Schema) -> Writer:
    """Return a writer for a file, by its ending.

    Args:
        path: The file to make or replace.
        schema: The columns and types of what will be written.

    Raises:
        FormatError: The ending is unknown, or the format cannot express a column.
        StorageError: The file cannot be made.
    """
    writer: Writer = _load(_known(path, FormatError).writer)(path, schema)
    return writer


def format_of(path: Path) -> Format | None:
    """Return the format that a file's ending promises, None for an unknown ending."""
    ending = path.suffix.lower()
    if ending in CODECS:
        ending = Path(path.stem).suffix.lower()
    return next((known for known in FORMATS if ending in known.endings), None)


def is_typed(path: Path) -> bool:
    """Tell whether the values of a file have types, which those of CSV and TSV lack."""
    found = format_of(path)
    return found is not None and not found.reader.startswith("delimited:")


def known_endings() -> str:
    """Return the endings of all formats, for messages."""
    endings = [ending for known in FORMATS for ending in known.endings]
    packed = "/".join(CODECS)
    return f"{' '.join(endings)} (JSONL, JSON, CSV and TSV also with {packed})"


def _known(path: Path, kind: type[StorageError]) -> Format:
    found = format_of(path)
    if found is None:
        endings = [ending for known in FORMATS for ending in known.endings]
        raise kind(
            f"{path}: the ending {''.join(path.suffixes[-2:])!r} names no known format."
            f"{did_you_mean(path.suffix, endings)} Known endings: {known_endings()}.",
            unknown_name=True,
        )
    if path.suffix.lower() in CODECS and not found.packable:
        raise kind(
            f"{path}: {found.name} is packed inside and cannot be read or written as "
            f"{path.suffix}; unpack the file, or leave {path.suffix} off."
        )
    return found


def _load(target: str) -> Any:
    module, name = target.split(":")
    return getattr(import_module(f"{_HERE}.{module}"), name)
