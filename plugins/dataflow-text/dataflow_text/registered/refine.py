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
    OperatorSpec(
        name="remove_emoji",
        target="dataflow_text.refine.emoji:RemoveEmoji",
        summary="Remove emoji, with their flags, skin tones and joiners",
        function="refine",
    ),
    OperatorSpec(
        name="remove_emoticons",
        target="dataflow_text.refine.emoticons:RemoveEmoticons",
        summary="Remove emoticons such as :-) where they stand alone",
        function="refine",
    ),
    OperatorSpec(
        name="mask_pii",
        target="dataflow_text.refine.pii:MaskPii",
        summary="Mask e-mail addresses, phone and card numbers, and other personal data",
        function="refine",
    ),
)
