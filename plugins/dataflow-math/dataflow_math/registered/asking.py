"""What asks a model: operators, their prompts, and pipelines."""

from __future__ import annotations

from dataflow_core.plugins import OperatorSpec, PipelineSpec, PromptSpec
from dataflow_math.sources import COT, MATHQ_VERIFY, SELF_CONSISTENCY

OPERATORS = (
    OperatorSpec(
        name="answer_generator",
        target="dataflow_math.generate.answer_generator:AnswerGenerator",
        summary="Have a model solve questions step by step, with the answer in a box",
        function="generate",
        source=COT,
    ),
    OperatorSpec(
        name="self_consistency",
        target="dataflow_math.generate.self_consistency:SelfConsistency",
        summary="Solve questions several times, and take the answer that most agree on",
        function="generate",
        source=SELF_CONSISTENCY,
    ),
    OperatorSpec(
        name="question_verifier",
        target="dataflow_math.evaluate.question_verifier:QuestionVerifier",
        summary="Name the first of five checks that a question fails",
        function="evaluate",
        source=MATHQ_VERIFY,
    ),
    OperatorSpec(
        name="question_filter",
        target="dataflow_math.evaluate.question_verifier:QuestionFilter",
        summary="Keep questions that pass the five checks of MathQ-Verify",
        function="filter",
        source=MATHQ_VERIFY,
    ),
)

PROMPTS = (
    PromptSpec(
        name="answer_generator",
        target="dataflow_math:prompts/answer_generator.jinja",
        summary="Solve a mathematical question step by step, with the answer in a box.",
    ),
    PromptSpec(
        name="question_verifier",
        target="dataflow_math:prompts/question_verifier.jinja",
        summary="Check in five steps whether a mathematical question is sound, and name the first "
        "that fails.",
    ),
)

PIPELINES = (
    PipelineSpec(
        name="solve_and_verify",
        target="dataflow_math.pipelines.solve_and_verify:SolveAndVerify",
        summary="Have a model solve questions, and mark which answers equal the references",
    ),
)
