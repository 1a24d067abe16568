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
    OperatorSpec(
        name="deduplicate_min_hash",
        target="dataflow_text.deduplicate.minhash:DeduplicateMinHash",
        summary="Keep the first of texts that share most of their n-grams, by MinHash signatures",
        function="filter",
        scope="dataset",
        source="MinHash (Broder 1997), sections 3 and 4",
    ),
)
