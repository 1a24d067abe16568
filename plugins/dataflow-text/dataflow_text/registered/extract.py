"""Extraction."""

from __future__ import annotations

from dataflow_core.plugins import OperatorSpec
from dataflow_text.sources import TRAFILATURA

OPERATORS = (
    OperatorSpec(
        name="html_extract",
        target="dataflow_text.extract.html:HtmlExtract",
        summary="Extract the main text of HTML pages, without what stands around it",
        function="generate",
        source=TRAFILATURA,
        extra="html",
    ),
)
