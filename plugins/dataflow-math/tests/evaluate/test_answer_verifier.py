"""The operators that judge answers: alone, in threads, in runs with worker processes."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from dataflow_core import FileStorage, MemoryStorage, Pipeline
from dataflow_core.errors import ColumnError, ConfigurationError, PlanError
from dataflow_math import AnswerFilter, AnswerVerifier

HANGS = (r"9^{9^{9^9}}+x", "x+1")
EQUAL = [
    ("x+1", "1+x"),
    ("a+t", "t+a"),
    ("x^2-1", "(x-1)(x+1)"),
    (r"4\sqrt2", r"\sqrt{32}"),
    ("x>3", "3<x"),
    (r"(0,1)\cup(2,3)", r"(2,3)\cup(0,1)"),
    ("x>3", r"(3,\infty)"),
    ("9+11i", "11i+9"),
    ("2^{10}", "1024"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{bmatrix}1.0\\2\end{bmatrix}"),
    (r"\frac{x}{y}", "x/y"),
    ("2x+4y-3=0", r"y=-\frac{1}{2}x+\frac{3}{4}"),
    ("y=2x+1", "y=1+2x"),
    (r"\pi", "3.14159265"),
    ("f(x)=x+1", "1+x"),
    ("2 x", "2x"),
    (r"\binom{5}{2}", "10"),
    (r"\log_2 8", "3"),
    (r"\tan 45^\circ", "1"),
    (r"\{x+1, 2\}", "2, 1+x"),
    (r"-2\le x\le 7", "[-2,7]"),
    ("[-2,7]", r"x \in [-2,7]"),
    (r"34x+45y-20z+100=0", "-34x-45y+20z-100=0"),
    (r"x \neq 5", "x != 5"),
    ("i^2", "-1"),
    (r"\sqrt{-9}", "3i"),
    ("(2-i)(2+i)", "5"),
    (r"e^{i\pi}", "-1"),
    ("e", "2.718281828"),
    (r"\begin{vmatrix}1&2\\3&4\end{vmatrix}", "-2"),
    (r"x<2 \text{ or } x>3", r"(-\infty,2)\cup(3,\infty)"),
    ("x>2 and x<5", "2<x<5"),
    ("x>1 and x<5", "(1,5)"),
    ("2^5", "32"),
]
UNEQUAL = [
    ("x+1", "2+x"),
    ("x^2-1", "(x-1)(x+2)"),
    (r"x \geq 5", r"x \leq 5"),
    ("i", "-i"),
    ("0", "x+2=0"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}2\\1\end{pmatrix}"),
    (r"\pi", "3.14"),
    ("x=1", "y=1"),
    ("5 cm", "5 m"),
    ("5m", "5"),
    ("5 2", "7"),
    ("12", "1 2"),
    ("1 2 3", "123"),
    ("x'", "x"),
    ("7", r"7 \approx 8"),
    (r"1,2,\ldots,9", "1,2,9"),
    ("a+t", "+"),
    (r"\frac{3}{0}", "1"),
    ("x+1", "x+1+"),
    ("3:1", "3"),
    ("i^2", "1"),
    ("e", "3"),
    ("5 below zero", "5"),
    (r"5\%/2", "5"),
    ("10% of 50", "10"),
    ("x>1 or x<5", "(1,5)"),
    (r"\begin{vmatrix}1&2\\3&4\end{vmatrix}", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}"),
]


def test_expressions_that_are_equal_are_correct(verdicts):
    assert verdicts(EQUAL) == [True] * len(EQUAL)
    assert verdicts([(b, a) for a, b in EQUAL]) == [True] * len(EQUAL)


def test_expressions_that_are_not_are_wrong(verdicts):
    assert verdicts(UNEQUAL) == [False] * len(UNEQUAL)
    assert verdicts([(b, a) for a, b in UNEQUAL if b != "+"]) == [False] * (len(UNEQUAL) - 1)


def test_without_a_reference_there_is_no_verdict_and_without_an_answer_it_is_false(verdicts):
    pairs = [
        (None, "5"),
        ("", "5"),
        ("  ", None),
        ("Nobody can know. Not at all.", "5"),
        ("5", None),
    ]
    assert verdicts(pairs) == [None, None, None, None, False]
    assert verdicts([("5", ""), ("5", "I do not know."), (5, 5.0), (0.5, "1/2")]) == [
        False,
        False,
        True,
        True,
    ]


def test_decimal_cells_are_numbers_and_columns_of_booleans_are_refused(verdicts, tmp_path):
    assert verdicts([(Decimal("1.50"), "3/2"), (Decimal(7), "8"), (None, "8")]) == [
        True, False, None,
    ]  # fmt: skip
    rows = [{"reference": True, "answer": "yes"}] * 3
    with pytest.raises(PlanError, match="is bool, answer_verifier wants text or number"):
        Judged(MemoryStorage(rows)).run(tmp_path / "out.parquet", run_dir=tmp_path / "run")


def test_inequalities_and_sets_are_kept_apart_where_that_is_wanted(verdicts):
    pair = (r"x<2 \text{ or } x>3", r"(-\infty,2)\cup(3,\infty)")
    assert verdicts([pair], relations_as_sets=False) == [False]


def test_the_letter_i_is_a_variable_where_numbers_have_an_order(verdicts):
    pairs = [
        ("$i < 3$", "$3 > i$"),
        ("i<3", "j<3"),
        (r"$(i,2) \cup (3,4)$", r"$(3,4) \cup (i,2)$"),
        ("3+2i", "2i+3"),
    ]
    assert verdicts(pairs) == [True, False, True, True]


def test_a_comparison_that_no_number_fits_is_the_same_as_no_other(verdicts):
    assert verdicts([(r"$x>0$ and $x>\frac{0}{0}$", "x>1")]) == [False]


def test_whole_solutions_are_read_on_both_sides(verdicts):
    pairs = [
        ("3*4=<<3*4=12>>12\n#### 1,200", "So it is $1200.\nA: 1200"),
        (r"Hence \boxed{\frac{1}{2}}.", "<think>maybe 7</think>The answer is 0.5."),
        ("She has 3. Then 5.", "5"),
        ("18", "The answer is $18 per day"),
        (r"\boxed{\sqrt{50}\text{ cm}}", r"It is \boxed{5\sqrt2}."),
        ("12:30 pm", "12:30 am"),
    ]
    assert verdicts(pairs) == [True, True, None, True, True, False]


def test_a_comparison_without_end_costs_its_own_row(verdicts):
    told = verdicts([("x+1", "1+x"), HANGS, ("a+t", "t+a"), ("x", "x+1")], time_limit=1.0)
    assert told == [True, "quarantined", True, False]


def test_the_quarantined_row_says_why():
    table = MemoryStorage([{"reference": HANGS[0], "answer": HANGS[1]}])
    AnswerVerifier(time_limit=0.5).run(table)
    assert table.quarantined()["reason"].tolist() == ["time_limit"]


def test_threads_share_the_processes(verdicts):
    def judge(_):
        return verdicts(EQUAL[:8] + UNEQUAL[:4])

    with ThreadPoolExecutor(4) as threads:
        told = list(threads.map(judge, range(8)))
    assert told == [[True] * 8 + [False] * 4] * 8


class Judged(Pipeline):
    """One verdict."""

    def __init__(self, storage=None):
        super().__init__(storage)
        self.verify = AnswerVerifier(time_limit=20.0)

    def forward(self):
        self.verify.run(self.storage)


@pytest.mark.parametrize(("batch_size", "workers"), [(1, 1), (3, 2), (100, 2)])
def test_neither_batches_nor_worker_processes_matter(batch_size, workers, tmp_path):
    rows = [{"reference": a, "answer": b} for a, b in EQUAL[:6] + UNEQUAL[:6]]
    Judged(MemoryStorage(rows)).run(
        tmp_path / "out.parquet", run_dir=tmp_path / "run", batch_size=batch_size, workers=workers
    )
    told = FileStorage(tmp_path / "out.parquet").read()["is_correct"].tolist()
    assert told == [True] * 6 + [False] * 6


def test_it_works_where_main_is_no_file():
    code = (
        "from dataflow_core import MemoryStorage; from dataflow_math import AnswerVerifier\n"
        "table = MemoryStorage([{'answer': 'x+1', 'reference': '1+x'}])\n"
        "AnswerVerifier().run(table); print(table.rows()[0]['is_correct'])"
    )
    done = subprocess.run(
        [sys.executable, "-"], input=code, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "True"
    assert done.stderr == ""


def test_modules_in_the_working_directory_are_not_taken_for_others(tmp_path, verdicts):
    (tmp_path / "sympy.py").write_text("raise SystemExit(3)")
    assert verdicts([("x+1+y", "1+x+y")]) == [True]


def test_the_filter_keeps_what_is_correct_and_says_why_others_go():
    rows = [("x+1", "1+x"), ("5", "6"), (None, "5"), ("5", None), ("1/2", "The answer is 0.5.")]
    table = MemoryStorage([{"reference": a, "answer": b} for a, b in rows])
    AnswerFilter().run(table, output_verdict="ok")
    assert [row["ok"] for row in table.rows()] == [True, True]
    assert table.dropped()["reason"].tolist() == ["wrong_answer", "no_reference", "wrong_answer"]


def test_where_nothing_was_asked_there_is_no_verdict():
    rows = [("a?", "5", "5"), (None, "5", None), (" ", "5", None), ("a?", "5", None)]
    rows = [{"question": q, "reference": r, "answer": a} for q, r, a in rows]
    table = MemoryStorage(rows)
    AnswerVerifier().run(table, input_question="question")
    assert [row["is_correct"] for row in table.rows()] == [True, None, None, False]
    table = MemoryStorage(rows)
    AnswerFilter().run(table, input_question="question")
    assert table.dropped()["reason"].tolist() == ["no_question", "no_question", "wrong_answer"]


def test_the_order_of_rows_does_not_matter(verdicts):
    pairs = EQUAL + UNEQUAL + [("5", "5"), (None, "1")]
    assert verdicts(pairs[::-1]) == verdicts(pairs)[::-1]


def test_values_that_are_no_answers_are_set_aside(verdicts):
    assert verdicts([(["5"], "5"), ("6", "6")]) == ["quarantined", True]
    with pytest.raises(ColumnError, match="input_reference: column 'reference' is list"):
        verdicts([(["5"], "5"), (["6"], "7")])


@pytest.mark.parametrize("fields", [{"time_limit": 0}, {"workers": 0}, {"tolerance": -1}])
def test_impossible_settings_are_refused(fields):
    with pytest.raises(ConfigurationError, match=next(iter(fields))):
        AnswerVerifier(**fields)


@pytest.mark.parametrize("as_sets", [True, False])
def test_an_inequality_equals_its_set_if_wanted(verdicts, as_sets):
    pair = (r"$x \in [-2,7]$", r"$-2 \le x \le 7$")
    assert verdicts([pair], relations_as_sets=as_sets) == [as_sets]
