"""The share of duplicates, against plain counting and against the deduplicators."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflow_core import MemoryStorage
from dataflow_core.table.identity import format_id
from dataflow_text import DeduplicateExact, DeduplicateMinhash, DuplicateShareEvaluator

TEXTS = st.lists(
    st.sampled_from([None, "", "a", "A", "a ", "a  b", "a b", "a, b", "1", "2", "你好", "你好。"]),
    min_size=1, max_size=25,
)  # fmt: skip
LONG = "The quick brown fox jumps over the lazy dog and runs into the woods at night. "


def rows_of(texts):
    return [{"text": text} for text in texts]


@given(TEXTS)
def test_it_is_what_plain_counting_says(texts):
    table = MemoryStorage(rows_of(texts))
    ids = [format_id(row) for row in table.read([]).index]
    DuplicateShareEvaluator(largest=2).run(table)
    found = table.findings()["duplicate_share_evaluator"]

    present = [text for text in texts if text is not None]
    counts = Counter(present)
    repeats = len(present) - len(counts)
    assert found["texts"] == len(present)
    assert found["duplicates"] == repeats
    assert found["duplicate_share"] == (repeats / len(present) if present else None)
    assert found["duplicate_bytes"] == sum((n - 1) * len(t.encode()) for t, n in counts.items())
    groups = sorted(
        ((-n, texts.index(text)) for text, n in counts.items() if n > 1),
    )
    assert found["duplicated_texts"] == len(groups)
    assert found["largest_groups"] == [
        {"rows": -size, "first_row": ids[first]} for size, first in groups[:2]
    ]
    assert table.rows() == rows_of(texts)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=TEXTS, batch_size=st.integers(1, 5), near=st.booleans(),
    ignored=st.sets(st.sampled_from(["case", "whitespace", "punctuation", "digits"])),
)  # fmt: skip
def test_it_tells_what_the_deduplicators_would_drop(texts, batch_size, near, ignored, findings):
    settings = {f"ignore_{what}": True for what in ignored}
    operator = DuplicateShareEvaluator(near=near, threshold=0.7, **settings)
    found = findings(operator, rows_of(texts), batch_size)
    assert found == findings(operator, rows_of(texts))

    table = MemoryStorage(rows_of(texts))
    before = sum(len(row["text"] or "") for row in table.rows())
    DeduplicateExact(**settings).run(table)
    assert found["duplicates"] == len(texts) - len(table)
    left = len(table)
    DeduplicateMinhash(threshold=0.7).run(table)
    assert found.get("near_duplicates", 0) == (left - len(table) if near else 0)
    assert before >= sum(len(row["text"] or "") for row in table.rows())


def test_near_duplicates_are_told_beside_equal_ones(findings):
    texts = [LONG * 3, LONG * 3, LONG * 3 + "So it did.", "Something else altogether, 你好。", None]
    found = findings(DuplicateShareEvaluator(near=True), rows_of(texts), 2)
    assert (found["texts"], found["duplicates"], found["near_duplicates"]) == (4, 1, 1)
    assert found["near_duplicate_share"] == 0.25
    assert found["near_duplicate_bytes"] == len(texts[2])
    assert "near_duplicates" not in findings(DuplicateShareEvaluator(), rows_of(texts))


def test_groups_are_apart(findings):
    rows = [{"text": "a", "from": source} for source in ("x", "x", "y", None, None)]
    for near in (False, True):
        found = findings(DuplicateShareEvaluator(near=near), rows, 2, input_group="from")
        assert (found["duplicates"], found["duplicated_texts"]) == (2, 2)
    assert findings(DuplicateShareEvaluator(), rows)["duplicates"] == 4


@pytest.mark.parametrize("batch_size", [None, 1])
def test_what_is_no_text_repeats_nothing(batch_size, findings):
    rows = rows_of([{"no": "text"}, {"no": "text"}, "one", None, None, "one"])
    found = findings(DuplicateShareEvaluator(near=True), rows, batch_size)
    assert (found["texts"], found["duplicates"], found["duplicate_bytes"]) == (2, 1, 3)
    assert found["near_duplicates"] == 0


def test_of_no_texts_there_is_no_share(findings):
    found = findings(DuplicateShareEvaluator(near=True), [{"text": None}], 1)
    assert (found["duplicates"], found["duplicate_share"], found["largest_groups"]) == (0, None, [])
    assert found["near_duplicate_share"] is None
