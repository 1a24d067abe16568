"""Equal and nearly equal texts."""

from __future__ import annotations

from dataflow_core import Pipeline, Storage
from dataflow_text.deduplicate.comparing import Similarity
from dataflow_text.deduplicate.exact import DeduplicateExact
from dataflow_text.deduplicate.minhash import DeduplicateMinhash


class Dedup(Pipeline):
    """Keep the first of texts that are equal or nearly so.

    Equal texts go first, by digest, which leaves less to the comparison of near ones by MinHash.

    Args:
        storage: The table.
        text_column: The column of texts.
        threshold: How alike two texts must be to count as duplicates, as the Jaccard similarity of
            their n-grams, 0 to 1.
        group_column: A column within whose equal values alone texts are duplicates, such as the
            source; None to compare all texts.
    """

    def __init__(
        self,
        storage: Storage | None = None,
        *,
        text_column: str = "text",
        threshold: Similarity = 0.85,
        group_column: str | None = None,
    ) -> None:
        super().__init__(storage)
        self.text_column = text_column
        self.group_column = group_column
        self.exact = DeduplicateExact(ignore_whitespace=True)
        self.near = DeduplicateMinhash(threshold=threshold)

    def forward(self) -> None:
        """Drop the equal ones, then the near ones."""
        for operator in (self.exact, self.near):
            operator.run(self.storage, input_text=self.text_column, input_group=self.group_column)
