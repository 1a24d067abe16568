"""The main job: clean, filter and deduplicate web text."""

from __future__ import annotations

from pathlib import Path

from dataflow_core import Operator, Pipeline, Storage
from dataflow_text.deduplicate.comparing import Similarity
from dataflow_text.deduplicate.exact import DeduplicateExact
from dataflow_text.deduplicate.minhash import DeduplicateMinhash
from dataflow_text.evaluate.language import LanguageFilter
from dataflow_text.quality.blocklist import BlocklistFilter
from dataflow_text.quality.presets import Preset, rules_of
from dataflow_text.refine.markup import RemoveHtmlUrls
from dataflow_text.refine.whitespace import NormalizeWhitespace


class PretrainFilter(Pipeline):
    """Clean, filter and deduplicate web text for pre-training.

    HTML and URLs go, and white space becomes regular. Then texts are dropped that break a quality
    rule of the preset, hold words of a blocklist, or are in other languages; and last those that
    are equal or nearly equal to an earlier one, which costs most and is left to what remains.

    Single bounds are set by step, on the command line as
    ``--param word_count_filter.min_value=50``.

    Args:
        storage: The table.
        text_column: The column of texts, which is refined in place.
        preset: The quality rules: ``"default"`` (for English prose of 100 words or more),
            ``"gopher"``, ``"c4"``, ``"fineweb"``, or ``"basic"``: 50 to 100,000 words (in scripts
            without spaces, letters) and few curly brackets, in any language.
        min_words: The fewest words kept, instead of the preset's number.
        languages: The codes of the languages kept, such as ``en``; none for all. See
            `LanguageFilter`.
        min_language_score: The smallest confidence in the language, 0 to 1.
        blocklist: A file of words, one a line, of which texts must hold none; None for no list.
        near_duplicates: The Jaccard similarity of character 5-grams from which texts count as near
            duplicates, 0 to 1; None to drop equal ones alone.
        group_column: A column within whose equal values alone texts are duplicates, such as the
            source; None to compare all texts.
    """

    def __init__(
        self,
        storage: Storage | None = None,
        *,
        text_column: str = "text",
        preset: Preset = "default",
        min_words: int | None = None,
        languages: tuple[str, ...] = (),
        min_language_score: float = 0.5,
        blocklist: Path | None = None,
        near_duplicates: Similarity | None = 0.85,
        group_column: str | None = None,
    ) -> None:
        super().__init__(storage)
        self.text_column = text_column
        self.group_column = group_column
        self.remove_markup = RemoveHtmlUrls()
        self.normalize_whitespace = NormalizeWhitespace()
        self.rules: list[Operator] = [*rules_of(preset, min_words)]
        if blocklist is not None:
            self.rules.append(BlocklistFilter(file=blocklist))
        if languages:
            kept = LanguageFilter(languages=languages, min_score=min_language_score)
            self.rules.append(kept)
        self.deduplicate = DeduplicateExact(ignore_whitespace=True)
        self.near = (
            None if near_duplicates is None else DeduplicateMinhash(threshold=near_duplicates)
        )

    def forward(self) -> None:
        """Refine, then filter, then deduplicate what is left."""
        for operator in (self.remove_markup, self.normalize_whitespace, *self.rules):
            operator.run(self.storage, input_text=self.text_column)
        for deduplicator in (self.deduplicate, self.near):
            if deduplicator is not None:
                deduplicator.run(
                    self.storage, input_text=self.text_column, input_group=self.group_column
                )
