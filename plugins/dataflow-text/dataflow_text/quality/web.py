"""The rules of C4 and of FineWeb for pages of the web."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from dataflow_text.analysis.characters import members
from dataflow_text.analysis.sentences import sentence_counts
from dataflow_text.analysis.shared import Measure
from dataflow_text.analysis.spans import Integers, Numbers, ratio
from dataflow_text.analysis.texts import Texts
from dataflow_text.quality.gopher import duplicate_line_characters
from dataflow_text.quality.rule_set import Check, RuleSet

_POLICIES = (
    "terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies",
    "use cookies",
)  # fmt: skip
_ENDS = ".!?\"'”’。！？…｡।॥۔؟"


class C4Quality(RuleSet):
    """Drop texts that break a rule of C4 for pages.

    Of lines count those of ``min_words_per_line`` words or more that speak neither of JavaScript
    nor of policies on cookies and privacy; a page goes when they have too few sentences, and when
    it has a curly bracket or "lorem ipsum". Whether lines must end with punctuation is no rule
    here, as in most later uses. Made for English. The bounds are those of the paper as it was
    published; the code that made C4 has 3 sentences and 5 words.

    Attributes:
        min_sentences: The fewest sentences in lines that count.
        min_words_per_line: The fewest words of a line that counts.
        allow_curly_brackets: Whether a page may have curly brackets.
        drop: Whether texts that break a rule go; False to measure alone.

    Source: C4 (Raffel et al. 2020), section 2.2.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "One more sentence. " * 5}, {"text": "if (x) {y}"}])
        >>> C4Quality().run(table)
        >>> len(table), table.dropped()["reason"].tolist()
        (1, ['curly_bracket'])
    """

    min_sentences: int | None = 5
    min_words_per_line: int = 3
    allow_curly_brackets: bool = False

    def checks(self) -> Sequence[Check]:
        """Return the rules."""
        return (
            Check("lorem_ipsum", _lorem_ipsum, at_most=0),
            Check("curly_bracket", _curly_brackets,
                  at_most=None if self.allow_curly_brackets else 0),
            Check("too_few_sentences", _sentences(self.min_words_per_line),
                  at_least=self.min_sentences),
        )  # fmt: skip


class FinewebQuality(RuleSet):
    r"""Drop texts that break a rule of FineWeb: lists, menus and what was assembled from pieces.

    Independent of language where lines end with punctuation. Bounds are those of datatrove, the
    code that made FineWeb; the paper has 0.1 for characters in repeated lines, and no bound for
    line ends.

    Attributes:
        min_punctuated_lines: The smallest share of lines that end with punctuation.
        max_short_lines: The largest share of lines of 30 characters or fewer.
        max_duplicate_characters: The largest share of characters in lines that occurred before.
        max_line_ends: The most line ends for each token.
        drop: Whether texts that break a rule go; False to measure alone.

    Source: FineWeb (Penedo et al. 2024), additional heuristic filters.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "Home\nAbout us\nContact"}, {"text": "A sentence."}])
        >>> FinewebQuality(max_short_lines=1).run(table)
        >>> table.rows()
        [{'text': 'A sentence.'}]
    """

    min_punctuated_lines: float | None = 0.12
    max_short_lines: float | None = 0.67
    max_duplicate_characters: float | None = 0.01
    max_line_ends: float | None = 0.3

    def checks(self) -> Sequence[Check]:
        """Return the rules."""
        return (
            Check("unpunctuated_lines", _punctuated_lines, at_least=self.min_punctuated_lines),
            Check("short_lines", _short_lines, at_most=self.max_short_lines),
            Check("duplicate_characters", duplicate_line_characters,
                  at_most=self.max_duplicate_characters),
            Check("many_lines", _line_ends, at_most=self.max_line_ends),
        )  # fmt: skip


def _lorem_ipsum(texts: Texts) -> Integers:
    return texts.words.sums(texts.phrases(("lorem ipsum",)))


def _curly_brackets(texts: Texts) -> Integers:
    return texts.count(texts.where("{"))


@functools.cache
def _sentences(min_words: int) -> Measure:
    def sentences(texts: Texts) -> Integers:
        lines = texts.lines
        bounds = np.append(lines.begins, len(texts.codes))
        words = np.diff(np.searchsorted(texts.tokens.begins, bounds))
        kept = (words >= min_words) & ~texts.lines_with(texts.find("javascript"))
        for policy in _POLICIES:
            kept &= ~texts.lines_with(texts.find(policy))
        return sentence_counts(texts, kept)

    return sentences


def _punctuated_lines(texts: Texts) -> Numbers:
    return texts.lines.share(members(_ENDS)[texts.codes[texts.lines.ends - 1]])


def _short_lines(texts: Texts) -> Numbers:
    return texts.lines.share(texts.lines.lengths <= 30)


def _line_ends(texts: Texts) -> Numbers:
    return ratio(texts.count(texts.line_ends) - 1, texts.linguistic.count)
