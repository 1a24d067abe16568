"""What each format makes of a row, to the letter; and what LLaMA-Factory would make of that."""

from __future__ import annotations

import datetime as dt

import pytest

from dataflow_core.export.formats import FORMATS, format_called
from dataflow_core.export.misfit import Misfit
from dataflow_core.export.names import TrainingFormatName

TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "2 + 2?"},
    {"role": "assistant", "content": "4"},
    {"role": "user", "content": "And doubled?"},
    {"role": "assistant", "content": "8"},
]
COLUMNS = {
    "instruction": "Translate.", "input": "猫", "output": "cat", "system": "Be brief.",
    "history": [["Hello", "你好"]],
}  # fmt: skip
PAIR = {"instruction": "2 + 2?", "chosen": "4", "rejected": "5"}
PROMPT = TURNS[:-1]


def row(name, cells, **options):
    return format_called(name)(frozenset(cells), **options).row(cells)


def answer(content):
    return {"role": "assistant", "content": content}


GOLDEN = [
    ("alpaca", {"instruction": "2 + 2?", "output": "4"},
     {"instruction": "2 + 2?", "input": "", "output": "4"}),
    ("alpaca", COLUMNS, COLUMNS),
    ("alpaca", {"messages": TURNS},
     {"instruction": "And doubled?", "input": "", "output": "8", "system": "Be brief.",
      "history": [["2 + 2?", "4"]]}),
    ("sharegpt", {"instruction": "2 + 2?", "output": "4"},
     {"conversations": [{"from": "human", "value": "2 + 2?"}, {"from": "gpt", "value": "4"}]}),
    ("sharegpt", COLUMNS,
     {"conversations": [
         {"from": "human", "value": "Hello"}, {"from": "gpt", "value": "你好"},
         {"from": "human", "value": "Translate.\n猫"}, {"from": "gpt", "value": "cat"}],
      "system": "Be brief."}),
    ("messages", COLUMNS,
     {"messages": [
         {"role": "system", "content": "Be brief."},
         {"role": "user", "content": "Hello"}, answer("你好"),
         {"role": "user", "content": "Translate.\n猫"}, answer("cat")]}),
    ("messages", {"messages": TURNS, "tools": None}, {"messages": TURNS, "tools": None}),
    ("messages", {"messages": TURNS, "tools": '[{"type": "function", "x": null}]'},
     {"messages": TURNS, "tools": [{"type": "function", "x": None}]}),
    ("text", {"text": " The sky.\n"}, {"text": " The sky.\n"}),
    ("dpo", PAIR, {"prompt": "2 + 2?", "chosen": "4", "rejected": "5"}),
    ("dpo-messages", PAIR,
     {"prompt": [{"role": "user", "content": "2 + 2?"}], "chosen": [answer("4")],
      "rejected": [answer("5")]}),
    ("dpo-messages", {"messages": PROMPT, "chosen": answer("8"), "rejected": [answer("9")]},
     {"prompt": PROMPT, "chosen": [answer("8")], "rejected": [answer("9")]}),
    ("dpo-messages", {"chosen": TURNS, "rejected": [*PROMPT, answer("9")]},
     {"prompt": PROMPT, "chosen": [answer("8")], "rejected": [answer("9")]}),
    ("dpo-messages",
     {"instruction": "2 + 2?", "chosen": TURNS[1:3], "rejected": [TURNS[1], answer("5")]},
     {"prompt": [TURNS[1]], "chosen": [answer("4")], "rejected": [answer("5")]}),
    ("dpo-alpaca", PAIR, {"instruction": "2 + 2?", "input": "", "chosen": "4", "rejected": "5"}),
    ("dpo-alpaca", {"messages": PROMPT, "chosen": "8", "rejected": "9"},
     {"instruction": "And doubled?", "input": "", "chosen": "8", "rejected": "9",
      "system": "Be brief.", "history": [["2 + 2?", "4"]]}),
    ("dpo-sharegpt", {"messages": PROMPT, "chosen": "8", "rejected": "9"},
     {"conversations": [
         {"from": "human", "value": "2 + 2?"}, {"from": "gpt", "value": "4"},
         {"from": "human", "value": "And doubled?"}],
      "chosen": {"from": "gpt", "value": "8"}, "rejected": {"from": "gpt", "value": "9"},
      "system": "Be brief."}),
    ("grpo", {"instruction": "2 + 2?", "ground_truth": 4},
     {"prompt": [{"role": "user", "content": "2 + 2?"}], "ground_truth": "4"}),
    ("grpo", {"messages": TURNS, "ground_truth": "8"}, {"prompt": PROMPT, "ground_truth": "8"}),
    ("grpo-text", {"instruction": "2 + 2?", "ground_truth": ["4", "four"]},
     {"prompt": "2 + 2?", "ground_truth": '["4","four"]'}),
    ("verl",
     {"instruction": "2 + 2?", "ground_truth": "4", "data_source": "sums", "ability": "math"},
     {"data_source": "sums", "prompt": [{"role": "user", "content": "2 + 2?"}],
      "ability": "math", "reward_model": {"style": "rule", "ground_truth": "4"}}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "cells", "wanted"), GOLDEN)
@pytest.mark.parametrize("typed", [False, True])
def test_a_row_in_each_format(name, cells, wanted, typed):
    if typed and wanted.get("tools"):
        wanted = {**wanted, "tools": '[{"type":"function","x":null}]'}
    form = format_called(name)(frozenset(cells), typed=typed)
    assert form.row(cells) == wanted
    assert set(form.columns()) == set(wanted)


def test_every_format_has_a_golden_row_and_a_name():
    assert {name for name, *_ in GOLDEN} == set(FORMATS) == set(TrainingFormatName.__args__)


@pytest.mark.parametrize(
    ("name", "cells", "reason"),
    [
        ("alpaca", {"instruction": None, "output": "4"}, "empty_cell"),
        ("alpaca", {"instruction": "2?", "output": ""}, "empty_cell"),
        ("alpaca", {"instruction": "2?", "input": " ", "output": "4"}, "empty_cell"),
        ("alpaca", {"instruction": "2?", "output": ["4"]}, "no_text"),
        ("alpaca", {"instruction": "2?", "output": "4", "history": [["a"]]}, "bad_history"),
        ("alpaca", {"instruction": "2?", "output": "4", "history": [["a", None]]}, "empty_cell"),
        ("alpaca", {"instruction": "2?", "output": "4", "history": 3}, "bad_history"),
        ("sharegpt", {"messages": TURNS, "tools": "{}"}, "bad_tools"),
        ("sharegpt", {"messages": TURNS, "tools": "[1"}, "bad_tools"),
        ("text", {"text": "\n"}, "empty_cell"),
        ("dpo", {**PAIR, "rejected": "4"}, "equal_answers"),
        ("dpo", {**PAIR, "rejected": None}, "empty_cell"),
        ("dpo", {**PAIR, "system": "Be brief."}, "more_than_a_text"),
        ("dpo", {"messages": PROMPT, "chosen": "8", "rejected": "9"}, "more_than_a_text"),
        ("dpo", {"chosen": "4", "rejected": "5"}, "no_prompt"),
        ("dpo-messages", {"chosen": TURNS, "rejected": TURNS[1:3]}, "two_prompts"),
        ("dpo-messages", {**PAIR, "chosen": TURNS, "rejected": TURNS}, "two_prompts"),
        ("dpo-messages", {**PAIR, "chosen": TURNS[:2]}, "wrong_end"),
        ("grpo", {"instruction": "2?", "ground_truth": None}, "empty_cell"),
        ("grpo", {"instruction": "2?", "ground_truth": dt.date(2026, 1, 1)}, "no_json"),
        ("grpo-text", {"messages": TURNS, "ground_truth": "8"}, "more_than_a_text"),
        ("verl", {"instruction": "2?", "ground_truth": "4", "data_source": "", "ability": "m"},
         "empty_cell"),
    ],
)  # fmt: skip
def test_a_row_that_does_not_fit_is_refused_with_the_reason(name, cells, reason):
    with pytest.raises(Misfit) as caught:
        row(name, cells)
    assert caught.value.reason == reason


def as_llama_factory(description, one):
    """Return the conversation that LLaMA-Factory sees in a row, by its documentation.

    Keys of ``columns`` or ``tags`` that are left out, where some are there, name nothing.
    """
    columns = description["columns"]

    def cell(name):
        return one[columns[name]] if columns.get(name) else None

    if description.get("formatting", "alpaca") == "alpaca":
        pairs = [*(cell("history") or []), None]
        turns = [text for pair in pairs[:-1] for text in pair]
        turns.append("\n".join(text for text in (cell("prompt"), cell("query")) if text))
        answers = [cell(name) for name in ("response", "chosen", "rejected") if cell(name)]
        return cell("system") or "", turns, answers
    tags = description.get("tags") or {
        "role_tag": "from", "content_tag": "value", "user_tag": "human", "assistant_tag": "gpt",
        "observation_tag": "observation", "function_tag": "function_call", "system_tag": "system",
    }  # fmt: skip
    told, system = cell("messages"), cell("system") or ""
    if told[0][tags["role_tag"]] == tags["system_tag"]:
        system, told = told[0][tags["content_tag"]], told[1:]
    odd = {tags["user_tag"], tags["observation_tag"]}
    even = {tags["assistant_tag"], tags["function_tag"]}
    for at, turn in enumerate(told):
        assert turn[tags["role_tag"]] in (even if at % 2 else odd)
    turns = [turn[tags["content_tag"]] for turn in told]
    if description.get("ranking"):
        answers = [cell(name)[tags["content_tag"]] for name in ("chosen", "rejected")]
        assert len(turns) % 2 == 1
        return system, turns, answers
    assert len(turns) % 2 == 0
    return system, turns[:-1], turns[-1:]


@pytest.mark.parametrize("name", ["alpaca", "sharegpt", "messages", "dpo-alpaca", "dpo-sharegpt"])
def test_llama_factory_sees_the_conversation_that_went_in(name):
    cells, answers = {"messages": TURNS}, ["8"]
    if name.startswith("dpo"):
        cells, answers = {"messages": PROMPT, "chosen": "8", "rejected": "9"}, ["8", "9"]
    form = format_called(name)(frozenset(cells), typed=True)
    seen = as_llama_factory(form.description(), form.row(cells))
    assert seen == ("Be brief.", ["2 + 2?", "4", "And doubled?"], answers)


def test_llama_factory_reads_plain_text_as_prompts():
    assert format_called("text")(frozenset({"text"})).description() == {
        "columns": {"prompt": "text"}
    }
