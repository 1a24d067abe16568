"""ROUGE: overlap of n-grams and of sequences with references."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Literal

from dataflow_text.evaluate.references import ReferenceEvaluator, Scorer, split_words

_ASCII_WORDS = re.compile(r"[a-z0-9]+")


class RougeEvaluator(ReferenceEvaluator):
    """Compute ROUGE: how much of the reference a text says, and of the text the reference, 0 to 1.

    ROUGE-1 and ROUGE-2 count common words and pairs of words, ROUGE-L the words of the longest
    common subsequence. Words are runs of letters and digits in lower case, without stemming; in
    Chinese, Japanese, Thai, Lao, Khmer and Burmese each letter is a word. The best of several
    references counts. A text or reference without words has 0; a null text, and one without a
    reference, has no measure.

    Source: ROUGE (Lin 2004), sections 2 and 3.

    Attributes:
        kind: ``"rouge1"``, ``"rouge2"`` or ``"rougeL"``; also the default name of the column.
        measure: The part of it: ``"f1"``, ``"precision"`` or ``"recall"``.
        ascii_only: Whether letters beyond ASCII separate words, as in the package rouge-score.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "the cat sat", "reference": "the black cat sat down"}])
        >>> RougeEvaluator().run(table)
        >>> table.rows()[0]["rougeL"]
        0.75
    """

    kind: Literal["rouge1", "rouge2", "rougeL"] = "rougeL"
    measure: Literal["f1", "precision", "recall"] = "f1"
    ascii_only: bool = False

    def default_output(self) -> str:
        """Return the kind."""
        return self.kind

    def make_scorer(self) -> Scorer:
        """Return the function for the kind and the measure."""

        def score(text: str, references: list[str]) -> float:
            words = self._split(text)
            pairs = [self._scores(words, self._split(reference)) for reference in references]
            return max(pairs, key=lambda scores: scores["f1"])[self.measure]

        return score

    def _split(self, text: str) -> list[str]:
        if self.ascii_only:
            return _ASCII_WORDS.findall(text.lower())
        return split_words(text.replace("_", " "))

    def _scores(self, words: list[str], reference: list[str]) -> dict[str, float]:
        """Return precision, recall and their harmonic mean."""
        n = 2 if self.kind == "rouge2" else 1
        if self.kind == "rougeL":
            common = longest_common_subsequence(words, reference)
        else:
            common = (_ngrams(words, n) & _ngrams(reference, n)).total()
        ours, theirs = (max(len(part) - n + 1, 0) for part in (words, reference))
        return {
            "f1": 2 * common / max(ours + theirs, 1),
            "precision": common / max(ours, 1),
            "recall": common / max(theirs, 1),
        }


def longest_common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the length of the longest common subsequence.

    Each word of one is a step on all positions of the other at once, kept as the bits of a number.

    Source: bit-vector LCS (Hyyrö 2004).

    Args:
        one: Some words.
        other: Other words.
    """
    places: defaultdict[str, int] = defaultdict(int)
    for position, word in enumerate(other):
        places[word] |= 1 << position
    whole = (1 << len(other)) - 1
    free = whole
    for word in one:
        if word in places:
            matched = free & places[word]
            free = ((free + matched) | (free - matched)) & whole
    return len(other) - free.bit_count()


def _ngrams(words: list[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[start:] for start in range(n)), strict=False))
