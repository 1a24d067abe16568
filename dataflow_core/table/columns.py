"""Columns between Arrow and pandas, converted only when asked, and never when nobody touched them.

Reading hands out a pandas array made from the Arrow column, and writing recognises that array and
takes the Arrow column back.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat
from pandas.arrays import ArrowExtensionArray, BooleanArray, FloatingArray, IntegerArray

from dataflow_core.table.failures import RowFailure
from dataflow_core.table.types import is_json, json_array, json_values
from dataflow_core.table.values import array_of

Positions = npt.NDArray[np.int64]
A = TypeVar("A", bound="Analysis")


class Analysis(Protocol):
    """What operators work out about a column and share: words, lines, measures.

    `Storage.analysis` makes one when an operator first asks, and hands it to all that ask later,
    for as long as the column's values stay; rows that leave the table leave it too.
    """

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> Self:
        """Make the analysis of a column."""

    def take(self, positions: Positions) -> Self:
        """Return the analysis of the rows at ``positions``, ascending."""


class Selection:
    """The rows of a table that are left of it, which all of its columns share.

    Args:
        positions: Where they were, in their order.
    """

    def __init__(self, positions: Positions) -> None:
        self.positions = positions
        self._later: tuple[Positions, Selection] | None = None

    @cached_property
    def arrow(self) -> pa.Array:
        """The positions as Arrow takes them."""
        return pa.array(self.positions)

    @cached_property
    def is_ascending(self) -> bool:
        """Whether the rows are left in the order in which they were, each once."""
        return bool((np.diff(self.positions) > 0).all())

    def take(self, positions: Positions) -> Selection:
        """Return those at ``positions`` among these; the same object for the same ones."""
        if self._later is None or self._later[0] is not positions:
            self._later = positions, Selection(self.positions[positions])
        return self._later[1]


class Column:
    """One column, in Arrow form or as the pandas array that an operator wrote.

    Args:
        arrow: The column as Arrow, or None.
        array: The column as a pandas array, where ``arrow`` is None.
        kind: The Arrow type that the column had before an operator wrote it, if any.
        before: For JSON, the column that the operator got, row by row: equal values keep its text.
        chosen: The rows of ``arrow`` that belong to the column, taken when they are asked for, so
            that a row of filters copies the rows once; None for all.
        analyses: What operators have worked out about these very rows.
    """

    __slots__ = ("_analyses", "_array", "_arrow", "_before", "_chosen", "_kind")

    def __init__(
        self,
        arrow: pa.ChunkedArray | None = None,
        array: Any = None,
        kind: pa.DataType | None = None,
        before: Column | None = None,
        chosen: Selection | None = None,
        analyses: Mapping[type[Any], Any] | None = None,
    ) -> None:
        self._arrow = arrow
        self._array = array
        self._before = before
        self._kind = arrow.type if arrow is not None else kind
        self._chosen = chosen
        self._analyses: dict[type[Any], Any] = dict(analyses or {})

    def arrow(self) -> pa.ChunkedArray:
        """Return the column as Arrow."""
        column = self.convert()
        if self._chosen is not None:
            self._arrow = column = _chunked(_combined(column).take(self._chosen.arrow))
            self._chosen = None
        return column

    def convert(self) -> pa.ChunkedArray:
        """Make Arrow of what an operator wrote; chosen rows are still to be taken."""
        if self._arrow is None:
            written = to_arrow(self._array, self._kind)
            self._arrow = (
                written if self._before is None else self._before.kept_where_equal(written)
            )
            self._array = self._before = None
        return self._arrow

    def kind(self) -> pa.DataType:
        """Return the column's Arrow type."""
        return self.convert().type

    def analysis(self, cls: type[A]) -> A:
        """Return the analysis of the column, made now or earlier."""
        if cls not in self._analyses:
            self._analyses[cls] = cls.of(self.arrow())
        found: A = self._analyses[cls]
        return found

    def lend(self, *, as_text: bool = False) -> Any:
        """Return the column as an array that an operator may change; this column stays.

        Args:
            as_text: Whether the operator wants texts: nulls alone then have the methods of texts.
        """
        if self._arrow is not None:
            arrow = self.arrow()
            nulls_alone = as_text and pat.is_null(arrow.type)
            return to_pandas(arrow.cast(pa.string()) if nulls_alone else arrow)
        return copy.deepcopy(self._array) if _is_object(self._array) else self._array.copy()

    def replaced_by(self, array: Any) -> Column:
        """Return the column that holds ``array``: itself when those are the values it lent."""
        arrow_backed = isinstance(array, ArrowExtensionArray)
        untouched = arrow_backed and array.__arrow_array__() is self._arrow
        return self if untouched else Column(array=array, kind=self._kind)

    def holds_json(self) -> bool:
        """Tell whether its values are JSON, which operators get as Python values."""
        return self._arrow is not None and is_json(self._arrow.type)

    def rewritten(self, array: Any) -> Column:
        """Return the column with the values of ``array``; equal ones keep their text."""
        return Column(array=array, kind=self._kind, before=self)

    def kept_where_equal(self, written: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return a written JSON column with this column's text for equal values.

        JSON says one value in many ways (``1e5``, ``100000.0``), and parsing loses which.
        """
        if not is_json(written.type):
            return written
        lent = json_array(json_values(self.arrow())).storage
        kept, text = _combined(self.arrow()).storage, _combined(written).storage
        both_null = pc.and_(pc.is_null(lent), pc.is_null(text))
        same = pc.or_(pc.fill_null(pc.equal(lent, text), fill_value=False), both_null)
        merged = pc.if_else(same, kept, text)
        return _chunked(pa.ExtensionArray.from_storage(written.type, merged))

    def failures(self) -> Iterable[tuple[int, RowFailure]]:
        """Yield the position and value of each failure that an operator wrote into the column."""
        if self._arrow is None and _is_object(self._array):
            for position, value in enumerate(self._array):
                if isinstance(value, RowFailure):
                    yield position, value

    def take(self, selection: Selection) -> Column:
        """Return some of the rows."""
        kept = self._analyses if selection.is_ascending else {}
        analyses = {cls: made.take(selection.positions) for cls, made in kept.items()}
        if self._arrow is None and _is_object(self._array):  # which may hold failures
            before = None if self._before is None else self._before.take(selection)
            taken = self._array.take(selection.positions)
            return Column(array=taken, kind=self._kind, before=before, analyses=analyses)
        if self.convert().num_chunks != 1:
            # Joined here, or each of several takes would join them again.
            self._arrow = _chunked(_combined(self.convert()))
        chosen = selection if self._chosen is None else self._chosen.take(selection.positions)
        return Column(arrow=self._arrow, chosen=chosen, analyses=analyses)


def arrow_column(values: pd.Series) -> pa.Array:
    """Return a column of a DataFrame as one Arrow array; an Arrow-backed one is not copied."""
    return _combined(to_arrow(values.array, None))


def as_floats(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """Return a column of numbers as floats, NaN for null; one of floats is not copied."""
    if not column.null_count and pat.is_integer(column.type):
        return np.asarray(column.to_numpy(), np.float64)
    floats = column if pat.is_float64(column.type) else column.cast(pa.float64())
    if isinstance(floats, pa.ChunkedArray):
        return np.asarray(floats.to_numpy(), np.float64)
    return np.asarray(floats.to_numpy(zero_copy_only=False), np.float64)


def to_pandas(column: pa.ChunkedArray) -> Any:
    """Return an Arrow column as an array on which ordinary pandas code works and nulls are kept.

    Integers, floats and booleans become pandas' nullable arrays, values of Arrow's JSON type an
    object array of Python values, and everything else (strings, lists, structs, times) is
    Arrow-backed.
    """
    kind = column.type
    if is_json(kind):
        return _object_array(json_values(column))
    if pat.is_integer(kind) or pat.is_float32(kind) or pat.is_float64(kind):
        values, mask = _values_and_mask(column)
        return IntegerArray(values, mask) if pat.is_integer(kind) else FloatingArray(values, mask)
    if pat.is_boolean(kind):
        return BooleanArray(*_values_and_mask(column))
    return ArrowExtensionArray(column)


def to_arrow(array: Any, kind: pa.DataType | None) -> pa.ChunkedArray:
    """Return a pandas or numpy array as an Arrow column.

    Args:
        array: The array of a DataFrame's column.
        kind: The type that the column had before, which it keeps if its values allow.

    Raises:
        FormatError: The column mixes values that no Arrow type carries.
    """
    if isinstance(array, ArrowExtensionArray):
        return _keep_kind(_chunked(array.__arrow_array__()), kind)
    if isinstance(array, (IntegerArray, FloatingArray, BooleanArray)):
        # Arrow would share memory with the caller's DataFrame.
        return _chunked(array.copy().__arrow_array__())
    if _is_object(array):
        return _chunked(array_of(list(array), kind))
    return _keep_kind(_chunked(pa.array(array.copy(), from_pandas=True)), kind)


def as_series(values: pa.Array | pa.ChunkedArray, index: pd.Index) -> pd.Series:
    """Return an Arrow column as a column of a DataFrame with this index."""
    return pd.Series(pd.array(values, dtype=pd.ArrowDtype(values.type)), index=index)


def column_arrays(table: pd.DataFrame) -> Iterable[tuple[str, Any]]:
    """Yield the name and the array of each column of a DataFrame."""
    for name, column in table.items():
        yield str(name), column.array


def _values_and_mask(column: pa.ChunkedArray) -> tuple[Any, Any]:
    array = _combined(column)
    mask = np.asarray(array.is_null())
    filled = (
        array.fill_null(False if pat.is_boolean(array.type) else 0) if array.null_count else array
    )
    # pandas may write into these in place, so they must not be views of Arrow's memory.
    return np.array(filled.to_numpy(zero_copy_only=False)), mask.copy()


def _keep_kind(column: pa.ChunkedArray, kind: pa.DataType | None) -> pa.ChunkedArray:
    if kind is not None and pat.is_null(kind) and column.null_count == len(column):
        return pa.chunked_array([pa.nulls(len(column))])
    wanted = pa.string() if kind is None or not pat.is_large_string(kind) else kind
    if pat.is_large_string(column.type) and not column.type.equals(wanted):
        return column.cast(wanted)
    return column


def _combined(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    if isinstance(column, pa.Array):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    combined = column.combine_chunks()
    return combined if isinstance(combined, pa.Array) else pa.concat_arrays(combined.chunks)


def _chunked(array: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def _object_array(values: list[Any]) -> npt.NDArray[np.object_]:
    array = np.empty(len(values), dtype=object)
    for position, value in enumerate(values):  # array[:] = values would unpack nested lists
        array[position] = value
    return array


def _is_object(array: Any) -> bool:
    return bool(pd.api.types.is_object_dtype(array.dtype))
