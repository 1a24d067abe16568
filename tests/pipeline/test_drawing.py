"""Plans as pictures: readable, well-formed, and safe whatever the names are."""

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pyarrow as pa
import pytest

from dataflow_core.operators.general import Concatenate, FilterRows, Sort
from dataflow_core.pipeline.drawing import as_html, as_mermaid, as_text
from dataflow_core.pipeline.plan import Plan, Step, TableRef

EVIL = '<script>alert("x")</script> & ]} {0}'


@pytest.fixture
def plan():
    keep = FilterRows(where="url <> 'https://example.org/<b>' AND n > 1")
    return Plan(
        EVIL,
        (
            Step("keep", keep, {}),
            Step(EVIL, FilterRows(where="n <= 1"), {}),
            Step("both", Concatenate(), {"input_table": TableRef(EVIL)}, "keep"),
            Step("best", Sort(), {"input_columns": ("n", "url")}, "both"),
        ),
        result="best",
    )


COLUMNS = {"url": pa.string(), "n": pa.int64()}


class Tags(HTMLParser):
    """Checks that every tag that opens closes."""

    VOID = ("meta",)

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.attributes = [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_text_shows_stages_steps_columns_and_configuration(plan):
    lines = as_text(plan, plan.columns(COLUMNS)).split("\n")
    assert lines[0] == f"{EVIL}: 4 steps in 4 stages"
    assert lines[1] == "  source (url, n)"
    assert lines[-1] == "result: best (url, n)"
    assert "stage 4 · whole-table · reads both" in lines
    assert "  best  Sort (refine)" in lines
    assert "      input_columns: n, url" in lines
    assert "      order: 'ascending'" in lines
    assert f"      input_table: {EVIL}" in lines


def test_mermaid_is_a_flowchart_whose_labels_cannot_break_out(plan):
    lines = as_mermaid(plan).split("\n")
    assert lines[0] == "flowchart TD"
    assert sum(line.strip().startswith("subgraph") for line in lines) == 4
    assert sum(line.strip() == "end" for line in lines) == 4
    edges = [line.strip() for line in lines if "-->" in line or "-.->" in line]
    assert edges == [
        "t0 --> t1",
        "t0 --> t2",
        "t1 --> t3",
        "t2 -.-> t3",
        "t3 --> t4",
        "t4 --> result",
    ]
    for line in lines:
        for label in re.findall(r'"(.*)"', line):
            assert not set('"&`') & set(label.replace("<br/>", ""))
            assert "<" not in label.replace("<br/>", "")


def test_html_is_well_formed_escaped_and_loads_nothing(plan):
    page = as_html(plan, plan.columns(COLUMNS))
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert not {"script", "link", "img", "iframe", "object"} & set(tags.seen)
    assert not [
        name for name, _ in tags.attributes if name in ("href", "src") or name.startswith("on")
    ]
    assert "@import" not in page
    assert "url(" not in page
    svg = ET.fromstring(re.search(r"<svg.*</svg>", page, re.DOTALL).group())  # noqa: S314
    assert len(svg.findall("g")) == 5
    assert len(svg.findall("path")) == 5
    assert svg.findall("g")[0].find("title").text == "url, n"
    assert page.count("<h2>") == 4


def test_a_plan_draws_without_known_columns(plan):
    assert "source\n" in as_text(plan)
    assert as_html(plan).count("<g class=") == 5


def test_boxes_do_not_overlap(plan):
    svg = ET.fromstring(re.search(r"<svg.*</svg>", as_html(plan), re.DOTALL).group())  # noqa: S314
    places = [(rect.get("x"), rect.get("y")) for rect in svg.iter("rect")]
    assert len(places) == len(set(places)) == 5
