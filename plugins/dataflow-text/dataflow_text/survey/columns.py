"""The texts of a column that may hold anything: a survey tells of a data set as it is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dataflow_core import Storage
from dataflow_text.analysis.shared import TextAnalysis
from dataflow_text.not_text import are_texts
from dataflow_text.texts import texts_of


def texts_in(storage: Storage, column: str) -> TextAnalysis:
    """Return the texts of a column; what is no text counts as null.

    Args:
        storage: The table.
        column: The column.

    Raises:
        NotText: The column is of numbers or the like, and can hold no text.
    """
    values = storage.read([column])[column]
    if values.dtype != object:
        return storage.analysis(column, TextAnalysis)
    return TextAnalysis.of(texts_of(values.where(are_texts(values), None)))


def wrong_in(storage: Storage, column: str) -> npt.NDArray[np.bool_]:
    """Tell which values of a column are neither texts nor null.

    Args:
        storage: The table.
        column: The column.
    """
    values = storage.read([column])[column]
    if values.dtype != object:
        return np.zeros(len(values), dtype=bool)
    return np.asarray(values.notna() & ~are_texts(values), dtype=bool)
