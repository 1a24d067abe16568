"""Judging which of two answers is the better."""

import json

import pytest

from dataflow_core import MemoryStorage
from dataflow_core.operators.general import PairwiseJudge
from dataflow_core.serving.backend import ReplyError
from dataflow_core.testing import ScriptedServing

ROW = {"question": "Why?", "answer_a": "Since it rains.", "answer_b": "なぜなら"}


def judged(told, rows=(ROW,), **options):
    table = MemoryStorage(list(rows))
    calls = []

    class Counted(ScriptedServing):
        def generate_from_input(self, inputs, *more, **named):
            calls.append(len(inputs))
            return super().generate_from_input(inputs, *more, **named)

    serving = Counted(told, corrections=0)
    PairwiseJudge(serving=serving, **options).run(table)
    assert calls == [2 * sum(all(map(str.strip, map(str, row.values()))) for row in rows)]
    return table, serving


def winner(name):
    return json.dumps({"explanation": "So.", "winner": name})


def orders(given, swapped):
    """Answer each order in its own way."""

    def told(text):
        return given if text.index(ROW["answer_a"]) < text.index(ROW["answer_b"]) else swapped

    return told


@pytest.mark.parametrize(
    ("given", "swapped", "found", "consistent"),
    [
        ("A", "B", "a", True),
        ("B", "A", "b", True),
        ("tie", "tie", "tie", True),
        ("A", "A", "tie", False),
        ("B", "B", "tie", False),
        ("A", "tie", "tie", False),
        ("tie", "A", "tie", False),
    ],
)
def test_an_answer_wins_that_wins_in_both_orders(given, swapped, found, consistent):
    table, serving = judged(orders(winner(given), winner(swapped)))
    assert table.rows() == [{**ROW, "winner": found, "is_consistent": consistent}]
    assert len({request.messages[0]["content"] for request in serving.requests}) == 1


@pytest.mark.parametrize("bad", ["A", "a is better", winner("a"), winner("C"), winner("both")])
@pytest.mark.parametrize("failed", ["as given", "swapped"])
def test_one_order_without_verdict_fails_the_row_and_is_named(bad, failed):
    told = (bad, winner("A")) if failed == "as given" else (winner("A"), bad)
    table, _ = judged(orders(*told))
    assert table.rows() == []
    (message,) = table.quarantined()["message"]
    assert message.startswith(f"answers {failed}: ")
    assert table.quarantined()["value"].tolist() == [bad]


def test_a_failed_request_fails_its_row_alone():
    rows = [ROW, {**ROW, "question": "How?"}]

    def told(text):
        if "How?" in text and text.index("Since") > text.index("なぜなら"):
            return ReplyError("request", "no", status=400)
        return winner("tie")

    table, _ = judged(told, rows)
    assert [row["question"] for row in table.rows()] == ["Why?"]
    assert table.quarantined()["reason"].tolist() == ["invalid_request"]


def test_equal_answers_are_asked_about_once_and_are_no_surprise():
    rows = [{**ROW, "answer_b": ROW["answer_a"]}]
    table, serving = judged(lambda text: winner("A"), rows)
    assert [(row["winner"], row["is_consistent"]) for row in table.rows()] == [("tie", False)]
    assert len(serving.requests) == 1


def test_the_criteria_stand_in_the_prompt():
    _, serving = judged(lambda text: winner("tie"), criteria="Which is shorter?")
    assert "Which is shorter?" in serving.requests[0].messages[0]["content"]


def test_a_winner_without_explanation_is_a_winner():
    table = MemoryStorage([{"question": "q", "answer_a": "good", "answer_b": "poor"}])

    def judge(text):
        return json.dumps({"winner": "A" if text.index("good") < text.index("poor") else "B"})

    PairwiseJudge(serving=ScriptedServing(judge, corrections=0)).run(table)
    assert [(row["winner"], row["is_consistent"]) for row in table.rows()] == [("a", True)]
