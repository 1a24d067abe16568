"""Emoticons go; addresses, times, labels and code that look like them stay."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_text import RemoveEmoticons

EMOTICONS = [
    ":)",
    ":-)",
    ":-)))",
    ":(",
    ":'(",
    ";-)",
    ":D",
    ":-D",
    ":P",
    "=)",
    "8-)",
    ":-/",
    ":-|",
    ":o)",
    ">:(",
    "xD",
    "^_^",
    "-_-",
    "o_O",
    "T_T",
    ">_<",
    ";_;",
    "(^_^)",
    "(T_T)",
    "(*^_^*)",
    "m(_ _)m",
    "\\o/",
    "¯\\_(ツ)_/¯",
    "(╯°□°)╯︵ ┻━┻",
    "( ͡° ͜ʖ ͡°)",
    "(・_・)",
    "(´・ω・｀)",
    "ヽ(^o^)丿",
    ":-D:-D",
]
OTHERS = [
    "https://x",
    "8:30",
    "ID: 5",
    '{"a":{',
    '{"a" :{\n}',
    "x[len(a) :]",
    "(see a :)",
    "print(a, :)",
    "http:/ :/x",
    "aged <3 years",
    "p <3.5",
    "a <3 b",
    "8) eight",
    "XP XP",
    "D: 5",
    "std::(a)",
    "a ^^ b",
    "f(void );",
    "for (; a; b)",
    "a colon (:), and",
    "*:*",
    ":x :s :q",
    "version 1.0.0 0.0",
    "a - b _ c",
    "print(f'{x:)}')",
    "C:\\Windows D:\\x",
    "if x == 0: (y)",
    "日本語：（はい）",
    "- [ ] (x)",
    "ratio 3:1",
]


@pytest.mark.parametrize("face", EMOTICONS)
def test_emoticons_go_in_their_longest_form(face, refined):
    texts = [face, f"so {face}", f"{face} so", f"Fine! {face}\nNext", f"Fine.{face}"]
    assert refined(RemoveEmoticons(), *texts) == ["", "so ", " so", "Fine! \nNext", "Fine."]


@pytest.mark.parametrize("text", OTHERS)
def test_what_only_looks_like_one_stays(text, refined):
    assert refined(RemoveEmoticons(), text) == [text]


def test_brackets_are_counted_line_by_line(refined):
    texts = [
        "(one\n:)",
        "(one) :)",
        "(one :) two) :)",
        None,
        "",
        "ありがとう(^_^)またね",
        "好 :) 的",
    ]
    wanted = ["(one\n", "(one) ", "(one :) two) ", None, "", "ありがとうまたね", "好  的"]
    assert refined(RemoveEmoticons(), *texts) == wanted


def test_hearts_go_where_nothing_follows_that_they_could_compare(refined):
    texts = ["<3", "love it </3!", "love <333\nmore <3 :)", "a <3 b"]
    assert refined(RemoveEmoticons(), *texts) == ["", "love it !", "love \nmore  ", "a <3 b"]


def test_a_word_can_stand_for_each(refined):
    assert refined(RemoveEmoticons(replacement="[smile]"), "a :) b :D") == ["a [smile] b [smile]"]


@given(st.text(st.sampled_from(":;=-'()[]{}<>3DPxo^_T a.\n\\/|*ツ・ω°")))
def test_it_never_raises_and_only_removes(text):
    rest = iter(text)
    assert all(mark in rest for mark in RemoveEmoticons().clean(text))


@pytest.mark.parametrize(
    "text",
    [
        ":" + ")" * 10**6,
        ":-" * 500_000,
        "(" * 10**6,
        " :)" * 300_000,
        "^" + "_" * 10**6,
        "━" * 10**6,
        " <" + "3" * 10**6 + "x",
        ("-" + "_" * 1000) * 1000,
        "T_" * 500_000,
        "(^_" * 300_000,
        "= " * 500_000,
    ],
)
def test_long_texts_take_linear_time(text):
    started = time.process_time()
    RemoveEmoticons().clean(text)
    assert time.process_time() - started < 30  # quadratic time would take far longer
