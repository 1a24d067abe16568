"""Votes of several solutions, counted by mathematical equality."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_core import MemoryStorage
from dataflow_core.serving.backend import Reply, ReplyError
from dataflow_core.testing import ScriptedServing
from dataflow_math import SelfConsistency
from dataflow_math.answers.equality import equal
from dataflow_math.answers.votes import Ballot, count_votes


def solved(answers, questions=("How much?",), **columns):
    """Return the table after the vote; each question has the same answers."""
    told = {}

    def script(request):
        question = request.messages[-1]["content"]
        place = told.setdefault(question, iter(answers))
        return next(place)

    table = MemoryStorage([{"n": n, "question": one} for n, one in enumerate(questions)])
    serving = ScriptedServing(script, max_concurrency=1)
    SelfConsistency(serving=serving, samples=len(answers)).run(table, **columns)
    return table


def elected(*answers):
    (row,) = solved(answers).rows()
    return row["answer"], row["agreement"]


def votes(*answers):
    (ballot,) = count_votes([answers], tolerance=1e-6, limit=20.0, workers=1)
    return ballot.winner, ballot.voters


@pytest.mark.parametrize(
    ("answers", "winner"),
    [
        ((r"\boxed{7}", r"\boxed{8}", r"\boxed{7}"), ("7", 2 / 3)),
        ((r"\boxed{11/2}", r"\boxed{1 1/2}", r"\boxed{1.5}"), ("1.5", 2 / 3)),
        ((r"\boxed{8}", r"\boxed{\frac{1}{2}}", r"\boxed{0.5}"), ("0.5", 2 / 3)),
        ((r"\boxed{x+1}", r"\boxed{2}", r"\boxed{1+x}", r"\boxed{1 + x}"), ("1+x", 3 / 4)),
        ((r"\boxed{3}", r"\boxed{4}"), ("3", 1 / 2)),
        (("I do not know.", "Nor do I.", r"\boxed{4}"), ("4", 1 / 3)),
    ],
)
def test_the_answer_of_most_solutions_wins_and_what_is_no_answer_never_does(answers, winner):
    found = elected(*answers)
    assert found[0] == winner[0]
    assert found[1] == pytest.approx(winner[1])


def test_a_failed_sample_lowers_the_agreement_and_is_no_answer():
    cut = Reply("We beg", "length")
    (row,) = solved([r"\boxed{4}", cut, r"\boxed{4}", ReplyError("request", "no")]).rows()
    assert (row["answer"], row["agreement"]) == ("4", 0.5)


def test_a_row_without_any_answer_is_set_aside_with_what_was_said():
    table = solved(["Who knows?", "Not I."], questions=("a", "b"))
    assert table.rows() == []
    failed = table.quarantined()
    assert failed["reason"].tolist() == ["no_answer", "no_answer"]
    assert failed["value"].tolist() == ["Who knows?", "Who knows?"]


def test_a_row_of_which_all_samples_failed_has_their_reason():
    cut = Reply("We beg", "length")
    assert solved([cut, cut]).quarantined()["reason"].tolist() == ["truncated"]


def test_blank_questions_are_not_asked():
    table = solved([r"\boxed{1}", r"\boxed{1}"], questions=(None, "  ", "one?"))
    assert [row["answer"] for row in table.rows()] == [None, None, "1"]
    assert [row["agreement"] for row in table.rows()] == [None, None, 1.0]


def test_all_answers_are_kept_in_order_where_they_are_wanted():
    answers = [r"\boxed{2}", "None.", r"\boxed{3}", r"\boxed{2}"]
    (row,) = solved(answers, output_answers="all", output_solution=None).rows()
    assert row["all"] == ["2", None, "3", "2"]
    assert "solution" not in row


def test_each_sample_is_a_request_of_its_own_at_a_temperature():
    table = MemoryStorage([{"question": "a"}, {"question": "a"}])
    serving = ScriptedServing(lambda _: r"\boxed{1}")
    SelfConsistency(serving=serving, samples=3).run(table)
    assert len(serving.requests) == 6
    assert {request.sampling["temperature"] for request in serving.requests} == {0.7}


def test_votes_that_need_the_mathematics_are_counted_right():
    assert votes(r"\sqrt{4}", "2", r"2x", r"x \cdot 2", None, r"\frac{4}{2}") == ("2", [0, 1, 5])
    assert votes("x+1", "7", "1+x", "(x^2-1)/(x-1)", "7") == ("1+x", [0, 2, 3])


@pytest.mark.parametrize(
    ("answers", "winner", "share"),
    [
        (["50", r"50\%", "0.5", "0.5"], r"50\%", 4),
        (["5 cm", "5 inches", "5"], "5", 3),
        (["5 cm", "5 inches", "6"], "6", 1),
        (["$3", "3 euros", "3 euros"], "3 euros", 2),
        ([r"\frac{3}{4}", "0.75", r"\frac{3}{4}"], r"\frac{3}{4}", 3),
        (["x+y", "y+x", "2y"], "x+y", 2),
    ],
)
def test_the_order_of_samples_changes_nothing(answers, winner, share):
    for order in itertools.permutations(answers):
        told, voters = votes(*order)
        assert (told, len(voters)) == (winner, share)


def test_many_different_expressions_are_not_all_compared():
    pairs = Ballot([f"x+{n}" for n in range(30)] + ["7"] * 3).open_pairs({}, 1e-6)
    assert pairs == set()


@given(
    st.lists(st.sampled_from(["1", "2", "0.5", r"\frac12", "50%", "1,000", "1000", "5 cm", None])),
    st.randoms(use_true_random=False),
)
def test_votes_are_the_same_in_any_order(answers, random):
    told, voters = votes(*answers)
    assert all(equal(told, answers[place]) for place in voters)
    shuffled = random.sample(answers, len(answers))
    again, others = votes(*shuffled)
    assert (again, len(others)) == (told, len(voters))
    if told is not None:
        assert len(voters) == sum(bool(one and equal(told, one)) for one in answers)
