"""The pipeline text/pretrain_filter, run by the engine."""

from __future__ import annotations

from importlib.resources import files

import pyarrow.parquet as pq
import pytest

from dataflow_core import FileStorage, MemoryStorage, Pipeline
from dataflow_core.errors import ConfigurationError
from dataflow_core.table.identity import format_id
from dataflow_text import (
    CurlyBracketFilter,
    Dedup,
    DeduplicateExact,
    NormalizeWhitespace,
    PretrainFilter,
    QualityMeasures,
    QualityRules,
    RemoveHtmlUrls,
    WordCountFilter,
)


@pytest.fixture
def sample():
    """The sample set that is bundled with the core."""
    return FileStorage(str(files("dataflow_core.demo") / "web_sample.jsonl.gz"))


def test_the_bundled_sample_loses_the_rows_that_were_made_to_be_lost(sample, fates):
    report = PretrainFilter(sample, preset="basic").run()
    assert [(s.step, s.rows_in, s.rows_out, dict(s.reasons)) for s in report.steps] == [
        ("remove_markup", 335, 335, {}),
        ("normalize_whitespace", 335, 335, {}),
        # 20 stubs, 4 empty, 4 of white space alone, 5 short fragments of code; 6 nulls
        ("word_count_filter", 335, 296, {"below_minimum": 33, "no_value": 6}),
        ("curly_bracket_filter", 296, 286, {"above_maximum": 10}),
        # 25 exact copies, 12 that are equal once markup and white space are gone
        ("deduplicate", 286, 249, {"duplicate": 37}),
        # a short function that stands twice with another name
        ("near", 249, 248, {"near_duplicate": 1}),
    ]
    assert fates(report) == {"output": 248, "dropped": 49, "duplicate": 38}


def test_the_default_keeps_english_prose(sample, fates):
    report = PretrainFilter(sample).run()
    kept = pq.read_table(report.output)
    assert report.rows_out == kept.num_rows == fates(report)["output"]
    assert 100 < report.rows_out < 249
    assert min(kept["word_count"].to_pylist()) >= 100
    assert {"stop_word_share", "special_character_share"} <= set(kept.column_names)


def test_each_preset_is_what_quality_rules_has(sample):
    for preset in ("default", "gopher", "c4", "fineweb", "basic"):
        rules = QualityRules(sample.fork(), preset=preset).rules
        steps = [step.name for step in PretrainFilter(sample.fork(), preset=preset).compile().steps]
        assert steps[2:-2] == [rule.step_name() for rule in rules]


def test_languages_blocklist_and_near_duplicates(tmp_path):
    (tmp_path / "words.txt").write_text("# unwanted\ncasino\n", "utf-8")
    story = (
        "The river rose in the night, and by morning the lower fields were under water; nobody in "
        "the village was surprised, for it had done so every spring that anyone could remember."
    )
    rows = [
        {"text": story, "site": "a"},
        {"text": story.replace("anyone", "people"), "site": "a"},
        {"text": story.replace("nobody", "no one"), "site": "b"},
        {"text": "Play at the casino tonight and win more than you ever had before.", "site": "a"},
        {"text": "Der Fluss stieg in der Nacht, und am Morgen standen die Felder unter Wasser."},
    ]
    asked = {"preset": "basic", "min_words": 5, "blocklist": tmp_path / "words.txt"}
    report = PretrainFilter(MemoryStorage(rows), languages=("en",), **asked).run()
    reasons = {step.step: dict(step.reasons) for step in report.steps if step.reasons}
    assert reasons == {
        "blocklist_filter": {"above_maximum": 1},
        "language_filter": {"other_language": 1},
        "near": {"near_duplicate": 2},
    }
    report = PretrainFilter(MemoryStorage(rows), group_column="site", **asked).run()
    assert report.steps[-1].reasons == {"near_duplicate": 1}
    report = PretrainFilter(MemoryStorage(rows), near_duplicates=None, **asked).run()
    assert report.steps[-1].step == "deduplicate"


def test_the_fewest_words_need_a_preset_that_counts_them():
    with pytest.raises(ConfigurationError, match="'c4' does not count words"):
        PretrainFilter(preset="c4", min_words=10)
    assert PretrainFilter(preset="fineweb", min_words=10).rules[0].min_words == 10


@pytest.mark.parametrize("preset", ["default", "gopher", "c4", "fineweb", "basic"])
def test_measures_decide_as_measuring_does(preset, sample, tmp_path):
    direct = QualityRules(sample.fork(), preset=preset).run(tmp_path / "direct.jsonl")
    measures = tmp_path / "measures.jsonl"
    QualityMeasures(sample.fork(), preset=preset).run(measures)
    assert len(FileStorage(measures)) == len(sample)
    later = QualityRules(FileStorage(measures), preset=preset, measured=True)
    again = later.run(tmp_path / "later.jsonl")
    assert [dict(step.reasons) for step in again.steps] == [dict(s.reasons) for s in direct.steps]
    kept = [FileStorage(tmp_path / name).read(["id"]) for name in ("direct.jsonl", "later.jsonl")]
    assert kept[0]["id"].tolist() == kept[1]["id"].tolist()


def test_duplicates_in_the_sample_are_the_planted_ones(sample):
    ids = {format_id(row): name for row, name in sample.read(["id"])["id"].items()}
    pipeline = PretrainFilter(sample, preset="basic")
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
    PretrainFilter(table, text_column="body", preset="basic", min_words=2).forward()
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
    (row,) = FileStorage(next((report.run_dir / "quarantine").iterdir())).read().iloc
    assert row["reason"] == "no_text"
    assert row["message"] == "a text wanted, found dict {'no': ['text']}"


def test_an_empty_table_gives_an_empty_table():
    report = PretrainFilter(MemoryStorage([{"text": "x"}])).run()
    assert report.rows_out == 0
    again = PretrainFilter(FileStorage(report.output)).run()
    assert (again.rows_in, again.rows_out) == (0, 0)
