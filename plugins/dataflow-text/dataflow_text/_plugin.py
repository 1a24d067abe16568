"""What this plugin registers; it imports no operator."""

from __future__ import annotations

from dataflow_core.plugins import OperatorSpec, PipelineSpec, hookimpl
from dataflow_text.registered import deduplicate, evaluate, extract, quality, refine, survey

OPERATORS = (
    *quality.OPERATORS,
    *refine.OPERATORS,
    *deduplicate.OPERATORS,
    *evaluate.OPERATORS,
    *extract.OPERATORS,
    *survey.OPERATORS,
)
PIPELINES = (
    PipelineSpec(
        name="pretrain_filter",
        target="dataflow_text.pipelines:PretrainFilter",
        summary="Clean, filter and deduplicate web text for pre-training",
    ),
    PipelineSpec(
        name="quality_rules",
        target="dataflow_text.pipelines:QualityRules",
        summary="Drop texts of low quality by the rules of a preset: default, gopher, c4, fineweb",
    ),
    PipelineSpec(
        name="dedup",
        target="dataflow_text.pipelines:Dedup",
        summary="Keep the first of texts that are equal or nearly so",
    ),
    PipelineSpec(
        name="survey",
        target="dataflow_text.pipelines:Survey",
        summary="Tell what a data set is like: lengths, vocabulary, duplicates",
    ),
)


@hookimpl
def dataflow_register_operators() -> list[OperatorSpec]:
    """Register the text operators."""
    return list(OPERATORS)


@hookimpl
def dataflow_register_pipelines() -> list[PipelineSpec]:
    """Register the text pipelines."""
    return list(PIPELINES)
