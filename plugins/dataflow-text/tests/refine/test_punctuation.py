"""Punctuation is collapsed or removed; addresses, operators and ellipses stay."""

from __future__ import annotations

import string
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_core.errors import ConfigurationError
from dataflow_text import CollapsePunctuation, RemovePunctuation

CASES = [
    ("What??? Wow!!", "What? Wow!"),
    ('(wow!!) "so??" it\'s 5!!', '(wow!) "so?" it\'s 5!'),
    ("好！！！吗？？。。", "好！吗？。"),
    ("well......", "well..."),
    ("?!?! what?!?!", "?!?! what?!?!"),
    ("what???!!!", "what?!"),
    ("<p>wow!!</p>", "<p>wow!</p>"),
    ("**wow!!** 哇!!哇", "**wow!** 哇!哇"),
]
UNTOUCHED = [
    "https://x.org",
    "a==b",
    "a == b",
    "...",
    "a && b",
    "i--",
    "x -- y",
    "so...",
    "……",
    "——",
    "a ?? b",
    "!!x",
    "a!!.b",
    "a!==b",
    "===",
    "a,,b",
    "for(;;)",
    "../../x",
    "x..y",
    "|---|---|",
    "#!/bin/sh",
    "C++",
    "a::b",
    "wait... what",
    "__init__",
    "$$x$$",
    "sudo !!",
    "*** ***",
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_runs_of_a_mark_become_one(text, expected, refined):
    assert refined(CollapsePunctuation(), text) == [expected]


@pytest.mark.parametrize("text", UNTOUCHED)
def test_addresses_operators_and_ellipses_stay(text, refined):
    assert refined(CollapsePunctuation(), text) == [text]


def test_the_marks_can_be_chosen(refined):
    assert refined(CollapsePunctuation(marks=",…"), "a,, b?? c…… d", None) == ["a, b?? c… d", None]
    assert refined(CollapsePunctuation(marks="", dots=False), "a!! ....") == ["a!! ...."]
    with pytest.raises(ConfigurationError, match=r"marks.*'a'"):
        CollapsePunctuation(marks="a")


@given(st.text(st.sampled_from('ab !?！.。<")\n/')))
def test_collapsing_twice_changes_nothing_more(text):
    once = CollapsePunctuation().clean(text)
    assert CollapsePunctuation().clean(once) == once


# Arrow may know characters of a later Unicode than Python.
KNOWN = st.text(st.characters(exclude_categories=["Cn", "Cs"]))


@given(st.lists(st.none() | KNOWN, max_size=5), st.sampled_from(["", "'-", "^]\\", "。.$"]))
def test_punctuation_goes_by_its_category(refined, texts, keep):
    def is_mark(mark):
        assigned = unicodedata.category(mark)[0] == "P" or mark in string.punctuation
        return assigned and mark not in keep

    wanted = [t and "".join(mark for mark in t if not is_mark(mark)) for t in texts]
    assert refined(RemovePunctuation(keep=keep), *texts) == wanted


def test_every_mark_of_ascii_goes_and_others_of_all_scripts(refined):
    texts = [string.punctuation, "「」。，！？、…—«¿»“”؟۔।", "a\u0301€©😀 \n\t", None, ""]
    assert refined(RemovePunctuation(), *texts) == ["", "", "a\u0301€©😀 \n\t", None, ""]
    assert refined(RemovePunctuation(keep=string.punctuation), texts[0]) == texts[:1]


def test_marks_can_become_spaces(refined):
    texts = ["well-known: a.b", "\\"]
    assert refined(RemovePunctuation(replacement=" "), *texts) == ["well known  a b", " "]
    assert refined(RemovePunctuation(replacement="\\1"), "a.") == ["a\\1"]


@pytest.mark.parametrize(
    "text", ["a" + "!" * 10**6 + "x", "a!" * 500_000, "a" + "." * 10**6 + "/", "？" * 10**6]
)
def test_long_texts_take_linear_time(text):
    started = time.process_time()
    CollapsePunctuation().clean(text)
    assert time.process_time() - started < 30  # quadratic time would take far longer
