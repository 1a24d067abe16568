"""Rows that an export sets aside: each with the reason, beside the output and never in it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from dataflow_core.errors import BadRowError
from dataflow_core.export.misfit import Misfit
from dataflow_core.export.row_source import RowBatch
from dataflow_core.storage.formats import Writer, writer_for
from dataflow_core.storage.source import UNREADABLE
from dataflow_core.table.identity import format_id
from dataflow_core.table.types import JSON_TYPE, json_array
from dataflow_core.table.values import rows_of

SCHEMA = pa.schema(
    [
        ("row_id", pa.string()),
        ("position", pa.int64()),
        ("reason", pa.string()),
        ("message", pa.string()),
        ("row", JSON_TYPE),
    ]
)
"""The columns of the file of such rows; of one that cannot be read, the row is its text."""


class Rejects:
    """The rows that are set aside, in a file that is made for the first of them.

    Args:
        path: The file.
        source: Where the rows come from, for messages.
        stop: Whether the first such row is an error.
    """

    def __init__(self, path: Path, source: str, *, stop: bool) -> None:
        self.path = path
        self.reasons: Counter[str] = Counter()
        self._source = source
        self._stop = stop
        self._writer: Writer | None = None

    @property
    def count(self) -> int:
        """How many there are."""
        return self.reasons.total()

    def add(self, batch: RowBatch, misfits: Mapping[int, Misfit]) -> None:
        """Set rows of a batch aside.

        Args:
            batch: The batch; those of its rows that could not be read are set aside too.
            misfits: Why rows do not fit, by their number in the batch.

        Raises:
            BadRowError: There is one, and the first is an error.
        """
        told = [_misfit(batch, place, misfit) for place, misfit in misfits.items()]
        told += [_unreadable(batch, number) for number in range(len(batch.unreadable))]
        told.sort(key=lambda one: one["position"])
        if told and self._stop:
            raise BadRowError(
                "{source}, row {position} ({row_id}): {message} ({reason}). Correct the row, or "
                "set such rows aside with --on-bad-row quarantine (in Python: "
                'on_bad_row="quarantine").'.format(source=self._source, **told[0])
            )
        if told:
            self._write(told)

    def close(self) -> None:
        """Put the file in place; without such rows, there is none, nor one of an earlier export."""
        if self._writer is None:
            self.path.unlink(missing_ok=True)
        else:
            self._writer.close()

    def discard(self) -> None:
        """Throw away what was written."""
        if self._writer is not None:
            self._writer.discard()

    def _write(self, told: list[dict[str, Any]]) -> None:
        self.reasons.update(one["reason"] for one in told)
        if self._writer is None:
            self._writer = writer_for(self.path, SCHEMA)
        columns: dict[str, Any] = {
            field.name: pa.array([one[field.name] for one in told], field.type)
            for field in SCHEMA
            if field.name != "row"
        }
        columns["row"] = json_array([one["row"] for one in told])
        self._writer.write(pa.table(columns))


def _misfit(batch: RowBatch, place: int, misfit: Misfit) -> dict[str, Any]:
    return {
        "row_id": format_id(batch.ids[place]),
        "position": int(batch.positions[place]),
        "reason": misfit.reason,
        "message": str(misfit),
        "row": _as_json(rows_of(batch.table.slice(place, 1))[0]),
    }


def _unreadable(batch: RowBatch, number: int) -> dict[str, Any]:
    row, ids = batch.unreadable[number], batch.unreadable_ids
    return {
        "row_id": None if ids is None else format_id(ids[number]),
        "position": batch.unreadable_positions[number],
        "reason": UNREADABLE,
        "message": row.message,
        "row": row.raw.decode("utf-8", "backslashreplace"),
    }


def _as_json(value: Any) -> Any:
    """Return a value as JSON can say it: dates, bytes and what is no number as texts."""
    if isinstance(value, Mapping):
        return {str(name): _as_json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_json(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    is_plain = value is None or isinstance(value, (str, bool, int))
    if is_plain or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)
