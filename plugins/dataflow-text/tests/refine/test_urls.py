"""URLs go, and what stands around them stays."""

from __future__ import annotations

import time

import pytest

from dataflow_text import RemoveUrls

CASES = [
    ("(see https://a.com/b_(c)), ok", "(see ), ok"),
    ("https://x.com\n\nnext", "\n\nnext"),
    ("请看https://x.com/路。好", "请看。好"),
    ("[t](https://a.com/x).", "[t]()."),
    ("ftp://h/x, HTTP://Y.org! www.x.com?", ", ! ?"),
    ('<a href="https://x.com">y</a>', '<a href="">y</a>'),
    ("a < b and c > d, me@www.x.com https://...", "a < b and c > d, me@www.x.com https://..."),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_urls_go_without_their_surroundings(text, expected, refined):
    assert refined(RemoveUrls(), text) == [expected]


def test_a_word_can_stand_for_each(refined):
    texts = ["See https://a.b/c.", None, ""]
    assert refined(RemoveUrls(replacement="<URL>"), *texts) == ["See <URL>.", None, ""]


@pytest.mark.parametrize("text", ["https://" * 10**5, "www." * 250_000, "http://a" + ")" * 10**6])
def test_long_texts_take_linear_time(text):
    started = time.process_time()
    RemoveUrls().clean(text)
    assert time.process_time() - started < 30  # quadratic time would take far longer
