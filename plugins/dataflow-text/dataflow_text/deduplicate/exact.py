"""Exact deduplication of texts."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dataflow_core import Storage
from dataflow_core.operators import as_series, first_of_equals, row_digests
from dataflow_text.deduplicate.comparing import TextDeduplicator


class DeduplicateExact(TextDeduplicator):
    """Keep the first of each set of equal texts.

    Each dropped row has reason ``"duplicate"`` and the id of the row that it repeats. A null text
    repeats nothing, and what is no text fails with reason ``"no_text"``. Texts are compared by
    128-bit xxh3 digests, 24 bytes a row, so the data set may be larger than memory. Independent of
    language.

    Source: xxHash (Collet 2020), XXH3 with 128 bits.

    Attributes:
        ignore_case: Whether upper and lower case count as equal (Unicode's full case folding, so
            ``ß`` and ``ss`` do, and ``ς`` and ``σ``; so do ``İ`` and ``i``, but not ``ı``).
        ignore_whitespace: Whether texts count as equal that differ only in how much white space
            stands between words (none against some is a difference).
        ignore_punctuation: Whether punctuation (Unicode category P) counts as absent.
        ignore_digits: Whether all decimal digits count as equal.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "One two"}, {"text": "one  two"}, {"text": "three"}])
        >>> DeduplicateExact(ignore_case=True, ignore_whitespace=True).run(table)
        >>> table.rows()
        [{'text': 'One two'}, {'text': 'three'}]
    """

    def sketch(self, storage: Storage, **bindings: Any) -> pd.DataFrame:
        """Return 128 bits for each text and its group; what is no text counts as null here."""
        texts, rows, groups = self.compared(storage, **bindings)
        digests = row_digests(as_series(texts, rows).to_frame("text"), ["text"])
        if groups is not None:
            nulls = digests["null"]
            digests = row_digests(digests.assign(group=groups), ["high", "low", "group"])
            digests["null"] = nulls
        return digests

    def decide(self, sketches: pd.DataFrame) -> pd.DataFrame:
        """Drop all but the first row of each digest."""
        repeats, firsts = first_of_equals(sketches)
        return pd.DataFrame(
            {"reason": ["duplicate"] * len(repeats), "duplicate_of": sketches.index[firsts]},
            index=sketches.index[repeats],
        )
