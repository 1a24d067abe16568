"""Columns of texts as Arrow arrays, and operators over them: one short method each."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from dataflow_core import Evaluator, Refiner, Storage
from dataflow_core.operators import BoundsFilter, NumberColumn, TextColumn, arrow_column


def texts_of(values: pd.Series) -> pa.Array:
    """Return a column of texts as one Arrow string array.

    Args:
        values: The column; nulls stay null.

    Raises:
        TypeError: A value is no text.
    """
    if values.dtype == object:
        for value in values:
            if value is not None and not isinstance(value, str):
                raise TypeError(f"a text wanted, found {type(value).__name__} {value!r:.60}")
        return pa.array(values.tolist(), pa.string())
    array = arrow_column(values)
    if pat.is_string(array.type):
        return array
    if pat.is_null(array.type) or pat.is_large_string(array.type) or pat.is_dictionary(array.type):
        return pc.cast(array, pa.string())
    raise TypeError(f"a column of texts wanted, found {array.type}")


def as_series(array: pa.Array, like: pd.Series) -> pd.Series:
    """Return an Arrow array as a column with the index of another."""
    return pd.Series(pd.array(array, dtype=pd.ArrowDtype(array.type)), index=like.index)


class TextEvaluator(Evaluator):
    """An evaluator with one number for each text; a null text has none.

    A subclass names its column and defines `measure`.
    """

    measure_name: ClassVar[str]

    @abstractmethod
    def measure(self, texts: pa.Array) -> pa.Array:
        """Return one number for each text, null for null.

        Args:
            texts: The texts of a batch.
        """

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
        table = storage.read([input_text])
        texts = table[input_text]
        table[output_measure or self.measure_name] = as_series(self.measure(texts_of(texts)), texts)
        storage.write(table)

    def writes(self, bindings: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        """Return the column for the measure."""
        return {"output_measure": (bindings["output_measure"] or self.measure_name,)}


class TextFilter(BoundsFilter):
    """A filter on the measure of a `TextEvaluator`; a subclass names it, and its default bounds."""

    evaluator: ClassVar[type[TextEvaluator]]

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_measure: NumberColumn | None = None,
    ) -> None:
        """Add the measure and drop the rows outside the bounds.

        Args:
            storage: The table.
            input_text: The column of texts.
            output_measure: The column for the measure; None for the measure's own name.
        """
        output = output_measure or self.evaluator.measure_name
        self.keep_within_bounds(storage, output, input_text=input_text, output_measure=output)

    def writes(self, bindings: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        """Return the column for the measure."""
        return {"output_measure": (bindings["output_measure"] or self.evaluator.measure_name,)}


class TextRefiner(Refiner):
    """A refiner that makes one text of another; null stays null.

    A subclass defines `refine`.
    """

    @abstractmethod
    def refine(self, texts: pa.Array) -> pa.Array:
        """Return the refined texts.

        Args:
            texts: The texts of a batch.
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
            output_text: The column for the refined texts; None to put them in place of the originals.
        """
        table = storage.read([input_text])
        texts = texts_of(table[input_text])
        refined = self.refine(texts)
        if refined is not texts or output_text is not None:
            table[output_text or input_text] = as_series(refined, table[input_text])
        storage.write(table)

    def writes(self, bindings: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        """Return the column for the refined texts."""
        return {"output_text": (bindings["output_text"] or bindings["input_text"],)}


def replace_where(texts: pa.Array, chosen: pa.Array, replacements: pa.Array) -> pa.Array:
    """Return texts with those where ``chosen`` is true replaced; null counts as false."""
    return pc.replace_with_mask(texts, pc.fill_null(chosen, False), replacements)
