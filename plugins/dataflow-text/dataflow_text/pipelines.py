"""Pipelines for text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal, get_args

from dataflow_core import Filter, Pipeline, Storage
from dataflow_core.errors import ConfigurationError
from dataflow_text.deduplicate.exact import DeduplicateExact
from dataflow_text.deduplicate.minhash import DeduplicateMinhash
from dataflow_text.evaluate.length import Encoding
from dataflow_text.quality import character_rules, line_rules, word_rules
from dataflow_text.quality.character_rules import CurlyBracketFilter
from dataflow_text.quality.gopher import GopherQuality, GopherRepetition
from dataflow_text.quality.web import C4Quality, FinewebQuality
from dataflow_text.quality.word_rules import WordCountFilter
from dataflow_text.refine.markup import RemoveHtmlUrls
from dataflow_text.refine.whitespace import NormalizeWhitespace
from dataflow_text.survey.duplicates import DuplicateShareEvaluator
from dataflow_text.survey.lengths import LengthDistributionEvaluator
from dataflow_text.survey.vocabulary import VocabularyEvaluator


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


Preset = Literal["default", "gopher", "c4", "fineweb"]


class QualityRules(Pipeline):
    """Drop texts of low quality by rules alone; texts and other columns stay as they are.

    The presets are rule sets: ``gopher`` (quality and repetition), ``c4``, ``fineweb`` (all of
    these, as FineWeb was made), and ``default``: the rules of this package, each with its measure
    as a column, made for English prose of 100 words or more. How well they do on pages that people
    have judged, the package's README says.

    Args:
        storage: The table.
        text_column: The column of texts.
        preset: The rules.
    """

    def __init__(
        self,
        storage: Storage | None = None,
        *,
        text_column: str = "text",
        preset: Preset = "default",
    ) -> None:
        super().__init__(storage)
        if preset not in get_args(Preset):
            known = ", ".join(get_args(Preset))
            raise ConfigurationError(f"preset {preset!r} is unknown; there are: {known}.")
        self.text_column = text_column
        self.rules = _PRESETS[preset]()

    def forward(self) -> None:
        """Apply one rule after the other."""
        for rule in self.rules:
            rule.run(self.storage, input_text=self.text_column)


class Dedup(Pipeline):
    """Keep the first of texts that are equal or nearly so.

    Equal texts go first, by digest, which leaves less to the comparison of near ones by MinHash.

    Args:
        storage: The table.
        text_column: The column of texts.
        threshold: How alike two texts must be to count as duplicates, as the Jaccard similarity of
            their n-grams, 0 to 1.
    """

    def __init__(
        self,
        storage: Storage | None = None,
        *,
        text_column: str = "text",
        threshold: float = 0.85,
    ) -> None:
        super().__init__(storage)
        self.text_column = text_column
        self.exact = DeduplicateExact(ignore_whitespace=True)
        self.near = DeduplicateMinhash(threshold=threshold)

    def forward(self) -> None:
        """Drop the equal ones, then the near ones."""
        self.exact.run(self.storage, input_text=self.text_column)
        self.near.run(self.storage, input_text=self.text_column)


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


def _gopher() -> list[Filter]:
    return [GopherQuality(), GopherRepetition()]


def _default() -> list[Filter]:
    """Return all rules, those that cost least and drop most first."""
    return [
        character_rules.ContentFilter(),
        word_rules.WordCountFilter(min_value=100),
        word_rules.StopWordFilter(),
        word_rules.MeanWordLengthFilter(),
        word_rules.AlphabeticWordFilter(),
        word_rules.UniqueWordFilter(),
        word_rules.CapitalWordFilter(),
        word_rules.SymbolWordRatioFilter(),
        word_rules.LoremIpsumFilter(),
        word_rules.WatermarkFilter(),
        word_rules.IdentityDocumentFilter(),
        word_rules.UnpunctuatedRunFilter(),
        line_rules.SentenceCountFilter(),
        line_rules.EllipsisLineFilter(),
        line_rules.BulletLineFilter(),
        line_rules.JavascriptLineFilter(),
        line_rules.ColonEndFilter(),
        character_rules.CharacterCountFilter(),
        character_rules.CurlyBracketFilter(),
        character_rules.HtmlEntityFilter(),
        character_rules.SpecialCharacterFilter(),
    ]


_PRESETS: Mapping[str, Callable[[], list[Filter]]] = MappingProxyType(
    {
        "default": _default,
        "gopher": _gopher,
        "c4": lambda: [C4Quality()],
        "fineweb": lambda: [*_gopher(), C4Quality(), FinewebQuality()],
    }
)
