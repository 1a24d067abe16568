"""The deduplicators."""

from __future__ import annotations

from dataflow_core.plugins import OperatorSpec
from dataflow_text.sources import MINHASH, RESEMBLANCE, SIMHASH, XXHASH

OPERATORS = (
    OperatorSpec(
        name="deduplicate_exact",
        target="dataflow_text.deduplicate.exact:DeduplicateExact",
        summary="Keep the first of each set of equal texts, case and the like aside if asked",
        function="filter",
        scope="dataset",
        source=XXHASH,
    ),
    OperatorSpec(
        name="deduplicate_minhash",
        target="dataflow_text.deduplicate.minhash:DeduplicateMinhash",
        summary="Keep the first of texts that share most of their n-grams, by MinHash signatures",
        function="filter",
        scope="dataset",
        source=MINHASH,
    ),
    OperatorSpec(
        name="deduplicate_simhash",
        target="dataflow_text.deduplicate.simhash:DeduplicateSimhash",
        summary="Keep the first of texts whose SimHash fingerprints differ in few bits",
        function="filter",
        scope="dataset",
        source=SIMHASH,
    ),
    OperatorSpec(
        name="deduplicate_ngrams",
        target="dataflow_text.deduplicate.ngrams:DeduplicateNgrams",
        summary="Keep the first of texts that share most of their word n-grams, counted one by one",
        function="filter",
        scope="dataset",
        source=RESEMBLANCE,
    ),
)
