"""The deduplicators."""

from __future__ import annotations

from dataflow_core.plugins import OperatorSpec

OPERATORS = (
    OperatorSpec(
        name="deduplicate_exact",
        target="dataflow_text.deduplicate.exact:DeduplicateExact",
        summary="Keep the first of each set of equal texts, case and whitespace aside if asked",
        function="filter",
        scope="dataset",
    ),
)
