"""Rows to JSON texts, exactly; what JSON cannot say is refused before anything of it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from dataflow_core.errors import FormatError
from dataflow_core.storage.formats.base import Writer, check_target_names
from dataflow_core.storage.formats.chunking import split
from dataflow_core.storage.formats.compression import TextTarget
from dataflow_core.table.types import ABSENT, is_json, visible

PIECE_ROWS = 500
"""Rows turned into text at a time: few enough to stay in the processor's caches."""


class JsonRowsWriter(Writer):
    """Writes rows as JSON objects, one a line.

    Args:
        path: The file to make or replace; packed if it ends in .gz, .zst or .bz2.
        schema: The columns and types of every table to come.

    Raises:
        FormatError: JSON cannot express a column.
        StorageError: The file cannot be made.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self._schema = visible(schema)
        check_target_names(path, self._schema)
        for field in self._schema:
            _check_type(path, field)
        self._rows = 0
        self._target = TextTarget(path)

    def write(self, table: pa.Table) -> None:
        """Append the rows of a table.

        Raises:
            FormatError: A number is NaN or infinite.
        """
        names = self._schema.names + ([ABSENT] if ABSENT in table.column_names else [])
        for piece in split(table.select(names), PIECE_ROWS):
            self._refuse_non_numbers(piece)
            self._target.write(self._text(row_texts(piece)))
            self._rows += piece.num_rows

    def close(self) -> None:
        """Finish the file and put it in its place."""
        self._target.commit()

    def discard(self) -> None:
        """Throw away what was written."""
        self._target.discard()

    def _text(self, rows: list[bytes]) -> bytes:
        return b"".join(rows)

    def _refuse_non_numbers(self, table: pa.Table) -> None:
        for field in self._schema:
            row = _first_non_number(table[field.name])
            if row is not None:
                raise FormatError(
                    f"{self._path}: column {field.name!r}, row {self._rows + row}: JSON has no "
                    "NaN and no infinity. Replace the value (with null, say), or write .parquet or "
                    ".arrow."
                )


def row_texts(table: pa.Table) -> list[bytes]:
    """Return each row of a table as a JSON object and a line end.

    Args:
        table: The rows; the keys that the hidden column `ABSENT` names are left out where null.
    """
    wrapped = [field.name for field in table.schema if is_json(field.type)]
    rows = table.to_pylist()
    if wrapped:
        _embed(rows, wrapped)
    if ABSENT in table.column_names:
        _leave_out(rows)
    dumps, option = orjson.dumps, orjson.OPT_APPEND_NEWLINE
    return [dumps(row, None, option) for row in rows]


def _embed(rows: list[dict[str, Any]], names: list[str]) -> None:
    for row in rows:
        for name in names:
            if row[name] is not None:
                row[name] = orjson.Fragment(_one_line(name, row[name]))


def _one_line(name: str, text: str) -> str:
    """Check JSON text that another program may have written; a line end in it is white space."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise FormatError(
            f"column {name!r} is of JSON type but holds {text[:60]!r}, which is no JSON: {error}. "
            "Mend the source, or write .parquet or .arrow."
        ) from error
    return text.replace("\n", " ").replace("\r", " ") if "\n" in text or "\r" in text else text


def _leave_out(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        for name in row.pop(ABSENT) or ():
            if row.get(name) is None:
                row.pop(name, None)


def _first_non_number(column: pa.ChunkedArray) -> int | None:
    if not _has_floats(column.type):
        return None
    start = 0
    for chunk in column.chunks:
        if not _all_finite(chunk):
            rows = range(len(chunk))
            return start + next(i for i in rows if not _all_finite(chunk.slice(i, 1)))
        start += len(chunk)
    return None


def _all_finite(array: pa.Array) -> bool:
    kind = array.type
    if pat.is_floating(kind):
        return pc.all(pc.is_finite(array)).as_py() is not False
    if pat.is_dictionary(kind):
        return _all_finite(array.dictionary_decode())
    if pat.is_struct(kind):
        return all(_all_finite(part) for part in array.flatten())
    if _is_listed(kind):
        return _all_finite(array.flatten())
    return True


def _has_floats(kind: pa.DataType) -> bool:
    if pat.is_dictionary(kind):
        return _has_floats(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType):
        return False
    return bool(pat.is_floating(kind)) or any(
        _has_floats(kind.field(i).type) for i in range(kind.num_fields)
    )


def _is_listed(kind: pa.DataType) -> bool:
    return bool(
        pat.is_list(kind)
        or pat.is_large_list(kind)
        or pat.is_fixed_size_list(kind)
        or pat.is_list_view(kind)
        or pat.is_large_list_view(kind)
    )


def _check_type(path: Path, field: pa.Field) -> None:
    fault = _inexpressible(field.type)
    if fault is None:
        return
    raise FormatError(
        f"{path}: JSON cannot hold column {field.name!r} of type {field.type} exactly: it has no "
        f"form for {fault}. Write .parquet or .arrow instead, or make a text column of it first."
    )


def _inexpressible(kind: pa.DataType) -> str | None:
    """Return the part of a type that JSON has no form for, None if it has one for all."""
    if is_json(kind) or _is_scalar(kind):
        return None
    if pat.is_dictionary(kind):
        return _inexpressible(kind.value_type)
    if pat.is_struct(kind):
        names = [field.name for field in kind]
        if len(set(names)) < len(names):
            return "two keys of one name"
        faults = (_inexpressible(field.type) for field in kind)
        return next((fault for fault in faults if fault), None)
    return _inexpressible(kind.value_type) if _is_listed(kind) else str(kind)


def _is_scalar(kind: pa.DataType) -> bool:
    return bool(
        pat.is_null(kind)
        or pat.is_boolean(kind)
        or pat.is_integer(kind)
        or pat.is_floating(kind)
        or pat.is_string(kind)
        or pat.is_large_string(kind)
        or pat.is_string_view(kind)
    )
