"""Judging whether answers say the same as references."""

import json

import pytest

from dataflow_core import MemoryStorage
from dataflow_core.operators.general import JudgeAnswers, JudgeFilter
from dataflow_core.testing import ScriptedServing

CORRECT = json.dumps({"explanation": "Both say six.", "verdict": "correct"})
INCORRECT = json.dumps({"explanation": "It is not true that six is seven.", "verdict": "incorrect"})


def judged(told, rows, cls=JudgeAnswers, columns=None, **options):
    table = MemoryStorage(rows)
    serving = ScriptedServing(told if callable(told) else (lambda text: told), corrections=0)
    cls(serving=serving, **options).run(table, **(columns or {}))
    return table, serving


ROW = {"question": "How many?", "answer": "six", "reference": "6"}


@pytest.mark.parametrize(("told", "verdict"), [(CORRECT, True), (INCORRECT, False)])
def test_the_verdict_is_the_field_of_the_answer(told, verdict):
    table, _ = judged(told, [ROW])
    assert table.rows() == [{**ROW, "is_correct": verdict}]


@pytest.mark.parametrize(
    "told",
    [
        "It is not true.",
        "untrue",
        "true",
        "correct",
        "The answer is correct.",
        '{"verdict": "not correct"}',
        '{"explanation": "correct", "verdict": "true"}',
        '{"explanation": "", "verdict": true}',
        '{"judgement_result": true}',
        f"{INCORRECT}\n{CORRECT}",
        "",
    ],
)
def test_no_other_word_is_taken_for_a_verdict(told):
    table, _ = judged(told, [ROW])
    assert table.rows() == []
    assert len(table.quarantined()) == 1


def test_without_reference_there_is_no_verdict_and_without_answer_a_bad_one():
    rows = [
        {"answer": "six", "reference": None},
        {"answer": "", "reference": " "},
        {"answer": None, "reference": "6"},
        {"answer": " \n", "reference": "6"},
        {"answer": "six", "reference": "6"},
    ]
    columns = {"output_explanation": "why"}
    table, serving = judged(CORRECT, rows, columns=columns)
    assert [row["is_correct"] for row in table.rows()] == [None, None, False, False, True]
    assert [row["why"] for row in table.rows()] == [None] * 4 + ["Both say six."]
    assert len(serving.requests) == 1


def test_a_question_is_shown_where_there_is_one():
    rows = [{"q": "How many?", **ROW}, {"q": None, **ROW}]
    _, serving = judged(CORRECT, rows, columns={"input_question": "q"}, criteria="Be mild.")
    shown = [request.messages[-1]["content"] for request in serving.requests]
    assert sorted("<question>\nHow many?\n</question>" in one for one in shown) == [False, True]
    assert all("<question>\nNone" not in one for one in shown)
    assert "Be mild." in serving.requests[0].messages[0]["content"]
    _, serving = judged(CORRECT, rows)
    assert "<question>" not in serving.requests[0].messages[-1]["content"]


def test_the_filter_keeps_what_is_judged_correct():
    rows = [
        {"n": 0, "answer": "six", "reference": "6"},
        {"n": 1, "answer": "seven", "reference": "6"},
        {"n": 2, "answer": "six", "reference": None},
        {"n": 3, "answer": None, "reference": "6"},
        {"n": 4, "answer": "whatever", "reference": "6"},
    ]

    def told(text):
        if "whatever" in text:
            return "true"
        return INCORRECT if "seven" in text else CORRECT

    table, _ = judged(told, rows, JudgeFilter)
    assert [(row["n"], row["is_correct"]) for row in table.rows()] == [(0, True)]
    dropped = table.dropped()
    assert list(zip(dropped["n"], dropped["reason"], strict=True)) == [
        (1, "judged_incorrect"),
        (2, "no_reference"),
        (3, "judged_incorrect"),
    ]
    assert table.quarantined()["n"].tolist() == [4]
    assert set(table.quarantined()["step"]) == {"judge_filter"}


@pytest.mark.parametrize(
    "told",
    [
        '{"verdict": "correct"}',
        '{"verdict": "correct", "explanation": null}',
        'So: {"explanation": ["a", "b"], "verdict": "correct"}',
    ],
)
def test_a_verdict_without_explanation_is_a_verdict(told):
    table, serving = judged(told, [ROW], columns={"output_explanation": "why"})
    assert table.rows() == [{**ROW, "is_correct": True, "why": None}]
    asked = json.dumps(serving.requests[0].messages).replace("\\", "")
    assert '"required":["explanation","verdict"]' in asked
    assert judged(told, [ROW], JudgeFilter)[0].rows() == [{**ROW, "is_correct": True}]


def test_a_verdict_is_not_lost_when_asking_for_its_explanation_is_in_vain():
    table = MemoryStorage([ROW])
    answers = iter(['{"verdict": "incorrect"}', "I have said it all."])
    JudgeAnswers(serving=ScriptedServing(lambda _: next(answers))).run(table)
    assert [row["is_correct"] for row in table.rows()] == [False]


@pytest.mark.parametrize(
    "told",
    ['{"explanation": "Same."}', '{"verdict": "maybe"}',
     '{"verdict": "correct"} {"verdict": "incorrect"}'],
)  # fmt: skip
def test_without_one_verdict_there_is_none(told):
    table, _ = judged(told, [ROW])
    assert table.rows() == []
    assert table.quarantined()["value"].tolist() == [told]
