"""Conversations: read from what tables hold, kept without loss, and refused where in disorder."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_core.export.formats import format_called
from dataflow_core.export.misfit import Misfit
from dataflow_core.table.types import json_array

TEXTS = st.text(min_size=1).filter(str.strip)
NAMES = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def plain_conversations(draw):
    """User and assistant by turns, with or without a system prompt."""
    turns = [{"role": "system", "content": draw(TEXTS)}] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 4))):
        turns += [{"role": "user", "content": draw(TEXTS)}]
        turns += [{"role": "assistant", "content": draw(TEXTS)}]
    return turns


@st.composite
def conversations(draw):
    """The same, where the assistant may call a tool before it answers."""
    turns, calls = [], 0
    for turn in draw(plain_conversations()):
        if turn["role"] == "assistant" and draw(st.booleans()):
            calls += 1
            arguments = json.dumps(draw(st.dictionaries(TEXTS, VALUES, max_size=2)))
            call = {"name": draw(NAMES), "arguments": arguments}
            called = {"id": f"call_{calls}", "type": "function", "function": call}
            turns += [{"role": "assistant", "content": None, "tool_calls": [called]}]
            answer = draw(TEXTS | st.just(""))
            turns += [{"role": "tool", "content": answer, "tool_call_id": f"call_{calls}"}]
        turns.append(turn)
    return turns


def row(name, cells, **options):
    """Return what a format makes of cells."""
    return format_called(name)(frozenset(cells), **options).row(cells)


def with_parsed_arguments(messages):
    """Return messages with the arguments of calls as objects: their spacing means nothing."""
    told = json.loads(json.dumps(messages))
    for call in (call for one in told for call in one.get("tool_calls", ())):
        call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    return told


@settings(deadline=None, max_examples=60)
@given(conversations())
def test_messages_stay_as_they_are(messages):
    assert row("messages", {"messages": messages}) == {"messages": messages}


@settings(deadline=None, max_examples=60)
@given(conversations())
def test_messages_come_back_from_sharegpt(messages):
    there = row("sharegpt", {"messages": messages})
    roles = {"human": "user", "gpt": "assistant", "observation": "tool"}
    assert [roles.get(turn["from"], "assistant") for turn in there["conversations"]] == [
        one["role"] for one in messages if one["role"] != "system"
    ]
    cells = {"messages": there["conversations"], "system": there["system"]}
    back = row("messages", cells)["messages"]
    assert with_parsed_arguments(back) == with_parsed_arguments(messages)


@settings(deadline=None, max_examples=60)
@given(plain_conversations())
def test_conversations_of_several_turns_come_back_from_alpaca(messages):
    there = row("alpaca", {"messages": messages})
    assert row("messages", there) == {"messages": messages}


@settings(deadline=None, max_examples=60)
@given(conversations())
def test_json_text_and_the_structs_of_a_table_are_read_alike(messages):
    wanted = row("messages", {"messages": messages})
    assert row("messages", {"messages": json.dumps(messages)}) == wanted
    keys = ["role", "content", "tool_calls", "tool_call_id", "name"]
    filled = [{key: one.get(key) for key in keys} for one in messages]
    assert row("messages", {"messages": filled}) == wanted
    assert json_array([wanted["messages"]])[0].as_py() is not None


USER = {"role": "user", "content": "Lights on!"}
DONE = {"role": "assistant", "content": "Done."}
CALL = {"id": "c7", "type": "function", "function": {"name": "light", "arguments": '{"on": true}'}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
ANSWER = {"role": "tool", "content": "ok", "tool_call_id": "c7", "name": "light"}


@pytest.mark.parametrize(
    ("messages", "reason", "message"),
    [
        (None, "empty_cell", "no messages"),
        ([], "empty_cell", "no messages"),
        ("Hello", "no_messages", "no JSON list"),
        (["Hello"], "no_messages", "message 1 is a str"),
        ([USER], "wrong_end", "last message is of the user"),
        ([DONE], "wrong_turn", "message 1 is of the assistant; user wanted"),
        ([USER, USER, DONE], "wrong_turn", "message 2 is of the user; assistant wanted"),
        ([USER, DONE, DONE], "wrong_turn", "message 3"),
        ([USER, {"role": "system", "content": "x"}, DONE], "wrong_turn", "message 2"),
        ([USER, {"role": "bot", "content": "x"}], "unknown_role", "'bot'"),
        ([USER, {"role": None, "content": "x"}], "unknown_role", "message 2"),
        ([USER, {"role": "assistant", "content": None}], "empty_cell", "message 2 .* is null"),
        ([USER, {"role": "assistant", "content": " \n"}], "empty_cell", "message 2 .* is empty"),
        ([USER, {"role": "assistant", "content": 4}], "no_text", "a number"),
        ([{"role": "user", "content": [{"type": "text"}]}, DONE], "no_text", "in parts"),
        ([{**USER, "weight": 1}, DONE], "unknown_key", "--ignore-key weight"),
        ([{**USER, "from": "gpt"}, DONE], "unknown_key", "'role' and 'from'"),
        ([USER, {**DONE, "value": "Not done."}], "unknown_key", "'content' and 'value'"),
        ([USER, CALLING, DONE], "wrong_turn", "message 3 is of the assistant; tool wanted"),
        ([USER, ANSWER, DONE], "wrong_turn", "message 2"),
        ([USER, CALLING, ANSWER, ANSWER, DONE], "wrong_turn", "message 4"),
        ([USER, CALLING, {**ANSWER, "tool_call_id": 7}, DONE], "no_text", "tool_call_id"),
        ([USER, {**CALLING, "tool_calls": [{"id": "x"}]}], "bad_tool_call", "a name wanted"),
        ([{"from": "human", "value": "x"}, {"from": "function_call", "value": "{"}],
         "bad_tool_call", "no JSON"),
    ],
)  # fmt: skip
def test_what_is_no_conversation_to_learn_is_refused(messages, reason, message):
    with pytest.raises(Misfit, match=message) as caught:
        row("messages", {"messages": messages})
    assert caught.value.reason == reason


def test_a_key_to_ignore_goes_nowhere():
    cells = {"messages": [{**USER, "weight": 1}, DONE]}
    assert row("messages", cells, ignore=["weight"]) == {"messages": [USER, DONE]}


def test_a_conversation_may_end_with_the_call_of_a_tool():
    assert row("messages", {"messages": [USER, CALLING]}) == {"messages": [USER, CALLING]}


def test_sharegpt_has_calls_as_json_and_no_ids():
    told = row("sharegpt", {"messages": [USER, CALLING, ANSWER, DONE], "tools": '[{"name": "t"}]'})
    assert told == {
        "conversations": [
            {"from": "human", "value": "Lights on!"},
            {"from": "function_call", "value": '{"name":"light","arguments":{"on":true}}'},
            {"from": "observation", "value": "ok"},
            {"from": "gpt", "value": "Done."},
        ],
        "system": "",
        "tools": '[{"name":"t"}]',
    }


@pytest.mark.parametrize(
    "messages",
    [
        [USER, {**CALLING, "content": "Let me see."}, ANSWER, DONE],
        [USER, {**CALLING, "tool_calls": [CALL, CALL]}, ANSWER, ANSWER, DONE],
        [USER, CALLING, {**ANSWER, "name": "door"}, DONE],
        [USER, CALLING, {**ANSWER, "tool_call_id": "c8"}, DONE],
        [{**USER, "name": "Ada"}, DONE],
    ],
)
def test_what_sharegpt_has_no_place_for_is_refused_and_messages_keep_it(messages):
    with pytest.raises(Misfit) as caught:
        row("sharegpt", {"messages": messages})
    assert caught.value.reason == "not_in_sharegpt"
    assert row("messages", {"messages": messages}) == {"messages": messages}


def test_arguments_that_are_an_object_become_its_text():
    function = {"name": "light", "arguments": {"on": True}}
    messages = [USER, {**CALLING, "tool_calls": [{**CALL, "function": function}]}]
    told = row("messages", {"messages": messages})["messages"][1]["tool_calls"][0]
    assert told["function"]["arguments"] == '{"on":true}'


def test_a_system_prompt_of_its_own_column_must_not_contradict():
    messages = [{"role": "system", "content": "Be brief."}, USER, DONE]
    assert row("messages", {"messages": messages, "system": "Be brief."})["messages"] == messages
    assert (
        row("messages", {"messages": messages[1:], "system": "Be brief."})["messages"] == messages
    )
    with pytest.raises(Misfit, match="differ"):
        row("messages", {"messages": messages, "system": "Be long."})
