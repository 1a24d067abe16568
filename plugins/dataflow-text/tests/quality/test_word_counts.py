"""Word counts and bracket shares, against plain-Python oracles."""

from __future__ import annotations

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_core import DataflowError, MemoryStorage
from dataflow_text import (
    CurlyBracketEvaluator,
    CurlyBracketFilter,
    WordCountEvaluator,
    WordCountFilter,
)

SPACES = " \t\n\v\f\r\x85\xa0\u2003\u2028\u2029\u202f\u3000"
CJK_PUNCTUATION = "、。《》「」，！：？・"
UNSPACED = "你好世界ひカター々〇ไทยກខမ"
ATTACHED = "\u0301\u0e48\u200b\u200d\ufeff.,-“”(){}"
OTHERS = "abcXYZ09éßжш한국عرب👍$+<~"
TEXTS = st.lists(
    st.text(st.sampled_from(SPACES + CJK_PUNCTUATION + UNSPACED + ATTACHED + OTHERS + "\0"))
    | st.text("ab \n", max_size=20)
    | st.none(),
    max_size=8,
)


def words(text: str) -> int:
    """Count words letter by letter."""
    count, run, touching = 0, "", False
    for letter in [*text, " "]:
        unspaced = letter in UNSPACED
        if letter not in SPACES + CJK_PUNCTUATION and not unspaced:
            run += letter
            continue
        solid = any(unicodedata.category(c)[0] not in "PM" and c not in ATTACHED for c in run)
        count += bool(run) and (solid or not (touching or unspaced))
        count += unspaced
        run, touching = "", unspaced
    return count


def counted(texts: list[str | None]) -> list[int | None]:
    table = MemoryStorage(pa.table({"text": pa.array(texts, pa.string())}))
    WordCountEvaluator().run(table)
    return [row["word_count"] for row in table.rows()]


@given(TEXTS)
def test_words_are_those_of_a_plain_python_counter(texts):
    assert counted(texts) == [None if text is None else words(text) for text in texts]


@settings(max_examples=12)
@given(st.lists(st.text(), max_size=5))
def test_a_count_does_not_depend_on_the_texts_beside_it(texts):
    assert counted(texts) == [counted([text])[0] for text in texts]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        (" \n\u3000", 0),
        ("One  two\nthree", 3),
        ("one\u00a0two\vthree\x85four", 4),
        ("你好，世界", 4),
        ("他说“你好”, ok.", 5),
        ("สวัสดี", 4),
        ("ジョン・スミス", 6),
        ("안녕하세요 세계", 2),
        ("مرحبا بالعالم", 2),
        ("cafe\u0301 au lait", 3),
        ("👍👍 nice", 2),
        ("a - b", 3),
        ("nul\0byte", 1),
        ("𠀀𠀁", 2),
    ],
)
def test_words_in_many_scripts(text, count):
    assert counted([text]) == [count]


def test_long_and_null_texts_are_counted():
    assert counted(["word " * 1_000_000, None, "字" * 1_700_000]) == [1_000_000, None, 1_700_000]


@pytest.mark.parametrize(
    "kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.string_view()]
)
def test_every_arrow_type_for_texts_is_read(kind):
    column = pa.array(["one two", None, "three", "one two"]).cast(kind)
    table = MemoryStorage(pa.table({"text": pa.chunked_array([column[:1], column[1:]])}))
    WordCountEvaluator().run(table)
    assert [row["word_count"] for row in table.rows()] == [2, None, 1, 2]


def test_columns_of_nulls_and_empty_tables_pass():
    for column in (pa.nulls(2), pa.array([], pa.string()), pa.array([], pa.null())):
        table = MemoryStorage(pa.table({"text": column}))
        WordCountEvaluator().run(table)
        CurlyBracketEvaluator().run(table)
        assert all(row["word_count"] is None for row in table.rows())
        assert len(table) == len(column)


def test_word_count_filter_drops_with_reasons_and_counts():
    table = MemoryStorage([{"text": "a b"}, {"text": "a"}, {"text": "a b c"}, {"text": None}])
    WordCountFilter(min_value=2, max_value=2).run(table)
    assert table.rows() == [{"text": "a b", "word_count": 2}]
    dropped = table.dropped()
    assert list(dropped["reason"]) == ["below_minimum", "above_maximum", "no_value"]
    assert list(dropped["value"].iloc[:2]) == ["1", "3"]


def test_bounds_are_those_of_the_sources():
    assert (WordCountFilter().min_value, WordCountFilter().max_value) == (50, 100_000)
    assert CurlyBracketFilter().max_value == 0.025


@given(st.lists(st.none() | st.text("ab{}é字\0", max_size=30), max_size=6))
def test_bracket_share_is_of_characters_and_the_filter_keeps_at_most_its_bound(texts):
    table = MemoryStorage(pa.table({"text": pa.array(texts, pa.string())}))
    CurlyBracketEvaluator().run(table)
    shares = [
        None if text is None else (text.count("{") + text.count("}")) / max(len(text), 1)
        for text in texts
    ]
    assert [row["curly_bracket_share"] for row in table.rows()] == shares
    CurlyBracketFilter(max_value=0.2).run(table)
    assert len(table) == sum(share is not None and share <= 0.2 for share in shares)


def test_a_column_of_numbers_is_refused():
    with pytest.raises(DataflowError, match="is int64, word_count_evaluator wants text"):
        WordCountEvaluator().run(MemoryStorage([{"text": 1}]))
