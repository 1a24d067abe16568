"""How well answers agree with references, against the official numbers too."""

import pytest

from dataflow_core.operators.general.answer_scores import (
    exact_match,
    normalised,
    set_f1,
    token_f1,
    tokens_of,
)


def test_scores_are_those_of_the_official_evaluation(shared_rows):
    rows = shared_rows("rag/squad_predictions_em_f1.jsonl")
    assert len(rows) == 200
    for row in rows:
        found = (
            exact_match(row["prediction"], row["golds"]),
            token_f1(row["prediction"], row["golds"]),
        )
        assert found == (bool(row["em"]), pytest.approx(row["f1"], abs=1e-9)), row


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The  U.S.A.!", "usa"),
        ("A theatre, an anthem", "theatre anthem"),
        ("«Война́ и мир»", "война́ и мир"),
        ("東京。", "東京"),
        ("3.14", "314"),
        ("the", ""),
        ("", ""),
    ],
)
def test_normalisation(text, found):
    assert normalised(text) == found


def test_scripts_without_spaces_are_compared_by_characters():
    assert tokens_of("東京タワー was built") == ["東", "京", "タ", "ワ", "ー", "was", "built"]
    assert tokens_of("서울 타워") == ["서울", "타워"]
    assert token_f1("东京", ["东京都"]) == pytest.approx(0.8)
    assert not exact_match("东京", ["东京都"])


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [("no", "I do not know"), ("1", "10"), ("Berlin, not Paris", "Paris"), ("untrue", "true")],
)
def test_one_within_the_other_is_no_match(answer, accepted):
    assert not exact_match(answer, [accepted])
    assert not exact_match(accepted, [answer])


def test_what_normalises_to_nothing_equals_nothing_only():
    assert token_f1("the", ["a"]) == 1
    assert token_f1("the", ["cat"]) == 0
    assert token_f1("cat", []) == 0


@pytest.mark.parametrize(
    ("chosen", "right", "found"),
    [("AB", "AB", 1), ("A", "AB", 2 / 3), ("C", "AB", 0), ("", "", 1), ("A", "", 0), ("", "A", 0)],
)
def test_f1_of_sets(chosen, right, found):
    assert set_f1(set(chosen), set(right)) == pytest.approx(found)
