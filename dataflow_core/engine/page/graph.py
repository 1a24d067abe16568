"""The tables of a plan as rows from top to bottom, with lines from each to those that read it."""

from __future__ import annotations

from dataclasses import dataclass

from dataflow_core.pipeline.plan import Plan

LANE = 18
"""The width of a lane in pixels; rows are as high as the page makes them, and count 1 here."""


@dataclass(frozen=True)
class Line:
    """A line between two tables: an SVG path, and whether it is to a second table's reader."""

    path: str
    second: bool


@dataclass(frozen=True)
class Graph:
    """A drawing of a plan.

    Attributes:
        names: The tables from top to bottom, sources first.
        lanes: The lane of each, from 0.
        lines: The lines between them.
        described: The same in words.
    """

    names: tuple[str, ...]
    lanes: tuple[int, ...]
    lines: tuple[Line, ...]
    described: str

    @property
    def width(self) -> int:
        """The width in pixels."""
        return LANE * (max(self.lanes, default=0) + 1)

    def x(self, row: int) -> int:
        """Return the middle of a row's lane."""
        return _x(self.lanes[row])


def graph_of(plan: Plan) -> Graph:
    """Place the tables of a plan: a step stands below what it reads, in its lane if that is free.

    A lane is taken until the last step that reads its table, so that no line crosses a table.
    """
    names = (*plan.sources, *(step.name for step in plan.steps))
    rows = {name: row for row, name in enumerate(names)}
    reads: dict[str, tuple[str, ...]] = {
        step.name: tuple(dict.fromkeys((step.table, *step.other_tables))) for step in plan.steps
    }
    last = {table: rows[name] for name, tables in reads.items() for table in tables}
    taken: dict[int, str] = {}
    lanes: dict[str, int] = {}
    for row, name in enumerate(names):
        taken = {lane: table for lane, table in taken.items() if last[table] > row}
        home = lanes[reads[name][0]] if name in reads else 0
        free = next(lane for lane in range(len(names) + 1) if lane not in taken)
        lanes[name] = home if home not in taken else free
        if name in last:
            taken[lanes[name]] = name
    lines = [
        Line(_path(_x(lanes[table]), rows[table], _x(lanes[name]), rows[name]), number > 0)
        for name, tables in reads.items()
        for number, table in enumerate(tables)
    ]
    described = "; ".join(f"{name} reads {' and '.join(tables)}" for name, tables in reads.items())
    return Graph(names, tuple(lanes.values()), tuple(lines), described)


def _x(lane: int) -> int:
    return lane * LANE + LANE // 2


def _path(x1: int, row1: int, x2: int, row2: int) -> str:
    """Return a line that goes down its own lane, and bends just before it arrives."""
    start, end = row1 + 0.5, row2 + 0.5
    if x1 == x2:
        return f"M{x1} {start}V{end}"
    return f"M{x1} {start}V{end - 1}C{x1} {end - 0.4} {x2} {end - 0.6} {x2} {end}"
