"""Runs: every row accounted for, whatever happens to it."""

from __future__ import annotations

import errno
import gzip
import json
import os
from collections import Counter
from typing import ClassVar

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflow_core import (
    FileStorage,
    Filter,
    Generator,
    MemoryStorage,
    Pipeline,
    Refiner,
    Storage,
)
from dataflow_core.engine import run_plan
from dataflow_core.engine.ledger import StepAccount
from dataflow_core.engine.parts import PartTable, PartWriter
from dataflow_core.errors import (
    BadRowError,
    OperatorError,
    PlanError,
    RunError,
    SourceError,
    StorageError,
)
from dataflow_core.operators import RowFailure, ValueRefused
from dataflow_core.operators.general import (
    Apply,
    Concatenate,
    DeduplicateExact,
    Explode,
    FilterRows,
    Join,
    Sample,
    SelectColumns,
    Sort,
)
from dataflow_core.pipeline.recipe import from_yaml, to_yaml

from .pipelines import Steps

NUMBERS = [{"n": n, "tags": ["a", "b"][: n % 3], "text": f"t{n % 7}"} for n in range(40)]


def run(tmp_path, storage, *steps, **options):
    options.setdefault("output", tmp_path / "out.jsonl")
    return Steps(storage, *steps).run(run_dir=tmp_path / "run", **options)


def rows(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def ledger(report):
    return pd.read_parquet(report.run_dir / "ledger.parquet")


def set_aside(report, kind, step):
    tables = PartTable(report.run_dir / kind / step).tables()
    return pd.concat(table.to_pandas(types_mapper=pd.ArrowDtype) for table in tables)


def test_each_row_ends_in_one_place(tmp_path):
    report = run(
        tmp_path,
        MemoryStorage(NUMBERS),
        (FilterRows(where="n >= 5"), {}),
        (DeduplicateExact(), {"input_columns": ["text"]}),
    )

    entries = ledger(report)
    assert len(entries) == entries["row_id"].nunique() == 40
    assert Counter(entries["fate"]) == {"dropped": 5, "duplicate": 28, "output": 7}
    duplicates = entries[entries["fate"] == "duplicate"]
    kept = entries[entries["fate"] == "output"]
    assert set(duplicates["related_row_id"]) <= set(kept["row_id"])
    assert set(duplicates["step"]) == {"deduplicate_exact"}
    assert [(s.rows_in, s.rows_out, s.dropped) for s in report.steps] == [(40, 35, 5), (35, 7, 28)]


def test_dropped_rows_are_kept_as_they_were_with_their_reason(tmp_path):
    report = run(tmp_path, MemoryStorage(NUMBERS), (FilterRows(where="n < 38"), {}))

    dropped = set_aside(report, "dropped", "filter_rows")
    assert dropped["n"].tolist() == [38, 39]
    assert dropped["tags"].map(list).tolist() == [["a", "b"], []]
    assert set(dropped["reason"]) == {"condition_is_false"}


def test_the_run_directory_says_what_was_asked_and_what_came_of_it(tmp_path):
    report = run(tmp_path, MemoryStorage(NUMBERS), (FilterRows(where="n >= 5"), {}), limit=10)

    asked = json.loads((report.run_dir / "run.json").read_text())
    assert asked["state"] == "done"
    assert asked["plan"]["steps"][0]["config"] == {"where": "n >= 5"}
    told = json.loads((report.run_dir / "report.json").read_text())
    assert told["steps"][0] | {"seconds": 0} == {
        "step": "filter_rows", "rows_in": 10, "rows_out": 5, "dropped": 5, "quarantined": 0,
        "expanded": 0, "made": 0, "seconds": 0, "reasons": {"condition_is_false": 5},
        "failures": {}, "measures": {}, "findings": {}, "edits": [], "calls": {},
    }  # fmt: skip
    assert "filter_rows  10    5        5" in str(report)


def test_expanded_rows_name_their_children(tmp_path):
    report = run(tmp_path, MemoryStorage(NUMBERS), (Explode(), {"input_list": "tags"}))

    entries = ledger(report)
    fates = Counter(entries["fate"])
    assert fates["dropped"] == 14  # the empty lists
    assert fates["expanded"] == fates["output"] == 39
    expanded = entries[entries["fate"] == "expanded"]
    assert set(expanded["related_row_id"]) == set(entries[entries["fate"] == "output"]["row_id"])
    assert report.rows_out == 39


def test_branches_are_joined_and_concatenated(tmp_path):
    class Branches(Pipeline):
        def __init__(self, storage):
            super().__init__(storage)
            self.small = FilterRows(where="n < 3")
            self.large = FilterRows(where="n > 37")
            self.together = Concatenate()
            self.names = MemoryStorage(
                [{"text": "t0", "name": "zero"}, {"text": "t3", "name": "three"}]
            )
            self.join = Join()

        def forward(self):
            branch = self.storage.fork()
            self.small.run(self.storage)
            self.large.run(branch)
            self.together.run(self.storage, input_table=branch)
            self.join.run(self.storage, input_table=self.names, input_on=["text"])

    pipeline = Branches(MemoryStorage(NUMBERS))
    report = pipeline.run(output=tmp_path / "out.jsonl", run_dir=tmp_path / "run")

    result = [(row["n"], row["name"]) for row in rows(tmp_path / "out.jsonl")]
    assert result == [(0, "zero"), (1, None), (2, None), (38, "three"), (39, None)]
    assert report.steps[2].rows_in == 5
    # Called directly, the same pipeline does the same.
    pipeline.forward()
    assert [(row["n"], row["name"]) for row in pipeline.storage.rows()] == result


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batch_size=st.integers(1, 50), data=st.data())
def test_the_batch_size_never_changes_a_byte(batch_size, data, tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("run")
    table = data.draw(st.lists(st.sampled_from(NUMBERS), min_size=1))
    steps = [
        (Explode(keep_empty=True), {"input_list": "tags", "output_item": "tag"}),
        (FilterRows(where="n % 5 > 0 OR tag = 'a'"), {}),
        (DeduplicateExact(), {"input_columns": ["text", "tag"]}),
        (Sample(fraction=0.7), {"input_group": "tag"}),
        (Sort(), {"input_columns": ["n"]}),
    ]
    for name, size in (("one", 1000), ("two", batch_size)):
        (tmp_path / name).mkdir()
        run(tmp_path / name, MemoryStorage(table), *steps, batch_size=size)

    for file in ("out.jsonl", "run/ledger.parquet"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


class Picky(Refiner):
    """Fail on some rows, as a value and by raising."""

    def run(self, storage):
        table = storage.read(["n"])
        if (table["n"] % 10 == 9).any():
            raise ValueError("nines are too much")
        table["n"] = [
            RowFailure("eight", "no eights", raw="8!") if n % 10 == 8 else n for n in table["n"]
        ]
        storage.write(table)


def test_failing_rows_go_to_quarantine_and_the_others_go_on(tmp_path):
    report = run(tmp_path, MemoryStorage(NUMBERS), (Picky(), {}), max_failures=0.5, batch_size=7)

    assert [row["n"] for row in rows(tmp_path / "out.jsonl")] == [
        n for n in range(40) if n % 10 < 8
    ]
    failed = set_aside(report, "quarantine", "picky").sort_index()
    told = Counter(
        zip(failed["reason"], failed["message"], failed["value"].fillna("-"), strict=True)
    )
    assert told == {
        ("ValueError", "nines are too much", "-"): 4,
        ("eight", "no eights", "8!"): 4,
    }
    assert Counter(ledger(report)["fate"]) == {"output": 32, "quarantined": 8}


def test_quarantines_stay_when_a_later_stage_begins(tmp_path):
    (tmp_path / "in.jsonl").write_text('{"n":9}\n{"n":2\n{"n":3}\n{"n":8}\n{"n":1}\n')
    storage = FileStorage(tmp_path / "in.jsonl", on_bad_row="quarantine")
    report = run(
        tmp_path,
        storage,
        (DeduplicateExact(), {"input_columns": ["n"]}),  # for which the source is kept
        (Picky(), {}),
        (Sort(), {"input_columns": ["n"]}),
        max_failures=0.9,
    )

    assert [row["n"] for row in rows(tmp_path / "out.jsonl")] == [1, 3]
    assert len(set_aside(report, "quarantine", "source")) == report.unreadable == 1
    assert len(set_aside(report, "quarantine", "picky")) == report.steps[1].quarantined == 2
    assert Counter(ledger(report)["fate"]) == {"output": 2, "quarantined": 3}


def test_a_refused_value_is_set_aside_under_the_reason_of_its_error(tmp_path):
    class Odd(ValueRefused):
        reason = "odd_number"

    class Even(Refiner):
        def run(self, storage):
            for n in storage.read(["n"])["n"]:
                if n == 7:
                    raise Odd(f"{n} is odd")

    report = run(tmp_path, MemoryStorage(NUMBERS), (Even(), {}))
    (row,) = set_aside(report, "quarantine", "even").iloc
    assert (row["n"], row["reason"], row["message"]) == (7, "odd_number", "7 is odd")


def test_too_many_failures_stop_the_run_and_say_why(tmp_path):
    def broken(table):
        raise KeyError("x")

    with pytest.raises(RunError, match=r"40 of 40 rows failed \(KeyError: .*5%"):
        run(tmp_path, MemoryStorage(NUMBERS), (Apply(func=broken), {}))

    state = json.loads((tmp_path / "run" / "run.json").read_text())
    assert state["state"] == "failed"
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize("batch_size", [3, 1000])
def test_none_may_fail_where_the_share_is_nought(batch_size, tmp_path):
    table = [{"n": 9}, *NUMBERS[:8]]
    options = {"max_failures": 0, "batch_size": batch_size}
    with pytest.raises(
        RunError, match=r"'picky': 1 of \d rows .*\(ValueError: nines.*\).*more than the 0%"
    ):
        run(tmp_path, MemoryStorage(table), (Picky(), {}), **options)
    assert not (tmp_path / "out.jsonl").exists()


def test_a_run_that_stops_names_each_kind_of_failure_once_and_no_reason_to_drop(tmp_path):
    class Odd(Filter):
        def run(self, storage: Storage) -> None:
            table = storage.read(["n"])
            storage.drop(table.index[table["n"] % 3 == 0], "three")
            failures = {1: RowFailure("one", f"more\n{'x' * 300}"), 2: RowFailure("two")}
            table = table[table["n"] % 3 != 0]
            storage.write(table.assign(n=[failures[n % 3] for n in table["n"]]))

    with pytest.raises(RunError) as stopped:
        run(tmp_path, MemoryStorage(NUMBERS), (Odd(), {}), batch_size=4)
    assert f"rows failed (one: more {'x' * 195}; two), more than the 5%" in str(stopped.value)


def test_nothing_stops_a_run_without_failures(tmp_path):
    run(tmp_path, MemoryStorage(NUMBERS[:8]), (Picky(), {}), max_failures=0)
    assert len(rows(tmp_path / "out.jsonl")) == 8


def test_no_row_after_the_batch_of_the_first_failure_is_worked_on_where_none_may_fail(tmp_path):
    seen = []

    def broken(table):
        seen.extend(table["n"])
        raise KeyError("x")

    with pytest.raises(RunError):
        run(
            tmp_path, MemoryStorage(NUMBERS), (Apply(func=broken), {}),
            max_failures=0, batch_size=4,
        )  # fmt: skip
    assert set(seen) == {0, 1, 2, 3}


@pytest.mark.parametrize("share", [0.001, 0.05])
def test_a_few_rows_may_fail_whatever_the_share_above_nought(share, tmp_path):
    run(tmp_path, MemoryStorage(NUMBERS), (Picky(), {}), max_failures=share)
    assert len(rows(tmp_path / "out.jsonl")) == 32


def test_bad_lines_stop_the_run_with_file_line_and_column(tmp_path):
    (tmp_path / "in.jsonl").write_text('{"n":1}\n{"n":2\n{"n":3}\n')
    with pytest.raises(BadRowError, match=r"in\.jsonl, line 2, column 7.*--on-bad-row quarantine"):
        run(tmp_path, FileStorage(tmp_path / "in.jsonl"), (FilterRows(where="n > 0"), {}))


def test_bad_lines_of_a_source_that_is_read_twice_are_kept_in_quarantine(tmp_path):
    class Fork(Pipeline):
        def forward(self):
            branch = self.storage.fork()
            FilterRows(where="n < 2").run(branch)
            FilterRows(where="n > 2").run(self.storage)
            Concatenate().run(self.storage, input_table=branch)

    (tmp_path / "in.jsonl").write_text('{"n":1}\n{"n":2,}\n{"n":3}\n')
    storage = FileStorage(tmp_path / "in.jsonl", on_bad_row="quarantine")
    report = Fork(storage).run(output=tmp_path / "out.jsonl", run_dir=tmp_path / "run")
    unreadable = ledger(report).query("reason == 'unreadable'")
    assert unreadable[["fate", "step"]].values.tolist() == [["quarantined", "source"]]


def test_bad_lines_are_kept_in_quarantine(tmp_path):
    (tmp_path / "in.jsonl").write_bytes(b'{"n":1}\n{"n":2\n{"n":"\\ud800"}\n\xff\n{"n":3}\n')
    storage = FileStorage(tmp_path / "in.jsonl", on_bad_row="quarantine")
    report = run(tmp_path, storage, (FilterRows(where="n > 0"), {}))

    assert [row["n"] for row in rows(tmp_path / "out.jsonl")] == [1, 3]
    kept = set_aside(report, "quarantine", "source")
    assert kept["raw"].tolist() == [b'{"n":2', b'{"n":"\\ud800"}', b"\xff"]
    assert kept["line"].tolist() == [2, 3, 4]
    assert report.unreadable == 3
    assert (report.rows_in, report.rows_out) == (5, 2)
    assert Counter(ledger(report)["fate"]) == {"output": 2, "quarantined": 3}


def test_a_truncated_file_is_no_short_table(tmp_path):
    packed = gzip.compress(b'{"n":1}\n' * 50_000)
    (tmp_path / "in.jsonl.gz").write_bytes(packed[:-20])
    with pytest.raises(SourceError, match=r"in\.jsonl\.gz"):
        run(tmp_path, FileStorage(tmp_path / "in.jsonl.gz"), (FilterRows(where="n > 0"), {}))
    assert not (tmp_path / "out.jsonl").exists()


def test_a_full_disk_leaves_no_half_file(tmp_path, monkeypatch):
    written = []

    def full(descriptor, data):
        written.append(len(data))
        raise OSError(errno.ENOSPC, "No space left on device")

    table = MemoryStorage(NUMBERS)
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageError, match=r"No space left on device.*Free some space"):
        run(tmp_path, table, (FilterRows(where="n > 0"), {}))
    monkeypatch.undo()
    assert written
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == [".lock"]


def test_no_permission_is_said_before_any_work(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    calls = []
    note = Apply(func=lambda table: calls.append(1) or table)
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(RunError, match=r"Permission denied\. Name another place"):
        run(tmp_path, MemoryStorage(NUMBERS), (note, {}))
    assert calls == []


def test_an_interrupt_is_noted(tmp_path):
    def interrupt(table):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, MemoryStorage(NUMBERS), (Apply(func=interrupt), {}))
    assert json.loads((tmp_path / "run" / "run.json").read_text())["state"] == "interrupted"


def test_the_run_directory_of_another_pipeline_is_left_alone(tmp_path):
    run(tmp_path, MemoryStorage(NUMBERS), (FilterRows(where="n > 0"), {}))
    before = (tmp_path / "run" / "run.json").read_bytes()

    class Others(Steps):
        pass

    others = Others(MemoryStorage(NUMBERS), (FilterRows(where="n > 1"), {}))
    with pytest.raises(RunError, match=r"holds a run of steps, not of others.*--fresh"):
        others.run(run_dir=tmp_path / "run")
    assert (tmp_path / "run" / "run.json").read_bytes() == before


@pytest.mark.parametrize(
    "steps",
    [
        [(FilterRows(where="n < 0"), {}), (Sort(), {"input_columns": ["n"]})],
        [(FilterRows(where="n < 0"), {}), (DeduplicateExact(), {})],
        [(Explode(), {"input_list": "tags"}), (FilterRows(where="n < 0"), {})],
    ],
)
def test_an_empty_result_keeps_its_columns(steps, tmp_path):
    report = run(tmp_path, MemoryStorage(NUMBERS), *steps, output=tmp_path / "out.parquet")
    assert report.rows_out == 0
    assert pq.read_schema(tmp_path / "out.parquet").names == ["n", "tags", "text"]


def test_an_empty_source_is_refused_and_a_source_without_rows_is_not(tmp_path):
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(SourceError, match=r"empty\.jsonl.*empty"):
        run(tmp_path, FileStorage(tmp_path / "empty.jsonl"), (SelectColumns(columns=["n"]), {}))
    (tmp_path / "head.csv").write_text("n,text\n")
    report = Steps(FileStorage(tmp_path / "head.csv"), (SelectColumns(columns=["n"]), {})).run(
        output=tmp_path / "out.csv", run_dir=tmp_path / "run2"
    )
    assert report.rows_out == 0
    assert (tmp_path / "out.csv").read_text() == '"n"\n'


def test_a_first_step_that_selects_columns_spares_reading_the_others(tmp_path, monkeypatch):
    import pyarrow.parquet

    pq.write_table(MemoryStorage(NUMBERS).frame.to_arrow(), tmp_path / "in.parquet")
    asked = []
    original = pyarrow.parquet.ParquetFile.iter_batches

    def spy(self, *arguments, **options):
        asked.append(options.get("columns"))
        return original(self, *arguments, **options)

    monkeypatch.setattr(pyarrow.parquet.ParquetFile, "iter_batches", spy)
    run(tmp_path, FileStorage(tmp_path / "in.parquet"), (SelectColumns(columns=["text"]), {}))
    assert [list(columns) for columns in asked] == [["text"]]
    assert rows(tmp_path / "out.jsonl")[0] == {"text": "t0"}


@pytest.mark.parametrize("goal", ["out/", "parts/part-*.jsonl", "x/y/z.csv.gz"])
def test_results_go_to_folders_and_patterns(goal, tmp_path, monkeypatch):
    monkeypatch.setattr("dataflow_core.storage.targets.ROWS_PER_FILE", 15)
    steps = [(SelectColumns(columns=["n"]), {})]
    run(tmp_path, MemoryStorage(NUMBERS), *steps, output=f"{tmp_path}/{goal}", batch_size=7)
    read = FileStorage(f"{tmp_path}/{goal}").read()
    assert read["n"].astype("int64").tolist() == list(range(40))
    files = [p for p in (tmp_path / goal.split("/")[0]).rglob("*") if p.is_file()]
    assert len(files) == (1 if goal.endswith("gz") else 3)


def test_a_folder_with_parts_of_another_run_is_refused(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "part-00000.parquet").touch()
    with pytest.raises(StorageError, match="holds part files already"):
        run(
            tmp_path,
            MemoryStorage(NUMBERS),
            (Sort(), {"input_columns": ["n"]}),
            output=f"{tmp_path}/out",
        )


@pytest.mark.parametrize("goal", ["in.jsonl", "./x/../in.jsonl", "link.jsonl"])
def test_a_source_is_never_overwritten(goal, tmp_path):
    (tmp_path / "in.jsonl").write_text('{"n":1}\n')
    (tmp_path / "x").mkdir()
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "in.jsonl")
    with pytest.raises(StorageError, match=r"would overwrite .*in\.jsonl"):
        run(
            tmp_path,
            FileStorage(tmp_path / "in.jsonl"),
            (FilterRows(where="n > 1"), {}),
            output=f"{tmp_path}/{goal}",
        )
    assert (tmp_path / "in.jsonl").read_text() == '{"n":1}\n'


def test_a_plan_without_a_source_says_so(tmp_path):
    plan = Steps(None, (FilterRows(where="n > 0"), {})).compile()
    with pytest.raises(RunError, match="no source"):
        run_plan(plan, run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_plan_from_a_recipe_gives_the_same_bytes(tmp_path):
    steps = [(FilterRows(where="n % 2 = 0"), {}), (DeduplicateExact(), {"input_columns": ["text"]})]
    run(tmp_path, MemoryStorage(NUMBERS), *steps)
    recipe = to_yaml(Steps(None, *steps).compile())
    plan = from_yaml(recipe, storage=MemoryStorage(NUMBERS))
    run_plan(plan, output=tmp_path / "again.jsonl", run_dir=tmp_path / "run2")
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "out.jsonl").read_bytes()


def test_observers_see_the_life_of_a_run(tmp_path):
    seen = []
    run(
        tmp_path,
        MemoryStorage(NUMBERS),
        (FilterRows(where="n > 0"), {}),
        notify=lambda event, **details: seen.append((event, sorted(details))),
    )
    assert seen == [
        ("before_pipeline", ["plan", "run_dir"]),
        ("before_step", ["step"]),
        *[("on_progress", ["update"])] * 3,  # it begins, its one batch is done, it is through
        ("after_step", ["outcome", "step"]),
        ("after_pipeline", ["plan", "report", "run_dir"]),
    ]


class Loser(Generator):
    """Loses a row."""

    makes_rows: ClassVar = False

    def run(self, storage):
        storage.write(storage.read().iloc[1:])


def test_an_operator_that_loses_a_row_fails_the_run(tmp_path):
    with pytest.raises(Exception, match=r"step 'loser'.*1 of 40 rows were lost"):
        run(tmp_path, MemoryStorage(NUMBERS), (Loser(), {}))


@pytest.mark.parametrize("name", ["../../evil", "/etc/evil", "a/b", "mit Ä"])
def test_a_step_of_any_name_stays_in_the_run_directory(name, tmp_path):
    recipe = json.dumps(
        {
            "dataflow": 1,
            "steps": [{"name": name, "operator": FILTER, "config": {"where": "n > 5"}}],
        }
    )
    if name.startswith("."):
        with pytest.raises(PlanError, match="cannot name a step"):
            from_yaml(recipe)
        return
    plan = from_yaml(recipe, storage=MemoryStorage(NUMBERS))
    report = run_plan(plan, output=tmp_path / "out.jsonl", run_dir=tmp_path / "run")
    assert len(rows(tmp_path / "out.jsonl")) == report.rows_out == 34
    assert Counter(ledger(report)["fate"]) == {"output": 34, "dropped": 6}
    assert {p.name for p in tmp_path.iterdir()} == {"out.jsonl", "run"}


FILTER = "dataflow_core.operators.general.filter_rows:FilterRows"


@pytest.mark.parametrize("batch_size", [20, 1000])
def test_failures_are_judged_over_all_rows(batch_size, tmp_path):
    table = [{"n": n} for n in range(1000)]

    def first_twenty_fail(table):
        if (table["n"] < 20).any():
            raise ValueError("no")
        return table

    run(tmp_path, MemoryStorage(table), (Apply(func=first_twenty_fail), {}), batch_size=batch_size)
    assert len(rows(tmp_path / "out.jsonl")) == 980


def test_most_of_a_few_rows_may_not_fail(tmp_path):
    def all_but_one_fail(table):
        if (table["n"] > 0).any():
            raise ValueError("no")
        return table

    with pytest.raises(RunError, match="5 of 6 rows failed"):
        run(
            tmp_path,
            MemoryStorage([{"n": n} for n in range(6)]),
            (Apply(func=all_but_one_fail), {}),
        )


def test_dropped_rows_keep_columns_named_like_the_account(tmp_path):
    table = [{"step_": 1, "step": 2, "reason": 3, "raw": None, "n": n} for n in range(3)]
    report = run(tmp_path, MemoryStorage(table), (FilterRows(where="n > 0"), {}))
    dropped = set_aside(report, "dropped", "filter_rows")
    assert dropped[["step_", "step__", "reason_"]].values.tolist() == [[1, 2, 3]]


def test_packed_outputs_leave_nothing_on_the_terminal(tmp_path, capfd):
    run(tmp_path, MemoryStorage(NUMBERS), (Sort(), {"input_columns": ["n"]}),
        output=tmp_path / "out.jsonl.gz")  # fmt: skip
    assert capfd.readouterr().err == ""


def test_parts_of_an_earlier_result_are_not_mixed_in(tmp_path):
    (tmp_path / "part-00009.jsonl").touch()
    with pytest.raises(StorageError, match="holds part files already"):
        run(tmp_path, MemoryStorage(NUMBERS), (Sort(), {"input_columns": ["n"]}),
            output=f"{tmp_path}/part-*.jsonl")  # fmt: skip


def test_new_rows_have_the_same_ids_in_a_notebook_and_in_a_run(tmp_path):
    class Named(Pipeline):
        def __init__(self, storage):
            super().__init__(storage)
            self.each_tag = Explode()
            self.some = Sample(count=10)

        def forward(self):
            self.each_tag.run(self.storage, input_list="tags")
            self.some.run(self.storage)

    pipeline = Named(MemoryStorage(NUMBERS))
    pipeline.run(output=tmp_path / "out.jsonl", run_dir=tmp_path / "run")
    pipeline.forward()
    assert pipeline.storage.rows() == rows(tmp_path / "out.jsonl")


def test_parts_that_changed_during_the_run_fail_it(tmp_path):
    """The rows that a stage reads must be those that the stage before it wrote."""
    steps = [(FilterRows(where="n >= 0"), {}), (DeduplicateExact(), {"input_columns": ["n"]})]

    def tamper(event, **details):
        if event == "after_step" and details["step"].name == "filter_rows":
            folder = tmp_path / "run" / "tables" / "filter_rows"
            (part,) = folder.iterdir()  # other rows in its place
            writer = PartWriter(folder, part.name.removesuffix("-000.arrow"))
            writer.write(MemoryStorage(NUMBERS[:3]).frame)
            writer.close()

    with pytest.raises(OperatorError, match=r"table 'filter_rows': 40 rows were written, 3 read"):
        run(tmp_path, MemoryStorage(NUMBERS), *steps, notify=tamper)


def test_an_account_that_does_not_balance_fails_the_run():
    account = StepAccount("step", rows_in=3, rows_out=1, dropped=1)
    with pytest.raises(OperatorError, match=r"3 rows in .* but 2 accounted for"):
        account.check()


def test_an_output_that_cannot_be_written_is_refused_before_any_row_is_read(tmp_path):
    calls = []
    note = Apply(func=lambda table: calls.append(1) or table)
    for goal in ("out.nope", "in.jsonl/out.jsonl"):
        (tmp_path / "in.jsonl").write_text("{}\n")
        with pytest.raises(StorageError):
            Steps(MemoryStorage(NUMBERS), (note, {})).run(
                output=tmp_path / goal, run_dir=tmp_path / f"run-{len(goal)}"
            )
    assert calls == []


def test_a_failed_run_leaves_no_temporary_files(tmp_path):
    def fail_late(table):
        if table["n"].iloc[0] >= 30:
            raise KeyboardInterrupt
        return table

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, MemoryStorage(NUMBERS), (Apply(func=fail_late), {}), batch_size=10)
    assert [p for p in tmp_path.rglob("*") if p.name.endswith(".tmp")] == []


def test_a_folder_is_read_without_the_runs_in_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.jsonl").write_text('{"n":1}\n')
    for _ in range(2):
        report = Steps(FileStorage("."), (FilterRows(where="n > 0"), {})).run()
        assert report.rows_in == 1
    with pytest.raises(StorageError, match="would overwrite or join"):
        Steps(FileStorage("."), (FilterRows(where="n > 0"), {})).run(output="more.jsonl")


def test_many_small_files_make_few_batches(tmp_path):
    for number in range(50):
        (tmp_path / f"f{number:02d}.jsonl").write_text(f'{{"n":{number}}}\n')
    seen = []
    note = Apply(func=lambda table: seen.append(len(table)) or table)
    run(tmp_path, FileStorage(tmp_path / "f*.jsonl"), (note, {}))
    assert seen == [50]
    assert [row["n"] for row in rows(tmp_path / "out.jsonl")] == list(range(50))
