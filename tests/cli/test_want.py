"""``dataflow run --want``, ``--rounds``: as many good rows as are wanted, or an exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataflow_core.cli.main import main

RECIPE = """\
dataflow: 1
name: doubled
steps:
- name: double
  operator: core/derive_column
  config: {expression: n * 2}
  columns: {output_column: m}
"""
WANTING = RECIPE + "- name: want\n  operator: core/want\n  config: {rows: 3, where: m > 10}\n"


@pytest.fixture
def work(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "doubled.yaml").write_text(RECIPE)
    (tmp_path / "wanting.yaml").write_text(WANTING)
    lines = (json.dumps({"n": n}) for n in range(100))
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n")

    def run(*arguments):
        code = main(["run", *arguments, "-i", "in.jsonl", "-o", "out.jsonl", "--run-dir", "run"])
        told = capfd.readouterr()
        lines = (tmp_path / "out.jsonl").read_text().splitlines() if code in {0, 3} else []
        return code, told, [json.loads(line)["n"] for line in lines]

    return run


def test_a_run_ends_with_the_rows_that_are_wanted(work):
    code, told, found = work("doubled.yaml", "--want", "4 rows WHERE m % 6 = 0")
    assert (code, found) == (0, [0, 3, 6, 9])
    assert "accepted    4" in told.out
    assert not told.err.count("wanted were accepted")


def test_fewer_rows_than_wanted_are_told_with_the_way_out_and_code_3(work):
    code, told, found = work("doubled.yaml", "--want", "1_000 where m % 6 = 0")
    assert code == 3
    assert found == list(range(0, 100, 3))
    assert "want: 34 of 1,000 rows wanted were accepted, of 100 candidates" in told.err
    assert "--rounds" in told.err
    code, _, found = work("doubled.yaml", "--want", "1_000 where m % 6 = 0", "--rounds", "30")
    assert (code, len(found)) == (0, 1000)


def test_the_same_command_again_does_and_says_the_same(work):
    first = work("wanting.yaml")
    assert work("wanting.yaml")[2] == first[2] == [6, 7, 8]
    code, told, found = work("doubled.yaml", "--want", "50 where m % 6 = 0")
    again = work("doubled.yaml", "--want", "50 where m % 6 = 0")
    assert (code, found) == (again[0], again[2]) == (3, list(range(0, 100, 3)))
    assert "34 of 50 rows wanted" in told.err
    assert "34 of 50 rows wanted" in again[1].err
    assert "accepted    34" in again[1].out


def test_a_limit_of_candidates_is_named_where_it_is_what_ends_the_run(work):
    code, told, _ = work("wanting.yaml", "-p", "want.max_candidates=7")
    assert code == 3
    assert "1 of 3 rows wanted" in told.err
    assert "Raise -p want.max_candidates" in told.err
    code, _, found = work("wanting.yaml", "-p", "want.max_candidates=50")
    assert (code, found) == (0, [6, 7, 8])


def test_where_no_row_comes_that_far_the_steps_before_are_pointed_at(work):
    code, told, found = work("doubled.yaml", "-p", "double.expression=CAST(NULL AS bigint)",
                             "--want", "2 where m > 0")  # fmt: skip
    assert (code, found) == (3, [])
    assert "0 of 2 rows wanted" in told.err
    assert "of 100 candidates" in told.err
    none = (
        RECIPE.replace("n * 2", "n")
        .replace("double\n", "none\n", 1)
        .replace("core/derive_column", "core/filter_rows")
        .replace("expression: n", "where: n > 1000")
        .replace("  columns: {output_column: m}\n", "")
    )
    Path("none.yaml").write_text(none)
    code, told, _ = work("none.yaml", "--want", "2")
    assert code == 3
    assert "No row came through the steps before it" in told.err


def test_a_pipeline_that_wants_something_has_it_changed_by_a_parameter(work):
    code, told, _ = work("wanting.yaml", "--want", "5")
    assert code == 2
    assert "-p want.rows=5" in told.err
    code, _, found = work("wanting.yaml", "-p", "want.rows=5")
    assert (code, found) == (0, [6, 7, 8, 9, 10])


@pytest.mark.parametrize("text", ["", "many", "0", "5 m > 3", "5 where", "-3 where m > 3"])
def test_what_is_not_of_the_form_is_refused(work, text):
    code, told, _ = work("doubled.yaml", "--want", text)
    assert code == 2
    assert "5000 where score >= 4" in told.err


def test_a_condition_that_does_not_fit_the_columns_is_a_problem_before_anything_runs(work):
    code, told, _ = work("doubled.yaml", "--want", "5 where scor >= 4")
    assert code in {1, 2}
    assert "scor" in told.err


def test_a_lock_repeats_rounds_too(work, tmp_path):
    assert work("doubled.yaml", "--want", "150", "--rounds", "2")[0] == 0
    first = (tmp_path / "out.jsonl").read_bytes()
    assert main(["run", "run/run.lock", "-o", "again.jsonl", "--run-dir", "again"]) == 0
    assert (tmp_path / "again.jsonl").read_bytes() == first
