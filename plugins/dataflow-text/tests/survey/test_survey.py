"""The pipeline text/survey."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from dataflow_core import FileStorage, MemoryStorage
from dataflow_text import (
    PretrainFilter,
    RemoveHtmlUrls,
    Survey,
    VocabularyEvaluator,
    WordCountFilter,
)


@pytest.fixture
def sample():
    """The sample set that is bundled with the core."""
    return FileStorage(str(files("dataflow_core.demo") / "web_sample.jsonl.gz"))


def test_it_tells_what_the_bundled_sample_is_like_and_keeps_every_row(sample):
    report = Survey(sample, near=True).run("out.jsonl")
    assert [(s.step, s.rows_in, s.rows_out) for s in report.steps] == [
        ("lengths", 335, 335), ("vocabulary", 335, 335), ("duplicates", 335, 335),
    ]  # fmt: skip
    lengths, vocabulary, duplicates = (step.findings for step in report.steps)
    assert (lengths["texts"], lengths["without_text"]) == (329, 6)
    assert vocabulary["tokens"] <= lengths["words"]["total"]
    assert next(iter(vocabulary["top_words"])) == "the"
    assert duplicates["duplicates"] >= 25  # the exact copies, and stubs
    assert duplicates["near_duplicates"] > 0
    assert FileStorage("out.jsonl").read().equals(sample.read())
    assert "vocabulary  tokens" in str(report)
    told = json.loads((report.run_dir / "report.json").read_text("utf-8"))
    assert [step["findings"] for step in told["steps"]] == [s.findings for s in report.steps]


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_the_batch_size_changes_nothing(sample, batch_size):
    report = Survey(sample, group_column="url").run("out.parquet", batch_size=batch_size)
    whole = Survey(sample, group_column="url").run("whole.parquet")
    assert [s.findings for s in report.steps] == [s.findings for s in whole.steps]


def test_rows_go_through_once(sample):
    report = Survey(sample).run("out.parquet")
    assert [path.name for path in (report.run_dir / "tables").iterdir()] == ["duplicates"]


def test_it_sees_what_steps_before_left(sample):
    rows = [{"text": f"<b>word{n}</b> " * n} for n in range(60)]
    table = MemoryStorage(rows)
    WordCountFilter(min_value=40).run(table)
    RemoveHtmlUrls().run(table)
    WordCountFilter(min_value=55).run(table, output_measure="again")
    VocabularyEvaluator(top=1).run(table)
    found = table.findings()["vocabulary_evaluator"]
    assert (found["types"], found["top_words"]) == (5, {"word59": 59})


def test_its_parameters_reach_the_operators():
    rows = [{"body": "one two", "lang": "en"}, {"body": "你好", "lang": "zh"}]
    table = MemoryStorage(rows)
    Survey(table, text_column="body", group_column="lang", encoding="cl100k_base").forward()
    found = table.findings()["length_distribution_evaluator"]
    assert [(g["group"], g["tokens"]["total"]) for g in found["groups"]] == [("en", 2), ("zh", 2)]


def test_an_empty_table_has_nothing_to_tell():
    emptied = PretrainFilter(MemoryStorage([{"text": "x"}]), min_words=9).run("empty.parquet")
    report = Survey(FileStorage(emptied.output), near=True, group_column="text").run("o.parquet")
    lengths, vocabulary, duplicates = (step.findings for step in report.steps)
    assert (report.rows_in, lengths["texts"], lengths["groups"]) == (0, 0, [])
    assert (vocabulary["tokens"], duplicates["duplicates"]) == (0, 0)
    assert lengths["characters"]["mean"] is None
