"""What differs between two runs, or between a run and what is asked now, by their fingerprints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Difference:
    """Something that determines a table and differs.

    Attributes:
        table: The source's or step's name.
        part: What: ``content``, ``columns``, ``limit``, ``operator``, ``config``, ``code``, or the
            whole table, which is ``new`` or ``gone``.
        sentence: It, for people.
    """

    table: str
    part: str
    sentence: str


def explain(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs between the fingerprints of two plans' tables, in sentences.

    Args:
        before: The parts of one's fingerprints, by table.
        after: Those of the other.
    """
    return (difference.sentence for difference in differences(before, after))


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    """Yield what differs between the fingerprints of two plans' tables; see `explain`.

    That a table is made of another one that differs is no difference of its own.
    """
    for name, parts in after.items():
        if name not in before:
            yield Difference(name, "new", f"{name} is new")
            continue
        for part, value in parts.items():
            old = before[name].get(part)
            if part != "table" and old != value:
                yield from _of_part(name, part, old, value)
    for name in before:
        if name not in after:
            yield Difference(name, "gone", f"{name} is gone")


def in_short(changes: Iterable[Difference]) -> Iterator[str]:
    """Yield differences in sentences, a change of code that several tables share only once."""
    code: dict[str, list[str]] = {}
    for change in changes:
        if change.part == "code":
            said = change.sentence.removeprefix(f"{change.table}: ")
            code.setdefault(said, []).append(change.table)
        else:
            yield change.sentence
    for said, tables in code.items():
        yield f"{', '.join(tables)}: {said}"


def _of_part(name: str, part: str, old: Any, value: Any) -> Iterator[Difference]:
    if part == "config":
        for key in sorted({*old, *value}):
            if old.get(key) != value.get(key):
                change = f"{_short(old.get(key))} -> {_short(value.get(key))}"
                yield Difference(name, part, f"{name}: {key} {change}")
    elif part == "content":
        yield Difference(name, part, f"{name}: other content")
    elif part != "columns" or _own(old) != _own(value):
        yield Difference(name, part, f"{name}: {part} {_short(old)} -> {_short(value)}")


def _own(columns: Any) -> Any:
    """Return the columns of a step without the second tables, which differ by themselves."""
    if not isinstance(columns, dict):
        return columns
    return {n: "a table" if isinstance(c, dict) else c for n, c in columns.items()}


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:59] + "…"
