"""Columns of vectors as matrices, what is no vector, and filters that decide by vectors."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from dataflow_core.errors import ColumnError, OperatorError
from dataflow_core.operators.cells import set_aside
from dataflow_core.operators.dataset import DatasetFilter
from dataflow_core.storage.base import Bindings, Storage
from dataflow_core.table.columns import as_series, to_arrow
from dataflow_core.table.failures import RowFailure
from dataflow_core.table.identity import format_id
from dataflow_core.table.types import is_json

Matrix = npt.NDArray[np.float32]
Positions = npt.NDArray[np.int64]

EMBEDDING = pa.list_(pa.float32())
"""The type of a column of vectors."""

BLOCK = 4096
"""So many vectors are worked on at a time."""

_LONGEST = float(np.sqrt(np.finfo(np.float32).max)) / 4
"""The greatest length of a vector, so that squared distances have room in 32 bits."""


class Vectors(NamedTuple):
    """The vectors of some rows.

    Attributes:
        column: A list of 32-bit floats for each row; null where there is no vector, or a wrong one.
        failures: What is wrong with a row's vector, or None.
    """

    column: pa.ChunkedArray
    failures: list[RowFailure | None]

    @property
    def are_absent(self) -> npt.NDArray[np.bool_]:
        """Which rows have no vector: null, or a list without items."""
        wrong = np.array([failure is not None for failure in self.failures], bool)
        return np.asarray(self.column.is_null(), dtype=bool) & ~wrong


class VectorFilter(DatasetFilter):
    """A filter that decides by the vectors of all rows, such as `core/embed` makes.

    Four bytes a component are kept of each row until it has decided. A vector with a null, NaN or
    infinite component sends its row to quarantine with reason ``"invalid_vector"``. A subclass
    defines `run` with ``input_embedding``, `decide_of`, and what becomes of rows without a vector.
    """

    modality: ClassVar = "any"

    @property
    def needs_direction(self) -> bool:
        """Whether vectors of length zero are wrong: they have no direction, nor any cosine."""
        return True

    @abstractmethod
    def decide_of(self, vectors: Matrix, ids: pd.Index) -> pd.DataFrame:
        """Return the rows to drop among those with vectors, as `DatasetFilter.decide` does.

        Args:
            vectors: The vectors, one a row; the operator's own.
            ids: The ids of their rows.
        """

    def drop_absent(self, storage: Storage, rows: pd.Index) -> None:
        """Drop rows without a vector, or let them stay.

        Args:
            storage: Some of the rows.
            rows: The ids of those without a vector.
        """

    def sketch(self, storage: Storage, **bindings: Any) -> pd.DataFrame:
        """Return the vector of each row."""
        column = bindings["input_embedding"]
        table = storage.read([column])
        found = vectors_of(table[column], self._where, directed=self.needs_direction)
        return as_series(found.column, table.index).to_frame("vector")

    def decide(self, sketches: pd.DataFrame) -> pd.DataFrame:
        """Return the rows to drop among those with vectors."""
        vectors, ids = _stacked(self._where, sketches)
        return self.decide_of(vectors, ids)

    def apply(self, storage: Storage, decision: pd.DataFrame, **bindings: Any) -> None:
        """Set aside wrong vectors, see to rows without one, and drop what was decided."""
        column = bindings["input_embedding"]
        table = storage.read([column])
        found = vectors_of(table[column], self._where, directed=self.needs_direction)
        set_aside(storage, found.failures, read=[column])
        self.drop_absent(storage, table.index[found.are_absent])
        super().apply(storage, decision, **bindings)

    def problems(
        self,
        columns: Mapping[str, pa.DataType],
        bindings: Bindings,
        others: Mapping[str, Mapping[str, pa.DataType]] | None = None,
    ) -> list[str]:
        """Say that lists hold no numbers."""
        name = str(bindings["input_embedding"])
        kind = columns.get(name, pa.null())
        return [] if _may_be_vectors(kind) else [_no_vectors(name, kind)]

    @property
    def _where(self) -> str:
        return self.step_name()


def vectors_of(values: pd.Series, where: str, *, directed: bool) -> Vectors:
    """Return a column as vectors.

    Args:
        values: The column: lists of numbers of any type, or JSON values.
        where: The operator, for messages.
        directed: Whether vectors of length zero are wrong.

    Raises:
        ColumnError: The column's type is another.
    """
    if values.dtype == object:
        return _of_objects(values, directed=directed)
    column = to_arrow(values.array, None)
    if not _may_be_vectors(column.type):
        raise ColumnError(f"{where}: {_no_vectors(str(values.name), column.type)}")
    return _of_lists(column.chunks, directed=directed)


def unit_length(vectors: Matrix) -> None:
    """Scale vectors to a Euclidean length of 1, in place.

    Args:
        vectors: The vectors, none of length zero.
    """
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK]
        lengths = np.sqrt(np.square(block, dtype=np.float64).sum(axis=1))
        block /= lengths[:, None]


def _of_objects(values: pd.Series, *, directed: bool) -> Vectors:
    """Return JSON values as vectors; what is no list of numbers is wrong."""
    lists, wrong = [], {}
    for position, value in enumerate(values):
        absent = value is None or value is pd.NA
        if not absent and not _is_vector(value):
            told = f"a list of numbers wanted, found {value!r:.60}"
            wrong[position] = RowFailure("invalid_vector", told)
        lists.append(
            None
            if absent or position in wrong
            else [np.nan if item is None else float(item) for item in value]
        )
    array = pa.array(lists, pa.list_(pa.float64()))
    found = _of_lists([array], directed=directed)
    return Vectors(found.column, [wrong.get(n, one) for n, one in enumerate(found.failures)])


def _is_vector(value: Any) -> bool:
    if not isinstance(value, (list, tuple, np.ndarray)):
        return False
    return all(
        item is None or (isinstance(item, Real) and not isinstance(item, bool)) for item in value
    )


def _of_lists(chunks: list[pa.Array], *, directed: bool) -> Vectors:
    pieces = [piece for chunk in chunks for piece in _cut(chunk)]
    found = [_of_piece(piece, directed=directed) for piece in pieces]
    column = pa.chunked_array([array for array, _ in found], EMBEDDING)
    return Vectors(column, [one for _, failures in found for one in failures])


def _cut(lists: pa.Array) -> Iterator[pa.Array]:
    for start in range(0, len(lists), BLOCK):
        yield lists.slice(start, BLOCK)


def _of_piece(lists: pa.Array, *, directed: bool) -> tuple[pa.Array, list[RowFailure | None]]:
    if pat.is_null(lists.type):
        return pa.nulls(len(lists), EMBEDDING), [None] * len(lists)
    if pat.is_fixed_size_list(lists.type):
        lists = lists.cast(pa.list_(lists.type.value_type))
    sizes = pc.fill_null(pc.list_value_length(lists), 0).to_numpy().astype(np.int64)
    numbers = pc.list_flatten(lists).cast(pa.float64()).to_numpy(zero_copy_only=False)
    starts = np.cumsum(sizes) - sizes
    lengths = np.zeros(len(sizes))
    some = sizes > 0
    with np.errstate(over="ignore", invalid="ignore"):
        small = numbers.astype(np.float32)
        if len(small):
            squares = np.square(small, dtype=np.float64)
            lengths[some] = np.sqrt(np.add.reduceat(squares, starts[some]))
    sound = lengths <= _LONGEST  # not for NaN
    zero = some & (lengths == 0) if directed else np.zeros(len(sizes), bool)
    failures: list[RowFailure | None] = [None] * len(sizes)
    for position in np.flatnonzero(~sound).tolist():
        failures[position] = _INVALID
    for position in np.flatnonzero(zero).tolist():
        failures[position] = _ZERO
    return _arranged(small, sizes, some & sound & ~zero), failures


def _arranged(
    numbers: Matrix, sizes: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_]
) -> pa.Array:
    """Return the valid lists as an array, null for the others."""
    kept = numbers if valid.all() else numbers[np.repeat(valid, sizes)]
    offsets = np.zeros(len(sizes) + 1, np.int32)
    np.cumsum(np.where(valid, sizes, 0), out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(kept), mask=pa.array(~valid))


def _stacked(where: str, sketches: pd.DataFrame) -> tuple[Matrix, pd.Index]:
    """Return the vectors of all rows that have one, and the ids; the sketches are used up."""
    pieces = deque(to_arrow(sketches.pop("vector").array, None).chunks)
    valid = np.concatenate([np.empty(0, bool), *(piece.is_valid() for piece in pieces)])
    ids = sketches.index[valid.astype(bool)]
    sizes = np.concatenate(
        [np.empty(0, np.int64), *(pc.list_value_length(piece.drop_null()) for piece in pieces)]
    )
    if len(np.unique(sizes)) > 1:
        raise OperatorError(f"{where}: {_unequal(sizes, ids)}")
    vectors = np.empty((len(ids), int(sizes[0]) if len(sizes) else 0), np.float32)
    start = 0
    while pieces:
        block = pieces.popleft().drop_null()
        vectors[start : start + len(block)] = _rows_of(block, vectors.shape[1])
        start += len(block)
    return vectors, ids


def _rows_of(block: pa.Array, size: int) -> Matrix:
    return block.flatten().to_numpy().reshape(len(block), size)


def _unequal(sizes: npt.NDArray[np.int64], ids: pd.Index) -> str:
    counts = Counter(sizes.tolist()).most_common(3)
    firsts = {size: format_id(ids[int(np.argmax(sizes == size))]) for size, _ in counts}
    told = ", ".join(
        f"{count:,} of {size} components (such as row {firsts[size]})" for size, count in counts
    )
    return (
        f"vectors of unequal length have no distance: {told}. They come of different models; "
        "embed all rows by one, or drop the others first (core/filter_rows)."
    )


def _may_be_vectors(kind: pa.DataType) -> bool:
    if pat.is_null(kind) or is_json(kind):
        return True
    if not (pat.is_list(kind) or pat.is_large_list(kind) or pat.is_fixed_size_list(kind)):
        return False
    inner = kind.value_type
    return bool(
        pat.is_null(inner) or pat.is_integer(inner) or pat.is_floating(inner)
        or pat.is_decimal(inner) or is_json(inner)
    )  # fmt: skip


def _no_vectors(name: str, kind: pa.DataType) -> str:
    return (
        f"column {name!r} is {kind}; vectors are lists of numbers, such as core/embed makes. Bind "
        "another column."
    )


_INVALID = RowFailure(
    "invalid_vector", "a component is null, NaN, infinite or too large for 32-bit floats"
)
_ZERO = RowFailure("zero_vector", "all components are zero: the vector has no direction")
