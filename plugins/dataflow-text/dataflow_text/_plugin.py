"""What this plugin registers; it imports no operator."""

from __future__ import annotations

from dataflow_core.plugins import OperatorSpec, PipelineSpec, hookimpl

GOPHER = "Gopher (Rae et al. 2021), appendix A.1.1"
C4 = "C4 (Raffel et al. 2020), section 2.2"


@hookimpl
def dataflow_register_operators() -> list[OperatorSpec]:
    """Register the text operators."""
    return [
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
        OperatorSpec(
            name="remove_html_urls",
            target="dataflow_text.markup:RemoveHtmlUrls",
            summary="Remove HTML tags, scripts and URLs from a text",
            function="refine",
        ),
        OperatorSpec(
            name="normalize_whitespace",
            target="dataflow_text.whitespace:NormalizeWhitespace",
            summary="Collapse runs of spaces and blank lines; line breaks survive",
            function="refine",
        ),
        OperatorSpec(
            name="deduplicate_exact",
            target="dataflow_text.deduplicate:DeduplicateExact",
            summary="Keep the first of each set of equal texts, case and whitespace aside if asked",
            function="filter",
            scope="dataset",
        ),
    ]


@hookimpl
def dataflow_register_pipelines() -> list[PipelineSpec]:
    """Register the text pipelines."""
    return [
        PipelineSpec(
            name="pretrain_filter",
            target="dataflow_text.pipelines:PretrainFilter",
            summary="Clean, filter and deduplicate web text for pre-training",
        ),
    ]
