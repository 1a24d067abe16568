"""The measures of machine translation, by sacreBLEU."""

from __future__ import annotations

import importlib
from typing import Any, ClassVar, Literal

from pydantic import Field

from dataflow_text.evaluate.references import ReferenceEvaluator, Scorer


class BleuEvaluator(ReferenceEvaluator):
    """Compute sentence BLEU: how many n-grams of a text stand in its references, 0 to 100.

    The geometric mean of the precisions of n-grams up to ``max_order``, times a penalty for texts
    shorter than the closest reference. Where a text has fewer words than ``max_order``, only the
    orders that it has count. An empty text has 0; a null text, and one without a reference, has no
    measure. The tokenizer must suit the language: ``"13a"`` takes words between spaces and
    punctuation; for languages without spaces take ``"zh"`` (Chinese) or ``"char"``.

    Source: BLEU (Papineni et al. 2002), by sacreBLEU (Post 2018).

    Attributes:
        max_order: The longest n-grams.
        smoothing: How orders without a match count: ``"exp"`` halves them one after the other,
            ``"floor"`` and ``"add-k"`` add a constant, ``"none"`` lets them make the score 0.
        tokenizer: The name of a tokenizer of sacreBLEU.
        lowercase: Whether upper and lower case count as equal.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "the cat sat", "reference": ["a cat sat", "the cat"]}])
        >>> BleuEvaluator(max_order=2).run(table)
        >>> [round(row["bleu"], 6) for row in table.rows()]
        [100.0]
    """

    measure_name: ClassVar[str] = "bleu"

    max_order: int = Field(4, ge=1, le=10)
    smoothing: Literal["exp", "floor", "add-k", "none"] = "exp"
    tokenizer: Literal["13a", "intl", "zh", "char", "none"] = "13a"
    lowercase: bool = False

    def make_scorer(self) -> Scorer:
        """Return sacreBLEU's sentence BLEU."""
        return _scorer(
            _metrics().BLEU(
                max_ngram_order=self.max_order,
                smooth_method=self.smoothing,
                tokenize=self.tokenizer,
                lowercase=self.lowercase,
                effective_order=True,
            )
        )


class ChrfEvaluator(ReferenceEvaluator):
    """Compute sentence chrF: the F-score of character n-grams of a text in a reference, 0 to 100.

    Independent of language, since it takes no words (but with ``word_order``, those between
    spaces). The best of several references counts. An empty text has 0; a null text, and one
    without a reference, has no measure.

    Source: chrF (Popović 2015), by sacreBLEU; with ``word_order=2`` it is chrF++ (Popović 2017).

    Attributes:
        max_order: The longest n-grams of characters.
        word_order: The longest n-grams of words; 0 for none.
        beta: How much more recall weighs than precision.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "今天天气好", "reference": "今天天气很好"}])
        >>> ChrfEvaluator(max_order=2).run(table)
        >>> [round(row["chrf"], 2) for row in table.rows()]
        [74.36]
    """

    measure_name: ClassVar[str] = "chrf"

    max_order: int = Field(6, ge=1, le=20)
    word_order: int = Field(0, ge=0, le=10)
    beta: int = Field(2, ge=1)

    def make_scorer(self) -> Scorer:
        """Return sacreBLEU's sentence chrF."""
        return _scorer(
            _metrics().CHRF(char_order=self.max_order, word_order=self.word_order, beta=self.beta)
        )


class TerEvaluator(ReferenceEvaluator):
    """Compute the translation edit rate: edits that make a reference of a text, per 100 words.

    Edits are insertions, deletions and substitutions of words, and shifts of phrases. 0 is a copy;
    there is no upper end. The best of several references counts. A null text, and one without a
    reference, has no measure. Words stand between spaces; for Chinese and Japanese take
    ``asian=True``. Since the search takes time that grows with the square of the length, a row
    whose text or reference has more than ``max_words`` words has no measure.

    Source: TER (Snover et al. 2006), by sacreBLEU.

    Attributes:
        lowercase: Whether upper and lower case count as equal.
        normalize: Whether punctuation counts as words of its own.
        asian: Whether Chinese and Japanese letters count as words.
        max_words: The longest text or reference measured, in words between spaces, or letters where
            ``asian``.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "the cat sat here", "reference": "the cat sat there"}])
        >>> TerEvaluator().run(table)
        >>> table.rows()[0]["ter"]
        25.0
    """

    measure_name: ClassVar[str] = "ter"

    lowercase: bool = True
    normalize: bool = False
    asian: bool = False
    max_words: int = Field(300, ge=1)

    def make_scorer(self) -> Scorer:
        """Return sacreBLEU's sentence TER, but nothing for long texts."""
        score = _scorer(
            _metrics().TER(
                normalized=self.normalize or self.asian,
                case_sensitive=not self.lowercase,
                asian_support=self.asian,
            )
        )

        def score_short(text: str, references: list[str]) -> float | None:
            longest = max(map(self._count, (text, *references)))
            return score(text, references) if longest <= self.max_words else None

        return score_short

    def _count(self, text: str) -> int:
        return len(text) if self.asian else len(text.split())


def _metrics() -> Any:
    return importlib.import_module("sacrebleu.metrics")


def _scorer(metric: Any) -> Scorer:
    def score(text: str, references: list[str]) -> float:
        return float(metric.sentence_score(text, references).score)

    return score
