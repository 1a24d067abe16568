"""Arrow's JSON parser for blocks of flat rows, used only where its result is provably exact.

On its own it takes a missing key for a null, rounds long integers in a column of floats, reads NaN,
and lets invalid UTF-8 through. Each is checked here; in doubt `FlatParser.parse` returns None.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.json as pj
import pyarrow.types as pat

from dataflow_core.storage.formats.base import RESERVED_PREFIX
from dataflow_core.table.types import null_count

_LARGEST = 1 << 30
_EXACT = float(1 << 53)


class FlatParser:
    """Parses blocks of lines that hold flat objects of one schema.

    Args:
        schema: All keys of the objects; strings, int64, double, bool or null.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._doubles = [field.name for field in schema if pat.is_float64(field.type)]
        self._options = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")

    @classmethod
    def for_schema(cls, schema: pa.Schema) -> Self | None:
        """Return a parser for this schema, or None where its columns are not all flat."""
        flat = all(_is_flat(field.type) for field in schema)
        reserved = any(name.startswith(RESERVED_PREFIX) for name in schema.names)
        return cls(schema) if flat and schema.names and not reserved else None

    def parse(self, block: memoryview, lines: int) -> pa.Table | None:
        """Parse a block of whole lines.

        Args:
            block: The lines, each of which begins with a brace: Arrow crashes on one that holds
                ``null``.
            lines: How many there are.

        Returns:
            The table, one row a line; None where this parser cannot prove that it read every value
            exactly, so that the caller must read the block another way.
        """
        table = self._read(block) if len(block) <= _LARGEST else None
        if table is None or table.num_rows != lines:
            return None
        return table if self._is_exact(table, block) else None

    def _read(self, block: memoryview) -> pa.Table | None:
        reading = pj.ReadOptions(use_threads=False, block_size=len(block) + 1)
        try:
            table = pj.read_json(pa.BufferReader(block), reading, self._options)
            table.validate(full=True)  # Arrow's parser does not look at UTF-8.
        except pa.ArrowInvalid:
            return None
        return table

    def _is_exact(self, table: pa.Table, block: memoryview) -> bool:
        with_nulls = [name for name in table.column_names if null_count(table[name])]
        return all(_exact_doubles(table[name]) for name in self._doubles) and (
            not with_nulls
            or (
                all(map(_is_plain, table.column_names))
                and _are_in_every_row(with_nulls, len(table), bytes(block))
            )
        )


def _is_flat(kind: pa.DataType) -> bool:
    return bool(
        pat.is_string(kind)
        or pat.is_int64(kind)
        or pat.is_float64(kind)
        or pat.is_boolean(kind)
        or pat.is_null(kind)
    )


def _is_plain(name: str) -> bool:
    """Tell whether JSON writes a name as it is, so that it hides in no other name or value."""
    return name.isascii() and name.isprintable() and not set(name) & {'"', "\\"}


def _are_in_every_row(names: list[str], rows: int, block: bytes) -> bool:
    """Tell whether a null of these columns is a null in every row, and in none a missing key.

    In flat JSON of plain names a key with its quotation marks and colon occurs nowhere but as that
    key, and Arrow refuses a repeated one.
    """
    return all(block.count(f'"{name}":'.encode()) == rows for name in names)


def _exact_doubles(column: pa.ChunkedArray) -> bool:
    """Tell whether no value may have been an integer that a double rounds, -0, or no number."""
    for chunk in column.chunks:
        values = chunk.drop_null().to_numpy(zero_copy_only=False)
        if not (np.abs(values) < _EXACT).all() or (np.signbit(values) & (values == 0)).any():
            return False
    return True
