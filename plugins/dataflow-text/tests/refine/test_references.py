"""References go with what is nested in them; words and other brackets stay."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_text import RemoveImageReferences, RemoveReferences

REFERENCES = [
    ("a<ref>b</ref>c", "ac"),
    ('a<ref name="x y" group=n>b <i>c</i>\nd</ref >e<REF name=x />f', "aef"),
    ("a<ref>{{cite web|url=http://x.y|title={{lang|de|z}}}}</ref>.", "a."),
    ("a{{cite book | last = {{b|{{c}}}} }} d {{Citation needed|date=May 2020}}{{cn}}", "a d "),
    (
        "a{{sfn|Smith|2000|p=3}}{{harvnb|B|1999}}{{r|x}}{{efn|n {{x}}}}{{Reflist}}<references />",
        "a",
    ),
    # Never closed.
    ("a<ref>b c\nd", "a\nd"),
    ("a<ref>b<ref>c</ref>d", "ad"),
    ("a<ref name=x\nb", "a\nb"),
    ("a{{cite web|b {{c}}\nd", "a\nd"),
    ("a{{cite web|b {{cite x|y\nd", "a\nd"),
    ("a</ref>b", "ab"),
    # Nothing of the kind.
    ("{{lang|de|x}} {{infobox|a={{b}}}} }} {{", "{{lang|de|x}} {{infobox|a={{b}}}} }} {{"),
    ("{{ cities }} {{citrus|x}} {{rx|y}} <reference> <refer>x</refer>", None),
    ("{{ r }} {{ r|upper }} {{r}} {{ cn }} {{ fact }}", None),
    ("a < b and ref > c, {{x}}", None),
    ("{{infobox|a={{cite web|b}}|c}}", "{{infobox|a=|c}}"),
]
IMAGES = [
    ("a ![b](c.png) d", "a  d"),
    ('a ![a](<my x.png>)![b](<y (1).png> "t")', "a "),
    ('![](images/x_(1).jpg "t (x)")![b [c]][id]', ""),
    ("[![CI](https://x/b.svg)](https://x) ok", " ok"),
    ('<figure><img src="a.png" alt="x > y"/></figure><picture><source src=x></picture>z', "z"),
    (
        "a [[File:B.jpg|thumb|A [[bee]] in [[x|y]]]] c [[Image:d.png]] [[Link|text]]",
        "a  c  [[Link|text]]",
    ),
    ("a [[File:b.jpg|thumb\nc", "a \nc"),
    ("images/0123456789abcdef0123.jpg)\nx", "\nx"),
    (
        "图 1-2：蜜蜂\n图3:花\nFigure 3: Bees\nFig. 2.1. Hives\n**Figure 4:** Wax",
        "蜜蜂\n花\nBees\nHives\nWax",
    ),
    ("Figure 7\nnext", "\nnext"),
    # Nothing of the kind.
    ("Figure 3 shows it. See Fig. 2: yes. 图3表明了", None),
    ("The quick natural language processing pipeline works", None),
    ("一二三四五六七 1234567890123456789 deadbeefdeadbeef 0123456789abcdef", None),
    ("wow! [link](x.png) a[b[1]] ![unclosed(x) ![a] (b)", None),
    ("Figures 3 and 4: no. Figure A: no", None),
]


@pytest.mark.parametrize(("text", "expected"), REFERENCES)
def test_references_go_with_their_content(text, expected, refined):
    assert refined(RemoveReferences(), text) == [text if expected is None else expected]


@pytest.mark.parametrize(("text", "expected"), IMAGES)
def test_images_go_and_words_stay(text, expected, refined):
    assert refined(RemoveImageReferences(), text) == [text if expected is None else expected]


def test_captions_go_if_asked_for(refined):
    text = "a\nFigure 3: Bees in a hive.\n图1：花\nb\nFigure 3 shows."
    assert refined(RemoveImageReferences(captions="remove"), text) == ["a\nb\nFigure 3 shows."]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x85", "\u2028", "\u2029"])
def test_lines_end_at_line_breaks_of_all_kinds(end, refined):
    text = f"Bees<ref>F 1967{end}hum.<ref name=x{end}{{{{cite x|{{{{a{end}fly"
    assert refined(RemoveReferences(), text) == [f"Bees{end}hum.{end}{end}fly"]
    text = f"a{end}Figure 3: a bee{end}Figure 4{end}b [[File:c{end}d"
    assert refined(RemoveImageReferences(), text) == [f"a{end}a bee{end}{end}b {end}d"]
    removed = refined(RemoveImageReferences(captions="remove"), text)
    assert removed == [f"a{end}b {end}d"]


def test_null_and_empty_stay(refined):
    for operator in (RemoveReferences(), RemoveImageReferences()):
        assert refined(operator, None, "", "x") == [None, "", "x"]


PIECES = [
    "<ref>",
    "</ref>",
    "<ref/>",
    "{{cite x|",
    "{{",
    "}}",
    "[[",
    "]]",
    "[[File:",
    "a ",
    "\n",
    "![",
    "](",
    ")",
]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_they_only_remove(text):
    for operator in (RemoveReferences(), RemoveImageReferences()):
        rest = iter(text)
        assert all(mark in rest for mark in operator.clean(text))


@pytest.mark.parametrize(
    "text",
    [
        "<ref>" * 200_000,
        "<ref" * 250_000,
        "<ref " * 200_000,
        "{{" * 500_000,
        "{{cite x|" * 10**5,
        "}}" * 500_000,
        "![" * 500_000,
        "![](<" * 200_000,
        "![a" * 300_000,
        "![[a]" * 200_000,
        "![](x " * 150_000,
        '![](x "' * 150_000,
        "[[File:" * 140_000,
        "0a" * 500_000,
        "<img x='" * 10**5,
        "<img " * 200_000,
        "[!" * 500_000,
        "[![a](" * 150_000,
        "<ref>a</ref" * 90_000,
        " " * 10**6,
        "Figure 1" + " " * 10**6 + "x",
        "{{cite " + "x" * 10**6,
        "{{ " * 300_000,
        "{{" + " " * 10**6,
    ],
    ids=lambda text: f"{text[:12]}...",
)
def test_long_texts_take_linear_time(text):
    for operator in (RemoveReferences(), RemoveImageReferences()):
        started = time.process_time()
        operator.clean(text)
        assert time.process_time() - started < 30  # quadratic time would take far longer
