"""What a data set is like."""

from __future__ import annotations

from dataflow_core import Pipeline, Storage
from dataflow_text.evaluate.length import Encoding
from dataflow_text.survey.duplicates import DuplicateShareEvaluator
from dataflow_text.survey.lengths import LengthDistributionEvaluator
from dataflow_text.survey.vocabulary import VocabularyEvaluator


class Survey(Pipeline):
    """Tell what a data set is like: how long its texts are, their vocabulary, how many are copies.

    All rows go through as they are; what is found stands in the report of the run.

    Args:
        storage: The table.
        text_column: The column of texts.
        group_column: A column with few different values, such as the language, by which to tell
            the lengths as well; None for none.
        encoding: The vocabulary in which tokens are counted, such as ``o200k_base``; None for none.
        near: Whether to look for near duplicates as well.
    """

    def __init__(
        self,
        storage: Storage | None = None,
        *,
        text_column: str = "text",
        group_column: str | None = None,
        encoding: Encoding | None = None,
        near: bool = False,
    ) -> None:
        super().__init__(storage)
        self.text_column = text_column
        self.group_column = group_column
        self.lengths = LengthDistributionEvaluator(encoding=encoding)
        self.vocabulary = VocabularyEvaluator()
        self.duplicates = DuplicateShareEvaluator(near=near)

    def forward(self) -> None:
        """Look at the rows, three times over, while they go through once."""
        self.lengths.run(self.storage, input_text=self.text_column, input_group=self.group_column)
        self.vocabulary.run(self.storage, input_text=self.text_column)
        self.duplicates.run(self.storage, input_text=self.text_column)
