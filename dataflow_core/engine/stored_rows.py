"""Single rows in the part files of a run, found by id without reading anything else.

Ids are as good as random, so no statistics of a file could tell where one is. But in the part
files they lie side by side, mapped into memory, where a million of them are compared in
milliseconds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as pat

from dataflow_core.engine.stored_runs import StoredRun
from dataflow_core.table.types import ABSENT, HIDDEN, ROW_ID, is_json, parse_json

ACCOUNT = ("row_id", "step", "reason", "value", "message", "related_row_id")
"""The columns of dropped and quarantined rows that say what became of them."""

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class StoredRow:
    """Where a row is kept.

    Attributes:
        kind: tables, dropped, quarantine, or ledger (rows that became others, or were added).
        table: The table or step in whose folder it is.
        path: The part file.
        batch: The number of the batch in it.
        place: The number of the row in that.
    """

    kind: str
    table: str
    path: Path
    batch: int
    place: int

    def arrow(self) -> pa.Table:
        """Return the row as it was written, in a table of its own."""
        reader = pa.ipc.open_file(pa.memory_map(str(self.path)))
        return pa.Table.from_batches([reader.get_batch(self.batch).slice(self.place, 1)])

    def values(self) -> dict[str, Any]:
        """Return the row's columns as Python values, hidden ones included."""
        table = self.arrow()
        return {name: _value(table[name]) for name in table.column_names}


def find_rows(
    run: StoredRun, ids: Collection[str], column: str = "row_id", kinds: Collection[str] = ()
) -> Iterator[StoredRow]:
    """Yield where rows are kept, in the order of the plan.

    Args:
        run: The run.
        ids: Row ids in hexadecimal digits, or their beginnings.
        column: ``row_id``, or ``related_row_id`` for the rows that name them.
        kinds: The kinds of tables to look in; all by default.
    """
    for kind, name, path in _parts(run, kinds):
        for number, batch in _batches(path, ROW_ID if kind == "tables" else column):
            yield from (StoredRow(kind, name, path, number, p) for p in _places_of(batch, ids))


def own_values(values: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return what of a stored row's values is the row's own: no accounts, no keys it never had."""
    absent = values.get(ABSENT) or ()
    aside = ACCOUNT if kind != "tables" else ()
    names = [name for name in values if name not in HIDDEN and name not in aside]
    return {n: values[n] for n in names if n not in absent or values[n] is not None}


def id_of(values: dict[str, Any]) -> str:
    """Return the id of a stored row."""
    return values["row_id"] if ROW_ID not in values else f"{values[ROW_ID]:016x}"


def rows_with(run: StoredRun, column: str, value: str) -> Iterator[StoredRow]:
    """Yield the rows that are output, dropped or quarantined with a value in a column.

    Args:
        run: The run.
        column: The column.
        value: The value as text; that of a list or dict is its JSON.
    """
    for kind, name, path in _parts(run, ("tables", "dropped", "quarantine")):
        if kind == "tables" and name != run.result:
            continue
        for number, batch in _batches(path, column):
            yield from (StoredRow(kind, name, path, number, p) for p in _equal(batch, value))


def column_names(run: StoredRun) -> list[str]:
    """Return the names of the columns of all rows that are output, dropped or quarantined."""
    names: dict[str, None] = {}
    for kind, name, path in _parts(run, ("tables", "dropped", "quarantine")):
        if kind != "tables" or name == run.result:
            names |= dict.fromkeys(pa.ipc.open_file(pa.memory_map(str(path))).schema.names)
    return [name for name in names if name not in HIDDEN and name not in ACCOUNT]


def _parts(run: StoredRun, kinds: Collection[str]) -> Iterator[tuple[str, str, Path]]:
    for name in run.hashes:
        for kind in ("dropped", "quarantine", "ledger", "tables"):
            if not kinds or kind in kinds:
                yield from ((kind, name, path) for path in run.parts(kind, name))


def _batches(path: Path, column: str) -> Iterator[tuple[int, pa.Array]]:
    """Yield one column of a file, batch by batch; nothing where it is not there."""
    file = pa.memory_map(str(path))
    index = pa.ipc.open_file(file).schema.get_field_index(column)
    if index < 0:
        return
    options = pa.ipc.IpcReadOptions(included_fields=[index], use_threads=False)
    reader = pa.ipc.open_file(file, options=options)
    for number in range(reader.num_record_batches):
        yield number, reader.get_batch(number).column(0)


def _places_of(column: pa.Array, ids: Collection[str]) -> list[int]:
    """Return where ids stand in a column of numbers or of texts, ascending."""
    if not len(column) or column.null_count == len(column):
        return []
    if pat.is_string(column.type):
        return sorted(place for one in ids for place in _texts_with(column, one.encode()))
    numbers = np.frombuffer(column.buffers()[1], np.uint64)[column.offset :][: len(column)]
    found = np.zeros(len(numbers), dtype=bool)
    for one in ids:
        low, high = (np.uint64(int(one.ljust(16, digit), 16)) for digit in "0f")
        found |= numbers == low if low == high else (numbers >= low) & (numbers <= high)
    return np.flatnonzero(found).tolist()


def _texts_with(column: pa.Array, beginning: bytes) -> Iterator[int]:
    """Yield the places of ids that begin so; every id that is there takes 16 bytes."""
    _, offset_buffer, data = column.buffers()
    offsets = np.frombuffer(offset_buffer, np.int32)[column.offset :][: len(column) + 1]
    base = int(offsets[0])
    digits = memoryview(data)[base : int(offsets[-1])].tobytes()
    at = digits.find(beginning)
    while at >= 0:
        if at % 16 == 0:  # nulls before it take no bytes: it is the last row that begins here
            yield int(np.searchsorted(offsets, base + at, side="right")) - 1
        at = digits.find(beginning, at + 1)


def _value(column: pa.ChunkedArray) -> Any:
    value = column[0].as_py()
    return parse_json(value) if is_json(column.type) and isinstance(value, str) else value


def _equal(column: pa.Array, value: str) -> list[int]:
    """Return the places of a column that hold a value, which is given as text."""
    import pyarrow.compute as pc

    kind = column.type.value_type if pat.is_dictionary(column.type) else column.type
    if pat.is_nested(kind) or is_json(kind):
        return _equal_json(column, value)
    try:
        wanted = pa.scalar(value).cast(kind)
        equal = pc.equal(column.cast(kind), wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return []  # no value of this column is written so
    return np.flatnonzero(np.asarray(pc.fill_null(equal, False))).tolist()


def _equal_json(column: pa.Array, value: str) -> list[int]:
    try:
        wanted = parse_json(value)
    except ValueError:
        wanted = value
    rows = column.to_pylist()
    texts = is_json(column.type)
    return [
        place
        for place, row in enumerate(rows)
        if row is not None and (parse_json(row) if texts else row) == wanted
    ]
