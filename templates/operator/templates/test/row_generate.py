{% include "test/head.py" %}

import pytest
from dataflow_core import MemoryStorage
from dataflow_core.errors import ConfigurationError

{% include "test/import.py" %}


def first_lines(texts, **fields):
    table = MemoryStorage([{"text": text} for text in texts])
    {{ cookiecutter.cls }}(**fields).run(table)
    return [row["first_line"] for row in table.rows()]


def test_the_first_line_with_a_text_is_taken():
    assert first_lines(["\n  \n Title \nBody", "one", "题目\n正文"]) == ["Title", "one", "题目"]


def test_what_has_no_line_has_no_first_line():
    assert first_lines([None, "", " \n\t\n"]) == [None, None, None]


def test_a_long_line_is_cut():
    assert first_lines(["a" * 10_000, "ab"], max_characters=3) == ["aaa", "ab"]


def test_a_line_has_one_character_at_least():
    with pytest.raises(ConfigurationError, match="max_characters"):
        {{ cookiecutter.cls }}(max_characters=0)
