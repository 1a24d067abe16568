"""Examples for the conformance kit: rows that say more than those that it makes up."""

from __future__ import annotations

from dataflow_core.testing import Example

_COMPARED = Example(
    rows=(
        {"answer": "1/2", "reference": "0.5"},
        {"answer": "x+1", "reference": "1+x"},
        {"answer": "3", "reference": "4"},
        {"answer": "(1, 2]", "reference": "1 < x ≤ 2"},
        {"answer": "no idea", "reference": "7"},
    )
)

EXAMPLES = {
    "answer_extractor": Example(
        rows=(
            {"text": r"So it is \boxed{42}."},
            {"text": "The answer is 7."},
            {"text": "#### 12"},
            {"text": "I cannot tell."},
        )
    ),
    "answer_filter": _COMPARED,
    "answer_verifier": _COMPARED,
}
"""By name."""
