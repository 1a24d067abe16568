"""What this plugin registers; it imports no operator."""

from __future__ import annotations

from dataflow_core.plugins import OperatorSpec, PipelineSpec, hookimpl
from dataflow_text.registered import deduplicate, evaluate, quality, refine

OPERATORS = (
    *quality.OPERATORS,
    *refine.OPERATORS,
    *deduplicate.OPERATORS,
    *evaluate.OPERATORS,
)
PIPELINES = (
    PipelineSpec(
        name="pretrain_filter",
        target="dataflow_text.pipelines:PretrainFilter",
        summary="Clean, filter and deduplicate web text for pre-training",
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
