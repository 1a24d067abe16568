"""Estimates: what a sample tells of a run, held against the run."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataflow_core import FileStorage, Filter, MemoryStorage, Pipeline, Refiner, Storage
from dataflow_core.engine import estimate_plan, run_plan, sample_run
from dataflow_core.engine.intervals import Blocks, Interval, wilson
from dataflow_core.errors import BadRowError, ConfigurationError, OperatorError, RunError
from dataflow_core.operators.general import (
    Apply,
    Concatenate,
    DeduplicateExact,
    Explode,
    FilterRows,
    Join,
    Sort,
)

from .pipelines import Steps

N = {"input_columns": ["n"]}
ROWS = [
    {"n": n, "part": n // 5_000, "text": "x" * (n % 97), "tags": ["a"] * (n % 3)}
    for n in range(10_000)
]


class Broken(Refiner):
    """Fails for one row in `every`."""

    every: int

    def run(self, storage: Storage, input_number: str = "n") -> None:
        table = storage.read([input_number])
        if (table[input_number] % self.every == 0).any():
            raise ValueError("a multiple")
        storage.write(table)


class Counted(Filter):
    """Sees the whole table, and fails."""

    scope: ClassVar = "dataset"

    def run(self, storage: Storage) -> None:
        raise ValueError("no table is good enough")


def plan_of(storage, *steps):
    return Steps(storage, *steps).compile()


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def holds(told: Interval, truth: float) -> bool:
    return told.low <= truth <= told.high


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Look at the clock once: no test is about times."""
    monkeypatch.setattr(sample_run, "ENOUGH_SECONDS", 0.0)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(lines(ROWS))
    return path


def test_a_tail_unlike_the_head_is_seen(file):
    plan = plan_of(FileStorage(file), (FilterRows(where="part = 1"), {}))
    told = estimate_plan(plan)
    assert told.origin == "spread"
    assert holds(told.rows, 10_000)
    assert holds(told.rows_out, 5_000)
    assert told.rows_out.low > 2_000  # the head alone would tell 0
    assert not told.notes


def test_the_time_of_each_piece_is_told(tmp_path):
    plan = plan_of(MemoryStorage(ROWS[:8]), (FilterRows(where="n > 3"), {}), (Sort(), N))
    pieces = [pa.Table.from_pylist(ROWS[start : start + 2]) for start in range(0, 8, 2)]
    run = sample_run.run_sample(plan, pieces, tmp_path / "run")
    assert len(run.pieces) == 4
    assert all(seconds > 0 for seconds in run.pieces)


def test_lines_that_grow_are_counted_right(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(lines({"n": n, "text": "x" * (n // 10)} for n in range(8_000)))
    told = estimate_plan(plan_of(FileStorage(path), (FilterRows(where="n >= 4000"), {})))
    assert holds(told.rows, 8_000)
    assert holds(told.rows_out, 4_000)


@pytest.mark.parametrize("kind", ["memory", "jsonl", "parquet", "folder", "gz", "csv"])
def test_the_run_is_within_the_intervals(kind, tmp_path):
    rows = [{"n": n, "text": "x" * (n * 7919 % 97)} for n in range(10_000)]
    source = tmp_path / f"in.{kind}"
    if kind == "jsonl":
        source.write_text(lines(rows))
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), source, row_group_size=3_000)
    elif kind == "csv":
        source.write_text("n,text\n" + "".join(f"{row['n']},{row['text']}\n" for row in rows))
    elif kind == "gz":
        source = tmp_path / "in.jsonl.gz"
        source.write_bytes(gzip.compress(lines(rows).encode()))
    elif kind == "folder":
        source.mkdir()
        for start in range(0, 10_000, 500):
            (source / f"{start:05}.jsonl").write_text(lines(rows[start : start + 500]))
    storage = MemoryStorage(rows) if kind == "memory" else FileStorage(source)
    plan = plan_of(storage, (FilterRows(where="len(text) > 40"), {}))
    told = estimate_plan(plan)
    report = run_plan(plan, run_dir=tmp_path / "run")
    size = sum(f.stat().st_size for f in report.run_dir.rglob("*") if f.is_file())
    output = Path(report.output).stat().st_size
    assert holds(told.rows, 10_000)
    assert holds(told.rows_out, report.rows_out)
    assert holds(told.steps[0].dropped, report.steps[0].dropped)
    assert holds(told.disk, size - output)
    assert any("first 2,000 rows" in note for note in told.notes) == (kind in ("gz", "csv"))


def test_of_few_rows_the_counts_are_exact(tmp_path):
    plan = plan_of(
        MemoryStorage(ROWS[:300]),
        (FilterRows(where="n % 2 = 0"), {}),
        (DeduplicateExact(), {"input_columns": ["text"]}),
        (Explode(), {"input_list": "tags", "output_item": "tag"}),
        (Sort(order="ascending"), {"input_columns": ["n"]}),
    )
    told = estimate_plan(plan)
    report = run_plan(plan, run_dir=tmp_path / "run")
    assert told.origin == "whole"
    assert (told.rows, told.rows_out) == (Interval.exactly(300), Interval.exactly(report.rows_out))
    for step, ran in zip(told.steps, report.steps, strict=True):
        assert step.rows_in == Interval.exactly(ran.rows_in)
        assert step.rows_out == Interval.exactly(ran.rows_out)
        assert step.dropped == Interval.exactly(ran.dropped)
        assert not step.may_drop_more
    assert not told.notes


def test_an_empty_table_and_a_single_row_are_told():
    steps = [(FilterRows(where="n > 0"), {})]
    empty = MemoryStorage(pa.table({"n": pa.array([], pa.int64())}))
    assert estimate_plan(plan_of(empty, *steps)).rows_out == Interval.exactly(0)
    one = estimate_plan(plan_of(MemoryStorage([{"n": 1}]), *steps))
    assert one.rows_out == Interval.exactly(1)
    assert one.seconds.value > 0


def test_one_row_of_many_tells_next_to_nothing(file):
    told = estimate_plan(plan_of(FileStorage(file), (FilterRows(where="part = 1"), {})), 1)
    assert holds(told.rows_out, 5_000)
    assert told.rows_out.high - told.rows_out.low > 5_000


def test_more_failures_than_a_run_allows_are_told(file):
    plan = plan_of(FileStorage(file), (Broken(every=5), {}))
    told = estimate_plan(plan, 500)
    assert holds(told.steps[0].failed, 2_000)
    assert any(
        "rows fail, and a run stops at more than 5%, unless --max-failures" in note
        for note in told.notes
    )
    all_fail = estimate_plan(plan_of(FileStorage(file), (Broken(every=1), {})), 100)
    assert holds(all_fail.steps[0].failed, 10_000)
    assert all_fail.rows_out.low == 0


def test_a_step_that_fails_as_a_whole_raises_as_in_a_run(file):
    plan = plan_of(FileStorage(file), (Counted(), {}))
    with pytest.raises(OperatorError, match="no table is good enough"):
        estimate_plan(plan)


def test_duplicates_of_a_sample_are_the_least(tmp_path):
    texts = [f"text {n % 5_000}" for n in range(10_000)]
    random.Random(1).shuffle(texts)
    plan = plan_of(
        MemoryStorage([{"text": text} for text in texts]),
        (DeduplicateExact(), {"input_columns": ["text"]}),
        (FilterRows(where="len(text) > 7"), {}),
    )
    unique, long = estimate_plan(plan).steps
    report = run_plan(plan, run_dir=tmp_path / "run")
    assert (unique.may_drop_more, unique.may_get_fewer) == (True, False)
    assert (long.may_drop_more, long.may_get_fewer) == (False, True)
    assert unique.dropped.value < 4_000  # a sample sees few of the 5,000
    assert holds(unique.dropped, 5_000)
    assert holds(unique.rows_out, 5_000)
    assert holds(long.rows_out, report.rows_out)
    assert any("lower bound" in note for note in estimate_plan(plan).notes)


def test_memory_grows_with_what_a_step_keeps_of_all_rows():
    def memory(count):
        rows = MemoryStorage(pa.table({"text": [str(n) for n in range(count)]}))
        plan = plan_of(rows, (DeduplicateExact(), {"input_columns": ["text"]}))
        told = estimate_plan(plan, 500)
        return told.memory

    small, large = memory(1_000), memory(400_000)
    assert large.value - small.value > 400_000 * 16  # the digest of each row
    assert large.high > large.value > large.low > 0


class Named(Pipeline):
    def __init__(self, storage, names):
        super().__init__(storage)
        self.names = names
        self.known = FilterRows(where="k <> 1")
        self.join = Join()
        self.parted = FilterRows(where="name = 'b'")

    def forward(self):
        self.known.run(self.names)
        self.join.run(self.storage, input_table=self.names, input_on=["part"])
        self.parted.run(self.storage)


def test_a_second_table_is_read_whole_and_stays_as_large(file, tmp_path):
    names = [{"part": 0, "name": "a", "k": 1}, {"part": 1, "name": "b", "k": 2}]
    plan = Named(FileStorage(file), MemoryStorage(names)).compile()
    told = {step.step: step for step in estimate_plan(plan).steps}
    assert told["known"].rows_in == Interval.exactly(2)
    assert told["known"].dropped == Interval.exactly(1)
    assert holds(told["join"].rows_in, 10_000)
    assert holds(told["parted"].rows_out, 5_000)
    assert told["parted"].rows_out.low > 2_000


class Forked(Pipeline):
    def __init__(self, storage, others):
        super().__init__(storage)
        self.others = others
        self.even = FilterRows(where="n % 2 = 0")
        self.first = Concatenate()
        self.second = Concatenate()

    def forward(self):
        fork = self.storage.fork()
        self.even.run(fork)
        self.first.run(self.storage, input_table=fork)
        self.second.run(self.storage, input_table=self.others)


def test_rows_of_forks_grow_and_those_of_other_sources_do_not(file):
    others = MemoryStorage(ROWS[:50])
    told = estimate_plan(Forked(FileStorage(file), others).compile())
    assert holds(told.steps[1].rows_out, 15_000)
    assert holds(told.rows_out, 15_050)
    assert told.steps[2].rows_out.value - told.steps[1].rows_out.value == pytest.approx(50)


def test_rows_made_of_others_are_told(file):
    columns = {"input_list": "tags", "output_item": "tag"}
    told = estimate_plan(plan_of(FileStorage(file), (Explode(), columns)))
    assert holds(told.rows_out, sum(len(row["tags"]) for row in ROWS))


def test_order_does_not_matter(file):
    steps = [(Sort(order="descending"), {"input_columns": ["text"]})]
    told = estimate_plan(plan_of(FileStorage(file), *steps, (FilterRows(where="part = 1"), {})))
    assert holds(told.rows_out, 5_000)


def test_rows_unlike_the_head_are_read_with_exact_types(tmp_path):
    path = tmp_path / "rows.jsonl"
    head = lines({"n": n, "text": "x" * 1_000} for n in range(1_200))
    path.write_text(head + lines({"n": n + 0.5, "text": "y" * 100} for n in range(20_000)))
    told = estimate_plan(plan_of(FileStorage(path), (FilterRows(where="n < 1000"), {})))
    assert holds(told.rows, 21_200)
    assert any("reads it all for its types first" in note for note in told.notes)


def test_unreadable_rows_stop_or_are_counted(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(lines(ROWS[n : n + 9]) + "{broken\n" for n in range(0, 9_000, 9)))
    steps = [(FilterRows(where="part = 0"), {})]
    with pytest.raises(BadRowError, match="invalid JSON"):
        estimate_plan(plan_of(FileStorage(path), *steps))
    told = estimate_plan(plan_of(FileStorage(path, on_bad_row="quarantine"), *steps))
    assert holds(told.rows, 10_000)
    assert holds(told.unreadable, 1_000)
    assert holds(told.steps[0].rows_in, 9_000)


def test_a_column_that_the_plan_does_not_need_is_not_read(tmp_path):
    from dataflow_core.operators.general import SelectColumns

    path = tmp_path / "rows.jsonl"
    path.write_text(lines(ROWS))
    steps = [(SelectColumns(columns=["n"]), {}), (FilterRows(where="n < 5000"), {})]
    assert holds(estimate_plan(plan_of(FileStorage(path), *steps)).rows_out, 5_000)


def test_nothing_is_left_behind_and_nobody_is_told(file, tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    estimate_plan(plan_of(FileStorage(file), (FilterRows(where="part = 1"), {})))
    assert sorted(tmp_path.rglob("*")) == before


def test_workers_are_told_where_there_are_some(file):
    plan = plan_of(FileStorage(file), (Apply(func=lambda table: table), {}))
    assert estimate_plan(plan).seconds_with_workers is None
    told = estimate_plan(plan, workers=4)
    assert told.workers == 4
    assert told.seconds_with_workers.low <= told.seconds.low
    assert told.seconds_with_workers.value <= told.seconds.value


@pytest.mark.parametrize("wrong", [{"rows": 0}, {"workers": 0}])
def test_numbers_below_one_are_refused(wrong, file):
    plan = plan_of(FileStorage(file), (FilterRows(where="part = 1"), {}))
    with pytest.raises(ConfigurationError, match="takes a whole number from 1 on"):
        estimate_plan(plan, **wrong)


def test_a_plan_without_a_source_is_refused():
    with pytest.raises(RunError, match="has no source"):
        estimate_plan(plan_of(None, (FilterRows(where="n = 1"), {})))


def test_an_estimate_is_plain_data(file):
    told = estimate_plan(plan_of(FileStorage(file), (FilterRows(where="part = 1"), {}))).as_dict()
    again = json.loads(json.dumps(told))
    assert again["steps"][0]["rows_out"].keys() == {"value", "low", "high"}
    assert again["origin"] == "spread"


def test_intervals_hold_their_truth_as_often_as_they_say():
    generator = random.Random(5)
    population = [[generator.random() < generator.random() for _ in range(20)] for _ in range(500)]
    truth = sum(map(sum, population))
    held = 0
    for _ in range(400):
        chosen = generator.sample(population, 16)
        told = Blocks([20] * 16, 10_000, is_exact=True).total_of(
            [sum(block) for block in chosen], is_share=True
        )
        held += holds(told, truth)
    assert held / 400 > 0.93


def test_what_no_block_shows_is_not_ruled_out():
    told = Blocks([100] * 16, 100_000, is_exact=True).total_of([0] * 16, is_share=True)
    assert told.low == told.value == 0
    assert 100 < told.high < 1_000
    assert wilson(0, 100)[0] == 0
    assert wilson(100, 100)[1] == 1


def test_what_was_seen_is_the_least():
    told = Blocks([50, 50], 1_000, is_exact=True).total_of([50, 0], is_share=True)
    assert told.low >= 50
    assert told.high <= 950
