"""The refiners."""

from __future__ import annotations

from dataflow_core.plugins import OperatorSpec

OPERATORS = (
    OperatorSpec(
        name="remove_html_urls",
        target="dataflow_text.refine.markup:RemoveHtmlUrls",
        summary="Remove HTML tags, scripts and URLs from a text",
        function="refine",
    ),
    OperatorSpec(
        name="normalize_whitespace",
        target="dataflow_text.refine.whitespace:NormalizeWhitespace",
        summary="Collapse runs of spaces and blank lines; line breaks survive",
        function="refine",
    ),
)
