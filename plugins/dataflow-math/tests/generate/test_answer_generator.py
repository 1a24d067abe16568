"""Solutions of a model: whole, or a failure of their row."""

from __future__ import annotations

from dataflow_core import MemoryStorage
from dataflow_core.serving.backend import Reply
from dataflow_core.testing import ScriptedServing
from dataflow_math import AnswerGenerator


def test_solutions_stand_with_their_questions_in_all_scripts():
    questions = ["2+2?", None, "三加四等于几？", "", "Сколько будет 2·3?"]
    table = MemoryStorage([{"question": one} for one in questions])
    AnswerGenerator(serving=ScriptedServing(lambda text: f"{text} \\boxed{{1}}")).run(table)
    solutions = [row["solution"] for row in table.rows()]
    expected = [f"{one} \\boxed{{1}}" if one else None for one in questions]
    assert solutions == expected


def test_a_solution_that_was_cut_is_none():
    table = MemoryStorage([{"question": "long?"}])
    AnswerGenerator(serving=ScriptedServing(lambda _: Reply("1. We", "length"))).run(table)
    failed = table.quarantined()
    assert (len(table), failed["reason"].tolist()) == (0, ["truncated"])
    assert failed["value"].tolist() == ["1. We"]


def test_sampling_of_the_step_goes_before_that_of_the_serving():
    table = MemoryStorage([{"question": "a?"}])
    serving = ScriptedServing(lambda _: "1", temperature=0.9, max_tokens=10)
    AnswerGenerator(serving=serving, sampling={"temperature": 0.1}).run(table)
    (request,) = serving.requests
    assert (request.sampling["temperature"], request.sampling["max_tokens"]) == (0.1, 10)


def test_the_model_is_asked_for_a_box():
    table = MemoryStorage([{"question": "a?"}])
    serving = ScriptedServing(lambda _: "1")
    AnswerGenerator(serving=serving).run(table)
    system, user = serving.requests[0].messages
    assert (system["role"], user["content"]) == ("system", "a?")
    assert r"\boxed{answer}" in system["content"]
