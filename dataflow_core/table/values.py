"""Python values to Arrow and back, exactly: what no Arrow type carries unaltered becomes JSON."""

from __future__ import annotations

import datetime as dt
import decimal
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.types as pat

from dataflow_core.errors import FormatError
from dataflow_core.table.shapes import Shape, exact_array
from dataflow_core.table.types import ABSENT, HIDDEN, TypeMisfit, is_json, json_array, json_values


def array_of(values: Sequence[Any], kind: pa.DataType | None = None) -> pa.Array:
    """Return Python values as an Arrow array that gives back the same values.

    Args:
        values: Strings, numbers, booleans, bytes, dates, lists, dicts, None. pandas' NA and a bare
            float NaN count as null, numpy scalars and arrays as their Python values.
        kind: The type to keep if every value fits it exactly; None to infer.

    Returns:
        The array: of ``kind``, of the narrowest type, or of Arrow's JSON type where lists or dicts
        differ in shape or scalars in kind.

    Raises:
        FormatError: Values mix kinds that JSON cannot hold either, such as bytes and numbers.
    """
    plain = [None if _is_nan(value) else _plain(value) for value in values]
    if set(map(type, plain)) <= _JSON_KINDS:
        return _json_like(plain, kind)
    try:
        return pa.array(plain, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        if kind is not None:
            return array_of(plain)
        kinds = sorted({type(value).__name__ for value in plain if value is not None})
        raise FormatError(
            f"a column mixes values of {' and '.join(kinds)}, which no Arrow type carries "
            "unaltered; bring them to one kind first."
        ) from None


def table_of(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return dicts as an Arrow table; keys that a row lacks are noted in the column `ABSENT`."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    for name in names:
        if not isinstance(name, str) or name.startswith("__dataflow_"):
            raise FormatError(
                f"{name!r} cannot be a column name; use a string without that prefix."
            )
    columns = {name: array_of([row.get(name) for row in rows]) for name in names}
    if not names or any(len(row) < len(names) for row in rows):
        absent = [
            [n for n in names if n not in row] if len(row) < len(names) else None for row in rows
        ]
        columns[ABSENT] = pa.array(absent, pa.list_(pa.string()))
    return pa.table(columns)


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """Return an Arrow table as dicts of Python values, without the keys that a row never had."""
    names = [name for name in table.column_names if name not in HIDDEN]
    columns = [python_values(table[name]) for name in names]
    if not columns:
        return [{} for _ in range(table.num_rows)]
    rows = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
    if ABSENT in table.column_names:
        for row, absent in zip(rows, table[ABSENT].to_pylist(), strict=True):
            for name in absent or ():
                if row.get(name) is None:
                    row.pop(name, None)
    return rows


def python_values(column: pa.ChunkedArray) -> list[Any]:
    """Return the values of an Arrow column as Python values; JSON is parsed."""
    return json_values(column) if is_json(column.type) else column.to_pylist()


def _json_like(values: Sequence[Any], kind: pa.DataType | None) -> pa.Array:
    """Keep a column's type where its values still fit; otherwise take the narrowest that does."""
    if kind is not None and not pat.is_null(kind):
        with suppress(TypeMisfit):
            return exact_array(values, kind)
    shape = Shape()
    shape.add(values)
    try:
        return exact_array(values, shape.type())
    except FormatError:
        return _nested_otherwise(values)
    except TypeMisfit:  # a lone surrogate, say: JSON says what is wrong with it
        return json_array(values)


def _nested_otherwise(values: Sequence[Any]) -> pa.Array:
    """Return lists or dicts of values that JSON has no form for (dates), if all are alike."""
    with suppress(pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        array = pa.array(values)
        if array.to_pylist() == list(values):
            return array
    raise FormatError(
        "a column holds lists or dicts of differing shapes with values that JSON has no form for, "
        "such as dates or bytes; make texts of those first."
    )


def _is_nan(value: Any) -> bool:
    return type(value) is float and math.isnan(value)


def _plain(value: Any) -> Any:
    if value is None or type(value) in _PLAIN:
        return value
    if type(value) is dict:
        return {name: _plain(item) for name, item in value.items()}
    if type(value) in (list, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, (dt.date, dt.time, dt.timedelta, decimal.Decimal)):
        return value
    if isinstance(value, (str, int, float, bytes, Mapping)):
        return _plain(dict(value)) if isinstance(value, Mapping) else value
    raise FormatError(
        f"a table cannot hold a {type(value).__module__}.{type(value).__qualname__} "
        f"({value!r:.60}); use strings, numbers, booleans, bytes, dates, lists or dicts of those."
    )


_PLAIN = (str, int, float, bool, bytes)
_JSON_KINDS = {type(None), str, int, float, bool, list, dict}
