{% include "test/head.py" %}

import pytest
from dataflow_core import MemoryStorage

{% include "test/import.py" %}


def refined(texts, **fields):
    table = MemoryStorage([{"text": text} for text in texts])
    {{ cookiecutter.cls }}(**fields).run(table)
    return [row["text"] for row in table.rows()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a   b", "a b"), (" a\t b\n\n c ", "a b\n\nc"), ("好　 吗", "好 吗"), ("", "")],
)
def test_one_space_stands_where_several_stood(text, expected):
    assert refined([text]) == [expected]


def test_null_stays_null():
    assert refined([None, "a"]) == [None, "a"]


def test_line_breaks_become_spaces_if_that_is_wanted():
    assert refined(["a\n\nb"], keep_lines=False) == ["a b"]


def test_to_refine_twice_changes_nothing_more():
    once = refined(["  a \n b  "])
    assert refined(once) == once
