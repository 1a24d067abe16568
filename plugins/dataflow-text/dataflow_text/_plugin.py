"""What this plugin registers; it imports no operator."""

from __future__ import annotations

from dataflow_core.plugins import OperatorSpec, PipelineSpec, StorageSpec, hookimpl
from dataflow_text.registered import deduplicate, evaluate, extract, quality, refine, survey
from dataflow_text.warc.endings import ENDINGS

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
        target="dataflow_text.pipelines.pretrain:PretrainFilter",
        summary="Clean, filter and deduplicate web text for pre-training",
    ),
    PipelineSpec(
        name="quality_rules",
        target="dataflow_text.pipelines.quality:QualityRules",
        summary="Drop texts of low quality by the rules of a preset: default, gopher, c4, fineweb",
    ),
    PipelineSpec(
        name="quality_measures",
        target="dataflow_text.pipelines.quality:QualityMeasures",
        summary="Add what the quality rules of a preset measure, and drop nothing",
    ),
    PipelineSpec(
        name="dedup",
        target="dataflow_text.pipelines.deduplication:Dedup",
        summary="Keep the first of texts that are equal or nearly so",
    ),
    PipelineSpec(
        name="survey",
        target="dataflow_text.pipelines.survey:Survey",
        summary="Tell what a data set is like: lengths, vocabulary, duplicates",
    ),
    PipelineSpec(
        name="web_extract",
        target="dataflow_text.pipelines.web:WebExtract",
        summary="Extract the main texts of web pages, such as those of a crawl",
    ),
)
STORAGES = (
    StorageSpec(
        name="warc",
        target="dataflow_text.warc.storage:WarcStorage",
        summary="Pages and texts of crawls: WARC files, WET files too",
        schemes=("warc",),
        endings=ENDINGS,
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


@hookimpl
def dataflow_register_storages() -> list[StorageSpec]:
    """Register the storages."""
    return list(STORAGES)
