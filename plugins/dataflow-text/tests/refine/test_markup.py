"""HTML and URLs in texts: what goes, what stays, and that no text takes long."""

from __future__ import annotations

import time

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_core import MemoryStorage
from dataflow_text import RemoveHtmlTags, RemoveHtmlUrls

CASES = [
    # Comparisons and cut-off tags are no tags.
    ("a < b and c > d", "a < b and c > d"),
    ("a <b and c> d", "a <b and c> d"),
    ("1<2 <3 x<y vector<int>", "1<2 <3 x<y vector<int>"),
    ("end <a href=", "end <a href="),
    ("a[b[1]]>0 & x<y", "a[b[1]]>0 & x<y"),
    # Tags.
    ("<P CLASS='a>b' title=\"x>y\">hi</P>", "\nhi\n"),
    ('<a href="f.pdf" download>f</a><p hidden>q</p x>', "f\nq\n"),
    ("<a href=https://x.com/?a=b>t</a>", "t"),
    ("<i>x</i><b>y</b><br/><td>z<img alt='<3' src=a>", "xy\n\nz"),
    ("<col><colgroup><abbr title=x>y</abbr>", "y"),
    ("<!DOCTYPE html><?xml version='1'?><![if IE]>x<![endif]>", "x"),
    ("<p>never closed", "\nnever closed"),
    ("<q cite>y</q> <p align>z</p> <a href>t</a>", "y \nz\n t"),
    ("<math><mi>x</mi><mo>=</mo></math> <o:p>z</o:p><o:p/><v:shape id='a'>", "x= z"),
    ("<B>x</b> <A CLASS=a>cut off", "x cut off"),
    # Code, which closes none of them.
    (
        "#include <map>\n#include <vector>\nstd::vector<data> v; use <time> and <code> here",
        "#include <map>\n#include <vector>\nstd::vector<data> v; use <time> and <code> here",
    ),
    ("a <b and c> d <mailto:bee> Vec<U> cp <source> <ex:a b>", None),
    ("a <b and https://x.y/ c> d", "a <b and  c> d"),
    ("Map<i>x</i> Set<b>", "Mapx Set<b>"),
    # What a page does not show.
    ("a<?php echo '<b>' ?>b<?PHP\n$a->b(1)?>c", "abc"),
    ("<?php echo 1;", "<?php echo 1;"),
    ("a<script>if (1<2) '<!--'</script >b<STYLE type='a>b'>p>q{}</style>c", "abc"),
    ("a<!-- <script> -->b<!-->c<!-- x --!>d", "abcd"),
    ("<script><script>x</script>z</script>", "z"),
    ("a<script>kept", "akept"),
    ("a <!-- kept", "a <!-- kept"),
    ("<![CDATA[<p>x</p>]]>", "\nx\n"),
    # Entities: once, and only those that exist.
    ("AT&amp;T 3 &lt; 5 &#65;&#x41;&hellip;", "AT&T 3 < 5 AA…"),
    ("&amp;lt; &lt;b&gt;x&lt;/b&gt;", "&lt; <b>x</b>"),
    ("&notit; &nosuch; &amp &#1;", "&notit; &nosuch; &amp &#1;"),
    ("&#xD800; &#9999999; &;", "&#xD800; &#9999999; &;"),
    ("<&#98;>", "<b>"),
    # URLs.
    ("(see https://a.com/b_(c)), ok", "(see ), ok"),
    ("[t](https://a.com/x) [https://a](http://b).", "[t]() []()."),
    ("请看https://x.com/路。好，HTTP://Y.org！", "请看。好，！"),
    ("http://[::1]:8080/a, ftp://h/x?", ", ?"),
    ("https://x.com\nnext", "\nnext"),
    ("www.x.com/a WWW.EXAMPLE.COM! www.foo", " ! www.foo"),
    ("me@www.example.com a.b@c.de mailto:x@y.z", "me@www.example.com a.b@c.de mailto:x@y.z"),
    ('"https://x.com" &quot;https://y.com/?a=1&amp;b=2&quot;', '"" ""'),
    ("https://x.com<b>bold</b> https://... xhttps://y.z", "bold https://... xhttps://y.z"),
    ("مرحبا https://x.com/ا 👍 nul\0byte\u200d", "مرحبا  👍 nul\0byte\u200d"),
]  # fmt: skip


def cleaned(texts: list[str | None], **options: object) -> list[str | None]:
    table = MemoryStorage(pa.table({"text": pa.array(texts, pa.string())}))
    RemoveHtmlUrls(**options).run(table)
    return [row["text"] for row in table.rows()]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_markup_goes_and_everything_else_stays(text, expected):
    assert cleaned([text]) == [text if expected is None else expected]


def test_rows_are_cleaned_each_on_its_own():
    texts = [text for text, _ in CASES]
    wanted = [text if expected is None else expected for text, expected in CASES]
    assert cleaned([None, *texts, ""]) == [None, *wanted, ""]


@given(st.text(st.sampled_from("xyz <>&;\"'=/!?-\n.,()[]#09字\0")).filter(lambda t: "&#" not in t))
def test_texts_without_elements_entities_or_urls_stay(text):
    if "<!--" not in text:
        assert cleaned([text]) == [text]


@given(
    st.lists(
        st.sampled_from(["<p>", "</p>", "<b x='>'>", "<!-- c -->", "a", " ", "<", "https://x.y/z "])
    )
)
def test_what_has_no_entities_is_clean_after_one_pass(parts):
    (once,) = cleaned([" ".join(parts)])
    assert cleaned([once]) == [once]


def test_options_leave_urls_and_entities_or_put_a_word_in_their_place():
    text = "<b>x</b> &amp; https://a.b/c."
    assert cleaned([text], urls=False) == ["x & https://a.b/c."]
    assert cleaned([text], decode_entities=False) == ["x &amp; ."]
    assert cleaned([text], url_replacement="URL") == ["x & URL."]


def test_tags_go_alone_where_nothing_else_is_asked_for(refined):
    texts = ["<b>x</b> &amp; https://a.b/c.", "a < b and c > d", "a<!-- b -->c<p>d", None, ""]
    wanted = ["x &amp; https://a.b/c.", "a < b and c > d", "ac\nd", None, ""]
    assert refined(RemoveHtmlTags(), *texts) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "<" * 10**6,
        "<a " * 10**5,
        "<p x " * 10**5,
        "<a" + " x" * 500_000,
        "<a x='" * 10**5,
        "<a x=\"' y='" * 10**5,
        "<a" + " " * 10**6,
        "<!--" * 250_000,
        "<![CDATA[" * 10**5,
        "<script>" * 10**5,
        "<script x='" * 10**5,
        "<script></script" * 60_000,
        "</p " * 250_000,
        "<?php " * 150_000,
        "<a:" * 300_000,
        "<b>" * 300_000,
        "<b x y='" * 10**5,
        "&" * 10**6,
        "&#" * 500_000,
        "&a" * 500_000,
        "https://a" + ")" * 10**6,
        "https://a" + "(" * 500_000 + "]" * 500_000,
        "https://a" + "&" * 10**6,
        "https://" * 10**5,
        "www." * 250_000,
        "www.a-" * 150_000,
        "h" * 10**6 + "://",
    ],
    ids=lambda text: f"{text[:12]}...",
)
def test_a_megabyte_of_anything_takes_linear_time(text):
    started = time.process_time()
    RemoveHtmlUrls().clean(text)
    assert time.process_time() - started < 30  # quadratic time would take far longer
