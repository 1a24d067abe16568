"""The evaluators of a data set as a whole."""

from __future__ import annotations

from dataflow_core.plugins import OperatorSpec
from dataflow_text.sources import DUPLICATES, OWN, VOCABULARY

OPERATORS = (
    OperatorSpec(
        name="vocabulary_evaluator",
        target="dataflow_text.survey.vocabulary:VocabularyEvaluator",
        summary="Tell what vocabulary a data set has: words, different ones, the commonest",
        function="evaluate",
        scope="dataset",
        source=VOCABULARY,
    ),
    OperatorSpec(
        name="length_distribution_evaluator",
        target="dataflow_text.survey.lengths:LengthDistributionEvaluator",
        summary="Tell how long the texts of a data set are, in characters, words and tokens",
        function="evaluate",
        scope="dataset",
        source=OWN,
    ),
    OperatorSpec(
        name="duplicate_share_evaluator",
        target="dataflow_text.survey.duplicates:DuplicateShareEvaluator",
        summary="Tell how many texts of a data set repeat an earlier one, or nearly so",
        function="evaluate",
        scope="dataset",
        source=DUPLICATES,
    ),
)
