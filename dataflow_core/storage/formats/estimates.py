"""How many rows a file holds, about, without reading it."""

from __future__ import annotations

from pathlib import Path

from dataflow_core.storage.formats.compression import codec_of
from dataflow_core.storage.formats.endings import format_of

_HEAD = 1 << 20
_LINES = ("JSONL", "CSV", "TSV")


def estimated_rows(path: Path) -> int | None:
    """Return the rows of a Parquet file; of lines of text, about how many; None of others.

    Args:
        path: The file.
    """
    known = format_of(path)
    if known is not None and known.name == "Parquet":
        import pyarrow.parquet as pq

        return int(pq.read_metadata(path).num_rows)
    if known is None or known.name not in _LINES or codec_of(path) is not None:
        return None
    with path.open("rb") as file:
        head = file.read(_HEAD)
    lines = head.count(b"\n") + (not head.endswith(b"\n"))
    return round(path.stat().st_size * lines / len(head)) if head else 0
