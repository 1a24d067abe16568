"""Deciding from measures that a column holds: other bounds without measuring again."""

from __future__ import annotations

import pytest

from dataflow_core import FileStorage, Filter, MemoryStorage, Pipeline
from dataflow_core.errors import ColumnError, ConfigurationError
from dataflow_text import (
    C4Quality,
    CapitalWordFilter,
    FinewebQuality,
    GopherQuality,
    GopherRepetition,
    LexicalDiversityFilter,
    MeanWordLengthFilter,
    NormalizeWhitespace,
    UniqueWordFilter,
    WordCountFilter,
)

PROSE = "The river rises in the hills, and for most of the year it is shallow. Nobody minds. "
TEXTS = [
    PROSE * 9,
    PROSE,
    f"{PROSE}\n" * 12,
    "Home\nAbout us\nContact {x}",
    "河水从山上流下来。没有人介意。" * 20,
    "!!! ... ---",
    "",
    "   ",
    None,
    "lorem ipsum " * 60,
]
FILTERS = [
    (WordCountFilter(), {"min_value": 5, "max_value": 60}),
    (MeanWordLengthFilter(), {"min_value": 4.2}),
    (UniqueWordFilter(), {"min_value": 0.5}),
    (CapitalWordFilter(), {"max_value": 0.05}),
    (LexicalDiversityFilter(min_value=1), {"min_value": 9}),
]
RULE_SETS = [
    (GopherQuality, {"min_words": 1, "min_stop_words": 0, "min_alphabetic_share": 0}),
    (
        GopherRepetition,
        {
            "max_duplicate_lines": 1,
            "max_duplicate_line_characters": 1,
            "max_top_ngram": dict.fromkeys((2, 3, 4), 1),
            "max_duplicate_ngram": dict.fromkeys(range(5, 11), 1),
        },
    ),
    (C4Quality, {"min_sentences": 0}),
    (FinewebQuality, {"min_punctuated_lines": 0, "max_short_lines": 1}),
]


def name(value):
    return type(value).__name__ if isinstance(value, Filter) else None


def table_of(texts=TEXTS):
    return MemoryStorage([{"n": n, "text": text} for n, text in enumerate(texts)])


def verdicts(table, operator, **columns):
    """Return what an operator dropped of a table, and why."""
    before = len(table.dropped())
    operator.run(table, **columns)
    dropped = table.dropped()[["n", "reason", "value"]].iloc[before:]
    return sorted(map(tuple, dropped.astype(object).where(dropped.notna(), None).values.tolist()))


def through_a_file(table):
    """Return a table as it comes back from JSON lines."""

    class Copied(Pipeline):
        def forward(self):
            NormalizeWhitespace().run(self.storage, input_text="other")

    rows = [row | {"other": None} for row in table.rows()]
    Copied(MemoryStorage(rows)).run("measured.jsonl")
    return FileStorage("measured.jsonl")


@pytest.mark.parametrize("stored", [MemoryStorage.fork, through_a_file])
@pytest.mark.parametrize(("operator", "bounds"), FILTERS, ids=name)
def test_a_filter_decides_from_measures_as_it_does_from_texts(operator, bounds, stored):
    for bound in (operator, type(operator)(**bounds)):
        table = table_of()
        operator.make_evaluator().run(table, output_measure="measure")
        table = stored(table)
        before = table.read(["measure"])["measure"].tolist()

        assert verdicts(table, bound, input_measure="measure") == verdicts(table_of(), bound)
        kept = table.read(["n", "measure"])
        assert str(kept["measure"].tolist()) == str([before[n] for n in kept["n"].astype(int)])
        assert "measure" in table.columns()
        assert bound.default_output() not in table.columns()


@pytest.mark.parametrize("stored", [MemoryStorage.fork, through_a_file])
@pytest.mark.parametrize(("operator", "lenient"), RULE_SETS)
def test_a_rule_set_decides_from_measures_as_it_does_from_texts(operator, lenient, stored):
    table = table_of()
    operator(**lenient).run(table, output_measures="measures")
    rows = [*table.rows(), {"n": 8, "text": None, "measures": None}]
    assert len(rows) > 3
    texts = [{"n": row["n"], "text": row["text"]} for row in rows]
    for bounds in ({}, lenient):
        bound = operator(**bounds)
        expected = verdicts(MemoryStorage(texts), bound)
        table = stored(MemoryStorage(rows))
        assert verdicts(table, bound, input_measures="measures") == expected
    assert verdicts(MemoryStorage(texts), operator()) != expected


def test_texts_to_which_a_rule_does_not_apply_are_spared_and_null_is_dropped():
    table = table_of(["河水从山上流下来。", None, ""])
    MeanWordLengthFilter().make_evaluator().run(table, output_measure="m")
    assert table.read(["m"])["m"].isna().all()
    for again in (table, through_a_file(table)):
        found = verdicts(again, MeanWordLengthFilter(min_value=9), input_measure="m")
        assert found == [(1, "no_value", None)]


def test_a_table_of_null_texts_alone_has_null_measures():
    table = MemoryStorage([{"n": 0, "text": None, "m": None}])
    expected = [(0, "no_value", None)]
    assert verdicts(table.fork(), WordCountFilter(), input_measure="m") == expected
    assert verdicts(table, GopherQuality(), input_measures="m") == expected


def test_measures_can_be_passed_on_to_another_column():
    table = table_of([PROSE * 9, None])
    GopherQuality().run(table, output_measures="one")
    GopherQuality().run(table, input_measures="one", output_measures="two")
    (row,) = table.rows()
    assert row["one"] == row["two"]
    assert row["one"]["too_few_words"] == 153


@pytest.mark.parametrize("values", ["12", ["a"], {"x": 1}, True])
def test_a_column_that_holds_no_measures_is_refused(values, tmp_path):
    table = MemoryStorage([{"n": 0, "text": "one", "m": values}])
    with pytest.raises(ColumnError, match=r"input_measure: column 'm' is .* wants number"):
        WordCountFilter().run(table, input_measure="m")
    with pytest.raises(
        ConfigurationError, match=r"column 'm' .* no measure 'too_few_words'\. Give"
    ):
        GopherQuality().run(table, input_measures="m")


def test_a_struct_of_other_things_is_refused():
    table = MemoryStorage([{"text": "one", "m": {"duplicate_paragraphs": "many"}}])
    with pytest.raises(ConfigurationError, match="no measure 'duplicate_paragraphs'"):
        GopherRepetition().run(table, input_measures="m")


def test_the_report_says_where_each_bound_of_a_rule_set_cuts():
    table = table_of()
    GopherQuality().run(table)
    measures = table.measures().set_index("measure")
    assert measures.loc["too_few_words", ["rows", "low", "below"]].tolist() == [10, 50, 6]
