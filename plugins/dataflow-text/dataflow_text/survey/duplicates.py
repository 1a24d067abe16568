"""The duplicates of a data set: their share, and what deduplication would save."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from dataflow_core import Storage
from dataflow_core.operators import AnyColumn, DatasetEvaluator, TextColumn, first_of_equals
from dataflow_core.storage import format_id
from dataflow_text.deduplicate.comparing import Similarity
from dataflow_text.deduplicate.exact import DeduplicateExact
from dataflow_text.deduplicate.minhash import DeduplicateMinhash
from dataflow_text.survey.columns import texts_in


class DuplicateShareEvaluator(DatasetEvaluator):
    """Tell how many texts of a data set repeat an earlier one; all rows go through as they are.

    Duplicates are the rows that `DeduplicateExact`, with the same settings, would drop. Null, and
    what is no text, repeats nothing. Independent of language.

    The findings are ``texts``; ``duplicates`` and ``duplicate_share``, those that repeat an earlier
    text, by number and as share of the texts; ``duplicate_bytes``, what dropping them would save,
    in bytes of UTF-8; ``duplicated_texts``, how many different texts come more than once;
    ``largest_groups``, of the most frequent ones the number of rows and the id of the first. With
    ``near``, ``near_duplicates``, ``near_duplicate_share`` and ``near_duplicate_bytes`` tell the
    same of the rows that `DeduplicateMinhash`, with its defaults and this threshold, would drop of
    those that are left.

    Memory holds 33 bytes a row; with ``near``, 256 more.

    Source: xxHash (Collet 2020), XXH3; MinHash (Broder 1997); Fast Similarity Sketching (Dahlgaard
    et al. 2017).

    Attributes:
        ignore_case: Whether upper and lower case count as equal (Unicode's full case folding, so
            ``ß`` and ``ss`` do, and ``ς`` and ``σ``; so do ``İ`` and ``i``, but not ``ı``).
        ignore_whitespace: Whether texts count as equal that differ only in how much white space
            stands between words (none against some is a difference).
        ignore_punctuation: Whether punctuation (Unicode category P) counts as absent.
        ignore_digits: Whether all decimal digits count as equal.
        largest: How many of the largest groups of equal texts to list.
        near: Whether to look for near duplicates as well, which takes many times as long.
        threshold: The least estimated similarity of near duplicates.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": text} for text in ("one", "two", "one", "one", None)])
        >>> DuplicateShareEvaluator().run(table)
        >>> found = table.findings()["duplicate_share_evaluator"]
        >>> found["duplicates"], found["duplicate_share"], found["duplicate_bytes"]
        (2, 0.5, 6)
        >>> found["largest_groups"][0]["rows"]
        3
    """

    ignore_case: bool = False
    ignore_whitespace: bool = False
    ignore_punctuation: bool = False
    ignore_digits: bool = False
    largest: int = Field(default=10, ge=0)
    near: bool = False
    threshold: Similarity = 0.85

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        input_group: AnyColumn | None = None,
    ) -> None:
        """Note the findings.

        Args:
            storage: The table.
            input_text: The column of texts.
            input_group: A column within whose equal values alone texts are duplicates, such as the
                source; nulls count as equal. None to compare all texts.
        """
        self.run_phases(storage, input_text=input_text, input_group=input_group)

    def sketch(self, storage: Storage, **bindings: Any) -> pd.DataFrame:
        """Return the digest and the bytes of each text, and its signature for near duplicates."""
        sketch = self._exact().sketch(storage, **bindings)
        sketch["bytes"] = texts_in(storage, bindings["input_text"]).sizes
        if self.near:
            near = self._near().sketch(storage, **bindings)
            return sketch.join(near)
        return sketch

    def findings(self, sketches: pd.DataFrame) -> Mapping[str, Any]:
        """Return how many duplicates there are."""
        texts = int(np.count_nonzero(~sketches["null"]))
        repeats, firsts = first_of_equals(sketches)
        found = _told("duplicate", sketches["bytes"].to_numpy()[repeats], texts)
        groups, sizes = np.unique(firsts, return_counts=True)
        order = np.lexsort((groups, -sizes))[: self.largest]
        largest = [
            {"rows": int(sizes[n]) + 1, "first_row": format_id(sketches.index[groups[n]])}
            for n in order
        ]
        exact = {
            "texts": texts,
            **found,
            "duplicated_texts": len(groups),
            "largest_groups": largest,
        }
        return {**exact, **self._near_ones(sketches, repeats, texts)} if self.near else exact

    def _near_ones(self, sketches: pd.DataFrame, repeats: Any, texts: int) -> dict[str, Any]:
        left = np.ones(len(sketches), dtype=bool)
        left[repeats] = False
        decision = self._near().decide(sketches[left])
        return _told("near_duplicate", sketches["bytes"].loc[decision.index].to_numpy(), texts)

    def _exact(self) -> DeduplicateExact:
        shared = DeduplicateExact.model_fields.keys()
        return DeduplicateExact(**{name: getattr(self, name) for name in shared})

    def _near(self) -> DeduplicateMinhash:
        return DeduplicateMinhash(threshold=self.threshold)


def _told(what: str, sizes: Any, texts: int) -> dict[str, Any]:
    return {
        f"{what}s": len(sizes),
        f"{what}_share": len(sizes) / texts if texts else None,
        f"{what}_bytes": int(sizes.sum()),
    }
