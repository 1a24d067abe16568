"""A row's story: where it came from, what became of it and why, with its values along the way."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from dataflow_core.engine.stored_rows import (
    StoredRow,
    column_names,
    find_rows,
    rows_with,
)
from dataflow_core.engine.stored_runs import StoredRun
from dataflow_core.errors import RunError, did_you_mean
from dataflow_core.table.identity import SOURCE_KEY, format_id, position_of, source_id
from dataflow_core.wording import counted

LISTED = 20
"""So many relatives of a row are listed; all are counted."""


@dataclass(frozen=True)
class End:
    """Where a row is, or how it left.

    Attributes:
        fate: ``output``, ``dropped``, ``duplicate``, ``quarantined``, ``expanded``, or ``added`` as
            in the ledger; ``through``: it came through all steps, and the run has not written its
            output; ``waiting``: it came so far, and the run has not gone on with it.
        step: The step, or the source where it could not be read; of ``waiting``, the table.
        reason: Why, in a word.
        value: The measure that decided, or the raw answer of a failure.
        message: A sentence for people.
        related: The row that it duplicates.
        values: The row as it was then.
        trace: Where the operator failed: a hash of the traceback, and the place.
    """

    fate: str
    step: str | None = None
    reason: str | None = None
    value: str | None = None
    message: str | None = None
    related: str | None = None
    values: dict[str, Any] | None = None
    trace: str | None = None


@dataclass(frozen=True)
class Relative:
    """Another row, from which the row was made, or which was made of it, or which it repeats.

    Attributes:
        row: Its id.
        step: The step that links the two.
        fates: What became of it, each with its step.
        children: The rows made of it, in turn.
        source: The source that it came from; None for a row that a step made.
        position: Its number there, from 0.
    """

    row: str
    step: str
    fates: list[str]
    children: list[Relative] = field(default_factory=list)
    source: str | None = None
    position: int | None = None


@dataclass(frozen=True)
class Story:
    """All that a run directory tells of a row.

    Attributes:
        row: Its id.
        source: The source that it came from; None for a row that a step made.
        position: Its number there, from 0.
        ends: What became of it; several where the table forked.
        tables: Its values in the tables that the run keeps, in order.
        parents: The row of which it was made, the row of which that one was made, and so on.
        children: The rows made of it.
        repeats: The row that it duplicates.
        repeated: Rows that were dropped as its duplicates, the first ones.
        counts: How many children and duplicates there are.
    """

    row: str
    source: str | None
    position: int | None
    ends: list[End]
    tables: dict[str, dict[str, Any]]
    parents: list[Relative]
    children: list[Relative]
    repeats: Relative | None
    repeated: list[Relative]
    counts: dict[str, int]

    @property
    def lineage(self) -> set[str]:
        """The row, all rows before it, and those after it that are listed."""
        return {self.row, *(one.row for one in self.parents), *_rows(self.children)}

    @property
    def root(self) -> str:
        """The row of a source from which it comes."""
        return self.parents[-1].row if self.parents else self.row

    def as_dict(self) -> dict[str, Any]:
        """Return the story for JSON."""
        return asdict(self)


def story_of(run: StoredRun, row: str) -> Story:
    """Return a row's story.

    Args:
        run: The run.
        row: The row's id, or a beginning of it that no other row has.

    Raises:
        RunError: There is no such row, or more than one.
    """
    wanted = row.lower()
    if not 1 <= len(wanted) <= 16 or set(wanted) - set("0123456789abcdef"):
        raise RunError(
            f"{row!r} is no row id (up to 16 hexadecimal digits) and no position.",
            unknown_name=True,
        )
    found: dict[str, list[StoredRow]] = {}
    for one in find_rows(run, [wanted]):
        found.setdefault(one.id(), []).append(one)
        if len(found) > LISTED:
            break
    if len(found) > 1:
        raise RunError(
            f"more than one row of {run.path} has an id that begins with {row!r}: "
            f"{', '.join(list(found)[:LISTED])}{', …' if len(found) > LISTED else ''}. "
            "Write more digits."
        )
    for only, where in found.items():
        return _Teller(run).story(only, where)
    raise RunError(f"no row {row!r} in {run.path}.{_how_far(run)}", unknown_name=True)


def story_at(run: StoredRun, position: int) -> Story:
    """Return the story of the row at a position of the main source.

    Raises:
        RunError: The source has no such row, or the run did not come so far.
    """
    rows, _ = run.rows()
    if rows is not None and position >= rows and run.state == "done":
        raise RunError(
            f"no row {position:,} in {run.path}: its source has {counted(rows, 'row')}, from 0.",
            unknown_name=True,
        )
    return story_of(run, format_id(source_id(SOURCE_KEY, position)))


def ids_with(run: StoredRun, column: str, value: str, most: int = LISTED) -> list[str]:
    """Return the ids of rows that are output, dropped or quarantined with a value.

    Args:
        run: The run.
        column: The column.
        value: The value, as text; that of a list or dict is its JSON.
        most: How many ids are wanted; where there are more, one more is returned.

    Raises:
        RunError: No table has the column, or no row has the value.
    """
    known = column_names(run)
    if column not in known:
        raise RunError(
            f"no row of {run.path} has a column {column!r}.{did_you_mean(column, known)} "
            f"There are: {', '.join(known) or 'none'}.",
            unknown_name=True,
        )
    ids: dict[str, None] = {}
    for row in rows_with(run, column, value):
        ids[row.id()] = None
        if len(ids) > most:
            break
    if not ids:
        raise RunError(
            f"no row of {run.path} ended with {column} = {value!r}.{_how_far(run)}",
            unknown_name=True,
        )
    return list(ids)


def fates_of(run: StoredRun, rows: Collection[str]) -> dict[str, list[str]]:
    """Return what became of rows, in words, by id."""
    found: dict[str, list[StoredRow]] = {row: [] for row in rows}
    for one in find_rows(run, rows):
        found[one.id()].append(one)
    return {row: [fate_text(end) for end in ends_of(run, where)] for row, where in found.items()}


def ends_of(run: StoredRun, found: Iterable[StoredRow]) -> list[End]:
    """Return what became of a row, from where it is kept."""
    ends: dict[tuple[str, str | None], End] = {}
    waiting = None
    for one in found:
        end = _end(run, one)
        if end.fate == "waiting":
            waiting = end
        else:  # one line for each child of a row that became others
            ends.setdefault((end.fate, end.step), end)
    if waiting is not None and all(fate == "added" for fate, _ in ends):
        return [*ends.values(), waiting]
    return list(ends.values())


def fate_text(end: End) -> str:
    """Return what became of a row in a few words."""
    if end.fate == "through":
        return "through all steps; the output is not written yet"
    if end.step is None:
        return end.fate
    if end.fate == "duplicate":
        return f"dropped by {end.step} as a duplicate"
    place = "in" if end.fate in ("quarantined", "waiting", "added") else "by"
    return f"{end.fate} {place} {end.step}{f' ({end.reason})' if end.reason else ''}"


class _Teller:
    def __init__(self, run: StoredRun) -> None:
        self.run = run

    def story(self, row: str, found: list[StoredRow]) -> Story:
        ends = ends_of(self.run, found)
        parents = self._parents(row)
        source, position = (None, None) if parents else self._origin(row)
        children, count = self._children([row], {row})
        repeated = self._naming(row, "dropped")
        original = next(((end.related, end.step or "") for end in ends if end.related), None)
        return Story(
            row, source, position, ends,
            tables={o.table: o.own() for o in found if o.kind == "tables"},
            parents=parents,
            children=children.get(row, []),
            repeats=None if original is None else self._relatives([original])[0],
            repeated=self._relatives(_named(repeated[:LISTED])),
            counts={"children": count, "repeated": len(repeated)},
        )  # fmt: skip

    def _origin(self, row: str) -> tuple[str | None, int | None]:
        for source in self.run.sources:
            position = position_of(source, int(row, 16))
            if position < 1 << 48:  # of another origin, it is any number below 2^64
                return source, position
        return None, None

    def _parents(self, row: str) -> list[Relative]:
        """Return the row's parent, and so on up to the row of a source."""
        chain: list[tuple[str, str]] = []
        while found := self._naming(row, "ledger"):
            chain += _named(found[:1])
            row = chain[-1][0]
        return self._relatives(chain)

    def _children(self, rows: list[str], seen: set[str]) -> tuple[dict[str, list[Relative]], int]:
        """Return the rows made of some, by parent, with their own children; and how many."""
        lines = [one.values() for one in find_rows(self.run, rows, kinds=["ledger"])]
        made = [line for line in lines if line["related_row_id"] is not None]
        new = [line for line in made if line["related_row_id"] not in seen][:LISTED]
        if not new:
            return {}, 0
        ids = [line["related_row_id"] for line in new]
        fates = fates_of(self.run, ids)
        below, _ = self._children(ids, seen | set(ids))
        children: dict[str, list[Relative]] = {}
        for line in new:
            child = line["related_row_id"]
            made_of = Relative(child, line["step"], fates[child], below.get(child, []))
            children.setdefault(line["row_id"], []).append(made_of)
        return children, len(made)

    def _naming(self, row: str, kind: str) -> list[StoredRow]:
        """Return the rows that name one as related."""
        return list(find_rows(self.run, [row], "related_row_id", [kind]))

    def _relatives(self, rows: list[tuple[str, str]]) -> list[Relative]:
        if not rows:
            return []
        ids = [row for row, _ in rows]
        fates = fates_of(self.run, ids)
        lines = find_rows(self.run, ids, "related_row_id", ["ledger"])
        made = {one.values()["related_row_id"] for one in lines}
        origins = {row: (None, None) if row in made else self._origin(row) for row in ids}
        return [Relative(row, step, fates[row], [], *origins[row]) for row, step in rows]


def _named(rows: Iterable[StoredRow]) -> list[tuple[str, str]]:
    """Return the ids of rows, each with the step that says so."""
    return [(one.id(), one.values()["step"]) for one in rows]


def _end(run: StoredRun, one: StoredRow) -> End:
    if one.kind == "tables":
        if one.table != run.result:
            return End("waiting", one.table, values=one.own())
        return End("output" if run.is_written else "through", values=one.own())
    values = one.values()
    if one.kind == "ledger":
        return End(values["fate"], values["step"])
    related = values["related_row_id"]
    fate = "quarantined" if one.kind == "quarantine" else "dropped"
    if fate == "dropped" and related is not None:
        fate = "duplicate"
    step, reason, value, message = (values[n] for n in ("step", "reason", "value", "message"))
    trace = values.get("traceback") if one.kind == "quarantine" else None
    return End(fate, step, reason, value, message, related, one.own(), trace)


def _rows(relatives: Iterable[Relative]) -> set[str]:
    return {row for one in relatives for row in (one.row, *_rows(one.children))}


def _how_far(run: StoredRun) -> str:
    """Return what else explains that a row is not found."""
    if run.state == "done":
        return ""
    return f" The run is not through ({run.state}): what was not committed is not told."
