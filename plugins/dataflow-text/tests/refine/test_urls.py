"""URLs go, and what stands around them stays."""

from __future__ import annotations

import time

import pytest

from dataflow_text import RemoveHtmlUrls, RemoveUrls

CASES = [
    ("(see https://a.com/b_(c)), ok", "(see ), ok"),
    ("https://x.com\n\nnext", "\n\nnext"),
    ("请看https://x.com/路。好", "请看。好"),
    ("[t](https://a.com/x).", "[t]()."),
    ("ftp://h/x, HTTP://Y.org! www.x.com?", ", ! ?"),
    ('<a href="https://x.com">y</a>', '<a href="">y</a>'),
    ("a < b and c > d, me@www.x.com https://...", "a < b and c > d, me@www.x.com https://..."),
]


RUNNING = [
    (
        "请访问http://a.com查看详情和更多内容我们将为您提供优质服务。谢谢。",
        "请访问查看详情和更多内容我们将为您提供优质服务。谢谢。",
    ),
    ("ดูhttp://a.bครับ", "ดูครับ"),
    ("見るhttps://a.jp/x1をどうぞ", "見るをどうぞ"),
    ("看www.a.com吧，或http://a.com/?q=1即可", "看吧，或即可"),
    ("ကြည့်http://a.mm/xမှာ ទៅhttp://a.khនៅ", "ကြည့်မှာ ទៅនៅ"),
    # A host, path or value that begins with such a letter.
    ("见 http://例子.测试/路径 好", "见  好"),
    ("见 www.例子.com/a 好", "见  好"),
    ("https://zh.wikipedia.org/wiki/北京2号线#历史 x", " x"),
    ("http://a.th/ค้นหา?q=ผึ้ง&หน้า=2 x", " x"),
    ("http://пример.рф/путь http://a.de/straßeüber x", "  x"),
]


@pytest.mark.parametrize(("text", "expected"), RUNNING)
def test_sentences_of_scripts_without_spaces_go_on_after_a_url(text, expected, refined):
    assert refined(RemoveUrls(), text) == [expected]
    assert refined(RemoveHtmlUrls(), text) == [expected]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_urls_go_without_their_surroundings(text, expected, refined):
    assert refined(RemoveUrls(), text) == [expected]


def test_a_word_can_stand_for_each(refined):
    texts = ["See https://a.b/c.", None, ""]
    assert refined(RemoveUrls(replacement="<URL>"), *texts) == ["See <URL>.", None, ""]


@pytest.mark.parametrize(
    "text", ["https://" * 10**5, "www." * 250_000, "http://a" + ")" * 10**6, "http://a/字" * 10**5]
)
def test_long_texts_take_linear_time(text):
    started = time.process_time()
    RemoveUrls().clean(text)
    assert time.process_time() - started < 30  # quadratic time would take far longer
