"""What differs between two runs' fingerprints, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Parts = Mapping[str, Mapping[str, Any]]


def explain(before: Parts, after: Parts) -> Iterator[str]:
    """Yield what differs between the fingerprints of two plans' tables.

    A table that only comes of another one that differs is not told.

    Args:
        before: The parts of one's fingerprints, by table.
        after: Those of the other.
    """
    for name, parts in after.items():
        if name not in before:
            yield f"{name} is new"
            continue
        for part, value in parts.items():
            yield from _told(name, part, _own(before[name].get(part)), _own(value))
    for name in before:
        if name not in after:
            yield f"{name} is gone"


def _own(part: Any) -> Any:
    """Return a part without the hashes of other tables, which have lines of their own."""
    if not isinstance(part, Mapping):
        return part
    return {k: v for k, v in part.items() if not (isinstance(v, Mapping) and set(v) == {"table"})}


def _told(name: str, part: str, old: Any, new: Any) -> Iterator[str]:
    if part == "table" or old == new:
        return
    if part == "content":
        yield f"{name}: other content"
    elif part == "config" and isinstance(old, Mapping):
        for key in sorted({*old, *new}):
            if old.get(key) != new.get(key):
                yield f"{name}: {key} {_short(old.get(key))} -> {_short(new.get(key))}"
    else:
        yield f"{name}: {part} {_short(old)} -> {_short(new)}"


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:59] + "…"
