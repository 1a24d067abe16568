"""How many rows a file holds, about, without reading it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dataflow_core.storage.formats.compression import codec_of, unpacked_head
from dataflow_core.storage.formats.endings import format_of
from dataflow_core.storage.spans import spread

_LOOK = 1 << 20
_PLACES = 16
_PACKED_LOOK = 8 << 20
_PACKED_FILES = 16
_LINES = ("JSONL", "CSV", "TSV")


def estimated_rows_of(paths: Sequence[Path]) -> int | None:
    """Return the rows of files together, as `estimated_rows` does; None where one is unknown.

    Of many packed files only some are looked at, and the others taken for alike.

    Args:
        paths: The files.
    """
    packed = [path for path in paths if codec_of(path) is not None]
    looked = packed[:: max(1, -(-len(packed) // _PACKED_FILES))]
    found = [estimated_rows(path) for path in looked]
    plain = [estimated_rows(path) for path in paths if codec_of(path) is None]
    if None in found or None in plain:
        return None
    size, seen = (sum(path.stat().st_size for path in some) for some in (packed, looked))
    return sum(filter(None, plain)) + round(sum(filter(None, found)) * size / max(1, seen))


def estimated_rows(path: Path) -> int | None:
    """Return the rows of a Parquet file; of lines of text, about how many; None of others.

    Lines are counted in places spread over the file; in a packed one, at its beginning.

    Args:
        path: The file.
    """
    known = format_of(path)
    if known is not None and known.name == "Parquet":
        import pyarrow.parquet as pq

        return int(pq.read_metadata(path).num_rows)
    if known is None or known.name not in _LINES:
        return None
    size = path.stat().st_size
    if codec_of(path) is not None:
        return _packed_lines(path, size)
    lines, looked = 0, 0
    with path.open("rb") as file:
        for start, stop in spread(size, _LOOK, _PLACES) if size else ():
            file.seek(start)
            text = file.read(stop - start)
            lines, looked = lines + text.count(b"\n"), looked + len(text)
        if looked == size and size:
            return lines + (not text.endswith(b"\n"))
    return round(size * max(lines, 1) / looked) if looked else 0


def _packed_lines(path: Path, size: int) -> int | None:
    head, taken = unpacked_head(path, _PACKED_LOOK)
    if not head:
        return None
    lines = head.count(b"\n")
    if len(head) < _PACKED_LOOK:
        return lines + (not head.endswith(b"\n"))
    return round(size * max(lines, 1) / taken)
