"""DataFrames as Arrow tables and back, with the dtypes that they had: sketches and decisions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from dataflow_core.errors import OperatorError
from dataflow_core.table.columns import as_series

_KEY = b"dataflow_frame"
_INDEX = "__dataflow_index__"


def to_stored(step: str, table: pd.DataFrame) -> pa.Table:
    """Return a DataFrame as an Arrow table that `from_stored` turns back.

    Args:
        step: The step that made it, for messages.
        table: Its columns have text names, and numpy, Arrow or pandas' own dtypes.

    Raises:
        OperatorError: A column holds what Arrow cannot.
    """
    columns = [(_INDEX, table.index), *((str(name), table[name]) for name in table)]
    arrays, dtypes = {}, {}
    for name, values in columns:
        try:
            arrays[name] = _to_arrow(values.array)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise OperatorError(
                f"step {step!r}, column {name!r} of its sketch or decision: {error}. Its values "
                "are numbers, texts, bytes, or lists of these, of one kind a column."
            ) from error
        dtypes[name] = "" if isinstance(values.dtype, pd.ArrowDtype) else str(values.dtype)
    told = json.dumps({"dtypes": dtypes, "index": table.index.name})
    return pa.table(arrays).replace_schema_metadata({_KEY: told.encode()})


def from_stored(tables: Sequence[pa.Table]) -> pd.DataFrame:
    """Return the DataFrame of what `to_stored` made, one below the other."""
    return pd.concat([_from_stored(table) for table in tables])


def _from_stored(table: pa.Table) -> pd.DataFrame:
    told: dict[str, Any] = json.loads(table.schema.metadata[_KEY])
    columns = {name: _from_arrow(table[name], kind) for name, kind in told["dtypes"].items()}
    index = pd.Index(columns.pop(_INDEX), name=told["index"])
    return pd.DataFrame(columns, index=index, copy=False)


def _to_arrow(array: Any) -> pa.Array | pa.ChunkedArray:
    if isinstance(array, pd.arrays.ArrowExtensionArray):
        return array.__arrow_array__()
    return pa.array(array, from_pandas=not isinstance(array, pd.arrays.NumpyExtensionArray))


def _from_arrow(column: pa.ChunkedArray, kind: str) -> Any:
    if not kind:
        return as_series(column, pd.RangeIndex(len(column))).array
    try:
        dtype = np.dtype(kind)
    except TypeError:
        return pd.array(column.to_pylist(), dtype=kind)
    if dtype.hasobject:
        values = np.empty(len(column), dtype=object)
        values[:] = column.to_pylist()
        return values
    return column.to_numpy().astype(dtype, copy=False)
