"""The texts of a column that may hold anything: a survey tells of a data set as it is."""

from __future__ import annotations

from dataflow_core import Storage
from dataflow_text.analysis.shared import TextAnalysis
from dataflow_text.texts import texts_of


def texts_in(storage: Storage, column: str) -> TextAnalysis:
    """Return the texts of a column; what is no text counts as null.

    Args:
        storage: The table.
        column: The column.

    Raises:
        TypeError: The column is of numbers or the like, and can hold no text.
    """
    values = storage.read([column])[column]
    if values.dtype != object:
        return storage.analysis(column, TextAnalysis)
    is_text = values.map(lambda value: isinstance(value, str)).astype(bool)
    return TextAnalysis.of(texts_of(values.where(is_text, None)))
