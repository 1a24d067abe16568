"""Python values to Arrow and back, exactly: what no Arrow type carries unaltered becomes JSON."""

from __future__ import annotations

import datetime as dt
import decimal
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.types as pat

from dataflow_core.errors import FormatError
from dataflow_core.table.types import (
    ABSENT,
    HIDDEN,
    is_json,
    json_array,
    json_values,
)


def array_of(values: Sequence[Any], kind: pa.DataType | None = None) -> pa.Array:
    """Return Python values as an Arrow array that gives back the same values.

    Args:
        values: Strings, numbers, booleans, bytes, dates, lists, dicts, None. pandas' NA and a float
            NaN count as null, numpy scalars and arrays as their Python values.
        kind: The type to keep if every value fits it exactly; None to infer.

    Returns:
        The array: of ``kind``, of the narrowest type, or of Arrow's JSON type where lists or dicts
        differ in shape or scalars in kind.

    Raises:
        FormatError: Values mix kinds that JSON cannot hold either, such as bytes and numbers.
    """
    plain = [_plain(value) for value in values]
    if kind is not None and not pat.is_null(kind):
        if is_json(kind):
            return json_array(plain)
        kept = _exactly(plain, kind)
        if kept is not None:
            return kept
    inferred = _infer(plain)
    return inferred if inferred is not None else json_array(plain)


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


def _infer(values: Sequence[Any]) -> pa.Array | None:
    try:
        array = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
        return _exactly(values, pa.uint64())
    return array if _faithful(values, array.type) else None


def _exactly(values: Sequence[Any], kind: pa.DataType) -> pa.Array | None:
    """Return the values in this type, or None where that would alter one."""
    try:
        array = pa.array(values, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return None
    except (UnicodeEncodeError, ValueError, TypeError):
        return None
    return array if _faithful(values, kind) else None


def _faithful(values: Iterable[Any], kind: pa.DataType) -> bool:
    """Tell whether values become this type unchanged; Arrow itself converts some in silence."""
    if pat.is_boolean(kind):
        return all(value is None or type(value) is bool for value in values)
    if pat.is_integer(kind):
        return all(value is None or type(value) is int for value in values)
    if pat.is_floating(kind):
        return all(_fits_float(value) for value in values)
    if pat.is_struct(kind):
        return _same_keys(values, kind)
    if pat.is_list(kind) or pat.is_large_list(kind):
        present = [value for value in values if value is not None]
        return all(type(value) is list for value in present) and _faithful(
            (item for value in present for item in value), kind.value_type
        )
    return True


def _fits_float(value: Any) -> bool:
    return (
        value is None or type(value) is float or (type(value) is int and int(float(value)) == value)
    )


def _same_keys(values: Iterable[Any], kind: pa.DataType) -> bool:
    names = [field.name for field in kind]
    keys = set(names)
    present = [value for value in values if value is not None]
    if not all(type(value) is dict and value.keys() == keys for value in present):
        return False
    return all(_faithful((value[n] for value in present), kind.field(n).type) for n in names)


def _is_nan(value: Any) -> bool:
    return type(value) is float and math.isnan(value)


def _plain(value: Any) -> Any:
    if value is None or type(value) in _PLAIN:
        return None if _is_nan(value) else value
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
