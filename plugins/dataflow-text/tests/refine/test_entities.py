"""Entities are decoded, once, and never deleted."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_text import DecodeHtmlEntities

CASES = [
    ("AT&amp;T", "AT&T"),
    ("3 &lt; 5 &gt; 2", "3 < 5 > 2"),
    ("&quot;a&apos;b&hellip;&ndash;&mdash;&lsquo;&rsquo;&ldquo;&rdquo;&nbsp;", "\"a'b…–—‘’“”\xa0"),
    ("&#65;&#x41;&#X41;&#128512;", "AAA😀"),
    ("＆amp；＆#65；&lt；", "&A<"),
    ("&amp;lt; &amp;amp;", "&lt; &amp;"),
    ("https://x.org/?a=1&lt=2&copy=3", "https://x.org/?a=1&lt=2&copy=3"),
    (
        "&nosuch; &amp &#1; &#xD800; &#9999999; &; &#; &",
        "&nosuch; &amp &#1; &#xD800; &#9999999; &; &#; &",
    ),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_entities_become_their_characters(text, expected, refined):
    assert refined(DecodeHtmlEntities(), text) == [expected]


def test_null_and_empty_stay(refined):
    assert refined(DecodeHtmlEntities(), None, "", "&lt;") == [None, "", "<"]


@given(st.text())
def test_what_was_escaped_comes_back(text):
    assert DecodeHtmlEntities().clean(html.escape(text.replace("&", ""))) == text.replace("&", "")
