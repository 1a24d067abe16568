"""The deduplicators."""

from __future__ import annotations

from dataflow_core.plugins import OperatorSpec

OPERATORS = (
    OperatorSpec(
        name="deduplicate_exact",
        target="dataflow_text.deduplicate.exact:DeduplicateExact",
        summary="Keep the first of each set of equal texts, case and the like aside if asked",
        function="filter",
        scope="dataset",
    ),
    OperatorSpec(
        name="deduplicate_minhash",
        target="dataflow_text.deduplicate.minhash:DeduplicateMinhash",
        summary="Keep the first of texts that share most of their n-grams, by MinHash signatures",
        function="filter",
        scope="dataset",
        source="MinHash (Broder 1997); Fast Similarity Sketching (Dahlgaard et al. 2017)",
    ),
    OperatorSpec(
        name="deduplicate_simhash",
        target="dataflow_text.deduplicate.simhash:DeduplicateSimhash",
        summary="Keep the first of texts whose SimHash fingerprints differ in few bits",
        function="filter",
        scope="dataset",
        source="SimHash (Charikar 2002), section 3; Manku, Jain and Das Sarma 2007, section 3",
    ),
    OperatorSpec(
        name="deduplicate_ngrams",
        target="dataflow_text.deduplicate.ngrams:DeduplicateNgrams",
        summary="Keep the first of texts that share most of their word n-grams, counted one by one",
        function="filter",
        scope="dataset",
        source="Resemblance by smallest hashes (Broder 1997)",
    ),
)
