"""Rows that failed, done again after a fix: in their places, and no others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflow_core import FileStorage
from dataflow_core.operators.general import DeduplicateExact, Explode, FilterRows, Sort

from .pipelines import Fragile, Steps


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


def bytes_of(folder: Path, name: str) -> list[bytes]:
    return [
        (folder / f"{name}.jsonl").read_bytes(),
        (folder / name / "ledger.parquet").read_bytes(),
    ]


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
    assert bytes_of(tmp_path, "run") == bytes_of(tmp_path, "clean")
    sums = [
        [(s.step, s.rows_in, s.rows_out, s.dropped, s.reasons) for s in r.steps]
        for r in (again, clean)
    ]
    assert sums[0] == sums[1]


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
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
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
    assert bytes_of(folder, "run") == bytes_of(folder, "still")
    break_for(folder, [])
    again = run(folder, ROWS, steps, retry_failed=True, batch_size=size)
    clean = run(folder, ROWS, steps, "clean", batch_size=other, fresh=True)
    assert bytes_of(folder, "run") == bytes_of(folder, "clean")
    assert sums(again) == sums(clean)


def sums(report):
    return [
        (s.step, s.rows_in, s.rows_out, s.dropped, s.quarantined, s.made, s.reasons, s.failures)
        for s in report.steps
    ]
