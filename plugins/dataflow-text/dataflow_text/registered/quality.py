"""The quality rules."""

from __future__ import annotations

from dataflow_core.plugins import OperatorSpec

GOPHER = "Gopher (Rae et al. 2021), appendix A.1.1"
C4 = "C4 (Raffel et al. 2020), section 2.2"

OPERATORS = (
    OperatorSpec(
        name="word_count_evaluator",
        target="dataflow_text.quality:WordCountEvaluator",
        summary="Count the words of a text, in any script",
        function="evaluate",
        source=GOPHER,
    ),
    OperatorSpec(
        name="word_count_filter",
        target="dataflow_text.quality:WordCountFilter",
        summary="Keep texts whose number of words lies within bounds",
        function="filter",
        source=GOPHER,
    ),
    OperatorSpec(
        name="curly_bracket_evaluator",
        target="dataflow_text.quality:CurlyBracketEvaluator",
        summary="Measure the share of curly brackets among a text's characters",
        function="evaluate",
        source=C4,
    ),
    OperatorSpec(
        name="curly_bracket_filter",
        target="dataflow_text.quality:CurlyBracketFilter",
        summary="Drop texts with many curly brackets, most likely code",
        function="filter",
        source=C4,
    ),
)
