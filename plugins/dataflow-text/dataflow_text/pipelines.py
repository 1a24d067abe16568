"""Pipelines for text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from dataflow_core import Operator, Pipeline, Storage
from dataflow_core.operators.general import FilterRows, SelectColumns
from dataflow_text.deduplicate.exact import DeduplicateExact
from dataflow_text.deduplicate.minhash import DeduplicateMinhash
from dataflow_text.evaluate.language import LanguageFilter
from dataflow_text.extract.html import HtmlExtract
from dataflow_text.quality.blocklist import BlocklistFilter
from dataflow_text.quality.presets import Preset, rules_of
from dataflow_text.quality.rule_set import RuleSet
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
        languages: The ISO 639 codes of the languages kept; none for all.
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
        near_duplicates: float | None = 0.85,
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


class QualityRules(Pipeline):
    """Drop texts of low quality by rules alone; texts and other columns stay as they are.

    The presets are rule sets: ``gopher`` (quality and repetition), ``c4``, ``fineweb`` (all of
    these, as FineWeb was made), ``default``: the rules of this package, each with its measure as a
    column, made for English prose of 100 words or more, and ``basic``, for texts of any language.
    How well they do on pages that people have judged, the package's README says.

    The report of a run says how each measure is distributed and where its bounds cut. To try
    others, set them by step (on the command line, ``--param stop_word_filter.min_value=0.1``), and
    to measure only once, let `QualityMeasures` do it and decide with ``measured``.

    Args:
        storage: The table.
        text_column: The column of texts.
        preset: The rules.
        measured: Whether the table has the measures already, from `QualityMeasures`.
    """

    def __init__(
        self,
        storage: Storage | None = None,
        *,
        text_column: str = "text",
        preset: Preset = "default",
        measured: bool = False,
    ) -> None:
        super().__init__(storage)
        self.text_column = text_column
        self.measured = measured
        self.rules = rules_of(preset)

    def forward(self) -> None:
        """Apply one rule after the other."""
        for rule in self.rules:
            if not self.measured:
                rule.run(self.storage, input_text=self.text_column)
            elif isinstance(rule, RuleSet):
                rule.run(self.storage, input_text=self.text_column, input_measures=rule.step_name())
            else:
                rule.run(
                    self.storage, input_text=self.text_column, input_measure=rule.default_output()
                )


class QualityMeasures(Pipeline):
    """Add what quality rules measure as columns, and drop nothing.

    `QualityRules` decides on such a table with ``measured``, as often as other bounds are to be
    tried. A rule of this package has a column of its own, such as ``word_count``; a rule set one
    for all of its measures, such as ``gopher_quality``.

    Args:
        storage: The table.
        text_column: The column of texts.
        preset: The rules; see `QualityRules`.
    """

    def __init__(
        self,
        storage: Storage | None = None,
        *,
        text_column: str = "text",
        preset: Preset = "default",
    ) -> None:
        super().__init__(storage)
        self.text_column = text_column
        self.measures: list[Operator] = [
            rule.model_copy(update={"drop": False})
            if isinstance(rule, RuleSet)
            else rule.make_evaluator()
            for rule in rules_of(preset)
        ]

    def forward(self) -> None:
        """Take one measure after the other."""
        for measure in self.measures:
            if isinstance(measure, RuleSet):
                column = measure.step_name()
                measure.run(self.storage, input_text=self.text_column, output_measures=column)
            else:
                measure.run(self.storage, input_text=self.text_column)


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
        threshold: float = 0.85,
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


class WebExtract(Pipeline):
    """Extract the main texts of web pages, such as those of a crawl (``--input warc:FILES``).

    Rows without a page (pictures, answers without content) are dropped by the step ``with_page``,
    pages without a text of their own by ``with_text``. What a page says of itself comes in the
    columns ``title``, ``author``, ``page_date`` and ``page_language`` if asked for. The page itself
    is left out of the result. Needs the extra ``html``.

    Args:
        storage: The table, with a column of pages as text.
        html_column: The column of pages.
        text_column: The column for their texts.
        favor: Whether what is doubtful is left out (``precision``), taken in (``recall``), or
            weighed (``balanced``).
        metadata: Whether title, author, date and language are added.
        keep_html: Whether the pages stay.
    """

    def __init__(
        self,
        storage: Storage | None = None,
        *,
        html_column: str = "html",
        text_column: str = "text",
        favor: Literal["balanced", "precision", "recall"] = "balanced",
        metadata: bool = False,
        keep_html: bool = False,
    ) -> None:
        super().__init__(storage)
        self.html_column = html_column
        self.text_column = text_column
        self.outputs = _METADATA if metadata else {}
        self.keep_html = keep_html
        self.with_page = FilterRows(where=f"{_quoted(html_column)} IS NOT NULL")
        self.extract = HtmlExtract(favor=favor)
        self.with_text = FilterRows(where=f"{_quoted(text_column)} IS NOT NULL")
        self.without_page = SelectColumns(remove=(html_column,))

    def forward(self) -> None:
        """Extract, and drop the rows of which there is nothing."""
        self.with_page.run(self.storage)
        self.extract.run(
            self.storage,
            input_html=self.html_column,
            output_text=self.text_column,
            **self.outputs,
        )
        self.with_text.run(self.storage)
        if not self.keep_html and self.html_column != self.text_column:
            self.without_page.run(self.storage)


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


_METADATA: Mapping[str, str] = MappingProxyType(
    {
        "output_title": "title",
        "output_author": "author",
        "output_date": "page_date",
        "output_language": "page_language",
    }
)
