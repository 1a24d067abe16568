"""The general operators, namespace ``core``; each is imported when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataflow_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from dataflow_core.operators.general.apply import Apply
    from dataflow_core.operators.general.benchmark_answers import BenchmarkAnswers
    from dataflow_core.operators.general.chunked_generator import ChunkedGenerator
    from dataflow_core.operators.general.classify import Classify
    from dataflow_core.operators.general.concatenate import Concatenate
    from dataflow_core.operators.general.deduplicate_exact import DeduplicateExact
    from dataflow_core.operators.general.derive_column import DeriveColumn
    from dataflow_core.operators.general.embed import Embed
    from dataflow_core.operators.general.explode import Explode
    from dataflow_core.operators.general.extract_fields import ExtractFields
    from dataflow_core.operators.general.filter_rows import FilterRows
    from dataflow_core.operators.general.format_training import FormatTraining
    from dataflow_core.operators.general.join import Join
    from dataflow_core.operators.general.judge_answers import JudgeAnswers, JudgeFilter
    from dataflow_core.operators.general.k_center_greedy import KCenterGreedy
    from dataflow_core.operators.general.pairwise_judge import PairwiseJudge
    from dataflow_core.operators.general.prompted_evaluator import PromptedEvaluator, PromptedFilter
    from dataflow_core.operators.general.prompted_generator import PromptedGenerator
    from dataflow_core.operators.general.prompted_refiner import PromptedRefiner
    from dataflow_core.operators.general.rename_columns import RenameColumns
    from dataflow_core.operators.general.retrieve import Retrieve
    from dataflow_core.operators.general.sample import Sample
    from dataflow_core.operators.general.select_columns import SelectColumns
    from dataflow_core.operators.general.semantic_deduplicate import SemanticDeduplicate
    from dataflow_core.operators.general.sort import Sort
    from dataflow_core.operators.general.summarize import Summarize
    from dataflow_core.operators.general.template_generator import TemplateGenerator
    from dataflow_core.operators.general.translate import Translate
    from dataflow_core.operators.general.want import Want

_FILES = {
    "Apply": "apply",
    "BenchmarkAnswers": "benchmark_answers",
    "ChunkedGenerator": "chunked_generator",
    "Classify": "classify",
    "Concatenate": "concatenate",
    "DeduplicateExact": "deduplicate_exact",
    "DeriveColumn": "derive_column",
    "Embed": "embed",
    "Explode": "explode",
    "ExtractFields": "extract_fields",
    "FilterRows": "filter_rows",
    "FormatTraining": "format_training",
    "Join": "join",
    "JudgeAnswers": "judge_answers",
    "JudgeFilter": "judge_answers",
    "KCenterGreedy": "k_center_greedy",
    "PairwiseJudge": "pairwise_judge",
    "PromptedEvaluator": "prompted_evaluator",
    "PromptedFilter": "prompted_evaluator",
    "PromptedGenerator": "prompted_generator",
    "PromptedRefiner": "prompted_refiner",
    "RenameColumns": "rename_columns",
    "Retrieve": "retrieve",
    "Sample": "sample",
    "SelectColumns": "select_columns",
    "SemanticDeduplicate": "semantic_deduplicate",
    "Sort": "sort",
    "Summarize": "summarize",
    "TemplateGenerator": "template_generator",
    "Translate": "translate",
    "Want": "want",
}

__all__ = [
    "Apply",
    "BenchmarkAnswers",
    "ChunkedGenerator",
    "Classify",
    "Concatenate",
    "DeduplicateExact",
    "DeriveColumn",
    "Embed",
    "Explode",
    "ExtractFields",
    "FilterRows",
    "FormatTraining",
    "Join",
    "JudgeAnswers",
    "JudgeFilter",
    "KCenterGreedy",
    "PairwiseJudge",
    "PromptedEvaluator",
    "PromptedFilter",
    "PromptedGenerator",
    "PromptedRefiner",
    "RenameColumns",
    "Retrieve",
    "Sample",
    "SelectColumns",
    "SemanticDeduplicate",
    "Sort",
    "Summarize",
    "TemplateGenerator",
    "Translate",
    "Want",
]

__getattr__, __dir__ = lazy_names(__name__, _FILES, within=__name__)
