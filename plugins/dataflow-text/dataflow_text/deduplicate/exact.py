"""Deduplication of texts."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dataflow_core import Storage
from dataflow_core.operators import RowFailure, TextColumn
from dataflow_core.operators.dataset import DatasetFilter
from dataflow_core.operators.general.hashing import first_of_equals, row_digests
from dataflow_text.refine.whitespace import one_line
from dataflow_text.texts import as_series, each_piece, texts_of


class DeduplicateExact(DatasetFilter):
    """Keep the first of each set of equal texts.

    Each dropped row has reason ``"duplicate"`` and the id of the row that it repeats. A null text
    repeats nothing, and what is no text fails with reason ``"no_text"``. Texts are compared by
    128-bit xxh3 digests, 24 bytes a row, so the data set may be larger than memory. Independent of
    language.

    Attributes:
        ignore_case: Whether upper and lower case count as equal.
        ignore_whitespace: Whether texts count as equal that differ only in how much white space
            stands between words (none against some is a difference).

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "One two"}, {"text": "one  two"}, {"text": "three"}])
        >>> DeduplicateExact(ignore_case=True, ignore_whitespace=True).run(table)
        >>> table.rows()
        [{'text': 'One two'}, {'text': 'three'}]
    """

    ignore_case: bool = False
    ignore_whitespace: bool = False

    def run(self, storage: Storage, input_text: TextColumn = "text") -> None:
        """Drop the duplicates.

        Args:
            storage: The table.
            input_text: The column of texts.
        """
        self.run_phases(storage, input_text=input_text)

    def sketch(self, storage: Storage, **bindings: Any) -> pd.DataFrame:
        """Return the digest of each text; what is no text counts as null here."""
        column = bindings["input_text"]
        table = storage.read([column])
        values = table[column]
        if values.dtype == object:
            values = values.where(_is_text(values), None)
        texts = each_piece(self._comparable, texts_of(values))
        return row_digests(as_series(texts, values).to_frame(column), [column])

    def apply(self, storage: Storage, decision: pd.DataFrame, **bindings: Any) -> None:
        """Drop the duplicates, and set aside what is no text."""
        column = bindings["input_text"]
        table = storage.read([column])
        values = table[column]
        if values.dtype == object:
            wrong = ~_is_text(values) & values.notna()
            table[column] = values.where(~wrong, values.map(_no_text))
            storage.write(table)
        super().apply(storage, decision, **bindings)

    def decide(self, sketches: pd.DataFrame) -> pd.DataFrame:
        """Drop all but the first row of each digest."""
        repeats, firsts = first_of_equals(sketches)
        return pd.DataFrame(
            {"reason": ["duplicate"] * len(repeats), "duplicate_of": sketches.index[firsts]},
            index=sketches.index[repeats],
        )

    def _comparable(self, texts: pa.Array) -> pa.Array:
        if self.ignore_whitespace:
            texts = one_line(texts)
        return pc.utf8_lower(texts) if self.ignore_case else texts


def _is_text(values: pd.Series) -> pd.Series:
    return values.map(lambda value: isinstance(value, str)).astype(bool)


def _no_text(value: Any) -> RowFailure:
    found = f"a text wanted, found {type(value).__name__}"
    return RowFailure("no_text", found, json.dumps(value, ensure_ascii=False, default=str))
