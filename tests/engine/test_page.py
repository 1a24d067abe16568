"""The report as a page: what it says, in HTML that nothing in the data can break."""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_core import FileStorage, Filter, MemoryStorage, Pipeline, Refiner, Storage
from dataflow_core.engine import Report, page
from dataflow_core.engine.ledger import StepAccount
from dataflow_core.engine.page.findings import finding_of
from dataflow_core.engine.page.graph import graph_of
from dataflow_core.engine.page.histogram import BOTTOM, TOP, WIDTH, histogram
from dataflow_core.engine.page.writing import differences, duration, number, share
from dataflow_core.errors import DataflowError
from dataflow_core.operators.general import (
    Concatenate,
    DeduplicateExact,
    Explode,
    FilterRows,
    Join,
    Sort,
)
from dataflow_core.pipeline.plan import Plan, Step, TableRef
from dataflow_core.table.distributions import Distribution

from .pages import parsed
from .pipelines import Nothing
from .test_findings import ROWS, Kinds, SquareFilter
from .test_runs import run

HOSTILE = [
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    '"></p></section><!-- ',
    "w" * 5_000,
    "שלום עולם " * 9,
    "这是一个没有空格的句子，" * 9,
    "👩‍👩‍👧‍👦🏳️‍🌈" * 30,
    "\u202e gnirts \u0000 and \u001b[31m",
    "",
]


class Shout(Refiner):
    """Write texts in capitals."""

    def run(self, storage: Storage, input_text: str = "text") -> None:
        table = storage.read([input_text])
        table[input_text] = table[input_text].str.upper()
        storage.write(table)


class Picky(Filter):
    """Fail on some texts."""

    def run(self, storage: Storage, input_text: str = "text") -> None:
        if storage.read([input_text])[input_text].str.startswith("<SCRIPT>").any():
            raise ValueError("<b>not that</b> " + "e" * 1_000)


class Branches(Pipeline):
    """A table that forks and is joined again, and a step with a long name."""

    def __init__(self, storage: Storage | None = None, least: int = 4) -> None:
        super().__init__(storage)
        self.shout = Shout()
        self.few = FilterRows(where=f"n % 3 = 0 and n > {least}")
        self.many = FilterRows(where="n % 3 > 0")
        self.picky = Picky()
        self.together = Concatenate()
        self.explode = Explode()
        self.join = Join(suffix="_right")
        self.step_with_a_name_that_is_much_longer_than_there_is_room_for_it = Sort()

    def forward(self) -> None:
        self.shout.run(self.storage)
        branch, lookup = self.storage.fork(), self.storage.fork()
        self.few.run(self.storage)
        self.many.run(branch)
        self.picky.run(branch)
        self.together.run(self.storage, input_table=branch)
        self.explode.run(self.storage, input_list="tags", output_item="tag")
        self.join.run(self.storage, input_table=lookup, input_on=["n"])
        last = self.step_with_a_name_that_is_much_longer_than_there_is_room_for_it
        last.run(self.storage, input_columns=["n"])


def hostile_run(folder: Path, least: int = 4) -> Report:
    """Run over texts that try to break the page; some rows fail, one line cannot be read."""
    rows = [
        {"n": n, "text": HOSTILE[n % len(HOSTILE)], "tags": ["<i>", "b", "c"][: n % 4]}
        for n in range(80)
    ]
    lines = [json.dumps(row) for row in rows]
    lines[5] = '{"broken": <b>'
    (folder / "in.jsonl").write_text("\n".join(lines) + "\n")
    storage = FileStorage(folder / "in.jsonl", on_bad_row="quarantine")
    return Branches(storage, least).run(
        output=folder / "out.jsonl", run_dir=folder / "run", max_failures=0.9
    )


def page_of(report: Report):
    return parsed((report.run_dir / "report.html").read_text("utf-8"))


def linear(*names: str) -> Plan:
    steps, before = [], "source"
    for name in names:
        steps.append(Step(name, Nothing(), {}, before))
        before = name
    return Plan("plan", tuple(steps), result=before)


def test_the_page_tells_of_the_run_and_where_it_is(tmp_path):
    report = run(tmp_path, MemoryStorage(ROWS), (SquareFilter(), {}), limit=30)

    tree = page_of(report)
    assert tree.one("head").one("title").text == "steps · run report"
    assert tree.one("h1").words == "steps"
    assert "done" in tree.one("p", class_="meta").words
    assert str(report.started.year) in tree.one("time").text
    figures = tree.one("dl", class_="figures").all("div")
    told = {div.one("dt").text: [dd.text for dd in div.all("dd")] for div in figures}
    assert told["Rows in"] == ["30", ""]
    assert told["Rows out"] == ["28", "93.3 % of rows in"]
    facts = tree.one("dl", class_="facts").words
    for fact in (str(report.output), str(report.run_dir), "30 rows", "dataflow-llm-core"):
        assert fact in facts
    assert report.page == report.run_dir / "report.html"
    assert f"report   {report.page}" in str(report).splitlines()
    assert json.loads((report.run_dir / "report.json").read_text())["page"] == str(report.page)


def test_the_flow_and_the_table_have_each_step_with_its_rows(tmp_path):
    report = hostile_run(tmp_path)

    tree = page_of(report)
    rows = tree.one("section", id="flow").one("ol").all("li")
    assert [row.one("b").words for row in (r.one("div", class_="name") for r in rows)] == [
        "source", *(step.step for step in report.steps)
    ]  # fmt: skip
    told = dict(zip(["source", *(s.step for s in report.steps)], rows, strict=True))
    assert "1 unreadable" in told["source"].words
    assert "with many" not in told["few"].words
    assert "with picky" in told["together"].words
    for step in report.steps:
        flow = told[step.step].one("div", class_="rows").words
        assert flow.startswith(f"{step.rows_out:,} rows out")
        for name in ("dropped", "quarantined", "expanded"):
            rows_gone = getattr(step, name)
            assert (f"{rows_gone:,} {name}" in flow) == (rows_gone > 0)
            assert bool(told[step.step].all("i", class_=name)) == (rows_gone > 0)
    lines = tree.one("table", class_="steps").one("tbody").all("tr")
    for step, line in zip(report.steps, lines, strict=True):
        cells = [cell.words for cell in line.all("td")]
        assert line.one("th", scope="row").all("bdi")[0].words.startswith(step.step[:20])
        assert cells[:4] == [
            f"{n:,}" for n in (step.rows_in, step.rows_out, step.dropped, step.quarantined)
        ]
    assert all(th.attributes["scope"] for th in tree.all("th"))


def test_nothing_in_the_data_becomes_part_of_the_page(tmp_path):
    report = hostile_run(tmp_path)

    tree = page_of(report)  # which checks that there are no scripts and images
    removed = tree.one("section", id="removed")
    assert HOSTILE[0].upper() in removed.text
    assert "<b>not that</b>" in removed.text
    assert '{"broken": <b>' in removed.text
    assert "not that" not in [element.text for element in tree.all("b")]
    raw = report.page.read_text("utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", raw)
    assert "␀" in raw
    assert max(map(len, re.findall(r"\w+", tree.one("main").text))) < 400
    texts = tree.all("p", class_="text")
    assert len(texts) > 5
    assert {text.attributes["dir"] for text in texts} == {"auto"}


def test_names_from_the_plan_are_escaped_as_well():
    names = ("<b>bold</b>", '" onload="x', "a & b")
    accounts = tuple(StepAccount(name, 3, 3, seconds=0.5) for name in names)
    accounts[0].findings["<i>"] = {"<u>": ["<s>"], "\ud800": 1}
    accounts[0].reasons["</style>"] = 3
    report = Report("<h1>", Path("run"), "out", 3, 3, 0, 1.0, accounts, changes=("<x>",))

    tree = parsed(page.render(report, linear(*names), {}))
    assert tree.one("head").one("title").text == "<h1> · run report"
    assert [b.words for b in tree.one("section", id="flow").all("b")][2:8:2] == list(names)
    assert "<s>" in tree.one("section", id="findings").text


def test_what_is_not_known_is_left_out():
    plan = linear("a")
    report = Report("p", Path("run"), "out", 0, 0, 0, 0.0, (StepAccount("a"),))
    tree = parsed(page.render(report, plan, {}))
    assert [section.attributes["id"] for section in tree.all("section")] == ["flow", "steps"]
    assert {a.attributes["href"] for a in tree.one("nav").all("a")} == {"#flow", "#steps"}
    parsed(page.render(report, plan, {"sources": None, "options": {}, "plan": {"steps": [{}]}}))


def test_a_measure_is_drawn_with_its_bounds_and_what_they_cut(tmp_path):
    report = run(tmp_path, MemoryStorage(ROWS), (SquareFilter(), {}))

    card = page_of(report).one("article", class_="measure")
    assert card.one("h3").text == "square"
    assert "keeps 4 to 900" in card.words
    assert "2 below (5 %) · 9 above (22.5 %)" in card.words
    drawing = card.one("svg")
    assert drawing.one("title").text == "Histogram of square"
    assert "9 above" in drawing.one("desc").text
    assert [text.text for text in drawing.all("text", class_="bound")] == ["min 4", "max 900"]
    assert len(drawing.all("rect", class_="cut")) == 2
    low, high = (float(rect.attributes["width"]) for rect in drawing.all("rect", class_="cut"))
    assert high > low > 0


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(st.floats(allow_nan=True, width=64), st.integers(-5, 300).map(float)),
        max_size=60,
    ),
    st.one_of(st.none(), st.floats(allow_nan=False)),
    st.one_of(st.none(), st.floats(allow_nan=False)),
)
def test_any_distribution_is_drawn_within_its_frame(values, low, high):
    found = Distribution(low, high)
    found.add(np.array(values, np.float64))

    drawn = histogram(found)
    assert (drawn is None) == (found.rows == found.absent)
    if drawn is None:
        return
    bars = re.findall(r"M(-?[\d.]+) 100v-([\d.]+)h([\d.]+)V100z", drawn.bars)
    assert bars
    assert re.sub(r"M(-?[\d.]+) 100v-([\d.]+)h([\d.]+)V100z", "", drawn.bars) == ""
    for x, tall, wide in (map(float, bar) for bar in bars):
        assert 0 <= x <= x + wide <= WIDTH
        assert 0 < tall <= BOTTOM - TOP + 0.1
    for bound in drawn.bounds:
        assert 0 <= bound.x <= WIDTH
        assert bound.cut_width >= 0


def heights(found: Distribution) -> list[float]:
    drawn = histogram(found)
    assert drawn is not None
    return [float(tall) for tall in re.findall(r"v-([\d.]+)", drawn.bars)]


def test_few_whole_numbers_have_a_bar_each_and_bounds_between_them():
    found = Distribution(high=0)
    found.add(np.array([0.0] * 30 + [1.0] * 10))
    drawn = histogram(found)
    assert [(label.text, label.anchor) for label in drawn.labels] == [
        ("0", "middle"), ("1", "middle"),
    ]  # fmt: skip
    zero, one = (label.x for label in drawn.labels)
    assert zero < drawn.bounds[0].x < one
    assert heights(found) == [76.0, pytest.approx(76 / 3, abs=0.1)]


def test_even_values_have_even_bars_though_they_were_rounded():
    found = Distribution()
    found.add(np.arange(100_000.0))
    tall = heights(found)
    assert len(tall) > 20
    assert min(tall[:-1]) > 0.98 * max(tall)


def test_outermost_values_are_counted_at_the_ends_which_say_so():
    found = Distribution()
    found.add(np.concatenate([np.linspace(0, 1, 10_000), [1e9]]))
    drawn = histogram(found)
    assert (drawn.first, drawn.last) == ("0", "≥ 1")
    found = Distribution()
    found.add(np.array([3.5]))
    assert histogram(found).first.startswith("3")


def test_the_graph_gives_each_table_a_row_and_branches_lanes_of_their_own():
    plan = Branches(MemoryStorage([{"n": 1, "text": "a", "tags": ["b"]}])).compile()
    graph = graph_of(plan)
    lanes = dict(zip(graph.names, graph.lanes, strict=True))
    assert len({lanes["shout"], lanes["few"], lanes["many"]}) == 3
    assert lanes["few"] == lanes["together"] == lanes["join"]
    assert sum(line.second for line in graph.lines) == 2
    assert "together reads few and picky" in graph.described


@given(st.lists(st.tuples(st.integers(0, 30), st.none() | st.integers(0, 30)), max_size=14))
def test_no_line_of_a_graph_goes_through_another_table(reads):
    names = ["source"]
    steps = []
    for step, (table, other) in enumerate(reads):
        second = {"input_table": TableRef(names[other % len(names)])} if other is not None else {}
        steps.append(Step(f"s{step}", Nothing(), second, names[table % len(names)]))
        names.append(f"s{step}")
    graph = graph_of(Plan("p", tuple(steps), result=names[-1]))

    assert graph.names == tuple(names)
    places = {(graph.x(row), row + 0.5) for row in range(len(names))}
    assert len(places) == len(names)
    for line in graph.lines:
        x, start, *middle = map(float, re.findall(r"[\d.]+", line.path))
        stop = middle[0]  # where its own lane ends
        passed = {(px, py) for px, py in places if px == x and start < py < stop}
        assert not passed, line.path


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_first_edits_do_not_depend_on_batches(tmp_path, batch_size):
    rows = [{"n": n, "text": f"Text {n}" if n % 4 == 1 else f"TEXT {n}"} for n in range(40)]
    report = run(
        tmp_path,
        MemoryStorage(rows),
        (FilterRows(where="n > 6"), {}),
        (Shout(), {}),
        (FilterRows(where="n > 0"), {}),
        batch_size=batch_size,
    )

    before, step, after = report.steps
    assert (before.edits, after.edits) == ([], [])
    assert [(e.place, e.column, e.before, e.after) for e in step.edits] == [
        (n, "text", f"Text {n}", f"TEXT {n}") for n in (9, 13, 17)
    ]
    told = json.loads((report.run_dir / "report.json").read_text("utf-8"))["steps"][1]["edits"]
    assert [edit["row"] for edit in told] == [edit.row for edit in step.edits]
    pairs = page_of(report).one("section", id="edits").all("div", class_="pair")
    assert pairs[0].one("del").text == "Text"
    assert pairs[0].one("ins").text == "TEXT"


def test_edits_are_taken_over_with_the_rest_of_a_run(tmp_path):
    rows = [{"n": n, "text": f"t{n}"} for n in range(9)]
    first = run(tmp_path, MemoryStorage(rows), (Shout(), {}), (Sort(), {"input_columns": ["n"]}))
    second = run(tmp_path, MemoryStorage(rows), (Shout(), {}), (Sort(), {"input_columns": ["n"]}))
    assert second.reused
    assert second.steps[0].edits == first.steps[0].edits
    assert len(second.steps[0].edits) == 3
    assert "Taken over" in page_of(second).one("section", id="earlier").text


def test_edits_leave_out_rows_far_down_nulls_and_rows_that_were_made(tmp_path):
    rows = [{"text": None, "tags": ["A"]}, {"text": "SAME", "tags": ["b"]}]
    rows += [{"text": "SAME", "tags": []}] * 9_998
    rows += [{"text": "other", "tags": []}]
    report = run(
        tmp_path,
        MemoryStorage(rows),
        (Shout(), {}),
        (Explode(), {"input_list": "tags", "output_item": "tag"}),
        (Shout(), {"input_text": "tag"}),
    )
    assert [step.edits for step in report.steps] == [[], [], []]
    assert report.steps[2].rows_in == 2


def test_long_texts_are_cut_around_the_first_difference(tmp_path):
    text = "A" * 100_000 + " b " + "C" * 100_000
    report = run(tmp_path, MemoryStorage([{"text": text}]), (Shout(), {}))
    (edit,) = report.steps[0].edits
    assert edit.before == "…" + "A" * 59 + " b " + "C" * 178 + "…"
    was, now = differences(edit.before, edit.after)
    assert [kind for kind, _ in was] == ["same", "gone", "same", "same"]
    assert ("new", "B") in now


def test_ends_that_differ_because_texts_are_cut_count_as_the_same():
    was, now = differences("one two three fo…", "one three four five…")
    assert was == [("same", "one "), ("gone", "two "), ("same", "three "), ("same", "fo"),
                   ("same", "…")]  # fmt: skip
    assert {kind for kind, _ in now} == {"same"}
    assert differences("a\n", "a") == ([("same", "a"), ("gone", "↵\n")], [("same", "a")])


def test_findings_are_values_bars_groups_tables_and_lists(tmp_path):
    report = run(tmp_path, MemoryStorage(ROWS), (Kinds(), {}))
    found = page_of(report).one("section", id="findings")
    assert found.one("h3").text == "kinds"
    assert found.all("div", class_="value")[0].one("dd").text == "3"
    assert [li.words for li in found.one("ul", class_="words").all("li")] == ["a", "b", "c"]

    counts = {f"w{n}": 100 - n for n in range(30)}
    assert (finding_of("c", counts)["kind"], finding_of("c", counts)["more"]) == ("bars", 10)
    assert finding_of("c", {"a": 1, "b": 0.5})["kind"] == "group"
    assert finding_of("c", [{"a": 1}, {"a": None}])["rows"] == [["1"], ["–"]]
    assert finding_of("c", [{"a": 1}, {"b": 1}, True])["entries"][2] == "yes"
    deep: dict[str, object] = {}
    for _ in range(50):
        deep = {"in": deep}
    shown = finding_of("c", deep)
    for _ in range(4):
        (shown,) = shown["entries"]
    assert shown["kind"] == "value"
    assert shown["value"].startswith("{'in': {'in'")


def test_numbers_are_written_short():
    assert [number(n) for n in (None, 0, 1234, -2.0, 0.12345, 1e-9, 123.456, 1e20)] == [
        "–", "0", "1,234", "−2", "0.123", "1e-09", "123", "1e+20",
    ]  # fmt: skip
    assert [share(*n) for n in ((0, 0), (0, 9), (1, 99_999), (99_999, 100_000), (1, 3))] == [
        "–", "0 %", "<0.1 %", ">99.9 %", "33.3 %",
    ]  # fmt: skip
    assert [duration(s) for s in (0, 0.25, 12.34, 99.7, 7_322)] == [
        "<1 ms", "250 ms", "12.3 s", "1 min 40 s", "2 h 02 min",
    ]  # fmt: skip


def test_texts_have_enough_contrast_in_both_schemes():
    css = Path(page.__file__).with_name("page.css").read_text("utf-8")
    light, dark = (dict(re.findall(r"--(\w+): (#\w+)", block)) for block in css.split("@media")[:2])
    for colors in (light, dark):
        papers = [colors[name] for name in ("paper", "card", "faint")]
        for paper in papers:
            assert contrast(colors["ink"], paper) >= 7
            assert contrast(colors["soft"], paper) >= 4.5
        assert contrast(colors["ink"], colors["new"]) >= 7
        assert contrast(colors["ink"], colors["gone"]) >= 7
        for name in ("done", "quarantined"):
            assert contrast(colors[name], colors["paper"]) >= 4.5
        for name in ("out", "dropped", "quarantined", "expanded"):
            assert contrast(colors[name], colors["card"]) >= 3


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG 2.2 defines it."""
    lights = sorted(map(luminance, (one, other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def luminance(color: str) -> float:
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_page_that_cannot_be_written_is_told_and_loses_nothing(tmp_path, monkeypatch):
    run(tmp_path, MemoryStorage(ROWS), (SquareFilter(), {}))

    def broken(*_: object) -> str:
        raise ZeroDivisionError("no page")

    monkeypatch.setattr(page, "render", broken)
    with pytest.warns(RuntimeWarning, match=r"run is done, but .*report\.html.*no page"):
        report = run(tmp_path, MemoryStorage(ROWS), (SquareFilter(), {}))
    assert report.page is None
    assert "report.html" not in str(report)
    assert not (report.run_dir / "report.html").exists()
    assert json.loads((report.run_dir / "run.json").read_text())["state"] == "done"
    assert json.loads((report.run_dir / "report.json").read_text())["page"] is None


def test_a_run_that_begins_again_and_fails_leaves_no_page_of_the_one_before(tmp_path):
    report = run(tmp_path, MemoryStorage(ROWS), (DeduplicateExact(), {"input_columns": ["kind"]}))
    assert report.page.exists()
    with pytest.raises(DataflowError):
        run(
            tmp_path, MemoryStorage([{"text": "<script>"}]), (Shout(), {}), (Picky(), {}),
            fresh=True, max_failures=0,
        )  # fmt: skip
    assert not report.page.exists()


def test_many_steps_and_measures_are_drawn_quickly():
    rng = np.random.default_rng(5)
    names = [f"step_{n}" for n in range(40)]
    accounts = tuple(StepAccount(name, 1_000, 990, 10, seconds=0.1) for name in names)
    for place in range(60):
        found = Distribution(1.0, 1e4)
        found.add(rng.lognormal(3, 2, 20_000))
        accounts[place % 40].measures[f"measure_{place}"] = found
    report = Report(
        "p", Path("run"), "out", 1_000, 600, 0, 9.0, accounts,
        started=dt.datetime(2024, 2, 3, 4, 5, tzinfo=dt.UTC),
    )  # fmt: skip
    plan = linear(*names)
    page.render(report, plan, {})  # which loads the template
    begun = time.process_time()
    html = page.render(report, plan, {})
    assert time.process_time() - begun < 0.3
    assert len(parsed(html).all("article", class_="measure")) == 60
    assert len(html) < 400_000


def test_the_template_engine_is_loaded_for_the_page_alone():
    code = "import sys, dataflow_core.engine; sys.exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
