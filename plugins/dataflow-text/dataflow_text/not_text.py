"""What is no text where one is wanted: how it is told, and why its row fails."""

from __future__ import annotations

from typing import Any, ClassVar

import pandas as pd
import pyarrow as pa

from dataflow_core.operators import ValueRefused


class NotText(ValueRefused, TypeError):
    """A value, or a whole column, is no text; in a run, rows fail with reason ``"no_text"``."""

    reason: ClassVar[str] = "no_text"


def not_text(value: Any) -> NotText:
    """Return the error for a value that is no text; the message has its type and its beginning."""
    return NotText(f"a text wanted, found {type(value).__name__} {value!r:.60}")


def no_texts(kind: pa.DataType) -> NotText:
    """Return the error for a column of another type."""
    return NotText(
        f"a column of texts wanted, found {kind}. Bind another column, or make texts of it with "
        "core/derive_column."
    )


def are_texts(values: pd.Series) -> pd.Series:
    """Tell which values of an object column are texts; a null is none.

    Args:
        values: A column that may hold anything.
    """
    return values.map(lambda value: isinstance(value, str)).astype(bool)
