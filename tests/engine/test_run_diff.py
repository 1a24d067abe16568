"""Two runs compared: rows, columns, and what made them differ."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from dataflow_core import FileStorage, Pipeline
from dataflow_core.engine import run_plan
from dataflow_core.engine.run_diff import diff_runs
from dataflow_core.engine.stored_runs import StoredRun
from dataflow_core.errors import RunError
from dataflow_core.operators.general import (
    Apply,
    Concatenate,
    DeduplicateExact,
    DeriveColumn,
    Explode,
    FilterRows,
    RenameColumns,
    Sort,
)
from dataflow_core.table.identity import format_id, source_id

from .pipelines import Steps

ROWS = [{"n": n, "text": f"t{n % 7}", "tags": ["a", "b"][: n % 3]} for n in range(40)]


def run(tmp_path, name, *steps, rows=ROWS, **options):
    path = tmp_path / f"{options.pop('source', 'in')}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    Steps(FileStorage(path), *steps).run(
        output=tmp_path / f"{name}.jsonl", run_dir=tmp_path / name, **options
    )
    return StoredRun(tmp_path / name)


def moves(diff):
    return {
        (tuple(f for f, _, _ in c.before), tuple(f for f, _, _ in c.after)): c.rows
        for c in diff.fates
    }


def test_equal_runs_do_not_differ(tmp_path):
    steps = [(FilterRows(where="n > 5"), {}), (DeduplicateExact(), {"input_columns": ["text"]})]
    diff = diff_runs(run(tmp_path, "a", *steps), run(tmp_path, "b", *steps, batch_size=3))
    assert (diff.changes, diff.versions, diff.notes) == ([], {}, [])
    assert (diff.fates, diff.columns, diff.common) == ([], [], 7)


def test_a_changed_parameter_is_the_cause_of_what_its_step_does_otherwise(tmp_path):
    def steps(least, form):
        return [
            (FilterRows(where=f"n >= {least}"), {}),
            (DeriveColumn(expression=form), {"output_column": "form"}),
            (DeduplicateExact(), {"input_columns": ["text"]}),
        ]

    before = run(tmp_path, "a", *steps(5, "text"))
    diff = diff_runs(before, run(tmp_path, "b", *steps(6, "CASE n WHEN 8 THEN 'x' ELSE text END")))
    assert [c.sentence for c in diff.changes] == [
        "filter_rows: where 'n >= 5' -> 'n >= 6'",
        "derive_column: expression 'text' -> \"CASE n WHEN 8 THEN 'x' ELSE text END\"",
    ]
    # Row 5 is gone, so that row 12, with its text, comes out.
    assert moves(diff) == {(("output",), ("dropped",)): 1, (("duplicate",), ("output",)): 1}
    examples = {change.after[0][0]: change.examples for change in diff.fates}
    assert examples["dropped"] == [format_id(source_id("source", 5))]
    assert examples["output"] == [format_id(source_id("source", 12))]
    assert {cause.table for cause in diff.causes["fates"]} == {"filter_rows"}
    (column,) = diff.columns
    assert (column.column, column.rows) == ("form", 1)
    assert [(c.row, c.before, c.after) for c in column.examples] == [
        (format_id(source_id("source", 8)), "t1", "x")
    ]
    assert [cause.table for cause in diff.causes["columns"]] == ["derive_column"]


def test_other_content_of_the_source_is_a_cause_and_a_caution(tmp_path):
    steps = [(FilterRows(where="n < 30"), {}), (Sort(order="descending"), {"input_columns": ["n"]})]
    changed = [row | {"text": "new"} if row["n"] in (3, 4) else row for row in ROWS[:35]]
    before = run(tmp_path, "a", *steps)
    diff = diff_runs(before, run(tmp_path, "b", *steps, rows=changed))
    assert [change.sentence for change in diff.changes] == [
        "source: other content, or read in another way"
    ]
    assert "whose content differs" in diff.notes[0]
    assert moves(diff) == {(("dropped",), ()): 5}
    assert [(column.column, column.rows) for column in diff.columns] == [("text", 2)]
    causes = [*diff.causes["fates"], *diff.causes["columns"]]
    assert [cause.table for cause in causes] == ["source", "source"]


def test_order_does_not_count_and_values_of_all_kinds_do(tmp_path):
    rows = [
        {"n": n, "list": [n], "mixed": n if n % 2 else "x", "null": None, "big": 2**53 + n}
        for n in range(20)
    ]
    other = [dict(row) for row in rows]
    other[3] |= {"list": [4], "null": ""}
    other[5] |= {"mixed": "5", "big": 2**53 + 6}
    other[7] |= {"mixed": None}
    sort = (Sort(), {"input_columns": ["n"]})
    back = (Sort(order="descending"), {"input_columns": ["n"]})
    diff = diff_runs(
        run(tmp_path, "a", sort, rows=rows), run(tmp_path, "b", back, rows=other, batch_size=6)
    )
    assert diff.fates == []
    found = {column.column: (column.rows, column.before, column.after) for column in diff.columns}
    assert found["list"] == (1, "list<item: int64>", "list<item: int64>")
    assert found["mixed"][0] == 2
    assert found["null"] == (1, "null", "string")
    assert found["big"] == (1, "int64", "int64")
    assert set(found) == {"list", "mixed", "null", "big"}


def test_columns_that_one_result_lacks_differ_in_all_rows(tmp_path):
    before = run(tmp_path, "a", (RenameColumns(names={"text": "old"}), {}))
    diff = diff_runs(before, run(tmp_path, "b", (RenameColumns(names={"text": "new"}), {})))
    assert {(c.column, c.rows, c.before, c.after) for c in diff.columns} == {
        ("old", 40, "string", None),
        ("new", 40, None, "string"),
    }
    assert {cause.table for cause in diff.causes["columns"]} == {"rename_columns"}


def test_a_step_that_is_new_is_a_cause(tmp_path):
    derive = (DeriveColumn(expression="n + 1"), {"output_column": "next"})
    unique = (DeduplicateExact(), {"input_columns": ["text"]})
    before = run(tmp_path, "a", derive)
    diff = diff_runs(before, run(tmp_path, "b", derive, unique))
    assert moves(diff) == {(("output",), ("duplicate",)): 33}
    assert [c.sentences for c in diff.causes["fates"]] == [["deduplicate_exact is new"]]
    back = diff_runs(StoredRun(tmp_path / "b"), before)
    assert [c.sentences for c in back.causes["fates"]] == [["deduplicate_exact is gone"]]


def test_rows_made_of_others_are_compared_too(tmp_path):
    steps = [(Explode(), {"input_list": "tags", "output_item": "tag"})]
    before = run(tmp_path, "a", *steps)
    diff = diff_runs(before, run(tmp_path, "b", *steps, (FilterRows(where="tag = 'a'"), {})))
    assert moves(diff) == {(("output",), ("dropped",)): 13}
    assert diff.common == 26


def test_a_step_that_works_on_another_table_is_a_difference(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))

    class Either(Pipeline):
        def __init__(self, storage, second) -> None:
            super().__init__(storage)
            self.second = second
            self.few = FilterRows(where="n < 3")
            self.some = FilterRows(where="n < 6")
            self.last = FilterRows(where="n <> 1")

        def forward(self) -> None:
            branch = self.storage.fork()
            self.few.run(branch)
            self.some.run(self.storage)
            self.last.run(self.storage if self.second else branch)

    runs = []
    for name, second in (("a", False), ("b", True)):
        plan = dataclasses.replace(Either(FileStorage(path), second).compile(), result="last")
        run_plan(plan, output=tmp_path / f"{name}.jsonl", run_dir=tmp_path / name)
        runs.append(StoredRun(tmp_path / name))
    diff = diff_runs(*runs)
    assert [change.sentence for change in diff.changes] == ["last: table 'few' -> 'some'"]
    assert {cause.table for cause in diff.causes["fates"]} == {"last"}


class Forked(Pipeline):
    def __init__(self, storage, least) -> None:
        super().__init__(storage)
        self.large = FilterRows(where=f"n >= {least}")
        self.small = FilterRows(where="n < 3")
        self.together = Concatenate()

    def forward(self) -> None:
        branch = self.storage.fork()
        self.large.run(self.storage)
        self.small.run(branch)
        self.together.run(self.storage, input_table=branch)


def test_rows_of_forks_have_several_fates(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    runs = []
    for name, least in (("a", 10), ("b", 12)):
        Forked(FileStorage(path), least).run(
            output=tmp_path / f"{name}.jsonl", run_dir=tmp_path / name
        )
        runs.append(StoredRun(tmp_path / name))
    diff = diff_runs(*runs)
    assert moves(diff) == {(("output",), ("dropped",)): 2}
    assert diff.causes["fates"][0].table == "large"


def test_what_no_fingerprint_explains_has_no_cause(tmp_path):
    seen = iter(range(100))

    def restless(table):
        return table.assign(n=next(seen))

    step = (Apply(func=restless), {})
    before = run(tmp_path, "a", step)
    after = run(tmp_path, "b", step)
    for one in (before, after):  # as if the operator's state had not been seen
        content = json.loads((one.path / "run.json").read_text())
        content["fingerprints"]["apply"]["config"] = {}
        (one.path / "run.json").write_text(json.dumps(content))
    diff = diff_runs(StoredRun(before.path), StoredRun(after.path))
    assert [(column.column, column.rows) for column in diff.columns] == [("n", 40)]
    assert diff.causes["columns"] == [None]


def test_runs_that_are_not_done_are_refused(tmp_path):
    before = run(tmp_path, "a", (FilterRows(where="n > 5"), {}))
    content = before.asked | {"state": "failed"}
    (before.path / "run.json").write_text(json.dumps(content))
    with pytest.raises(RunError, match=r"a is not done \(failed\).*--run-dir"):
        diff_runs(StoredRun(before.path), StoredRun(before.path))


def test_ids_of_the_examples_are_those_of_the_rows(tmp_path):
    before = run(tmp_path, "a", (DeriveColumn(expression="n"), {"output_column": "x"}))
    after = run(tmp_path, "b", (DeriveColumn(expression="n * 2"), {"output_column": "x"}))
    (column,) = diff_runs(before, after).columns
    assert column.rows == 39  # of 0, twice is the same
    numbers = {format_id(source_id("source", n)): n for n in np.arange(40).tolist()}
    for change in column.examples:
        assert (change.before, change.after) == (numbers[change.row], 2 * numbers[change.row])
