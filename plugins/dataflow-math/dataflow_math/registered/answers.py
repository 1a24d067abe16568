"""What finds and compares answers."""

from __future__ import annotations

from dataflow_core.plugins import OperatorSpec
from dataflow_math.sources import EQUALITY, EXTRACTION

_EXAMPLES = "dataflow_math.conformance:EXAMPLES"

OPERATORS = (
    OperatorSpec(
        name="answer_extractor",
        target="dataflow_math.generate.answer_extractor:AnswerExtractor",
        summary="Find the final answer of a solution: boxed, tagged, stated, chosen, or last",
        function="generate",
        source=EXTRACTION,
        example=_EXAMPLES,
    ),
    OperatorSpec(
        name="answer_verifier",
        target="dataflow_math.evaluate.answer_verifier:AnswerVerifier",
        summary="Mark whether an answer equals the reference, as mathematics rather than as text",
        function="evaluate",
        source=EQUALITY,
        example=_EXAMPLES,
    ),
    OperatorSpec(
        name="answer_filter",
        target="dataflow_math.evaluate.answer_verifier:AnswerFilter",
        summary="Keep rows whose answer equals the reference, as mathematics",
        function="filter",
        source=EQUALITY,
        example=_EXAMPLES,
    ),
)
