"""Solutions of models and data sets, where the folder with them is at hand."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from dataflow_core import FileStorage, MemoryStorage, Pipeline
from dataflow_math import AnswerVerifier
from dataflow_math.answers.extraction import extract_answer

# Gold and prediction of Math-Verify's own cases whose verdict is another one here, and why.
DIFFERENT = {
    ("$9$", "Answer \\( \n 9 \n \\)"): (
        "recorded is that Math-Verify finds nothing where it looks for formulas alone; by its "
        "defaults it finds the 9, as we do"
    ),
}


class Judged(Pipeline):
    """One verdict."""

    def __init__(self, storage=None):
        super().__init__(storage)
        self.verify = AnswerVerifier(time_limit=20.0)

    def forward(self):
        self.verify.run(self.storage)


def wanted(case):
    """Return what a case expects: a verdict, or, of a letter to be extracted, that letter."""
    return case["expected"] == 1 if isinstance(case["expected"], int) else True


def options(case):
    """Return the fields that a case is about; of decimal places, Math-Verify's default is six."""
    return (10.0 ** -case.get("precision", 6), case.get("allow_set_relation_comp", True))


def test_verdicts_are_those_of_math_verifys_own_cases(shared_rows, verdicts):
    cases = shared_rows("judges/math_verify_cases.jsonl")
    pairs = [(case.get("gold") or case["expected"][-1], case["pred"]) for case in cases]
    by_options = {
        (tolerance, as_sets): verdicts(pairs, tolerance=tolerance, relations_as_sets=as_sets)
        for tolerance, as_sets in {options(case) for case in cases}
    }
    told = [by_options[options(case)][n] for n, case in enumerate(cases)]
    judged = zip(cases, pairs, told, strict=True)
    assert {pair for case, pair, one in judged if one is not wanted(case)} == DIFFERENT.keys()
    assert len(cases) == 80


@pytest.fixture
def labelled(shared_rows):
    return shared_rows("math/gsm8k_model_solutions_labelled.jsonl")


def test_verdicts_are_those_of_gsm8ks_authors_without_exception(labelled, verdicts):
    pairs = [(row["ground_truth"], row["solution"]) for row in labelled]
    right = [row["is_correct"] for row in labelled]
    assert verdicts(pairs) == right
    with ThreadPoolExecutor(4) as threads:
        quarters = list(threads.map(verdicts, [pairs[n::4] for n in range(4)]))
    assert quarters == [right[n::4] for n in range(4)]


def test_they_are_the_same_in_worker_processes(labelled, tmp_path):
    rows = [{"reference": row["ground_truth"], "answer": row["solution"]} for row in labelled]
    Judged(MemoryStorage(rows)).run(
        tmp_path / "out.parquet", run_dir=tmp_path / "run", batch_size=50, workers=2
    )
    told = FileStorage(tmp_path / "out.parquet").read()["is_correct"].tolist()
    assert told == [row["is_correct"] for row in labelled]


def test_verdicts_on_solutions_of_qwen_are_those_of_its_evaluation(shared_rows, verdicts):
    rows = shared_rows("math/qwen_math_cot_samples8.jsonl")
    pairs = [(row["gt"], solution) for row in rows for solution in row["code"]]
    assert verdicts(pairs) == [score for row in rows for score in row["score"]]


def test_solutions_of_tora_have_the_answer_that_its_authors_read(shared_rows, verdicts):
    rows = shared_rows("math/tora_gsm8k_outputs.jsonl")
    solutions = verdicts([(row["gt"], row["code"]) for row in rows])
    assert solutions == verdicts([(row["gt"], row["pred"]) for row in rows])
    assert Counter(solutions) == {True: 120, False: 30}


def test_solutions_of_math_have_their_boxed_answers(shared_rows, verdicts):
    solutions = {row["problem"]: row["solution"] for row in shared_rows("math/MATH_test.jsonl")}
    assert {extract_answer(text).method for text in solutions.values()} == {"boxed"}
    answers = shared_rows("math/math_answers_human_type.jsonl")
    known = [row for row in answers if row["question"] in solutions]
    pairs = [(row["answer"], solutions[row["question"]]) for row in known]
    assert len(pairs) == 250
    assert set(verdicts(pairs)) == {True}


def test_answers_of_all_kinds_equal_themselves_and_not_their_neighbours(shared_rows, verdicts):
    answers = [row["answer"] for row in shared_rows("math/math_answers_human_type.jsonl")]
    assert set(verdicts([(one, one) for one in answers])) == {True}
    neighbours = list(pairwise(answers))
    told = verdicts(neighbours)
    assert [pair for pair, one in zip(neighbours, told, strict=True) if one] == [
        ("4", "4"),
        ("9", "9"),
    ]
    assert "quarantined" not in told


@pytest.mark.parametrize(
    ("name", "column", "unread"),
    [
        ("cmath_zh", "answer", 0),
        ("gsm8k_test", "answer", 0),
        ("gaokao2023en", "answer", 0),
        ("svamp", "Answer", 0),
        ("cn_middle_school_zh", "answer", 1),  # a sentence
        ("college_math", "answer", 9),  # sentences, proofs and tables
    ],
)
def test_references_are_read(name, column, unread, shared_rows, verdicts):
    values = [row[column] for row in shared_rows(f"math/{name}.jsonl")]
    told = verdicts([(one, one) for one in values])
    assert Counter(told) == Counter({True: len(values) - unread, None: unread})


def test_letters_that_rationales_state_are_chosen(shared_rows, verdicts):
    rows = shared_rows("math/aqua.jsonl")
    told = verdicts([(row["correct"], row["rationale"]) for row in rows])
    # The other eight state a number, or no answer at all.
    assert Counter(told) == {True: 72, False: 8}
