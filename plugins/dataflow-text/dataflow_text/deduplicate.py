"""Deduplication of texts."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow.compute as pc

from dataflow_core import Storage
from dataflow_core.operators import TextColumn
from dataflow_core.operators.dataset import DatasetFilter
from dataflow_core.operators.general.hashing import first_of_equals, row_digests
from dataflow_text.texts import as_series, texts_of


class DeduplicateExact(DatasetFilter):
    """Keep the first of each set of equal texts.

    Each dropped row has reason ``"duplicate"`` and the id of the row that it repeats. A null text repeats
    nothing. Texts are compared by 128-bit xxh3 digests, 24 bytes a row, so the data set may be larger than
    memory. Independent of language.

    Attributes:
        ignore_case: Whether upper and lower case count as equal.
        ignore_whitespace: Whether texts count as equal that differ only in how much white space stands
            between words (none against some is a difference).

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
        """Return the digest of each text."""
        column = bindings["input_text"]
        table = storage.read([column])
        texts = texts_of(table[column])
        if self.ignore_whitespace:
            texts = pc.utf8_trim_whitespace(pc.replace_substring_regex(texts, r"[\s\v\x{85}\p{Z}]+", " "))
        if self.ignore_case:
            texts = pc.utf8_lower(texts)
        table[column] = as_series(texts, table[column])
        return row_digests(table, [column])

    def decide(self, sketches: pd.DataFrame) -> pd.DataFrame:
        """Drop all but the first row of each digest."""
        repeats, firsts = first_of_equals(sketches)
        return pd.DataFrame(
            {"reason": ["duplicate"] * len(repeats), "duplicate_of": sketches.index[firsts]},
            index=sketches.index[repeats],
        )
