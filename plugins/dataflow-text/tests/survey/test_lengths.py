"""How long the texts of a data set are, against numpy."""

from __future__ import annotations

import datetime as dt
import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflow_core import MemoryStorage
from dataflow_core.engine import decisions
from dataflow_core.errors import ColumnError
from dataflow_text import LengthDistributionEvaluator, TokenCountEvaluator

TEXTS = st.one_of(
    st.none(), st.text(max_size=30), st.integers(0, 70).map(lambda n: "ab " * n),
    st.sampled_from(["你好，世界", "x" * 5000]),
)  # fmt: skip
GROUPS = st.sampled_from(["en", "zh", "", "x", None])
PERCENTS = (1, 5, 25, 50, 75, 95, 99)


def statistics(lengths):
    if not len(lengths):
        return {"total": 0}
    shares = [p / 100 for p in PERCENTS]
    quantiles = np.quantile(lengths, shares, method="inverted_cdf").tolist()
    return {
        "total": sum(lengths), "mean": pytest.approx(np.mean(lengths)),
        "deviation": pytest.approx(np.std(lengths)), "minimum": min(lengths),
        **dict(zip((f"{p}%" for p in PERCENTS), quantiles, strict=True)), "maximum": max(lengths),
    }  # fmt: skip


def known(found):
    return {name: value for name, value in found.items() if value is not None}


@given(st.lists(TEXTS, min_size=1, max_size=40))
def test_it_is_what_numpy_says(texts):
    table = MemoryStorage([{"text": text} for text in texts])
    LengthDistributionEvaluator().run(table)
    found = table.findings()["length_distribution_evaluator"]

    present = [text for text in texts if text is not None]
    lengths = [len(text) for text in present]
    assert (found["texts"], found["without_text"]) == (len(present), len(texts) - len(present))
    assert known(found["characters"]) == statistics(lengths)
    histogram = found["histograms"]["characters"]
    edges = [*map(int, histogram), np.inf]
    assert list(histogram.values()) == [
        sum(low <= length < high for length in lengths) for low, high in itertools.pairwise(edges)
    ]
    assert sum(histogram.values()) == len(present)
    assert (
        edges[:-1] == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096][: len(histogram)]
    )


def test_words_and_tokens_are_those_of_their_evaluators(findings):
    rows = [
        {"text": text} for text in ("one two", "你好，世界", "", None, "x  y\nz", "<|endoftext|>")
    ]
    found = findings(LengthDistributionEvaluator(encoding="o200k_base"), rows)
    assert known(found["words"]) == statistics([2, 4, 0, 3, 1])
    table = MemoryStorage(rows)
    TokenCountEvaluator().run(table)
    counts = [row["token_count"] for row in table.rows() if row["token_count"] is not None]
    assert known(found["tokens"]) == statistics(counts)
    assert sum(found["histograms"]["tokens"].values()) == 5
    assert "tokens" not in findings(LengthDistributionEvaluator(), rows)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.fixed_dictionaries({"text": TEXTS, "lang": GROUPS}),
        min_size=1, max_size=20,
    ),
    batch_size=st.integers(1, 5),
    merged_lines=st.sampled_from([1, 1 << 20]),
)  # fmt: skip
def test_batches_change_nothing_and_groups_are_told_as_if_alone(
    rows, batch_size, merged_lines, findings, monkeypatch
):
    monkeypatch.setattr(decisions, "_MERGED_LINES", merged_lines)
    operator = LengthDistributionEvaluator(max_groups=2)
    found = findings(operator, rows, input_group="lang")
    assert findings(operator, rows, batch_size, input_group="lang") == found

    parts = {}
    for row in rows:
        parts.setdefault(row["lang"], []).append(row)
    for group in found["groups"]:
        alone = findings(LengthDistributionEvaluator(), parts[group["group"]])
        assert {name: group[name] for name in alone} == alone
    listed = [group["group"] for group in found["groups"]]
    rest = [row for row in rows if row["lang"] not in listed]
    assert found["other_groups"]["groups"] == len(parts) - len(listed)
    assert found["other_groups"]["characters"]["total"] == sum(len(r["text"] or "") for r in rest)
    texts = [group["texts"] for group in found["groups"]]
    assert texts == sorted(texts, reverse=True)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([1, 2, None], {"1", "2", None}),
        ([True, False, True], {"true", "false"}),
        ([1.5, None, 1.5], {"1.5", None}),
        (["a", {"b": 1}, ["c"]], {"a", '{"b": 1}', '["c"]'}),
        ([dt.date(2024, 1, 31)] * 3, {"2024-01-31"}),
        ([None] * 3, {None}),
    ],
)
def test_groups_may_be_anything(values, labels, findings):
    rows = [{"text": "x", "by": value} for value in values]
    for batch_size in (None, 1):
        found = findings(LengthDistributionEvaluator(), rows, batch_size, input_group="by")
        assert {group["group"] for group in found["groups"]} == labels


def test_the_text_can_be_the_group(findings):
    rows = [{"text": "x"}, {"text": "x"}, {"text": "yy"}]
    found = findings(LengthDistributionEvaluator(), rows, input_group="text")
    assert [(g["group"], g["texts"]) for g in found["groups"]] == [("x", 2), ("yy", 1)]


def test_what_is_no_text_has_no_length(findings):
    rows = [{"text": {"no": "text"}}, {"text": "one"}, {"text": None}]
    found = findings(LengthDistributionEvaluator(encoding="o200k_base"), rows, 1)
    assert (found["texts"], found["without_text"], found["no_text"]) == (1, 2, 1)
    assert found == findings(LengthDistributionEvaluator(encoding="o200k_base"), rows)


def test_a_column_of_numbers_is_refused(findings):
    with pytest.raises(ColumnError, match="column 'text' is int64"):
        findings(LengthDistributionEvaluator(), [{"text": 3}])
