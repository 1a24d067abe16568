"""Rows parsed from JSON to tables and schemas, for all formats that are made of JSON objects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from dataflow_core.storage.formats.base import (
    BadRow,
    Positions,
    ReadOptions,
    SchemaMisfit,
    check_column_names,
)
from dataflow_core.storage.formats.json_rows import RawRow, Row, RowFault, parse_rows
from dataflow_core.table.shapes import Shape, exact_array
from dataflow_core.table.types import ABSENT, TypeMisfit


class RowParser:
    """Parses the rows of one file.

    Args:
        path: The file.
        options: How to read it.
    """

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self._path = path
        self._options = options

    def parse(
        self, raws: Sequence[RawRow], *, forgive: bool | None = None
    ) -> tuple[list[Row], Positions, tuple[BadRow, ...]]:
        """Parse rows.

        Args:
            raws: Their texts.
            forgive: Whether bad rows are set aside; None to do as the options say.

        Returns:
            The good rows, their positions, and the bad rows.

        Raises:
            BadRowError: A row is bad, and bad rows are not set aside.
        """
        parsed = parse_rows([raw.raw for raw in raws])
        pairs = list(zip(raws, parsed, strict=True))
        bad = tuple(self._bad(raw, row) for raw, row in pairs if isinstance(row, RowFault))
        if bad and not (self._options.on_bad_row == "quarantine" if forgive is None else forgive):
            bad[0].refuse()
        rows = [row for row in parsed if not isinstance(row, RowFault)]
        positions = [raw.position for raw, row in pairs if not isinstance(row, RowFault)]
        return rows, np.array(positions, np.int64), bad

    def table(self, rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
        """Return rows as a table of this schema, with `ABSENT` where a row lacks a key.

        Raises:
            SchemaMisfit: A row does not fit.
            SourceError: A key is reserved.
        """
        shapes = set(map(tuple, rows))
        self._check_keys(shapes, schema)
        columns = {
            field.name: _column(field, [row.get(field.name) for row in rows]) for field in schema
        }
        missing = {shape: [n for n in schema.names if n not in shape] for shape in shapes}
        if any(missing.values()):
            absent = [missing[tuple(row)] or None for row in rows]
            columns[ABSENT] = pa.array(absent, pa.list_(pa.string()))
        if not columns:
            return pa.table({"_": pa.nulls(len(rows))}).select([])
        return pa.table(columns)

    def _check_keys(self, shapes: set[tuple[str, ...]], schema: pa.Schema) -> None:
        keys = dict.fromkeys(name for shape in shapes for name in shape)
        check_column_names(self._path, list(keys))
        for name in keys:
            if self._options.wants(name) and name not in schema.names:
                raise SchemaMisfit(f"column {name!r} is not in the schema asked for")

    def _bad(self, raw: RawRow, fault: RowFault) -> BadRow:
        column = fault.column
        if column is not None and fault.line == 1:
            column += raw.column - 1
        return BadRow(
            path=str(self._path),
            position=raw.position,
            line=raw.line + fault.line - 1,
            column=column,
            message=str(fault),
            raw=raw.raw,
        )


class SchemaScan:
    """Gathers the schema of rows piece by piece; the pieces do not matter to the outcome.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._shapes: dict[str, Shape] = {}

    def add(self, rows: Sequence[Row]) -> None:
        """Take more rows.

        Raises:
            SourceError: A key is reserved.
        """
        names = dict.fromkeys(name for shape in dict.fromkeys(map(tuple, rows)) for name in shape)
        check_column_names(self._path, list(names))
        for name in names:
            values = [row[name] for row in rows if name in row]
            self._shapes.setdefault(name, Shape()).add(values)

    def schema(self, options: ReadOptions) -> pa.Schema:
        """Return the wanted columns in the order of first sight."""
        found = {name: shape for name, shape in self._shapes.items() if options.wants(name)}
        return pa.schema([pa.field(name, shape.type()) for name, shape in found.items()])


def _column(field: pa.Field, values: list[Any]) -> pa.Array:
    try:
        return exact_array(values, field.type)
    except TypeMisfit as error:
        raise SchemaMisfit(f"column {field.name!r}: {error}") from error
