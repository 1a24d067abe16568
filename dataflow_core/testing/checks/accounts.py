"""What became of rows, in a form that can be compared."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from dataflow_core.storage.table_storage import TableStorage
from dataflow_core.table.frames import concat_frames
from dataflow_core.table.values import rows_of


@dataclass
class Account:
    """What became of rows.

    Attributes:
        rows: The rows that came out, by id, in order.
        dropped: Reason, value and related row of those dropped, by id.
        failed: Reason and raw answer of those quarantined, by id.
        findings: What the operator found out about the table as a whole.
    """

    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    dropped: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    failed: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    findings: dict[str, Any] = field(default_factory=dict)


def account_of(storages: Iterable[TableStorage]) -> Account:
    """Return what became of the rows of storages over which one operator ran."""
    storages = list(storages)
    frame = concat_frames([storage.frame for storage in storages])
    found = Account(dict(zip(frame.ids.tolist(), rows_of(frame.to_arrow()), strict=True)))
    for outcome in (outcome for storage in storages for outcome in storage.outcomes):
        dropped, failed = outcome.dropped, outcome.failed
        told = zip(dropped.reasons, dropped.values, dropped.related, strict=True)
        found.dropped |= dict(zip(dropped.ids.tolist(), told, strict=True))
        raw = zip(failed.reasons, failed.values, strict=True)
        found.failed |= dict(zip(failed.ids.tolist(), raw, strict=True))
        found.findings |= outcome.findings
    return found


def difference(one: Account, other: Account, names: tuple[str, str]) -> str:
    """Return the first difference of two accounts in words; empty where there is none.

    Args:
        one: An account.
        other: Another.
        names: What to call them.
    """
    for what in ("rows", "dropped", "failed"):
        left, right = getattr(one, what), getattr(other, what)
        if list(left) != list(right) and (what == "rows" or left.keys() != right.keys()):
            return f"{what}: {len(left)} {names[0]}, {len(right)} {names[1]}, not the same ones"
        for row_id, value in left.items():
            if repr(value) != repr(right[row_id]):  # NaN equals itself in this notation
                return f"{what}: {_cut(value)} {names[0]}, {_cut(right[row_id])} {names[1]}"
    if not alike(one.findings, other.findings):
        return f"findings: {_cut(one.findings)} {names[0]}, {_cut(other.findings)} {names[1]}"
    return ""


def alike(one: Any, other: Any) -> bool:
    """Tell whether findings are the same, but for the rounding of sums in another order."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9)
    return bool(one == other)


def _cut(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:199]}…"
