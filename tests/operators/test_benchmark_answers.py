"""Answering the questions of benchmarks, and scoring the answers."""

import json
import re

import pyarrow as pa
import pytest

from dataflow_core import MemoryStorage, Pipeline
from dataflow_core.errors import ConfigurationError, OperatorError, PlanError
from dataflow_core.operators.general import BenchmarkAnswers
from dataflow_core.testing import ScriptedServing

OPTIONS = ["Berlin", "Paris", "Rome", "a dog"]


def answered(told, rows, columns=None, judge=None, **fields):
    table = MemoryStorage(rows)
    script = told if callable(told) else lambda text: told
    serving = ScriptedServing(script, corrections=0)
    columns = columns or {}
    if fields.get("kind", "open") != "open":
        columns = {"input_options": "options", **columns}
    BenchmarkAnswers(serving=serving, judge=judge, **fields).run(table, **columns)
    return table, serving


def choose(told, reference, what="letter", kind="choice", options=OPTIONS, **fields):
    row = {"question": "Which?", "options": options, "reference": reference}
    table, _ = answered(told, [row], kind=kind, reference_is=what, **fields)
    return table


def outcome(table):
    if len(table.rows()):
        (row,) = table.rows()
        return row["answer"], row["score"], row["is_correct"]
    return table.quarantined()["reason"].tolist()[0]


# Open questions


@pytest.mark.parametrize(
    ("told", "reference", "score", "correct"),
    [
        ("Denver Broncos", "the Denver Broncos.", 1, True),
        ("Broncos", ["Denver Broncos", None], 2 / 3, False),
        ("Broncos", ["Denver Broncos", "Broncos"], 1, True),
        ("Paris", ["Berlin"], 0, False),
        ("東京", "東京都", 0.8, False),
        ("42", 42, 1, True),
    ],
)
def test_open_answers_are_scored_by_the_closest_reference(told, reference, score, correct):
    rows = [{"question": "Who?", "reference": reference}]
    table, _ = answered(f"Let me see. <answer>{told}</answer>", rows)
    row = table.rows()[0]
    assert (row["answer"], row["is_correct"]) == (told, correct)
    assert row["score"] == pytest.approx(score)


def test_rows_without_reference_are_answered_and_not_scored():
    rows = [
        {"question": "Who?", "reference": None},
        {"question": None, "reference": ["x"]},
        {"question": "Who?", "reference": []},
        {"question": "Who?", "reference": ["x"]},
    ]
    table, serving = answered("<answer>x</answer>", rows)
    found = [(row["answer"], row["score"], row["is_correct"]) for row in table.rows()]
    assert found == [("x", None, None), (None, None, None), ("x", None, None), ("x", 1.0, True)]
    assert len(serving.requests) == 1  # of equal questions one is asked


def test_a_judge_tells_whether_open_answers_say_the_same():
    def judging(text):
        verdict = "correct" if "six" in text and "6\nor\nVI" in text else "incorrect"
        return json.dumps({"explanation": "", "verdict": verdict}) if "ten" not in text else "true"

    rows = [
        {"question": f"How {n}?", "reference": reference}
        for n, reference in enumerate((["6", "VI"], "7", None, "8"))
    ]
    judge = ScriptedServing(judging, corrections=0)
    told = {"How 3?": "ten"}
    table, _ = answered(
        lambda text: f"<answer>{told.get(text.split(chr(10))[1], 'six')}</answer>",
        rows,
        judge=judge,
    )
    found = [(row["score"], row["is_correct"]) for row in table.rows()]
    assert found == [(1.0, True), (0.0, False), (None, None)]
    assert table.quarantined()["value"].tolist() == ["true"]
    assert len(judge.requests) == 3


# Questions with options


@pytest.mark.parametrize(
    ("reference", "what"),
    [("B", "letter"), ("(b)", "letter"), (1, "index"), (2, "number"), ("2", "number"),
     ("paris", "text"), (["Paris"], "text"), (2.0, "number")],
)  # fmt: skip
def test_a_reference_is_what_it_is_said_to_be(reference, what):
    for letter in "ABCD":
        table = choose(f"<answer>{letter}</answer>", reference, what)
        right = letter == "B"
        assert outcome(table) == (letter, float(right), right)


@pytest.mark.parametrize(
    ("reference", "what"),
    [("E", "letter"), ("Paris", "letter"), (4, "index"), (-1, "index"), (0, "number"),
     (5, "number"), ("London", "text"), (1.5, "index"), ("one", "index"), (True, "index"),
     (["A", "B"], "letter")],
)  # fmt: skip
def test_a_reference_that_names_no_option_fails_before_anything_is_asked(reference, what):
    row = {"question": "Which?", "options": OPTIONS, "reference": reference}
    table, serving = answered("<answer>A</answer>", [row], kind="choice", reference_is=what)
    assert outcome(table) == "invalid_reference"
    assert serving.requests == []


def test_a_text_that_two_options_have_names_none():
    assert (
        outcome(choose("<answer>A</answer>", "x", "text", options=["x", "X"]))
        == "invalid_reference"
    )


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("<answer>B</answer>", "B"),
        ("First A, then C. <answer> (b). </answer>", "B"),
        ("<answer>**B**</answer>", "B"),
        ("<answer>Ｂ</answer>", "B"),
        ("<answer>B. Paris</answer>", "B"),
        ("<answer>A</answer> No: <answer>B</answer>", "B"),
        ("<think><answer>A</answer></think><answer>B</answer>", "B"),
        ("The answer is B", "unparsable_answer"),
        ("B", "unparsable_answer"),
        ("The answer is a dog, B", "unparsable_answer"),
        ("<answer>The answer is a dog, B</answer>", "unparsable_answer"),
        ("<answer>I think it is B</answer>", "unparsable_answer"),
        ("<answer>B. Rome</answer>", "unparsable_answer"),
        ("<answer>Paris</answer>", "B"),
        ("<answer>paris.</answer>", "B"),
        ("<answer>The answer is B</answer>", "B"),
        ("<answer>The correct answer is: (B).</answer>", "B"),
        ("<answer>The answer is B. Paris</answer>", "B"),
        ("<answer>Answer: B</answer>", "B"),
        ("<answer>Option B</answer>", "B"),
        ("<answer>\\boxed{B}</answer>", "B"),
        ("<answer>$\\boxed{\\text{B}}$</answer>", "B"),
        ("<answer>\\boxed{Paris}</answer>", "unparsable_answer"),
        ("<answer>\\boxed{A, B}</answer>", "unparsable_answer"),
        ("<answer>The answer is b</answer>", "unparsable_answer"),
        ("<answer>The answer is a dog</answer>", "unparsable_answer"),
        ("<answer>The answer is B or C</answer>", "unparsable_answer"),
        ("<answer>The answer is not B</answer>", "unparsable_answer"),
        ("<answer>The answer is A. Paris</answer>", "unparsable_answer"),
        ("<answer>Option B is wrong</answer>", "unparsable_answer"),
        ("<answer>Option E</answer>", "unparsable_answer"),
        ("<answer>A Paris</answer>", "unparsable_answer"),
        ("<answer>A or B</answer>", "unparsable_answer"),
        ("<answer>A, B</answer>", "unparsable_answer"),
        ("<answer>none</answer>", "unparsable_answer"),
        ("<answer>E</answer>", "no_such_option"),
        ("<answer></answer>", "unparsable_answer"),
    ],
)
def test_a_letter_is_read_where_it_is_the_answer_and_nowhere_else(told, found):
    table = choose(told, "B")
    assert outcome(table) == ((found, 1.0, True) if found == "B" else found)
    if found != "B":
        assert table.quarantined()["value"].tolist() == [told]


def test_a_text_that_two_options_have_is_no_answer():
    twice = ["Rome", "Paris", "paris"]
    assert outcome(choose("<answer>Paris</answer>", "B", options=twice)) == "unparsable_answer"


def test_a_letter_counts_before_an_option_that_is_called_so():
    found = outcome(choose("<answer>B</answer>", "B", options=["B", "A"]))
    assert found == ("B", 1.0, True)
    called = ["Option B", "Paris"]
    assert outcome(choose("<answer>Option B</answer>", "B", options=called)) == "unparsable_answer"


@pytest.mark.parametrize(
    ("told", "reference", "found"),
    [
        ("A, C", ["A", "C"], (["A", "C"], 1.0, True)),
        ("C and A", "A, C", (["A", "C"], 1.0, True)),
        ("A", "A C", (["A"], 2 / 3, False)),
        ("B", ["A", "C"], (["B"], 0.0, False)),
        ("none", [], ([], 1.0, True)),
        ("A, dog", ["A"], "unparsable_answer"),
    ],
)
def test_several_options_are_compared_as_sets(told, reference, found):
    table = choose(f"<answer>{told}</answer>", reference, kind="choices")
    assert outcome(table) == (
        found if isinstance(found, str) else (found[0], pytest.approx(found[1]), found[2])
    )


@pytest.mark.parametrize(
    ("kind", "told", "found"), [("choice", "B", "B"), ("choices", ["B"], ["B"])]
)
def test_prompts_may_have_answers_as_json(kind, told, found):
    prompt = {"user": "{{ question }} {{ options }}", "answer": "json"}
    table = choose(json.dumps({"answer": told}), "B", kind=kind, prompt=prompt)
    assert outcome(table) == (found, 1.0, True)
    assert outcome(choose("B", "B", kind=kind, prompt=prompt)) == "unparsable_answer"


@pytest.mark.parametrize("options", [["x", None], ["x", " "], [str(n) for n in range(27)]])
def test_options_that_cannot_be_shown_fail(options):
    assert outcome(choose("<answer>A</answer>", "A", options=options)) == "invalid_options"


def test_rows_without_options_get_nulls():
    rows = [
        {"question": "Which?", "options": options, "reference": "A"}
        for options in (None, [], ["x"])
    ]
    table, serving = answered("<answer>A</answer>", rows, kind="choice", reference_is="letter")
    assert [row["answer"] for row in table.rows()] == [None, None, "A"]
    assert len(serving.requests) == 1


def test_options_lose_the_letters_that_they_bring_along():
    def shown(options):
        row = {"question": "Which?", "options": options, "reference": None}
        _, serving = answered("<answer>A</answer>", [row], kind="choice", reference_is="letter")
        return re.search(
            r"<options>\n(.*)\n</options>", serving.requests[0].messages[-1]["content"], re.DOTALL
        )[1]

    assert shown(["A)36", "B) 15"]) == "A. 36\nB. 15"
    assert shown(["A) 36", "C) 15"]) == "A. A) 36\nB. C) 15"
    assert shown(["A. Smith", "Jones"]) == "A. A. Smith\nB. Jones"


# Plans and reports


class Bench(Pipeline):
    def __init__(self, storage, columns=None, **fields):
        super().__init__(storage)
        self.columns = columns or {}
        serving = ScriptedServing(lambda text: "<answer>A</answer>" if "odd" not in text else "?")
        self.bench = BenchmarkAnswers(serving=serving, **fields)

    def forward(self):
        self.bench.run(self.storage, **self.columns)


def test_the_report_has_the_accuracy_over_rows_with_a_reference(tmp_path):
    rows = [
        {"question": f"Which {n}{' odd' * (n == 9)}?", "options": OPTIONS, "reference": reference}
        for n, reference in enumerate(["A"] * 3 + ["B"] + [None] * 5 + ["A"])
    ]
    options = {"kind": "choice", "reference_is": "letter"}
    bench = Bench(MemoryStorage(rows), {"input_options": "options"}, **options)
    for size in (1, 4, None):
        report = bench.run(run_dir=tmp_path / str(size), batch_size=size, max_failures=1)
        verdicts = report.steps[0].measures["is_correct"]
        assert (verdicts.rows, verdicts.absent, verdicts.below) == (10, 6, 1)
        assert re.search(r"is_correct +0\.75 .* from 1 +1 +0$", report.measures())


@pytest.mark.parametrize(
    ("fields", "columns", "message"),
    [
        ({"kind": "choice", "reference_is": "letter"}, {}, "name input_options"),
        ({}, {"input_options": "options"}, "input_options is for questions of kind"),
        (
            {"prompt": {"user": "{{ question }}", "answer": "boxed"}},
            {},
            "reads tags or json",
        ),
        (
            {"prompt": {"user": "{{ question }}", "answer": {"kind": "tags", "tags": ["a"]}}},
            {},
            "elsewhere than in 'answer'",
        ),
        (
            {"prompt": {"user": "{{ question }} {{ reference }}", "answer": "json"}},
            {},
            r"uses \{\{ reference \}\}",
        ),
        (
            {
                "kind": "choice",
                "reference_is": "letter",
                "prompt": {"user": "{{ question }}", "answer": "json"},
            },
            {"input_options": "options"},
            r"does not show the \{\{ options \}\}",
        ),
    ],
)
def test_what_does_not_fit_is_a_problem_of_the_plan(fields, columns, message):
    rows = [{"question": "?", "options": ["x"], "reference": "A"}]
    with pytest.raises(PlanError, match=message):
        Bench(MemoryStorage(rows), columns, **fields).compile()


def test_wrong_options_are_refused_without_a_plan_too():
    with pytest.raises((ConfigurationError, OperatorError), match="name input_options"):
        answered("", [{"question": "?", "reference": "A"}], {"input_options": None}, kind="choice",
            reference_is="letter")  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "choice"}, "say what references are"),
        ({"reference_is": "letter"}, "open questions have none"),
        ({"kind": "choices", "reference_is": "text", "judge": ScriptedServing({})}, "judge is for"),
    ],
)
def test_fields_that_contradict_are_refused(fields, message):
    with pytest.raises(ConfigurationError, match=message):
        BenchmarkAnswers(serving=ScriptedServing({}), **fields)


@pytest.mark.parametrize(
    ("kind", "type_"), [("choice", pa.string()), ("choices", pa.list_(pa.string()))]
)
def test_the_plan_knows_the_type_of_the_answers(kind, type_):
    bench = BenchmarkAnswers(serving=ScriptedServing({}), kind=kind, reference_is="letter")
    after = bench.columns_after({}, bench.bind(input_options="options"))
    assert after == {"answer": type_, "score": pa.float64(), "is_correct": pa.bool_()}


# Real benchmarks


@pytest.mark.parametrize("what", ["letter", "text", "index", "number"])
def test_medical_questions_have_the_same_right_options_however_they_are_named(shared_rows, what):
    rows, right = [], {}
    for n, one in enumerate(shared_rows("knowledge/medqa_test.jsonl")):
        letters = list(one["options"])
        assert letters == list("ABCD")
        place = letters.index(one["answer_idx"])
        references = {
            "letter": one["answer_idx"],
            "text": one["answer"],
            "index": place,
            "number": place + 1,
        }
        question = f"{n}: {one['question']}"
        right[str(n)] = one["answer_idx"]
        rows.append(
            {
                "question": question,
                "options": list(one["options"].values()),
                "reference": references[what],
            }
        )

    def told(text):
        number = re.search(r"<question>\n(\d+):", text)[1]
        letter = right[number] if int(number) % 3 else "ABCD"[("ABCD".index(right[number]) + 1) % 4]
        return f"A is likely, but B is a better choice than C. <answer>{letter}</answer>"

    table, _ = answered(told, rows, kind="choice", reference_is=what)
    verdicts = [row["is_correct"] for row in table.rows()]
    assert verdicts == [n % 3 > 0 for n in range(len(rows))]


def test_algebra_questions_bring_their_letters_along(shared_rows):
    given = shared_rows("math/aqua.jsonl")
    rows = [
        {"question": one["question"], "options": one["options"], "reference": one["correct"]}
        for one in given
    ]
    right = {one["question"].strip(): one["correct"] for one in given}

    def told(text):
        question = re.search(r"<question>\n(.*)\n</question>", text, re.DOTALL)[1]
        assert not re.search(r"^[A-E]\. [A-E]\)", text, re.MULTILINE)
        return f"<answer>{right[question.strip()]}</answer>"

    table, _ = answered(told, rows, kind="choice", reference_is="letter")
    assert {row["is_correct"] for row in table.rows()} == {True}
    assert len(table.rows()) == len(rows)


# Options of other forms


@pytest.mark.parametrize(
    ("options", "reference", "what"),
    [
        ({"B": "four", "A": "three"}, "B", "letter"),
        ({"b": "four", "a": "three"}, "four", "text"),
        ({"B": "four", "A": "three", "C": None}, 1, "index"),
        ([3, 4], 4, "text"),
        ([3, 4], "4", "text"),
        ([3.0, 4.5], 4.5, "text"),
        ([True, False], "false", "text"),
        (["three", 4], 2, "number"),
    ],
)
def test_options_may_be_numbers_or_have_their_letters(options, reference, what):
    assert outcome(choose("<answer>B</answer>", reference, what, options=options)) == ("B", 1, True)
    assert outcome(choose("<answer>A</answer>", reference, what, options=options))[1] == 0


def test_letters_of_an_object_are_shown_as_they_are():
    options = {"D": "four", "B": "two"}
    row = {"question": "Which?", "options": options, "reference": "D"}
    table, serving = answered("<answer>D</answer>", [row], kind="choice", reference_is="letter")
    assert outcome(table) == ("D", 1.0, True)
    assert "B. two\nD. four\n" in serving.requests[0].messages[-1]["content"]


@pytest.mark.parametrize(
    "options",
    [{"1": "x", "2": "y"}, {"A": "x", "B": " "}, {"A": ["x"]}, {"a": "x", "A": "y"}, [["x"], "y"],
     ["x", None], [{"A": "x"}]],
)  # fmt: skip
def test_other_options_are_invalid_and_nothing_is_asked(options):
    row = {"question": "Which?", "options": options, "reference": "A"}
    table, serving = answered("<answer>A</answer>", [row], kind="choice", reference_is="letter")
    assert outcome(table) == "invalid_options"
    assert serving.requests == []


def test_a_cell_of_options_that_is_a_text_is_no_list_of_letters():
    rows = [{"question": "Which?", "options": one, "reference": "A"} for one in ("abc", ["x", "y"])]
    table, _ = answered("<answer>A</answer>", rows, kind="choice", reference_is="letter")
    assert [row["is_correct"] for row in table.rows()] == [True]
    assert table.quarantined()["reason"].tolist() == ["invalid_options"]
    with pytest.raises(ConfigurationError, match="column 'options' is string"):
        answered("", rows[:1], kind="choice", reference_is="letter")


@pytest.mark.parametrize(
    ("told", "reference", "found"),
    [
        ("AC", "CA", (["A", "C"], 1.0, True)),
        ("A, C", "ac", (["A", "C"], 1.0, True)),
        ("AB", "AC", (["A", "B"], 0.5, False)),
        ("CA", "AC", "unparsable_answer"),
        ("AA", "AC", "unparsable_answer"),
        ("AC", "AA", "invalid_reference"),
        ("AC", "AX", "invalid_reference"),
    ],
)
def test_letters_may_stand_side_by_side(told, reference, found):
    table = choose(f"<answer>{told}</answer>", reference, kind="choices")
    assert outcome(table) == found


def test_a_plan_takes_objects_of_options_and_no_texts():
    bench = BenchmarkAnswers(serving=ScriptedServing({}), kind="choice", reference_is="letter")
    columns = {"question": pa.string(), "reference": pa.string()}
    bindings = BenchmarkAnswers.bind(input_options="options")
    for kind in (pa.struct([("A", pa.string())]), pa.list_(pa.int64()), pa.null()):
        assert bench.problems({**columns, "options": kind}, bindings) == []
    (told,) = bench.problems({**columns, "options": pa.string()}, bindings)
    assert "column 'options' is string; lists or objects are wanted" in told


def test_open_references_that_are_numbers_are_compared_as_people_write_them():
    table, _ = answered("<answer>4</answer>", [{"question": "2 + 2?", "reference": 4.0}])
    assert outcome(table) == ("4", 1.0, True)
