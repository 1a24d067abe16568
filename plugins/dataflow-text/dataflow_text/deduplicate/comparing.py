"""What the deduplicators of texts share: the columns, what texts are compared as, what is no text.

`TextDeduplicator` is the base of all, `NearDeduplicator` of those that make a digest of each text.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections import deque
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from dataflow_core import Storage
from dataflow_core.operators import (
    AnyColumn,
    DatasetFilter,
    RowFailure,
    TextColumn,
    as_series,
    row_digests,
    to_arrow,
)
from dataflow_text.not_text import NotText, are_texts, not_text
from dataflow_text.refine.whitespace import one_line
from dataflow_text.texts import each_piece, replace_where, texts_of

Similarity = Annotated[float, Field(gt=0, le=1)]
"""How alike two texts must be to count as duplicates."""


class TextDeduplicator(DatasetFilter):
    """A filter that keeps the first of texts that are alike, and names the row that others repeat.

    A null text repeats nothing, and what is no text fails with reason ``"no_text"``. A subclass
    defines `sketch` and `decide`.

    Attributes:
        ignore_case: Whether upper and lower case count as equal (Unicode's full case folding, so
            ``ß`` and ``ss`` do, and ``ς`` and ``σ``; so do ``İ`` and ``i``, but not ``ı``).
        ignore_whitespace: Whether texts count as equal that differ only in how much white space
            stands between words (none against some is a difference).
        ignore_punctuation: Whether punctuation (Unicode category P) counts as absent.
        ignore_digits: Whether all decimal digits count as equal.
    """

    ignore_case: bool = False
    ignore_whitespace: bool = False
    ignore_punctuation: bool = False
    ignore_digits: bool = False

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        input_group: AnyColumn | None = None,
    ) -> None:
        """Drop the duplicates.

        Args:
            storage: The table.
            input_text: The column of texts.
            input_group: A column within whose equal values alone texts are duplicates, such as the
                source; nulls count as equal. None to compare all texts.
        """
        self.run_phases(storage, input_text=input_text, input_group=input_group)

    def compared(
        self, storage: Storage, **bindings: Any
    ) -> tuple[pa.ChunkedArray, pd.Index, pd.Series | None]:
        """Return the texts as they are compared, the ids of their rows, and the groups.

        What is no text counts as null here.
        """
        column, group = bindings["input_text"], bindings["input_group"]
        table = storage.read([column] if group in (None, column) else [column, group])
        groups = None if group is None else table[group]
        return _comparable(self, table[column]), table.index, groups

    def apply(self, storage: Storage, decision: pd.DataFrame, **bindings: Any) -> None:
        """Drop the duplicates, and set aside what is no text."""
        column = bindings["input_text"]
        table = storage.read([column])
        values = table[column]
        if values.dtype == object:
            wrong = ~are_texts(values) & values.notna()
            table[column] = values.where(~wrong, values.map(_failure))
            storage.write(table)
        super().apply(storage, decision, **bindings)


class NearDeduplicator(TextDeduplicator):
    """A deduplicator that decides from a digest of each text.

    A subclass defines `digest` and `decide`.
    """

    @abstractmethod
    def digest(self, texts: pa.Array) -> pa.Array:
        """Return what the decision needs to know of each text, null for null.

        Args:
            texts: Some texts, as they are compared.
        """

    def sketch(self, storage: Storage, **bindings: Any) -> pd.DataFrame:
        """Return the digest of each text, and of its group."""
        texts, rows, groups = self.compared(storage, **bindings)
        sketch = as_series(each_piece(self.digest, texts), rows).to_frame("digest")
        if groups is not None:
            sketch["group"] = row_digests(groups.to_frame("group"), ["group"])["low"]
        return sketch


class Digests:
    """The digests of all texts, null ones aside, taken out of the sketches.

    Args:
        sketches: What `NearDeduplicator.sketch` returned for all rows. Its column of digests is
            removed, so that each piece can be let go once the operator has arranged it.

    Attributes:
        ids: The ids of the texts' rows.
        groups: The digest of each one's group, zero if all are compared.
    """

    def __init__(self, sketches: pd.DataFrame) -> None:
        self._pieces = deque(to_arrow(sketches.pop("digest").array, None).chunks)
        valid = np.concatenate([np.empty(0, bool), *(piece.is_valid() for piece in self._pieces)])
        self.ids = sketches.index[valid]
        self.groups = (
            sketches["group"].to_numpy()[valid]
            if "group" in sketches
            else np.zeros(len(self.ids), np.uint64)
        )

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def size(self) -> int:
        """The bytes of the digests that are left, which are binary."""
        return sum(pc.sum(pc.binary_length(piece)).as_py() or 0 for piece in self._pieces)

    def pieces(self) -> Iterator[pa.Array]:
        """Yield the digests, some at a time, once: each piece is let go with the next."""
        while self._pieces:
            piece = self._pieces.popleft().drop_null()
            if len(piece):
                yield piece


def _comparable(operator: TextDeduplicator, values: pd.Series) -> pa.ChunkedArray:
    """Return a column of texts without the differences that an operator ignores."""
    if values.dtype == object:
        values = values.where(are_texts(values), None)

    def comparable(texts: pa.Array) -> pa.Array:
        if operator.ignore_punctuation:
            texts = pc.replace_substring_regex(texts, r"\p{P}+", "")
        if operator.ignore_digits:
            texts = pc.replace_substring_regex(texts, r"\p{Nd}", "0")
        if operator.ignore_whitespace:
            texts = one_line(texts)
        return _folded(texts) if operator.ignore_case else texts

    return each_piece(comparable, texts_of(values))


def _folded(texts: pa.Array) -> pa.Array:
    """Return texts without differences of case: in small letters, and those folded."""
    small = pc.utf8_lower(texts)
    special = pc.invert(pc.string_is_ascii(small))
    folded = [text.casefold() for text in small.filter(special).to_pylist()]
    return replace_where(small, special, pa.array(folded, pa.string()))


def _failure(value: Any) -> RowFailure:
    raw = json.dumps(value, ensure_ascii=False, default=str)
    return RowFailure(NotText.reason, str(not_text(value)), raw)
