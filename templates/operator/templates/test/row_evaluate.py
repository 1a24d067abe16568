{% include "test/head.py" %}

import pytest
from dataflow_core import MemoryStorage

{% include "test/import.py" %}


def shares(texts):
    table = MemoryStorage([{"text": text} for text in texts])
    {{ cookiecutter.cls }}().run(table)
    return [row["letter_share"] for row in table.rows()]


@pytest.mark.parametrize(
    ("text", "share"),
    [("abc", 1), ("ab 12", 0.5), ("2 + 2", 0), ("很好！!", 0.5), ("हिन्दी", 1), ("a" * 100_000, 1)],
)
def test_letters_of_all_scripts_count(text, share):
    assert shares([text]) == [share]


def test_what_has_no_characters_has_no_share():
    assert shares([None, "", " \n"]) == [None, None, None]


def test_a_row_does_not_depend_on_others():
    assert shares(["a1", None, "ab"]) == [*shares(["a1"]), *shares([None]), *shares(["ab"])]
