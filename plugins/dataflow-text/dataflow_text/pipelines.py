"""Pipelines for text."""

from __future__ import annotations

from dataflow_core import Pipeline, Storage
from dataflow_text.deduplicate.exact import DeduplicateExact
from dataflow_text.quality.character_rules import CurlyBracketFilter
from dataflow_text.quality.word_rules import WordCountFilter
from dataflow_text.refine.markup import RemoveHtmlUrls
from dataflow_text.refine.whitespace import NormalizeWhitespace


class PretrainFilter(Pipeline):
    """Clean, filter and deduplicate web text for pre-training.

    HTML and URLs go, white space becomes regular, then texts that are too short, too long or look
    like code are dropped, and last those that repeat an earlier one (white space aside).

    Args:
        storage: The table.
        text_column: The column of texts, which is refined in place.
        min_words: The fewest words kept; in languages without spaces, letters.
        max_words: The most words kept.
        max_curly_brackets: The largest share of curly brackets kept, 0 to 1.
    """

    def __init__(
        self,
        storage: Storage | None = None,
        *,
        text_column: str = "text",
        min_words: int = 50,
        max_words: int = 100_000,
        max_curly_brackets: float = 0.025,
    ) -> None:
        super().__init__(storage)
        self.text_column = text_column
        self.remove_markup = RemoveHtmlUrls()
        self.normalize_whitespace = NormalizeWhitespace()
        self.word_count = WordCountFilter(min_value=min_words, max_value=max_words)
        self.curly_brackets = CurlyBracketFilter(max_value=max_curly_brackets)
        self.deduplicate = DeduplicateExact(ignore_whitespace=True)

    def forward(self) -> None:
        """Refine, then filter, then deduplicate what is left."""
        for operator in (
            self.remove_markup,
            self.normalize_whitespace,
            self.word_count,
            self.curly_brackets,
            self.deduplicate,
        ):
            operator.run(self.storage, input_text=self.text_column)
