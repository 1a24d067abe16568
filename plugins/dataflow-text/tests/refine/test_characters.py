"""Numbers go whole, and letters become small."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_text import Lowercase, RemoveNumbers

NUMBERS = [
    ("1999", ""),
    ("1,000.50 and 3.14", " and "),
    ("1'000'000 1_000", " 1_000"),
    ("٣٫٥ २०२४ １２３ ½ ①", "    "),
    ("-5 +3% $10", "- +% $"),
    ("2024-12-25 12:30", "-- :"),
    ("2024年12月、第3章", "年月、第章"),
    ("End 5. Next, 6, 7", "End . Next, , "),
    ("H2O utf8 3rd m² B2B _1 x1 2x é2", "H2O utf8 3rd m² B2B _1 x1 2x é2"),
    ("10km 1.5km 1,5 km", "10km 1.5km  km"),
    ("COVID-19 v1.2 v 1.2", "COVID- v1.2 v "),
    ("Room 5️⃣, 1️⃣0⃣ ①️ 7\ufe0e", "Room ,   "),
    ("XIV ten\n1\n", "XIV ten\n\n"),
]


@pytest.mark.parametrize(("text", "expected"), NUMBERS)
def test_numbers_go_whole(text, expected, refined):
    assert refined(RemoveNumbers(), text) == [expected]


def test_digits_in_words_go_if_asked_for(refined):
    texts = ["H2O 3rd 1,000 m² 年2", None, "", "none"]
    assert refined(RemoveNumbers(in_words=True), *texts) == ["HO rd  m 年", None, "", "none"]


@given(st.text())
def test_no_digit_is_left(refined, text):
    (rest,) = refined(RemoveNumbers(in_words=True), text)
    assert not any(mark.isdecimal() and ord(mark) < 0x10000 for mark in rest)


@given(
    st.lists(
        st.none() | st.text(st.characters(codec="utf-8") | st.sampled_from("ΣAİ ß字")), max_size=5
    )
)
def test_letters_become_small_as_in_python(refined, texts):
    assert refined(Lowercase(), *texts) == [text and text.lower() for text in texts]


def test_long_texts_take_linear_time(refined):
    assert refined(RemoveNumbers(), "1," * 500_000 + "a", "a1" * 500_000) == [",a", "a1" * 500_000]
