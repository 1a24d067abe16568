"""MTLD and HD-D, against the formulas in plain Python."""

from __future__ import annotations

import math
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_core import DataflowError, MemoryStorage
from dataflow_text import LexicalDiversityEvaluator, LexicalDiversityFilter

WORDS = st.lists(st.integers(0, 60), min_size=42, max_size=160)
BOTH = pytest.mark.parametrize("method", ["mtld", "hdd"])


def measures(texts, method="mtld", **fields):
    table = MemoryStorage(pa.table({"text": pa.array(texts, pa.string())}))
    LexicalDiversityEvaluator(method=method, **fields).run(table)
    return [row[method] for row in table.rows()]


def one_way(words):
    """MTLD in one direction, as published; None where it is infinite."""
    factors, segment = 0.0, []
    for word in words:
        segment.append(word)
        if len(set(segment)) / len(segment) <= 0.72:
            factors, segment = factors + 1, []
    if segment:
        factors += (1 - len(set(segment)) / len(segment)) / (1 - 0.72)
    return len(words) / factors if factors else None


def hdd(words):
    """HD-D by exact binomials."""
    draws = math.comb(len(words), 42)
    missed = (math.comb(len(words) - k, 42) / draws for k in Counter(words).values())
    return sum((1 - m) / 42 for m in missed)


def varied(length):
    return " ".join(f"w{number}" for number in range(length))


@given(WORDS)
def test_values_are_those_of_the_formulas(words):
    text = " ".join(map(str, words))
    ways = one_way(words), one_way(words[::-1])
    wanted = 0.28 * len(words) ** 2 if None in ways else sum(ways) / 2
    assert measures([text], min_words=42) == [pytest.approx(wanted)]
    assert measures([text], "hdd", min_words=42) == [pytest.approx(hdd(words))]


@given(st.lists(st.text(), max_size=4))
@BOTH
def test_no_text_is_too_odd(method, texts):
    assert len(measures(texts, method)) == len(texts)


@BOTH
@pytest.mark.parametrize("text", [None, "", "too short", varied(49), "... " * 200])
def test_what_is_null_or_short_has_no_measure(method, text):
    assert measures([text], method) == [None]
    assert measures([text, varied(50)], method)[0] is None


@pytest.mark.parametrize("copies", [106, 172, 200, 100_000])
def test_equal_words_in_any_number_overflow_nothing(copies):
    assert measures(["word " * copies]) == [2.0]
    assert measures(["word " * copies], "hdd") == [pytest.approx(1 / 42)]


def test_a_text_of_distinct_words_is_the_most_diverse_of_its_length():
    one_repetition = varied(99) + " w0"
    distinct, repeated = measures([varied(100), one_repetition])
    assert distinct == pytest.approx(2800)
    assert distinct >= repeated > 1000
    assert measures([varied(100)], "hdd") == [pytest.approx(1)]


def test_long_texts_are_measured():
    (value,) = measures([" ".join(f"w{n % 999}" for n in range(200_000))], "hdd")
    assert 0.97 < value < 1


def test_case_and_punctuation_aside():
    assert measures(['Word, word. "WORD"! ' * 20]) == [2.0]


def test_letters_are_the_words_of_unspaced_scripts():
    assert measures(["你好" * 30]) == measures(["a b " * 30])


@BOTH
def test_the_filter_keeps_varied_texts_and_says_why_others_go(method):
    table = MemoryStorage([{"text": varied(100)}, {"text": "word " * 200}, {"text": "short"}])
    LexicalDiversityFilter(method=method).run(table)
    assert [row["text"] for row in table.rows()] == [varied(100)]
    assert table.dropped()["reason"].tolist() == ["below_minimum", "no_value"]


def test_texts_that_are_all_too_short_fail_nothing():
    table = MemoryStorage([{"text": "a"}, {"text": "b"}])
    LexicalDiversityFilter().run(table)
    assert table.rows() == []
    assert table.dropped()["reason"].tolist() == ["no_value", "no_value"]


def test_bounds_follow_the_method_unless_given():
    assert LexicalDiversityFilter().min_value == 50
    assert LexicalDiversityFilter(method="hdd").min_value == 0.8
    assert LexicalDiversityFilter(method="hdd", min_value=None).min_value is None


def test_a_column_of_another_name():
    table = MemoryStorage([{"text": "word " * 200}])
    LexicalDiversityFilter(min_value=1).run(table, output_measure="diversity")
    assert table.rows()[0]["diversity"] == 2.0


@pytest.mark.parametrize("fields", [{"method": "ttr"}, {"min_words": 41}])
def test_wrong_fields_are_refused(fields):
    with pytest.raises(DataflowError, match=next(iter(fields))):
        LexicalDiversityFilter(**fields)
