"""The main text of web pages."""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from dataflow_core import MemoryStorage
from dataflow_core.errors import ConfigurationError
from dataflow_text import HtmlExtract

SHARED = Path(
    os.environ.get("DATAFLOW_SHARED") or Path(__file__).resolve().parents[4].parent / "shared"
)
with_shared_data = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"no shared data in {SHARED}; name its folder in DATAFLOW_SHARED"
)
OUTPUTS = ("output_title", "output_author", "output_date", "output_language")
PAGE = """<html><head><title>Rivers</title><style>p {color: red}</style></head><body>
<nav><a href="/">Home</a> <a href="/about">About us</a></nav><article><h1>Rivers</h1>
<p>A river flows from its source to the sea, and it seldom takes the shortest way.</p>
<p>On its way it takes in brooks &amp; streams, until it is too wide to be crossed.</p>
<table><tr><td>Rhine</td><td>1,233 km</td></tr></table></article>
<footer>Copyright 2020 The Company. All rights reserved.</footer></body></html>"""


def extracted(*pages, **options):
    pytest.importorskip("trafilatura", reason="it comes with the extra html")
    table = MemoryStorage([{"html": page} for page in pages])
    HtmlExtract(**options).run(table)
    return [row["text"] for row in table.rows()]


def test_the_article_stays_and_what_stands_around_it_goes():
    (text,) = extracted(PAGE)
    assert text.startswith("Rivers\nA river flows from its source")
    assert "brooks & streams" in text
    assert "Rhine" in text
    assert not {"About us", "Copyright", "color"} & set(text.split("\n"))
    assert "All rights" not in text


def test_tables_may_stay_out():
    told = (f"<p>Chapter {n} tells of {n} boats, and of those who rowed.</p>" for n in range(20))
    page = PAGE.replace("<table>", "".join((*told, "<table>")))
    assert "Rhine" in extracted(page)[0]
    assert "Rhine" not in extracted(page, tables=False)[0]


def test_pages_without_text_have_none():
    assert extracted(None, "", " \n", "<html><body></body></html>", PAGE)[:4] == [None] * 4


def test_fragments_are_bodies_of_pages():
    sentence = "The weather is nice today and we went to the park to see flowers."
    chinese = "今天天气很好，我们去公园看花。"
    fragments = [f"<p>{sentence}</p>", f"<P>{chinese}</P>", sentence, f"<!-- x --><p>{sentence}"]
    assert extracted(*fragments) == [sentence, chinese, sentence, sentence]
    assert extracted("<p>Hello <b>world</b></p>") == ["Hello world"]
    items = "<li>One item here</li><li>Two items here</li>"
    assert extracted(items) == extracted(f"<html><body>{items}</body></html>")
    assert extracted("<!-- none -->", "<script>none()</script>", "<p> </p>") == [None] * 3


def test_what_a_page_says_of_itself_comes_where_it_is_asked_for():
    pytest.importorskip("trafilatura", reason="it comes with the extra html")
    head = """<html lang="en-GB"><head><title>Rivers</title><meta name="author" content="Ada Brook">
<meta property="article:published_time" content="2019-05-31T10:00:00Z">"""
    told = PAGE.replace("<html><head><title>Rivers</title>", head)
    table = MemoryStorage([{"html": page} for page in (told, PAGE, None, "")])
    outputs = {name: name.removeprefix("output_") for name in OUTPUTS}
    HtmlExtract().run(table, **outputs)
    assert [[row[name] for name in outputs.values()] for row in table.rows()] == [
        ["Rivers", "Ada Brook", "2019-05-31", "en-GB"],
        ["Rivers", None, "2020-01-01", None],
        [None, None, None, None],
        [None, None, None, None],
    ]
    assert [row["text"] for row in table.rows()] == extracted(told, PAGE, None, "")


@pytest.mark.parametrize("output", OUTPUTS)
def test_each_of_these_columns_may_come_alone(output):
    pytest.importorskip("trafilatura", reason="it comes with the extra html")
    table = MemoryStorage([{"html": PAGE}])
    HtmlExtract().run(table, **{output: "told"})
    assert list(table.rows()[0]) == ["html", "text", "told"]


@pytest.mark.parametrize("function", ["extract", "extract_metadata"])
def test_a_page_that_breaks_the_library_is_quarantined_alone(monkeypatch, function):
    library = pytest.importorskip("trafilatura", reason="it comes with the extra html")
    sound = getattr(library, function)

    def breaks(page, **options):
        if "broken" in (page if isinstance(page, str) else page.text_content()):
            raise RecursionError("too deep")
        return sound(page, **options)

    monkeypatch.setattr(library, function, breaks)
    broken = PAGE.replace("Rivers", "broken")
    table = MemoryStorage([{"n": n, "html": page} for n, page in enumerate((PAGE, broken, None))])
    HtmlExtract().run(table, output_title="title")
    assert [(row["n"], row["title"]) for row in table.rows()] == [(0, "Rivers"), (2, None)]
    assert table.read(["text"])["text"].dtype == "string[pyarrow]"
    (row,) = table.quarantined().iloc
    assert (row["reason"], row["message"]) == ("extraction_failed", "RecursionError: too deep")
    assert (row["n"], row["html"]) == (1, broken)


def test_a_missing_library_is_told_with_its_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "trafilatura", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'dataflow-text\[html\]'"):
        HtmlExtract().run(MemoryStorage([{"html": PAGE}]))


@with_shared_data
def test_snippets_that_must_and_must_not_be_there():
    folder = SHARED / "data/text"
    lines = (folder / "trafilatura_gold.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    pages = [page_of(folder / "trafilatura_html" / case["file"]) for case in cases]
    texts = [text or "" for text in extracted(*pages)]
    wanted = [
        part in text for case, text in zip(cases, texts, strict=True) for part in case["with"]
    ]
    unwanted = [p in text for case, text in zip(cases, texts, strict=True) for p in case["without"]]
    recall, wrong = sum(wanted) / len(wanted), sum(unwanted)
    precision = sum(wanted) / (sum(wanted) + wrong)
    assert 2 * precision * recall / (precision + recall) > 0.85


@with_shared_data
def test_words_of_articles_against_the_gold_standard():
    folder = SHARED / "data/text"
    cases = [json.loads(line) for line in (folder / "aeb_gold.jsonl").read_text().splitlines()]
    pages = [page_of(folder / "aeb_html" / f"{case['id']}.html.gz") for case in cases]
    scores = []
    for case, text in zip(cases, extracted(*pages), strict=True):
        gold, found = Counter(case["articleBody"].split()), Counter((text or "").split())
        common = sum((gold & found).values())
        scores.append(2 * common / (sum(gold.values()) + sum(found.values())))
    assert sum(scores) / len(scores) > 0.85


def page_of(path):
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return data.decode("utf-8", "replace")
