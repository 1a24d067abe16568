"""The pipeline text/pretrain_filter, run by the engine."""

from __future__ import annotations

from importlib.resources import files

import pyarrow.parquet as pq
import pytest

from dataflow_core import FileStorage, MemoryStorage, Pipeline
from dataflow_core.table.identity import format_id
from dataflow_text import (
    CurlyBracketFilter,
    Dedup,
    DeduplicateExact,
    NormalizeWhitespace,
    PretrainFilter,
    RemoveHtmlUrls,
    WordCountFilter,
)


@pytest.fixture
def sample():
    """The sample set that is bundled with the core."""
    return FileStorage(str(files("dataflow_core.demo") / "web_sample.jsonl"))


def test_the_bundled_sample_loses_the_rows_that_were_made_to_be_lost(sample, fates):
    report = PretrainFilter(sample).run()
    assert [(s.step, s.rows_in, s.rows_out, dict(s.reasons)) for s in report.steps] == [
        ("remove_markup", 335, 335, {}),
        ("normalize_whitespace", 335, 335, {}),
        # 20 stubs, 4 empty, 4 of white space alone, 5 short fragments of code; 6 nulls
        ("word_count", 335, 296, {"below_minimum": 33, "no_value": 6}),
        ("curly_brackets", 296, 286, {"above_maximum": 10}),
        # 25 exact copies, 12 that are equal once markup and white space are gone
        ("deduplicate", 286, 249, {"duplicate": 37}),
    ]
    assert fates(report) == {"output": 249, "dropped": 49, "duplicate": 37}


def test_duplicates_in_the_sample_are_the_planted_ones(sample):
    ids = {format_id(row): name for row, name in sample.read(["id"])["id"].items()}
    pipeline = PretrainFilter(sample)
    pipeline.forward()
    dropped = sample.dropped()
    copies = dropped[dropped["reason"] == "duplicate"]
    found = dict(zip(copies["id"], (ids[row] for row in copies["related_row_id"]), strict=True))
    # An exact copy, and one each with other spaces, with markup, and with a URL.
    planted = {
        "web-0054": "web-0008",
        "web-0114": "web-0038",
        "web-0210": "web-0170",
        "web-0187": "web-0090",
    }
    assert planted.items() <= found.items()
    assert len(found) == 37


@pytest.mark.parametrize("batch_size", [20, 100])
def test_the_result_does_not_depend_on_the_batch_size(sample, tmp_path, batch_size):
    PretrainFilter(sample).run(tmp_path / "whole.parquet")
    PretrainFilter(sample).run(tmp_path / "parts.parquet", batch_size=batch_size)
    assert pq.read_table(tmp_path / "parts.parquet") == pq.read_table(tmp_path / "whole.parquet")


def test_parameters_reach_the_operators():
    rows = [
        {"body": "<p>one two</p>"},
        {"body": "one"},
        {"body": "{x} y {z}"},
        {"body": " one\ntwo"},
    ]
    table = MemoryStorage(rows)
    PretrainFilter(table, text_column="body", min_words=2, max_curly_brackets=0.1).forward()
    assert [row["body"] for row in table.rows()] == ["one two"]


@pytest.mark.parametrize(("group_column", "kept"), [(None, [0, 3]), ("source", [0, 1, 3, 4])])
def test_dedup_compares_all_texts_or_those_of_a_group(group_column, kept):
    long = " ".join(f"word{number}" for number in range(200))
    texts = [long, long, long + " more", "else", "else", long + " end"]
    rows = [{"n": n, "text": text, "source": "ab"[n % 2]} for n, text in enumerate(texts)]
    report = Dedup(MemoryStorage(rows), group_column=group_column).run("out.jsonl")
    assert FileStorage(report.output).read(["n"])["n"].tolist() == kept


@pytest.mark.parametrize(
    "operator",
    [
        WordCountFilter(min_value=1),
        CurlyBracketFilter(),
        RemoveHtmlUrls(),
        NormalizeWhitespace(),
        DeduplicateExact(ignore_case=True),
    ],
    ids=lambda operator: operator.step_name(),
)
def test_a_row_that_holds_no_text_is_quarantined_alone(operator, fates):
    class One(Pipeline):
        def __init__(self, storage):
            super().__init__(storage)
            self.one = operator

        def forward(self):
            self.one.run(self.storage)

    rows = [{"text": f"text {n}"} for n in range(20)]
    report = One(MemoryStorage([*rows[:9], {"text": {"no": ["text"]}}, *rows[9:]])).run()
    assert fates(report) == {"output": 20, "quarantined": 1}


def test_an_empty_table_gives_an_empty_table():
    report = PretrainFilter(MemoryStorage([{"text": "x"}]), min_words=9).run()
    assert report.rows_out == 0
    again = PretrainFilter(FileStorage(report.output)).run()
    assert (again.rows_in, again.rows_out) == (0, 0)
