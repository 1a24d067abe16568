"""Rows that failed, done again after a fix: in their places, and no others."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflow_core import FileStorage
from dataflow_core.engine.row_story import story_at
from dataflow_core.engine.run_diff import diff_runs
from dataflow_core.engine.stored_runs import StoredRun
from dataflow_core.errors import ConfigurationError, RunError
from dataflow_core.operators import RowFailure
from dataflow_core.operators.general import Apply, DeduplicateExact, Explode, FilterRows, Sort

from .pipelines import Counted, Fragile, Steps


def break_for(folder: Path, numbers) -> None:
    (folder / "bad").write_text(json.dumps(sorted(numbers)))
    (folder / "seen").write_text("")


def seen(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "seen").read_text().split()]


def source(folder: Path, rows) -> FileStorage:
    path = folder / "in.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return FileStorage(path)


def run(folder: Path, rows, steps, name="run", **options):
    options.setdefault("batch_size", 7)
    options.setdefault("max_failures", 1.0)
    pipeline = Steps(source(folder, rows), *steps)
    return pipeline.run(output=folder / f"{name}.jsonl", run_dir=folder / name, **options)


def rows_of(report) -> list[dict]:
    return [json.loads(line) for line in Path(report.output).read_text().splitlines()]


def ends_of(folder: Path, name: str) -> tuple[bytes, list[str]]:
    """Return a run's output, byte for byte, and where each row ended.

    Of rows that were made of one another and fail in two steps, the ledger's order is not fixed.
    """
    ledger = pq.read_table(folder / name / "ledger.parquet").to_pylist()
    return (folder / f"{name}.jsonl").read_bytes(), sorted(map(repr, ledger))


ROWS = [
    {
        "n": n,
        "step": f"s{n % 5}",
        "items": [n, n + 60],
        "more": ["c", "d"],
        "mixed": [1, "x"][n % 2],
    }
    | ({"odd": n % 2 == 1} if n % 3 else {})
    for n in range(40)
]
"""Some lack a key, one column is named like an account's, and one holds values of two types."""


def test_failed_rows_are_done_again_in_their_places_and_no_others(tmp_path):
    steps = [(Fragile(folder=str(tmp_path)), {}), (FilterRows(where="n % 4 = 0 OR n > 60"), {})]
    break_for(tmp_path, [3, 4, 17, 39])
    first = run(tmp_path, ROWS, steps)
    assert [s.quarantined for s in first.steps] == [4, 0]
    break_for(tmp_path, [])
    again = run(tmp_path, ROWS, steps, retry_failed=True)
    assert seen(tmp_path) == [3, 4, 17, 39]
    assert again.retried == {"fragile": 4}
    assert [s.quarantined for s in again.steps] == [0, 0]
    clean = run(tmp_path, ROWS, steps, "clean", fresh=True)
    assert ends_of(tmp_path, "run") == ends_of(tmp_path, "clean")
    assert sums(again) == sums(clean)


PIPELINES = {
    "rows": lambda f: [(Fragile(folder=f), {}), (FilterRows(where="n % 3 > 0"), {})],
    "twice": lambda f: [
        (FilterRows(where="n % 5 > 0"), {}),
        (Fragile(folder=f), {}),
        (FilterRows(where="n % 3 > 0"), {}),
        (Fragile(folder=f), {}),
    ],
    "explode": lambda f: [
        (Explode(), {"input_list": "items"}),
        (Fragile(folder=f), {"input_number": "items"}),
        (Explode(), {"input_list": "more"}),
        (FilterRows(where="more != 'd' OR items % 3 = 0"), {}),
        (Fragile(folder=f), {"input_number": "items"}),
    ],
    "dedup": lambda f: [
        (Fragile(folder=f), {}),
        (DeduplicateExact(), {"input_columns": ["step"]}),
        (Fragile(folder=f), {}),
    ],
    "sort": lambda f: [
        (Fragile(folder=f), {}),
        (Sort(), {"input_columns": ["step"]}),
        (Fragile(folder=f), {}),
        (FilterRows(where="n % 3 > 0"), {}),
    ],
}


@pytest.mark.parametrize("name", PIPELINES)
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    bad=st.sets(st.integers(0, 200), max_size=12),
    still=st.sets(st.integers(0, 200), max_size=3),
    size=st.integers(1, 50),
    other=st.integers(1, 50),
)
def test_a_retried_run_is_one_in_which_those_rows_never_failed(
    tmp_path_factory, name, bad, still, size, other
):
    folder = tmp_path_factory.mktemp("retry")
    steps = PIPELINES[name](str(folder))
    break_for(folder, bad | still)
    run(folder, ROWS, steps, batch_size=size)
    break_for(folder, still)
    run(folder, ROWS, steps, retry_failed=True, batch_size=other)
    clean = run(folder, ROWS, steps, "still", batch_size=other, fresh=True)
    assert ends_of(folder, "run") == ends_of(folder, "still")
    break_for(folder, [])
    again = run(folder, ROWS, steps, retry_failed=True, batch_size=size)
    clean = run(folder, ROWS, steps, "clean", batch_size=other, fresh=True)
    assert ends_of(folder, "run") == ends_of(folder, "clean")
    assert sums(again) == sums(clean)


def sums(report):
    return [
        (s.step, s.rows_in, s.rows_out, s.dropped, s.quarantined, s.made, s.reasons, s.failures)
        for s in report.steps
    ]


def test_the_other_rows_stay_whatever_has_changed(tmp_path):
    def steps(factor):
        return [
            (Fragile(folder=str(tmp_path), factor=factor), {}),
            (FilterRows(where="n < 70"), {}),
        ]

    break_for(tmp_path, [3, 30])
    run(tmp_path, ROWS, steps(2))
    break_for(tmp_path, [])
    again = run(tmp_path, ROWS, steps(3), retry_failed=True)
    numbers = [row["n"] for row in rows_of(again)]
    assert numbers == [9 if n == 3 else n * 2 for n in range(35) if n != 30]
    assert seen(tmp_path) == [3, 30]
    assert again.changes == ("fragile: factor 2 -> 3",)
    assert "failed rows done again: fragile 2" in str(again)
    # The same command finds all done; a run beside does not take it for work of its own.
    assert run(tmp_path, ROWS, steps(3)).reused == {"filter_rows": 40}
    assert len(seen(tmp_path)) == 2
    beside = run(tmp_path, ROWS, steps(3), "beside")
    assert (beside.reused, len(seen(tmp_path))) == ({}, 42)
    # Another change begins anew, and is shared again.
    changed = run(tmp_path, ROWS, steps(4))
    assert (changed.changes, changed.reused) == (("fragile: factor 3 -> 4",), {})
    shared = run(tmp_path, ROWS, steps(4), "beside")
    assert shared.reused == {"filter_rows": 40}
    assert f"\ntaken over from {changed.run_dir}: filter_rows 40 rows\n" in str(shared)
    own = run(tmp_path, ROWS, steps(4))
    assert "\ndone before in this run: filter_rows 40 rows\n" in str(own)


def test_what_is_behind_is_done_again_only_where_a_row_came_through(tmp_path):
    steps = [
        (Fragile(folder=str(tmp_path)), {}),
        (DeduplicateExact(), {"input_columns": ["step"]}),
        (Fragile(folder=str(tmp_path)), {}),
    ]
    break_for(tmp_path, [5])
    run(tmp_path, ROWS, steps)
    break_for(tmp_path, [5])
    again = run(tmp_path, ROWS, steps, retry_failed=True)
    assert (seen(tmp_path), again.steps[0].quarantined) == ([], 1)
    break_for(tmp_path, [])
    run(tmp_path, ROWS, steps, retry_failed=True)
    assert seen(tmp_path) == [5, 0, 2, 4, 6, 8]


def test_a_run_that_stopped_for_its_failures_goes_on(tmp_path):
    steps = [(Fragile(folder=str(tmp_path)), {})]
    break_for(tmp_path, range(20))
    with pytest.raises(RunError, match="more than the 3 allowed"):
        run(tmp_path, ROWS, steps, max_failures=3, commit_seconds=0)
    first = StoredRun(tmp_path / "run").failed()["fragile"]
    break_for(tmp_path, [])
    again = run(tmp_path, ROWS, steps, max_failures=3, retry_failed=True)
    assert again.retried == {"fragile": first}
    assert sorted(seen(tmp_path)) == list(range(40))
    run(tmp_path, ROWS, steps, "clean", fresh=True)
    assert ends_of(tmp_path, "run") == ends_of(tmp_path, "clean")
    break_for(tmp_path, [])
    run(tmp_path, ROWS, steps, max_failures=3)
    assert seen(tmp_path) == []


def test_too_many_failures_stop_a_retry_too_and_keep_what_came_through(tmp_path):
    steps = [(Fragile(folder=str(tmp_path)), {})]
    break_for(tmp_path, range(8))
    run(tmp_path, ROWS, steps)
    break_for(tmp_path, range(6))
    with pytest.raises(RunError, match="6 of 40 rows failed"):
        run(tmp_path, ROWS, steps, max_failures=3, retry_failed=True)
    assert StoredRun(tmp_path / "run").failed() == {"fragile": 6}
    break_for(tmp_path, [])
    assert run(tmp_path, ROWS, steps, retry_failed=True).rows_out == 40


def test_another_input_is_refused_and_nothing_changes(tmp_path):
    steps = [(Fragile(folder=str(tmp_path)), {})]
    break_for(tmp_path, [5])
    run(tmp_path, ROWS, steps)
    before = ends_of(tmp_path, "run")
    for rows, limit in ((ROWS[1:], None), (ROWS, 20)):
        with pytest.raises(RunError, match="of 'source' changed since the run"):
            run(tmp_path, rows, steps, retry_failed=True, limit=limit)
    assert ends_of(tmp_path, "run") == before
    break_for(tmp_path, [])
    assert run(tmp_path, ROWS, steps, retry_failed=True).retried == {"fragile": 1}


def test_a_run_directory_is_wanted(tmp_path):
    steps = [(Fragile(folder=str(tmp_path)), {})]
    for options in ({"run_dir": None}, {"run_dir": tmp_path / "run", "fresh": True}):
        with pytest.raises(ConfigurationError, match="retry_failed takes run_dir"):
            Steps(source(tmp_path, ROWS), *steps).run(retry_failed=True, **options)


def test_a_step_that_counts_all_rows_counts_those_that_are_done_again(tmp_path):
    steps = [(Fragile(folder=str(tmp_path)), {}), (Counted(), {}), (FilterRows(where="n > 9"), {})]
    break_for(tmp_path, [5, 6])
    assert run(tmp_path, ROWS, steps).steps[1].findings == {"rows": 38}
    break_for(tmp_path, [])
    again = run(tmp_path, ROWS, steps, retry_failed=True)
    assert again.steps[1].findings == {"rows": 40}
    run(tmp_path, ROWS, steps, "clean", fresh=True)
    assert ends_of(tmp_path, "run") == ends_of(tmp_path, "clean")


def test_rows_that_fail_where_the_whole_table_is_seen(tmp_path):
    def judge(table):
        bad = json.loads((tmp_path / "bad").read_text())
        table["n"] = [RowFailure("bad", raw="?") if n in bad else n for n in table["n"]]
        return table

    steps = [(Apply(func=judge, whole_table=True), {}), (FilterRows(where="n % 2 = 0"), {})]
    break_for(tmp_path, [5, 6])
    assert run(tmp_path, ROWS, steps).steps[0].quarantined == 2
    break_for(tmp_path, [])
    assert run(tmp_path, ROWS, steps, retry_failed=True).rows_out == 20
    run(tmp_path, ROWS, steps, "clean", fresh=True)
    assert ends_of(tmp_path, "run") == ends_of(tmp_path, "clean")


def test_quarantine_keeps_columns_named_like_its_own_and_missing_keys(tmp_path):
    rows = [{"n": n, "reason": n, "reason_": "r", "row_id": [n]} for n in range(9)]
    rows[4] = {"n": 4, "reason": 4, "row_id": None}
    steps = [(Fragile(folder=str(tmp_path)), {})]
    break_for(tmp_path, [3, 4])
    run(tmp_path, rows, steps)
    story = story_at(StoredRun(tmp_path / "run"), 4)
    assert story.ends[0].values == rows[4]
    break_for(tmp_path, [])
    again = run(tmp_path, rows, steps, retry_failed=True)
    assert rows_of(again) == [{**row, "n": row["n"] * 2} for row in rows]


def test_quarantine_tells_where_an_operator_failed(tmp_path):
    rows = [{"n": n, "traceback": "mine"} for n in range(9)]
    break_for(tmp_path, [3, 4])
    run(tmp_path, rows, [(Fragile(folder=str(tmp_path)), {})])
    (failed,) = (tmp_path / "run" / "quarantine" / "fragile").glob("*.arrow")
    table = FileStorage(failed).read()
    assert table["traceback_"].tolist() == ["mine", "mine"]
    traces = table["traceback"].tolist()
    assert len(set(traces)) == 1
    assert re.fullmatch(r"[0-9a-f]{8} pipelines.py:\d+ in run", traces[0])


def test_a_comparison_tells_of_the_step_in_which_rows_had_failed_alone(tmp_path):
    steps = [
        (FilterRows(where="n > 1"), {}),
        (Fragile(folder=str(tmp_path)), {}),
        (FilterRows(where="n > 9"), {}),
        (DeduplicateExact(), {"input_columns": ["step"]}),
    ]
    break_for(tmp_path, [5])
    run(tmp_path, ROWS, steps)
    break_for(tmp_path, [])
    run(tmp_path, ROWS, steps, retry_failed=True)
    run(tmp_path, ROWS, steps, "clean", fresh=True)
    runs = [StoredRun(tmp_path / name) for name in ("run", "clean")]
    for pair in (runs, runs[::-1]):
        found = diff_runs(*pair)
        assert [(one.table, one.part) for one in found.changes] == [("fragile", "retried")]
