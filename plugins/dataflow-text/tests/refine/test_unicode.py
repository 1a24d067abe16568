"""Mojibake is repaired; what is right already stays."""

from __future__ import annotations

import pytest

from dataflow_text import FixUnicode

CASES = [
    ("schÃ¶n â€œquotedâ€\x9d", "schön “quoted”"),
    ("âœ” No problems", "✔ No problems"),
    ("\x1b[36;44mhi\x1b[0m a\0b", "hi ab"),
    ("a\r\nb\rc\u2028d\u2029e", "a\nb\nc\nd\ne"),
    ("a\x85b", "a…b"),
    ("e\u0301 ﬁ x² ｗ", "é fi x² ｗ"),
]
UNTOUCHED = [
    "schön “x” ’",
    "日本語。한국어 ไทย 😀👩🏽‍🚀",
    "&lt;b&gt; &amp;",
    "SÃO PAULO",
    "",
    "a\tb\n",
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_wrong_characters_are_repaired(text, expected, refined):
    assert refined(FixUnicode(), text) == [expected]


@pytest.mark.parametrize("text", UNTOUCHED)
def test_what_is_right_stays(text, refined):
    assert refined(FixUnicode(), text, None) == [text, None]


def test_options_choose_forms(refined):
    assert refined(FixUnicode(normal_form="NFKC"), "① ｗ x²") == ["1 w x2"]
    assert refined(FixUnicode(normal_form="none", plain_ligatures=False), "e\u0301 ﬁ") == [
        "e\u0301 ﬁ"
    ]
    assert refined(FixUnicode(straight_quotes=True, plain_width=True), "“ｗ’") == ["\"w'"]
