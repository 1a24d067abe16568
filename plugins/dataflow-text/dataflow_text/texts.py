"""Columns of texts as Arrow arrays, and operators over them: one short method each."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dataflow_core import Evaluator, Refiner, Storage
from dataflow_core.errors import ConfigurationError
from dataflow_core.operators import (
    BoundsFilter,
    ColumnKind,
    NumberColumn,
    TextColumn,
    arrow_column,
    as_floats,
    as_series,
    to_arrow,
)
from dataflow_text.not_text import no_texts, not_text

_PIECE_ROWS = 4096


def texts_of(values: pd.Series) -> pa.ChunkedArray:
    """Return a column of texts as Arrow strings.

    Args:
        values: The column; nulls stay null.

    Raises:
        NotText: A value is no text.
    """
    if values.dtype == object:
        for value in values:
            if value is not None and not isinstance(value, str):
                raise not_text(value)
        return pa.chunked_array([pa.array(values.tolist(), pa.string())])
    column = to_arrow(values.array, None)
    if not ColumnKind("text").accepts(column.type):
        raise no_texts(column.type)
    return column


def each_piece(function: Callable[[pa.Array], pa.Array], texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Apply a function to a column a few rows at a time, which keeps its intermediates small.

    Args:
        function: Called with string arrays; it may return the very array that it got.
        texts: The column, of any Arrow type for texts.

    Returns:
        The results as one column: ``texts`` itself when the function changed nothing.
    """
    pieces = [piece for chunk in texts.chunks for piece in _cut(chunk)]
    results = [function(piece) for piece in pieces or [pa.array([], pa.string())]]
    if pieces and all(result is piece for result, piece in zip(results, pieces, strict=True)):
        return texts
    return pa.chunked_array(results)


def bytes_of(
    texts: pa.Array,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Return the UTF-8 bytes of a string array, and where each text begins and the last ends.

    Args:
        texts: The texts; a null has no bytes, or some that mean nothing.
    """
    _, offsets, data = texts.buffers()
    if offsets is None or data is None or not data.size:
        return np.empty(0, np.uint8), np.zeros(len(texts) + 1, np.int32)
    places = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(data, np.uint8)[places[0] : places[-1]], places - places[0]


class MeasureEvaluator(Evaluator):
    """An evaluator with one number for each text."""

    @abstractmethod
    def default_output(self) -> str:
        """Return the name of the measure's column where none is given."""

    @abstractmethod
    def measured(self, storage: Storage, input_text: str) -> pa.Array | pa.ChunkedArray:
        """Return the measure of each text of a column."""

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_measure: NumberColumn | None = None,
    ) -> None:
        """Add the measure.

        Args:
            storage: The table.
            input_text: The column of texts.
            output_measure: The column for the measure; None for the measure's own name.
        """
        output = output_measure or self.default_output()
        measure = self.measured(storage, input_text)
        storage.observe(output, as_floats(measure))
        storage.assign(output, measure)

    def writes(self, bindings: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        """Return the column for the measure."""
        return {"output_measure": (bindings["output_measure"] or self.default_output(),)}


class TextEvaluator(MeasureEvaluator):
    """An evaluator that measures some texts at a time; a null text has no measure.

    A subclass names its column and defines `measure`.
    """

    measure_name: ClassVar[str]

    @abstractmethod
    def measure(self, texts: pa.Array) -> pa.Array:
        """Return one number for each text, null for null.

        Args:
            texts: Some texts.
        """

    def default_output(self) -> str:
        """Return the measure's name."""
        return self.measure_name

    def measured(self, storage: Storage, input_text: str) -> pa.ChunkedArray:
        """Return the measure of each text of a column."""
        return each_piece(self.measure, texts_of(storage.read([input_text])[input_text]))


class TextFilter(BoundsFilter):
    """A filter on the measure of an evaluator; a subclass names it, and its default bounds."""

    evaluator: ClassVar[type[MeasureEvaluator]]

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_measure: NumberColumn | None = None,
        input_measure: NumberColumn | None = None,
    ) -> None:
        """Add the measure and drop the rows outside the bounds.

        Args:
            storage: The table.
            input_text: The column of texts.
            output_measure: The column for the measure; None for the measure's own name.
            input_measure: A column that holds the measure of these texts already, as the evaluator
                leaves it: to try other bounds without measuring again. None to measure.

        Raises:
            ConfigurationError: ``input_measure`` holds no numbers.
        """
        if input_measure is None:
            name = output_measure or self.default_output()
            measure = self.measured(storage, input_text, name)
        else:
            name = input_measure
            measure = _numbers_in(storage, name)
        spared = self.spared(storage, input_text, measure)
        self.drop_outside(storage, name, measure, spared)

    def measured(self, storage: Storage, input_text: str, output: str) -> pa.Array:
        """Add the measure as a column, and return it."""
        self.make_evaluator().run(storage, input_text=input_text, output_measure=output)
        return arrow_column(storage.read([output])[output])

    def spared(
        self, storage: Storage, input_text: str, measure: pa.Array
    ) -> npt.NDArray[np.bool_] | None:
        """Return which rows to keep whatever their measure; None for none."""
        return None

    def default_output(self) -> str:
        """Return the name of the measure's column where none is given."""
        evaluator: Any = self.make_evaluator()
        return str(evaluator.default_output())

    def writes(self, bindings: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        """Return the column for the measure, unless that is given."""
        if bindings["input_measure"] is not None:
            return {}
        return {"output_measure": (bindings["output_measure"] or self.default_output(),)}


class TextRefiner(Refiner):
    """A refiner that makes one text of another; null stays null.

    A subclass defines `refine`.
    """

    @abstractmethod
    def refine(self, texts: pa.Array) -> pa.Array:
        """Return the refined texts, or the array itself when nothing changes.

        Args:
            texts: Some texts.
        """

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_text: TextColumn | None = None,
    ) -> None:
        """Refine the texts.

        Args:
            storage: The table.
            input_text: The column of texts.
            output_text: The column for the refined texts; None to put them in place of the
                originals.
        """
        table = storage.read([input_text])
        texts = texts_of(table[input_text])
        refined = each_piece(self.refine, texts)
        if refined is not texts or output_text is not None:
            table[output_text or input_text] = as_series(refined, table.index)
        storage.write(table)

    def writes(self, bindings: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        """Return the column for the refined texts."""
        return {"output_text": (bindings["output_text"] or bindings["input_text"],)}


def replace_where(texts: pa.Array, chosen: pa.Array, replacements: pa.Array) -> pa.Array:
    """Return texts with those where ``chosen`` is true replaced; null counts as false."""
    return pc.replace_with_mask(texts, pc.fill_null(chosen, False), replacements)


def _numbers_in(storage: Storage, column: str) -> pa.Array:
    """Return the measures that a column holds."""
    measures = arrow_column(storage.read([column])[column])
    kind = measures.type
    if not (pa.types.is_null(kind) or pa.types.is_floating(kind) or pa.types.is_integer(kind)):
        raise ConfigurationError(
            f"input_measure: column {column!r} ({kind}) holds no numbers. Name the column that the "
            "evaluator of this measure wrote."
        )
    return measures


def _cut(chunk: pa.Array) -> Iterator[pa.Array]:
    for start in range(0, len(chunk), _PIECE_ROWS):
        piece = chunk.slice(start, _PIECE_ROWS)
        yield piece if piece.type == pa.string() else pc.cast(piece, pa.string())
