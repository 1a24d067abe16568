"""``math/solve_and_verify``: from questions to checked answers."""

from __future__ import annotations

import pandas as pd
import pytest

from dataflow_core import MemoryStorage
from dataflow_core.errors import ConfigurationError
from dataflow_core.testing import ScriptedServing
from dataflow_math import SolveAndVerify

QUESTIONS = [
    {"question": "What is 2 + 2?", "gold": "4"},
    {"question": "What is half of one?", "gold": r"\frac{1}{2}"},
    {"question": "What is 3 times 3?", "gold": "So 3 * 3 = <<3*3=9>>9\n#### 9"},
    {"question": "What is the sum of one and x?", "gold": "x + 1"},
    {"question": "What is nobody's guess?", "gold": None},
    {"question": None, "gold": "1"},
    {"question": " ", "gold": "1"},
]
ANSWERS = {
    "What is 2 + 2?": "1. Add. \n\\boxed{4}",
    "What is half of one?": r"\boxed{0.5}",
    "What is 3 times 3?": r"\boxed{6}",
    "What is the sum of one and x?": "So it is $1+x$.\n\\boxed{1+x}",
    "What is nobody's guess?": r"\boxed{0}",
}


def solved(tmp_path, serving=None, **parameters):
    serving = serving or ScriptedServing(ANSWERS)
    pipeline = SolveAndVerify(
        MemoryStorage(QUESTIONS), serving=serving, reference_column="gold", **parameters
    )
    report = pipeline.run(tmp_path / "out.parquet", run_dir=tmp_path / "run")
    return report, pd.read_parquet(tmp_path / "out.parquet")


def test_answers_are_marked_as_mathematics(tmp_path):
    _, table = solved(tmp_path)
    assert table["answer"].tolist()[:5] == ["4", "0.5", "6", "1+x", "0"]
    verdicts = [None if pd.isna(one) else bool(one) for one in table["is_correct"]]
    assert verdicts == [True, True, False, True, None, None, None]
    assert table["solution"].tolist()[0] == "1. Add. \n\\boxed{4}"


def test_only_correct_rows_are_kept_where_that_is_asked_for(tmp_path):
    report, table = solved(tmp_path, only_correct=True)
    assert table["question"].tolist() == [QUESTIONS[place]["question"] for place in (0, 1, 3)]
    assert report.steps[-1].reasons == {
        "wrong_answer": 1,
        "no_reference": 1,
        "no_question": 2,
    }


def test_several_samples_are_voted_on(tmp_path):
    serving = ScriptedServing(ANSWERS)
    report, table = solved(tmp_path, serving, samples=3)
    assert table["agreement"].tolist()[:5] == [1.0] * 5
    assert len(serving.requests) == 3 * 5
    assert [step.step for step in report.steps] == ["solve", "verify"]


def test_every_row_is_accounted_for_when_some_fail(tmp_path):
    answers = {**ANSWERS, "What is 3 times 3?": ""}
    pipeline = SolveAndVerify(
        MemoryStorage(QUESTIONS), serving=ScriptedServing(answers), reference_column="gold"
    )
    report = pipeline.run(tmp_path / "out.parquet", run_dir=tmp_path / "run", max_failures=2)
    ledger = pd.read_parquet(tmp_path / "run" / "ledger.parquet")
    assert sorted(ledger["fate"]) == ["output"] * 6 + ["quarantined"]
    assert (report.rows_in, report.rows_out) == (7, 6)


@pytest.mark.parametrize(
    ("parameters", "sampling"),
    [
        ({}, {"temperature": 0.0}),
        ({"temperature": 0.3, "max_tokens": 9}, {"temperature": 0.3, "max_tokens": 9}),
        ({"samples": 2}, {"temperature": 0.7}),
    ],
)
def test_the_sampling_is_what_was_asked_for(tmp_path, parameters, sampling):
    serving = ScriptedServing(ANSWERS)
    solved(tmp_path, serving, **parameters)
    assert serving.requests[0].sampling == sampling


@pytest.mark.parametrize("samples", [0, -1])
def test_samples_are_one_or_more(samples):
    with pytest.raises(ConfigurationError, match=f"samples must be 1 or more, found {samples}"):
        SolveAndVerify(serving=ScriptedServing(ANSWERS), samples=samples)


@pytest.mark.parametrize(
    "columns",
    [
        {"answer_column": "reference"},
        {"answer_column": "question"},
        {"answer_column": "solution"},
        {"answer_column": "is_correct"},
        {"answer_column": "gold", "reference_column": "gold"},
        {"reference_column": "solution"},
        {"question_column": "is_correct"},
        {"question_column": "a", "reference_column": "a"},
    ],
)
def test_no_answer_is_compared_with_itself(columns):
    with pytest.raises(ConfigurationError, match=f"is '{next(iter(columns.values()))}', and so is"):
        SolveAndVerify(serving=ScriptedServing(ANSWERS), **columns)


def test_it_is_registered_with_its_parameters():
    from dataflow_core.plugins import PluginManager

    plugins = PluginManager()
    assert plugins.load(plugins.find("pipeline", "math/solve_and_verify")) is SolveAndVerify
    assert plugins.find("prompt", "math/answer_generator").spec.summary
