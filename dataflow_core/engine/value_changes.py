"""Values that differ between the results of two runs, column by column, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from dataflow_core.engine.fate_changes import EXAMPLES
from dataflow_core.engine.parts import PartTable
from dataflow_core.engine.preview import Change
from dataflow_core.operators.general.hashing import row_digests
from dataflow_core.table.identity import RowIds, format_id
from dataflow_core.table.types import visible
from dataflow_core.table.values import python_values


@dataclass
class ColumnChange:
    """A column whose values differ in rows that both results have.

    Attributes:
        column: The column.
        rows: In how many rows its value differs.
        before: Its type in the first result; None where it is not there.
        after: Its type in the second.
        examples: Some of the values.
    """

    column: str
    rows: int
    before: str | None
    after: str | None
    examples: list[Change] = field(default_factory=list)


def value_changes(before: PartTable, after: PartTable) -> tuple[int, list[ColumnChange]]:
    """Compare the rows that two results have in common, by their ids.

    Values are compared by digests of 64 bits, one column at a time: 8 bytes a row for the ids and 8
    for the digests, of each result. 1 and 1.0 differ, as do null and an empty text.

    Args:
        before: The result of one run.
        after: That of the other.

    Returns:
        How many rows both have, and the columns that differ; one that a result lacks differs in
        every row.
    """
    ids = _ids(before)
    _, left, right = np.intersect1d(ids, _ids(after), return_indices=True)
    kinds = [{f.name: f.type for f in visible(table.schema())} for table in (before, after)]
    changes = []
    for column in dict.fromkeys([*kinds[0], *kinds[1]]):
        old, new = (known.get(column) for known in kinds)
        if old is None or new is None:
            differing = np.arange(len(left))
        else:
            digests = _digests(before, column, old)[left], _digests(after, column, new)[right]
            differing = np.flatnonzero(digests[0] != digests[1])
        if len(differing):
            chosen = differing[np.argsort(left[differing], kind="stable")][:EXAMPLES]
            change = ColumnChange(column, len(differing), _text(old), _text(new))
            values = [_values(before, column, old, left[chosen])]
            values += [_values(after, column, new, right[chosen])]
            names = ids[left[chosen]].tolist()
            change.examples = [
                Change(format_id(row), column, a, b)
                for row, a, b in zip(names, *values, strict=True)
            ]
            changes.append(change)
    return len(left), changes


def _ids(table: PartTable) -> RowIds:
    found = [frame.ids for frame in table.frames(pa.schema([]))]
    return np.concatenate([np.empty(0, np.uint64), *found])


def _digests(table: PartTable, column: str, kind: pa.DataType) -> RowIds:
    """Return a digest of each value of a column."""
    parts = [np.empty(0, np.uint64)]
    for frame in table.frames(pa.schema([(column, kind)])):
        digests = row_digests(frame.to_pandas([column]), [column])
        parts.append((digests["high"] ^ digests["low"]).to_numpy(np.uint64))
    return np.concatenate(parts)


def _values(
    table: PartTable, column: str, kind: pa.DataType | None, places: np.ndarray[Any, Any]
) -> list[Any]:
    """Return the values of a column at some places; None where the table lacks it."""
    if kind is None:
        return [None] * len(places)
    found = dict(_values_at(table, pa.schema([(column, kind)]), set(places.tolist())))
    return [found[place] for place in places.tolist()]


def _values_at(table: PartTable, schema: pa.Schema, places: set[int]) -> Iterator[tuple[int, Any]]:
    start = 0
    for frame in table.frames(schema):
        stop = start + len(frame)
        for place in sorted(one for one in places if start <= one < stop):
            row = frame.to_arrow().slice(place - start, 1)
            yield place, python_values(row[schema.names[0]])[0]
        start = stop


def _text(kind: pa.DataType | None) -> str | None:
    return None if kind is None else str(kind)
