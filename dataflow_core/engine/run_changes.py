"""What differs between two runs, or between a run and what is asked now, by their fingerprints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dataflow_core.engine.stored_runs import ASKED_AGAIN, RETRIED, hash_of


@dataclass(frozen=True)
class Difference:
    """Something that determines a table and differs.

    Attributes:
        table: The source's or step's name.
        part: What: ``content``, ``columns``, ``limit``, ``operator``, ``config``, ``code``,
            ``retried``, ``asked_again``, or the ``table`` that it is made of; or all of it, which
            is ``new`` or ``gone``.
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

    That a table is made of another one that differs, is new or is gone, is no difference of its
    own, nor that rows were retried in that; that it is made of another one than before, is.
    """
    tables = [{hash_of(parts): name for name, parts in one.items()} for one in (before, after)]
    retried = {*retried_tables(before), *retried_tables(after)}
    for name in after:
        if name not in before:
            yield Difference(name, "new", f"{name} is new")
            continue
        old, new = (
            _named(one[name], names) for one, names in zip((before, after), tables, strict=True)
        )
        for part in {**new, RETRIED: None}:
            moved = part == "table" and old.get(part) in after and new[part] in before
            if part == RETRIED and name not in retried:
                continue
            if old.get(part) != new.get(part) and (moved or part != "table"):
                yield from _of_part(name, part, old.get(part), new.get(part))
    for name in before:
        if name not in after:
            yield Difference(name, "gone", f"{name} is gone")


def retried_tables(fingerprints: Mapping[str, Any]) -> list[str]:
    """Return the tables in which rows that had failed were done again; not those made of them.

    Args:
        fingerprints: The parts of a run's fingerprints, by table.
    """
    marks = {hash_of(parts): parts[RETRIED] for parts in fingerprints.values() if RETRIED in parts}
    return [
        name
        for name, parts in fingerprints.items()
        if RETRIED in parts and marks.get(parts.get("table")) != parts[RETRIED]
    ]


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
        for key, before, after in _values("", old, value):
            change = f"{_short(before)} -> {_short(after)}"
            yield Difference(name, part, f"{name}: {key} {change}")
    elif part == RETRIED:
        told = "rows that had failed were done again"
        yield Difference(name, part, f"{name}: {told}{' before' if value is None else ''}")
    elif part == ASKED_AGAIN:
        yield Difference(name, part, f"{name}: models were asked again")
    elif part == "content":
        yield Difference(name, part, f"{name}: other content, or read in another way")
    else:
        yield Difference(name, part, f"{name}: {part} {_short(old)} -> {_short(value)}")


def _values(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield the values that differ, those within others by their dotted path."""
    for key in sorted({*old, *new}):
        one, other = old.get(key), new.get(key)
        inner = f"{path}{key}"
        if one and other and isinstance(one, dict) and isinstance(other, dict):
            yield from _values(f"{inner}.", one, other)
        elif one != other:
            yield inner, one, other


def _named(parts: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return the parts of a step's fingerprint with the tables by their names, not hashes."""
    named = dict(parts)
    if "table" in parts:
        named["table"] = names.get(parts["table"])
    if isinstance(columns := parts.get("columns"), dict):
        named["columns"] = {n: _of_binding(bound, names) for n, bound in columns.items()}
    return named


def _of_binding(bound: Any, names: Mapping[str, str]) -> Any:
    return {"table": names.get(bound["table"])} if isinstance(bound, dict) else bound


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:59] + "…"
