"""What this plugin registers; it imports no operator."""

from __future__ import annotations

from dataflow_core.plugins import OperatorSpec, PipelineSpec, PromptSpec, hookimpl
from dataflow_math.registered import answers, asking

OPERATORS = (*answers.OPERATORS, *asking.OPERATORS)


@hookimpl
def dataflow_register_operators() -> list[OperatorSpec]:
    """Register the operators for mathematics."""
    return list(OPERATORS)


@hookimpl
def dataflow_register_pipelines() -> list[PipelineSpec]:
    """Register the pipelines for mathematics."""
    return list(asking.PIPELINES)


@hookimpl
def dataflow_register_prompts() -> list[PromptSpec]:
    """Register the prompts of the operators that ask a model."""
    return list(asking.PROMPTS)
