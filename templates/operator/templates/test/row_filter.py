{% include "test/head.py" %}

import pytest
from dataflow_core import MemoryStorage
from dataflow_core.errors import ConfigurationError

{% include "test/import.py" %}


def filtered(texts, **fields):
    table = MemoryStorage([{"text": text} for text in texts])
    {{ cookiecutter.cls }}(**fields).run(table)
    return table


def test_texts_with_enough_letters_are_kept():
    table = filtered(["abc", "ab 12", "很好！", "2 + 2"])
    assert [row["text"] for row in table.rows()] == ["abc", "ab 12", "很好！"]


def test_dropped_rows_say_why():
    dropped = filtered(["a123", "", None, " "]).dropped()
    assert dropped["reason"].tolist() == ["few_letters", "no_text", "no_text", "no_text"]
    assert dropped["value"].tolist()[0] == "0.25"


def test_the_bound_is_kept_itself():
    assert len(filtered(["ab12"], min_share=0.5)) == 1
    assert len(filtered(["ab12"], min_share=0.51)) == 0


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_lies_between_0_and_1(share):
    with pytest.raises(ConfigurationError, match="min_share"):
        {{ cookiecutter.cls }}(min_share=share)
