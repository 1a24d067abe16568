"""Single rows in the part files of a run, found by id without reading anything else.

Ids are as good as random, so no statistics of a file could tell where one is. But in the part
files they lie side by side, mapped into memory, where a million of them are compared in
milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
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

TRACED = (*ACCOUNT, "traceback")
"""Those of quarantined rows, which say where the operator failed too."""

NAMES = "columns"
"""What is told with a batch of such rows whose own columns have other names in the file."""

Places = npt.NDArray[np.int64]


class StoredFile:
    """A part file, mapped into memory.

    Args:
        path: The file.
        kind: tables, dropped, quarantine, or ledger.
    """

    def __init__(self, path: Path, kind: str) -> None:
        self.path = path
        self.kind = kind
        self._last: tuple[int, pa.RecordBatch] | None = None
        self._readers: dict[int, pa.ipc.RecordBatchFileReader] = {}

    @cached_property
    def reader(self) -> pa.ipc.RecordBatchFileReader:
        """A reader of all its columns."""
        return pa.ipc.open_file(pa.memory_map(str(self.path)))

    def batch(self, number: int) -> pa.RecordBatch:
        """Return a batch; the last one is kept, since rows that are looked for often lie close."""
        if self._last is None or self._last[0] != number:
            self._last = number, self.reader.get_batch(number)
        return self._last[1]

    def column(self, name: str) -> Iterator[tuple[int, pa.Array]]:
        """Yield the batches of one column, each with its number; none where it is not there."""
        index = self.reader.schema.get_field_index(name)
        if index < 0:
            return
        reader = self._reader(index)
        for number in range(reader.num_record_batches):
            yield number, reader.get_batch(number).column(0)

    def own_column(self, name: str) -> Iterator[tuple[int, pa.Array]]:
        """Yield the batches of one of the rows' own columns, each with its number."""
        for number in range(self.reader.num_record_batches):
            stored = self.own_names(number).get(name)
            if stored is not None:
                index = self.reader.schema.get_field_index(stored)
                yield number, self._reader(index).get_batch(number).column(0)

    def own_names(self, number: int) -> dict[str, str]:
        """Return the names of the rows' own columns in a batch, each with that in the file."""
        accounts = {"dropped": ACCOUNT, "quarantine": TRACED}
        aside = (*HIDDEN, *accounts.get(self.kind, ()))
        stored = [name for name in self.reader.schema.names if name not in aside]
        told = self._told(number).get(NAMES) if self.kind != "tables" else None
        return dict(zip(stored if told is None else json.loads(told), stored, strict=True))

    def _told(self, number: int) -> dict[str, str]:
        """Return what is told with a batch."""
        _, metadata = self._reader(0).get_batch_with_custom_metadata(number)
        return {key.decode(): value.decode() for key, value in metadata.items()}

    def _reader(self, index: int) -> pa.ipc.RecordBatchFileReader:
        """Return a reader of one column."""
        if index not in self._readers:
            options = pa.ipc.IpcReadOptions(included_fields=[index], use_threads=False)
            opened = pa.ipc.open_file(pa.memory_map(str(self.path)), options=options)
            self._readers[index] = opened
        return self._readers[index]


@dataclass(frozen=True)
class StoredRow:
    """Where a row is kept.

    Attributes:
        kind: tables, dropped, quarantine, or ledger (rows that became others, or were added).
        table: The table or step in whose folder it is.
        file: The part file.
        batch: The number of the batch in it.
        place: The number of the row in that.
    """

    kind: str
    table: str
    file: StoredFile
    batch: int
    place: int

    def arrow(self) -> pa.Table:
        """Return the row as it was written, in a table of its own."""
        return pa.Table.from_batches([self.file.batch(self.batch).slice(self.place, 1)])

    def values(self) -> dict[str, Any]:
        """Return the columns as Python values, as the file has them, hidden ones included."""
        batch = self.file.batch(self.batch)
        return {name: _value(batch.column(name), self.place) for name in batch.schema.names}

    def own(self) -> dict[str, Any]:
        """Return what of the values is the row's own: no accounts, no keys it never had."""
        values, names = self.values(), self.file.own_names(self.batch)
        absent = values.get(ABSENT) or ()
        own = {name: values[stored] for name, stored in names.items()}
        return {n: value for n, value in own.items() if n not in absent or value is not None}

    def id(self) -> str:
        """Return the row's id."""
        batch = self.file.batch(self.batch)
        if self.kind == "tables":
            return f"{batch.column(ROW_ID)[self.place].as_py():016x}"
        return str(batch.column("row_id")[self.place].as_py())


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
    for kind, name, file in _files(run, kinds):
        for number, batch in file.column(ROW_ID if kind == "tables" else column):
            yield from (StoredRow(kind, name, file, number, p) for p in _places_of(batch, ids))


def rows_with(run: StoredRun, column: str, value: str) -> Iterator[StoredRow]:
    """Yield the rows that are output, dropped or quarantined with a value in a column.

    Args:
        run: The run.
        column: The column.
        value: The value as text; that of a list or dict is its JSON.
    """
    for kind, name, file in _files(run, ("tables", "dropped", "quarantine")):
        if kind == "tables" and name != run.result:
            continue
        for number, batch in file.own_column(column):
            yield from (StoredRow(kind, name, file, number, p) for p in _equal(batch, value))


def column_names(run: StoredRun) -> list[str]:
    """Return the names of the columns of all rows that are output, dropped or quarantined."""
    names: dict[str, None] = {}
    for kind, name, file in _files(run, ("tables", "dropped", "quarantine")):
        if kind != "tables" or name == run.result:
            for number in range(file.reader.num_record_batches):
                names |= dict.fromkeys(file.own_names(number))
    return list(names)


def _files(run: StoredRun, kinds: Collection[str]) -> Iterator[tuple[str, str, StoredFile]]:
    for name in run.hashes:
        for kind in ("dropped", "quarantine", "ledger", "tables"):
            if not kinds or kind in kinds:
                yield from ((kind, name, StoredFile(path, kind)) for path in run.parts(kind, name))


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


def _value(column: pa.Array, place: int) -> Any:
    value = column[place].as_py()
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
    except pa.ArrowException:
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
