"""Which columns are what: by name, as told, or an error that says how to say so."""

from __future__ import annotations

import pyarrow as pa
import pytest

from dataflow_core.errors import ColumnError, ConfigurationError
from dataflow_core.export.formats import format_called
from dataflow_core.export.roles import assign_roles
from dataflow_core.table.types import JSON_TYPE

TEXT, NUMBER = pa.string(), pa.int64()
MESSAGE = pa.struct([("role", TEXT), ("content", TEXT)])
MESSAGES = pa.list_(MESSAGE)
LISTS = [pa.large_list(MESSAGE), pa.list_(MESSAGE, 2), pa.list_view(MESSAGE), JSON_TYPE]


def roles(name, columns, given=None, constants=None):
    types = dict.fromkeys(columns, TEXT) if not isinstance(columns, dict) else columns
    return assign_roles(format_called(name), types, given, constants)


@pytest.mark.parametrize(
    ("name", "columns", "found"),
    [
        ("alpaca", ["id", "question", "answer"], {"instruction": "question", "output": "answer"}),
        ("alpaca", ["instruction", "input", "output"],
         {"instruction": "instruction", "input": "input", "output": "output"}),
        # What an input is beside a question, nobody can tell.
        ("alpaca", ["question", "input", "output"],
         {"instruction": "question", "output": "output"}),
        ("sharegpt", ["conversations", "system", "tools"],
         {"messages": "conversations", "system": "system", "tools": "tools"}),
        ("text", ["url", "content"], {"text": "content"}),
        ("dpo", {"prompt": TEXT, "chosen": MESSAGES, "rejected": MESSAGES},
         {"instruction": "prompt", "chosen": "chosen", "rejected": "rejected"}),
        ("dpo", {"prompt": MESSAGES, "chosen": MESSAGES, "rejected": MESSAGES},
         {"messages": "prompt", "chosen": "chosen", "rejected": "rejected"}),
        ("dpo", {"chosen": MESSAGES, "rejected": MESSAGES},
         {"chosen": "chosen", "rejected": "rejected"}),
        *(("grpo", {"prompt": kind, "answer": NUMBER},
           {"messages": "prompt", "ground_truth": "answer"}) for kind in LISTS),
        ("grpo", {"problem": TEXT, "answer": NUMBER},
         {"instruction": "problem", "ground_truth": "answer"}),
    ],
)  # fmt: skip
def test_roles_are_found_by_the_names_of_columns(name, columns, found):
    assert roles(name, columns).columns == found


def test_a_role_that_is_told_goes_first_and_an_empty_name_is_no_column():
    columns = ["instruction", "input", "output", "answer"]
    found = roles("alpaca", columns, {"output": "answer", "input": ""}).columns
    assert found == {"instruction": "instruction", "output": "answer"}


def test_a_constant_plays_a_role_that_a_column_does_not():
    given = {"data_source": "gsm8k", "ability": "math"}
    found = roles("verl", ["question", "answer"], constants=given)
    assert found.columns == {"instruction": "question", "ground_truth": "answer"}
    assert found.constants == given
    assert found.names == {"instruction", "ground_truth", "data_source", "ability"}


def test_what_is_missing_is_named_with_what_was_found_and_how_to_say_it():
    with pytest.raises(ColumnError) as caught:
        roles("alpaca", ["question", "reply"])
    assert str(caught.value) == (
        "alpaca needs messages, or instruction and output. Found: instruction: column 'question'. "
        "The table has: question, reply. Say which column is what: --column output=COLUMN "
        "(output: the answer to learn)."
    )
    with pytest.raises(ColumnError, match=r"--constant data_source=TEXT"):
        roles("verl", ["question", "answer"])


def test_two_ways_are_refused_with_both():
    with pytest.raises(ColumnError, match="in two ways") as caught:
        roles("messages", {"messages": MESSAGES, "question": TEXT, "answer": TEXT})
    assert "--column messages=messages or --column instruction=question" in str(caught.value)
    columns = {"messages": MESSAGES, "question": TEXT, "answer": TEXT}
    found = roles("messages", columns, {"instruction": "question"}).columns
    assert found == {"instruction": "question", "output": "answer"}
    assert roles("messages", columns, {"messages": "messages"}).columns == {"messages": "messages"}


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"answer": "b"}, ConfigurationError, "takes no 'answer'.*It takes .*output"),
        ({"outptu": "b"}, ConfigurationError, "Did you mean 'output'"),
        ({"output": "answr"}, ColumnError, "no column 'answr' for output. Did you mean 'answer'"),
        ({"output": "score"}, ColumnError, "'score', which is int64; a column of texts wanted"),
        ({"instruction": "chat"}, ColumnError, "--column messages=chat"),
        ({"messages": "chat", "input": "question"}, ConfigurationError, "Leave input out"),
    ],
)
def test_what_is_told_wrongly_is_refused(given, error, message):
    columns = {"question": TEXT, "answer": TEXT, "score": NUMBER, "chat": MESSAGES}
    with pytest.raises(error, match=message):
        roles("alpaca", columns, given)


def test_answers_that_are_texts_need_a_prompt():
    with pytest.raises(ColumnError, match="--column instruction=COLUMN"):
        roles("dpo", ["chosen", "rejected"])
