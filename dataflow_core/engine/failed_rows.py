"""Rows that failed in a step, as quarantines keep them: with all that it takes to do them again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from dataflow_core.engine.parts import PartTable
from dataflow_core.engine.removed_rows import own_columns, removed_rows
from dataflow_core.engine.stored_rows import TRACED
from dataflow_core.storage.outcome import Removed
from dataflow_core.table.frames import Frame
from dataflow_core.table.identity import parsed

_ENTRY = "entry"


@dataclass(frozen=True)
class FailedRows:
    """Rows that failed.

    Attributes:
        frame: The rows, as they went in.
        reasons: Why each failed.
        entry: The number of the step before which they were as they are, if not that in which they
            failed.
    """

    frame: Frame
    reasons: list[str]
    entry: int | None


def failed_rows(
    step: str, failed: Removed, entry: int | None = None
) -> tuple[pa.Table, dict[str, str]]:
    """Return rows that failed, as quarantines keep them, and what is to be told with them.

    Args:
        step: The step's name.
        failed: The rows.
        entry: See `FailedRows`.
    """
    table, told = removed_rows(step, failed, TRACED)
    return table, told if entry is None else {**told, _ENTRY: str(entry)}


def entering_later(told: Mapping[str, str], steps: int) -> dict[str, str]:
    """Return what is told with rows of a stage's later steps as it is told of the whole stage.

    Args:
        told: What is told with them.
        steps: How many steps of the stage are before those.
    """
    if _ENTRY not in told:
        return dict(told)
    return {**told, _ENTRY: str(int(told[_ENTRY]) + steps)}


def stored_failures(quarantine: PartTable) -> Iterator[FailedRows]:
    """Yield the rows in a step's quarantine."""
    for stored in quarantine.stored():
        yield _read(stored.table(), stored.told)


def _read(table: pa.Table, told: Mapping[str, str]) -> FailedRows:
    entry = int(told[_ENTRY]) if _ENTRY in told else None
    frame = Frame.from_arrow(own_columns(table, told, TRACED), parsed(table["row_id"]))
    return FailedRows(frame, table["reason"].to_pylist(), entry)
