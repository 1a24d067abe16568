"""The operator that finds answers."""

from __future__ import annotations

import pytest

from dataflow_core import MemoryStorage
from dataflow_core.errors import ColumnError, ConfigurationError
from dataflow_core.operators.general import FilterRows
from dataflow_math import AnswerExtractor


def extract(texts, **fields):
    table = MemoryStorage([{"n": n, "text": text} for n, text in enumerate(texts)])
    AnswerExtractor(**fields).run(table, output_method="method")
    return table


def test_no_answer_is_a_null_with_a_null_method_and_no_failure():
    table = extract(["The answer is 5.", "Who knows?", None, ""], methods=["boxed", "stated"])
    rows = [(row["answer"], row["method"]) for row in table.rows()]
    assert rows == [("5", "stated"), (None, None), (None, None), (None, None)]
    assert len(table.quarantined()) == 0


def test_the_method_is_written_only_where_it_is_asked_for():
    table = MemoryStorage([{"text": "5"}])
    AnswerExtractor().run(table)
    assert table.rows() == [{"text": "5", "answer": "5"}]


def test_numbers_are_texts_and_lists_are_failures():
    assert [row["answer"] for row in extract([5, 7]).rows()] == ["5", "7"]
    table = extract([["5"], "6"])
    assert [row["answer"] for row in table.rows()] == ["6"]
    assert table.quarantined()["reason"].tolist() == ["no_text"]
    with pytest.raises(ColumnError, match="input_text: column 'text' is list"):
        extract([["5"], ["6"]])


def test_an_empty_table_gets_its_columns():
    table = MemoryStorage([{"text": "5"}])
    FilterRows(where="text = '6'").run(table)
    AnswerExtractor().run(table, output_method="method")
    assert table.rows() == []
    assert {"answer", "method"} <= set(table.columns())


def test_unknown_methods_and_none_are_refused():
    with pytest.raises(ConfigurationError, match="methods"):
        AnswerExtractor(methods=["guessed"])
    with pytest.raises(ConfigurationError, match="methods"):
        AnswerExtractor(methods=[])
