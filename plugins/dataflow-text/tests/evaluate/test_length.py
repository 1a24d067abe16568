"""Numbers of tokens."""

from __future__ import annotations

import sys
import time

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_core import DataflowError, MemoryStorage
from dataflow_text import TokenCountEvaluator, TokenCountFilter
from dataflow_text.evaluate import length


def counts(texts, **fields):
    table = MemoryStorage(pa.table({"text": pa.array(texts, pa.string())}))
    TokenCountEvaluator(**fields).run(table)
    assert pa.types.is_int64(table.columns()["token_count"])
    return [row["token_count"] for row in table.rows()]


@pytest.mark.parametrize(
    ("text", "cl100k", "o200k"),
    [
        (None, None, None),
        ("", 0, 0),
        ("Hello, world", 3, 3),
        ("antidisestablishmentarianism", 6, 6),
        ("你好世界", 5, 2),
        ("<|endoftext|>", 7, 7),
    ],
)
def test_known_numbers(text, cl100k, o200k):
    assert counts([text], encoding="cl100k_base") == [cl100k]
    assert counts([text]) == [o200k]


@given(st.lists(st.text(), max_size=5))
def test_no_text_has_more_tokens_than_bytes(texts):
    for text, count in zip(texts, counts(texts), strict=True):
        assert bool(text) <= count <= len(text.encode())


def test_long_runs_take_no_longer_than_their_length():
    started = time.process_time()
    assert counts(["a" * 1_000_000, "你" * 1_000_000, " " * 1_000_000])[:2] == [125_000, 1_000_000]
    assert time.process_time() - started < 30  # quadratic time would take far longer


def test_a_filter_keeps_what_is_within_its_bounds():
    table = MemoryStorage([{"text": "one two three"}, {"text": "one"}, {"text": None}])
    TokenCountFilter(min_value=2, encoding="cl100k_base").run(table)
    assert [row["token_count"] for row in table.rows()] == [3]
    assert table.dropped()["reason"].tolist() == ["below_minimum", "no_value"]


def test_an_unknown_vocabulary_is_refused():
    with pytest.raises(DataflowError, match="encoding"):
        TokenCountEvaluator(encoding="gpt2")


def test_a_missing_library_names_the_line_that_installs_it(monkeypatch):
    length._counter.cache_clear()
    monkeypatch.setitem(sys.modules, "bpe_openai", None)
    with pytest.raises(DataflowError, match=r"pip install bpe-openai"):
        counts(["some text"])
