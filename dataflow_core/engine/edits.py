"""A few of the texts that each refiner changed, before and after, for people to look at."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pyarrow.types as pat

from dataflow_core.engine.pieces import Piece
from dataflow_core.storage.outcome import Outcome, positions_of
from dataflow_core.table.columns import Column
from dataflow_core.table.identity import format_id

SHOWN = 3
LOOKED_AT = 10_000
"""The places of a stage's table in which texts are compared: whatever the batches, the same."""

LEAD, LENGTH = 60, 240


@dataclass(frozen=True)
class Edit:
    """A text that a step changed, from shortly before the first difference on.

    Attributes:
        place: The row's place in the table that flowed into the stage.
        row: The row's id.
        column: The column.
        before: The text before, cut to `LENGTH` characters, with … where something is left out.
        after: The text after, cut likewise.
    """

    place: int
    row: str
    column: str
    before: str
    after: str


def first_edits(outcome: Outcome, piece: Piece) -> list[Edit]:
    """Return the first texts that a step changed, of the rows that came with a piece.

    Rows that a step of the stage made have no place in its table, and are left out.
    """
    if piece.start >= LOOKED_AT:
        return []
    before, after = outcome.before, outcome.after
    changed = [
        name
        for name in after.names
        if name in before.columns and before.columns[name] is not after.columns[name]
    ]
    if not changed or not len(after):
        return []
    old, home = positions_of(before.ids, after.ids), positions_of(piece.frame.ids, after.ids)
    rows = np.flatnonzero((old >= 0) & (home >= 0))
    rows = rows[piece.places[home[rows]] < LOOKED_AT]
    places = piece.places[home[rows]]
    found: list[Edit] = []
    for name in changed:
        texts = _differing(before.columns[name], after.columns[name], old[rows], rows, places)
        found += [
            Edit(int(places[at]), format_id(after.ids[rows[at]]), name, *_excerpts(old_text, text))
            for at, old_text, text in texts
        ]
    return lowest(found)


def lowest(edits: Iterable[Edit]) -> list[Edit]:
    """Return those with the lowest places, as many as are shown."""
    return sorted(edits, key=lambda edit: edit.place)[:SHOWN]


def _differing(
    before: Column,
    after: Column,
    old: npt.NDArray[np.int64],
    new: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
) -> Iterator[tuple[int, str, str]]:
    """Yield which of some rows have other texts now, those of the lowest places, and the texts."""
    was, now = before.arrow(), after.arrow()
    if was.type != now.type or not (pat.is_string(now.type) or pat.is_large_string(now.type)):
        return
    was, now = (
        column if len(at) == len(column) and (at == np.arange(len(at))).all() else column.take(at)
        for column, at in ((was, old), (now, new))
    )
    differs = np.flatnonzero(np.asarray(pc.fill_null(pc.not_equal(was, now), fill_value=False)))
    for at in differs[np.argsort(places[differs], kind="stable")][:SHOWN].tolist():
        yield at, was[at].as_py(), now[at].as_py()


def _excerpts(before: str, after: str) -> tuple[str, str]:
    """Return both texts from shortly before their first difference on."""
    lengths = range(min(len(before), len(after)) + 1)
    common = bisect_left(lengths, True, key=lambda n: before[:n] != after[:n]) - 1
    start = max(common - LEAD, 0)
    return _cut(before, start), _cut(after, start)


def _cut(text: str, start: int) -> str:
    lead, rest = "…" if start else "", text[start:]
    return lead + (rest if len(rest) <= LENGTH else rest[:LENGTH] + "…")
