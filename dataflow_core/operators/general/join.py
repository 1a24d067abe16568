"""Add the columns of another table, row by row where keys agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.types as pat
from pydantic import Field

from dataflow_core.errors import ColumnError, OperatorError
from dataflow_core.operators.base import Generator, Scope
from dataflow_core.operators.decoding import plain_type
from dataflow_core.operators.general.hashing import null_values, row_digests
from dataflow_core.storage.base import Bindings, Storage
from dataflow_core.storage.bindings import inputs, missing_column
from dataflow_core.table.columns import arrow_column


class Join(Generator):
    """Add the columns of a second table to each row, where the keys of both are equal.

    The second table is a lookup: its keys must be unique, so that each row keeps its identity, and
    it is held in memory. Keys are compared with their types, and null matches nothing.

    Attributes:
        unmatched: What becomes of rows without a match: ``"keep"`` (their new columns are null) or
            ``"drop"``, with reason ``"no_match"``.
        suffix: What to append to a new column whose name is taken; none: an error.

    Raises:
        ColumnError: A key is not in both tables, or a new column's name is taken.
        OperatorError: A key stands twice in the second table.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"lang": "de", "text": "ja"}])
        >>> names = MemoryStorage([{"lang": "de", "name": "German"}])
        >>> Join().run(table, input_table=names, input_on=["lang"])
        >>> table.rows()
        [{'lang': 'de', 'text': 'ja', 'name': 'German'}]
    """

    modality: ClassVar = "any"
    scope: ClassVar[Scope] = "dataset"

    unmatched: Literal["keep", "drop"] = "keep"
    suffix: str = Field(default="", pattern=r"^\w*$")

    def run(self, storage: Storage, input_table: Storage, input_on: tuple[str, ...]) -> None:
        """Add the columns.

        Args:
            storage: The table.
            input_table: The second table.
            input_on: The key columns, in both tables.
        """
        table, lookup = storage.read(), input_table.read()
        for name in input_on:
            if name not in lookup.columns:
                raise missing_column("join, second table", name, list(lookup.columns))
            here, there = (arrow_column(one[name]).type for one in (table, lookup))
            if not _alike(here, there):
                raise ColumnError(f"join: {_differ(name, here, there)}")
        places = self._places(table, lookup, list(input_on))
        for name in lookup.columns:
            if name not in input_on:
                table[self._free(name, table)] = _picked(lookup[name], places, table.index)
        storage.write(table)
        if self.unmatched == "drop":
            storage.drop(table.index[places < 0], "no_match")

    def columns_joined(
        self, columns: Mapping[str, pa.DataType], other: Mapping[str, pa.DataType]
    ) -> dict[str, pa.DataType]:
        """Return the table's columns and the new ones, with the suffix where a name is taken."""
        new = {n + self.suffix if n in columns else n: kind for n, kind in other.items()}
        return {**new, **columns}

    def problems(
        self,
        columns: Mapping[str, pa.DataType],
        bindings: Bindings,
        others: Mapping[str, Mapping[str, pa.DataType]] | None = None,
    ) -> list[str]:
        """Say which keys the second table lacks or has of another kind, and which names collide."""
        if others is None or "input_table" not in others:
            return []
        lookup, on = others["input_table"], inputs(bindings)["input_on"]
        missing = [
            str(missing_column("join, second table", name, list(lookup)))
            for name in on
            if name not in lookup
        ]
        both = [name for name in on if name in lookup and name in columns]
        differing = [
            _differ(name, columns[name], lookup[name])
            for name in both
            if not _alike(columns[name], lookup[name])
        ]
        return missing + differing + self._collisions(columns, [n for n in lookup if n not in on])

    def _collisions(self, columns: Mapping[str, pa.DataType], new: list[str]) -> list[str]:
        taken, found = set(columns), []
        for name in new:
            free = name + self.suffix if name in taken else name
            if free in taken:
                found.append(_collides(free))
            taken.add(free)
        return found

    def _places(
        self, table: pd.DataFrame, lookup: pd.DataFrame, on: list[str]
    ) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return for each row the position of its match in the lookup, -1 for none."""
        known: dict[tuple[int, int], int] = {}
        for position, key in enumerate(_keys(lookup, on)):
            if key is not None and known.setdefault(key, position) != position:
                values = lookup.iloc[position][on].to_dict()
                raise OperatorError(
                    f"join: the key {values} stands twice in the second table. "
                    "Deduplicate it first (core/deduplicate_exact)."
                )
        return np.array([known.get(key, -1) if key else -1 for key in _keys(table, on)], np.int64)

    def _free(self, name: str, table: pd.DataFrame) -> str:
        free = name + self.suffix if name in table.columns else name
        if free in table.columns:
            raise ColumnError(f"join: {_collides(free)}")
        return free


def _alike(here: pa.DataType, there: pa.DataType) -> bool:
    """Tell whether keys are of one kind; of different kinds, none would match."""
    return pat.is_null(here) or pat.is_null(there) or _kind(here) == _kind(there)


def _differ(name: str, here: pa.DataType, there: pa.DataType) -> str:
    return (
        f"the key {name!r} is {here} in the table and {there} in the second one, so that nothing "
        "would match. Convert one of them first (core/derive_column, with CAST)."
    )


def _collides(name: str) -> str:
    return (
        f"both tables have a column {name!r}; set suffix, such as suffix='_right', or remove one "
        "of them first."
    )


def _kind(kind: pa.DataType) -> str:
    tests = {"text": pat.is_string, "whole": pat.is_integer, "float": pat.is_floating}
    kind = plain_type(kind)
    if pat.is_large_string(kind):
        return "text"
    return next((name for name, test in tests.items() if test(kind)), str(kind))


def _keys(table: pd.DataFrame, on: list[str]) -> list[tuple[int, int] | None]:
    digests = row_digests(table, on)
    null = np.logical_or.reduce([null_values(table[name]) for name in on])
    pairs = zip(digests["high"].tolist(), digests["low"].tolist(), null.tolist(), strict=True)
    return [None if missing else (high, low) for high, low, missing in pairs]


def _picked(
    column: pd.Series, places: np.ndarray[tuple[int], np.dtype[np.int64]], index: pd.Index
) -> pd.Series:
    if column.dtype == object:
        values = column.tolist()
        picked = [values[place] if place >= 0 else None for place in places]
        return pd.Series(picked, index=index, dtype=object)
    return pd.Series(column.array.take(places, allow_fill=True), index=index)
