"""The evaluators."""

from __future__ import annotations

from dataflow_core.plugins import OperatorSpec
from dataflow_text.sources import (
    BLEU,
    BPE,
    CHRF,
    CIDER,
    DISTINCT,
    DIVERSITY,
    KNESER_NEY,
    LANGID,
    ROUGE,
    TER,
)

OPERATORS: tuple[OperatorSpec, ...] = (
    OperatorSpec(
        name="ngram_repetition_evaluator",
        target="dataflow_text.evaluate.ngrams:NgramRepetitionEvaluator",
        summary="Measure the share of distinct n-grams of words in a text",
        function="evaluate",
        source=DISTINCT,
    ),
    OperatorSpec(
        name="ngram_repetition_filter",
        target="dataflow_text.evaluate.ngrams:NgramRepetitionFilter",
        summary="Drop texts that repeat the same n-grams of words",
        function="filter",
        source=DISTINCT,
    ),
    OperatorSpec(
        name="lexical_diversity_evaluator",
        target="dataflow_text.evaluate.lexis:LexicalDiversityEvaluator",
        summary="Measure how varied the words of a text are, by MTLD or HD-D",
        function="evaluate",
        source=DIVERSITY,
    ),
    OperatorSpec(
        name="lexical_diversity_filter",
        target="dataflow_text.evaluate.lexis:LexicalDiversityFilter",
        summary="Keep texts whose lexical diversity, by MTLD or HD-D, lies within bounds",
        function="filter",
        source=DIVERSITY,
    ),
    OperatorSpec(
        name="language_evaluator",
        target="dataflow_text.evaluate.language:LanguageEvaluator",
        summary="Tell the language of a text, and how sure that is",
        function="evaluate",
        source=LANGID,
    ),
    OperatorSpec(
        name="language_filter",
        target="dataflow_text.evaluate.language:LanguageFilter",
        summary="Keep texts in some languages, with a least confidence",
        function="filter",
        source=LANGID,
    ),
    OperatorSpec(
        name="bleu_evaluator",
        target="dataflow_text.evaluate.translation:BleuEvaluator",
        summary="Compute sentence BLEU of a text against references",
        function="evaluate",
        source=BLEU,
    ),
    OperatorSpec(
        name="chrf_evaluator",
        target="dataflow_text.evaluate.translation:ChrfEvaluator",
        summary="Compute sentence chrF of a text against references",
        function="evaluate",
        source=CHRF,
    ),
    OperatorSpec(
        name="ter_evaluator",
        target="dataflow_text.evaluate.translation:TerEvaluator",
        summary="Compute the translation edit rate of a text against references",
        function="evaluate",
        source=TER,
    ),
    OperatorSpec(
        name="rouge_evaluator",
        target="dataflow_text.evaluate.rouge:RougeEvaluator",
        summary="Compute ROUGE-1, ROUGE-2 or ROUGE-L of a text against references",
        function="evaluate",
        source=ROUGE,
    ),
    OperatorSpec(
        name="cider_evaluator",
        target="dataflow_text.evaluate.consensus:CiderEvaluator",
        summary="Compute CIDEr or CIDEr-D of texts against references",
        function="evaluate",
        scope="dataset",
        source=CIDER,
    ),
    OperatorSpec(
        name="token_count_evaluator",
        target="dataflow_text.evaluate.length:TokenCountEvaluator",
        summary="Count the tokens of a text, in the vocabulary of a language model",
        function="evaluate",
        source=BPE,
    ),
    OperatorSpec(
        name="token_count_filter",
        target="dataflow_text.evaluate.length:TokenCountFilter",
        summary="Keep texts whose number of tokens lies within bounds",
        function="filter",
        source=BPE,
    ),
    OperatorSpec(
        name="perplexity_evaluator",
        target="dataflow_text.evaluate.perplexity:PerplexityEvaluator",
        summary="Measure how much the characters of a text surprise a model of good text",
        function="evaluate",
        source=KNESER_NEY,
    ),
    OperatorSpec(
        name="perplexity_filter",
        target="dataflow_text.evaluate.perplexity:PerplexityFilter",
        summary="Keep texts whose perplexity under a model of good text lies within bounds",
        function="filter",
        source=KNESER_NEY,
    ),
    OperatorSpec(
        name="pii_count_evaluator",
        target="dataflow_text.evaluate.pii:PiiCountEvaluator",
        summary="Count the e-mail addresses, phone numbers, names and other personal data",
        function="evaluate",
    ),
    OperatorSpec(
        name="pii_count_filter",
        target="dataflow_text.evaluate.pii:PiiCountFilter",
        summary="Drop texts with much personal data",
        function="filter",
    ),
)
