"""Shares of distinct n-grams, against a plain-Python count."""

from __future__ import annotations

import random
import string

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_core import DataflowError, MemoryStorage
from dataflow_text import NgramRepetitionEvaluator, NgramRepetitionFilter

TEXTS = st.lists(st.text("ab .\n你ก👍", max_size=30) | st.none(), max_size=6)


def shares(texts, **fields):
    table = MemoryStorage(pa.table({"text": pa.array(texts, pa.string())}))
    NgramRepetitionEvaluator(**fields).run(table)
    return [row["distinct_ngram_share"] for row in table.rows()]


def plain(text, n, window):
    """Count as the documentation says, one n-gram after the other."""
    if text is None:
        return None
    for letter in "你ก":
        text = text.replace(letter, f" {letter} ")
    words = [w for w in (w.strip(string.punctuation) for w in text.replace(".", "").split()) if w]
    grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    stretches = [grams[i : i + window] for i in range(0, len(grams), window)]
    return sum(len(set(s)) for s in stretches) / len(grams) if grams else 1.0


@given(TEXTS, st.integers(1, 4), st.integers(1, 6))
def test_shares_are_those_of_a_plain_count(texts, n, window):
    assert shares(texts, n=n, window=window) == [plain(text, n, window) for text in texts]


@given(st.lists(st.text(), max_size=4))
def test_a_share_does_not_depend_on_the_texts_beside_it(texts):
    assert shares(texts, n=2) == [shares([text], n=2)[0] for text in texts]


@pytest.mark.parametrize(
    ("text", "share"),
    [
        (None, None),
        ("", 1.0),
        ("   \n", 1.0),
        ("...!?", 1.0),
        ("one", 1.0),
        ("one two three four", 1.0),
        ("one two three four five", 1.0),
        ("na " * 14, 0.1),
        ("Na, na. NA! " * 14, 1 / 38),
        ("你好你好你好你好", 0.5),
        ("สวัสดีสวัสดีสวัสดี", 4 / 8),
        ("👍 👍 👍 👍 👍 👍", 0.5),
    ],
)
def test_shares_of_words_in_five(text, share):
    assert shares([text]) == [share if share is None else pytest.approx(share)]


def test_a_short_text_repeats_nothing_and_stays():
    table = MemoryStorage([{"text": "Hi there"}, {"text": "spam " * 20}])
    NgramRepetitionFilter().run(table)
    assert [row["text"] for row in table.rows()] == ["Hi there"]
    assert table.dropped()["reason"].tolist() == ["below_minimum"]


def test_the_share_of_natural_text_does_not_fall_with_its_length():
    words = random.Random(0).choices(["a", "b", "c", "d", "e"], k=100_000)
    short, long = shares([" ".join(words[:1004]), " ".join(words)])
    assert long == pytest.approx(short, abs=0.05)
    assert shares([" ".join(words)], window=10**9)[0] < 0.05


def test_a_repetition_is_found_wherever_it_stands_in_a_long_text():
    text = " ".join(map(str, range(50_000)))
    assert shares([text, "x y z " * 50_000]) == [1.0, pytest.approx(0.003, rel=0.01)]


def test_the_filter_hands_its_fields_to_the_evaluator():
    table = MemoryStorage([{"text": "a b a b a b"}])
    NgramRepetitionFilter(n=1, min_value=0.3).run(table)
    assert table.rows()[0]["distinct_ngram_share"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("fields", [{"n": 0}, {"window": 0}, {"n": "five"}])
def test_impossible_numbers_are_refused(fields):
    with pytest.raises(DataflowError, match=next(iter(fields))):
        NgramRepetitionEvaluator(**fields)
