"""The evaluators."""

from __future__ import annotations

from dataflow_core.plugins import OperatorSpec

DISTINCT = "distinct-n (Li et al. 2016)"
DIVERSITY = "MTLD and HD-D (McCarthy and Jarvis 2010)"
LANGID = "langid.py (Lui and Baldwin 2012)"

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
)
