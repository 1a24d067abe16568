"""Runs that go on: what is done stays done, what changed is done again, to the same bytes."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest

from dataflow_core import FileStorage, Filter, MemoryStorage, Refiner, Storage
from dataflow_core.engine.rundir import RunDirectory
from dataflow_core.errors import OperatorError, RunError, RunStopped, StorageError
from dataflow_core.operators.general import Apply, DeduplicateExact, FilterRows, Sort

from .pipelines import Steps

TESTS = Path(__file__).parents[1]
NUMBERS = [{"n": n, "text": f"t{n % 7}"} for n in range(40)]


class Counting(Refiner):
    """Change nothing, and note in a file how many rows were seen."""

    seen: str
    fails_from: int | None = None

    def run(self, storage: Storage, input_n: str = "n") -> None:
        table = storage.read()
        with Path(self.seen).open("a") as file:
            file.write(f"{len(table)}\n")
        storage.write(table)


class Words(Filter):
    """Keep rows whose text is in a file."""

    file: Path

    def run(self, storage: Storage, input_text: str = "text") -> None:
        table = storage.read([input_text])
        storage.drop(table.index[~table[input_text].isin(self.file.read_text().split())], "other")


def run(tmp_path, storage, *steps, **options):
    options.setdefault("batch_size", 10)
    pipeline = Steps(storage, *steps)
    return pipeline.run(output=tmp_path / "out.jsonl", run_dir=tmp_path / "run", **options)


def source(tmp_path, rows=NUMBERS):
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return FileStorage(path)


def rows_seen(path):
    return sum(map(int, path.read_text().split())) if path.exists() else 0


def test_a_finished_run_is_not_done_again(tmp_path):
    seen = tmp_path / "seen"
    for _ in range(2):
        report = run(tmp_path, source(tmp_path), (Counting(seen=str(seen)), {}))
        assert report.rows_out == 40
        assert [(s.rows_in, s.rows_out) for s in report.steps] == [(40, 40)]
    assert rows_seen(seen) == 40
    assert report.reused == {"counting": 40}
    assert report.changes == ()


def test_an_output_that_was_removed_or_changed_is_written_again(tmp_path):
    seen, output = tmp_path / "seen", tmp_path / "out.jsonl"
    steps = [(Counting(seen=str(seen)), {}), (FilterRows(where="n > 3"), {})]
    run(tmp_path, source(tmp_path), *steps)
    wanted = output.read_bytes()
    for spoil in (output.unlink, lambda: output.write_text("changed")):
        spoil()
        run(tmp_path, source(tmp_path), *steps)
        assert output.read_bytes() == wanted
    assert rows_seen(seen) == 40


def test_a_run_that_fails_goes_on_after_the_fix_and_keeps_what_was_done(tmp_path):
    seen = tmp_path / "seen"

    def broken(table):
        raise ValueError("no")

    steps = [(Counting(seen=str(seen)), {}), (Sort(), {"input_columns": ["text"]})]
    at_once = Apply(func=broken, whole_table=True)
    with pytest.raises(OperatorError, match="ValueError: no"):
        run(tmp_path, source(tmp_path), *steps, (at_once, {}))
    mended = Apply(func=lambda table: table, whole_table=True)
    report = run(tmp_path, source(tmp_path), *steps, (mended, {}))
    assert rows_seen(seen) == 40
    assert report.rows_out == 40
    assert any(change.startswith("apply: func") for change in report.changes)


def test_a_changed_step_is_done_again_from_there_and_the_report_says_why(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"

    def steps(least):
        return [
            (Counting(seen=str(first)), {}),
            (DeduplicateExact(), {"input_columns": ["n"]}),
            (Counting(seen=str(second)), {}),
            (Sort(), {"input_columns": ["n"]}),
            (FilterRows(where=f"n > {least}"), {}),
        ]

    run(tmp_path, source(tmp_path), *steps(3))
    report = run(tmp_path, source(tmp_path), *steps(5))
    assert (rows_seen(first), rows_seen(second)) == (40, 40)
    assert report.rows_out == 34
    assert report.changes == ("filter_rows: where 'n > 3' -> 'n > 5'",)
    assert set(report.reused) == {"counting", "sort", "counting_2"}
    assert "changed since then: filter_rows: where" in str(report)


def test_another_content_of_the_source_or_of_a_file_of_an_operator_counts_as_a_change(tmp_path):
    words = tmp_path / "words"
    words.write_text("t1 t2")
    assert run(tmp_path, source(tmp_path), (Words(file=words), {})).rows_out == 12
    words.write_text("t1 t3")
    report = run(tmp_path, source(tmp_path), (Words(file=words), {}))
    assert report.rows_out == 12
    assert [change.partition(" ")[0] for change in report.changes] == ["words:"]
    report = run(tmp_path, source(tmp_path, NUMBERS[:20]), (Words(file=words), {}))
    assert report.rows_in == 20
    assert report.changes == ("source: other content, or read in another way",)


def test_a_source_that_moved_or_was_touched_is_the_same(tmp_path):
    seen = tmp_path / "seen"
    run(tmp_path, source(tmp_path), (Counting(seen=str(seen)), {}))
    moved = tmp_path / "moved.jsonl"
    (tmp_path / "in.jsonl").rename(moved)
    os.utime(moved, (1, 1))
    run(tmp_path, FileStorage(moved), (Counting(seen=str(seen)), {}))
    assert rows_seen(seen) == 40


def test_runs_beside_a_run_share_what_they_have_done(tmp_path):
    seen, later = tmp_path / "seen", tmp_path / "later"

    def run_in(name, least, **options):
        steps = [
            (Counting(seen=str(seen)), {}),
            (DeduplicateExact(), {"input_columns": ["n"]}),
            (FilterRows(where=f"n > {least}"), {}),
            (Sort(), {"input_columns": ["n"]}),
            (Counting(seen=str(later)), {}),
        ]
        folder = tmp_path / "runs" / name
        return Steps(source(tmp_path), *steps).run(run_dir=folder, batch_size=10, **options)

    first = run_in("a", 3)
    again = run_in("b", 3)
    assert (rows_seen(seen), rows_seen(later)) == (40, 36)
    assert again.reused == {"counting": 40, "filter_rows": 40, "sort": 36, "counting_2": 36}
    other = run_in("c", 5)
    assert (rows_seen(seen), rows_seen(later)) == (40, 36 + 34)
    assert other.reused == {"counting": 40}
    shutil.rmtree(tmp_path / "runs" / "a")
    assert Path(again.output).read_bytes() != Path(other.output).read_bytes()
    sums = [[(s.step, s.rows_in, s.rows_out, s.dropped) for s in r.steps] for r in (first, again)]
    assert sums[0] == sums[1]
    assert pd.read_parquet(again.run_dir / "ledger.parquet")["row_id"].nunique() == 40


def test_the_same_command_without_a_run_directory_finds_its_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def broken(table):
        raise KeyboardInterrupt

    steps = [(Counting(seen="seen"), {}), (Sort(), {"input_columns": ["n"]})]
    pipeline = Steps(source(tmp_path), *steps, (Apply(func=broken, whole_table=True), {}))
    for _ in range(2):
        with pytest.raises(RunStopped):
            pipeline.run(output="out.jsonl")
    assert len(list(Path("dataflow-runs").iterdir())) == 1
    with pytest.raises(RunStopped):
        pipeline.run(output="other.jsonl")
    with pytest.raises(RunStopped):
        pipeline.run(output="out.jsonl", fresh=True)
    assert len(list(Path("dataflow-runs").iterdir())) == 3
    assert rows_seen(Path("seen")) == 80  # the fresh one took nothing over


def test_a_full_disk_costs_what_was_not_written_down_and_no_more(tmp_path, monkeypatch):
    seen = tmp_path / "seen"
    steps = [(Counting(seen=str(seen)), {}), (FilterRows(where="n > 3"), {})]
    write, left = os.write, [8]

    def filling(descriptor, data):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", filling)
    with pytest.raises(StorageError, match="No space left"):
        run(tmp_path, source(tmp_path), *steps, batch_size=4, commit_seconds=0)
    monkeypatch.undo()
    before = rows_seen(seen)
    report = run(tmp_path, source(tmp_path), *steps, batch_size=4)
    assert 0 < report.reused["filter_rows"] <= before < 40
    assert rows_seen(seen) == before + 40 - report.reused["filter_rows"]
    numbers = [json.loads(line)["n"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert numbers == list(range(4, 40))


def test_fresh_begins_again(tmp_path):
    seen = tmp_path / "seen"
    for fresh in (False, True):
        report = run(tmp_path, source(tmp_path), (Counting(seen=str(seen)), {}), fresh=fresh)
    assert rows_seen(seen) == 80
    assert report.reused == {}


def test_a_stop_keeps_whole_batches_and_the_run_goes_on_from_there(tmp_path):
    seen, asked = tmp_path / "seen", threading.Event()

    def notify(event, **told):
        if event == "on_progress" and told["update"].rows >= 20:
            asked.set()

    def stopping():
        return asked.is_set()

    from dataflow_core.engine import run as runs

    steps = [(Counting(seen=str(seen)), {}), (FilterRows(where="n != 7"), {})]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "stop_on_interrupt", lambda _: _Yielding(stopping))
        with pytest.raises(RunStopped, match="the same command goes on"):
            run(tmp_path, source(tmp_path), *steps, notify=notify)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["state"] == "interrupted"
    assert rows_seen(seen) == 20
    report = run(tmp_path, source(tmp_path), *steps, batch_size=7)
    assert rows_seen(seen) == 40
    assert report.reused == {"filter_rows": 20}
    numbers = [json.loads(line)["n"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert numbers == [n for n in range(40) if n != 7]


class _Yielding:
    def __init__(self, value):
        self.value = value

    def __enter__(self):
        return self.value

    def __exit__(self, *_):
        return None


def test_a_run_directory_is_for_one_process_at_a_time(tmp_path):
    (tmp_path / "run").mkdir()
    holder = RunDirectory.create(tmp_path / "run", "steps")
    with pytest.raises(RunError, match=rf"is in use by process {os.getpid()} on .*Wait for it"):
        run(tmp_path, MemoryStorage(NUMBERS), (FilterRows(where="n > 3"), {}))
    holder.release()
    assert run(tmp_path, MemoryStorage(NUMBERS), (FilterRows(where="n > 3"), {})).rows_out == 36


def test_a_journal_that_ends_in_half_a_line_is_read_up_to_there(tmp_path):
    seen = tmp_path / "seen"
    steps = [(Counting(seen=str(seen)), {})]
    run(tmp_path, source(tmp_path), *steps, commit_seconds=0)
    journal = tmp_path / "run" / "journals" / "counting.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    assert len(lines) == 6  # its head, four batches, its end
    journal.write_bytes(b"".join(lines[:3]) + lines[3][:40])
    (tmp_path / "out.jsonl").unlink()
    report = run(tmp_path, source(tmp_path), *steps)
    assert report.rows_out == 40
    assert rows_seen(seen) == 40 + 20


def test_a_damaged_run_file_is_said_with_the_way_out(tmp_path):
    run(tmp_path, source(tmp_path), (FilterRows(where="n > 3"), {}))
    (tmp_path / "run" / "run.json").write_text("{")
    with pytest.raises(RunError, match=r"run\.json is damaged.*--fresh"):
        run(tmp_path, source(tmp_path), (FilterRows(where="n > 3"), {}))


def test_a_pattern_is_exported_again_over_the_runs_own_files_alone(tmp_path):
    steps = [(FilterRows(where="n > 3"), {})]
    goal = {"output": tmp_path / "out" / "part-*.jsonl", "run_dir": tmp_path / "run"}
    Steps(source(tmp_path), *steps).run(**goal)
    report = Steps(source(tmp_path), (FilterRows(where="n > 5"), {})).run(**goal)
    assert report.rows_out == 34
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["part-00000.jsonl"]


def test_runs_that_are_killed_again_and_again_end_in_the_same_bytes(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "engine.faults", str(tmp_path), "12", "5"],
        cwd=TESTS, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sum(json.loads(done.stdout).values()) >= 12


@pytest.mark.parametrize("told", ['{"project": "mine"}', "[]", '{"format": 2}', "not JSON"])
def test_a_folder_with_a_run_json_of_something_else_is_left_alone(told, tmp_path):
    other = tmp_path / "run"
    (other / "tables").mkdir(parents=True)
    (other / "tables" / "precious.csv").write_text("1")
    (other / "run.json").write_text(told)
    for fresh in (False, True):
        with pytest.raises(RunError, match="already holds other files"):
            run(tmp_path, source(tmp_path), (FilterRows(where="n > 3"), {}), fresh=fresh)
    assert (other / "tables" / "precious.csv").read_text() == "1"
    assert (other / "run.json").read_text() == told


def test_a_damaged_run_can_be_begun_again(tmp_path):
    steps = [(FilterRows(where="n > 3"), {})]
    run(tmp_path, source(tmp_path), *steps)
    (tmp_path / "run" / "run.json").write_text('{"form')
    with pytest.raises(RunError, match=r"run.json is damaged: .* Begin again with --fresh"):
        run(tmp_path, source(tmp_path), *steps)
    assert run(tmp_path, source(tmp_path), *steps, fresh=True).rows_out == 36


def test_nothing_of_an_earlier_plan_stays(tmp_path):
    few, unique = FilterRows(where="n > 3"), DeduplicateExact()
    run(tmp_path, source(tmp_path), (few, {}), (unique, {"input_columns": ["text"]}))
    run(tmp_path, source(tmp_path), (Counting(seen=str(tmp_path / "seen")), {}))
    folder = tmp_path / "run"
    left = {str(path.relative_to(folder)) for path in folder.glob("*/*")}
    assert left == {"tables/counting", "journals/counting.jsonl"}


def test_what_changed_is_told_also_by_the_run_that_goes_on(tmp_path):
    def broken(table):
        raise KeyboardInterrupt

    def steps(least, func):
        return (FilterRows(where=f"n > {least}"), {}), (Apply(func=func, whole_table=True), {})

    def same(table):
        return table

    run(tmp_path, source(tmp_path), *steps(3, same))
    with pytest.raises(RunStopped):
        run(tmp_path, source(tmp_path), *steps(5, broken))
    report = run(tmp_path, source(tmp_path), *steps(5, same))
    assert report.changes == ("filter_rows: where 'n > 3' -> 'n > 5'",)
    assert run(tmp_path, source(tmp_path), *steps(5, same)).changes == ()


def test_a_run_that_is_stopped_in_its_export_goes_on(tmp_path, monkeypatch):
    from dataflow_core.engine import run as engine_run

    def stop(self):
        raise RunStopped("stopped")

    steps = [(FilterRows(where="n > 3"), {})]
    with monkeypatch.context() as patched:
        patched.setattr(engine_run._Run, "_heed_stop", stop)
        with pytest.raises(RunStopped):
            run(tmp_path, source(tmp_path), *steps)
    assert not (tmp_path / "out.jsonl").exists()
    assert not (tmp_path / "run" / "ledger.parquet").exists()
    report = run(tmp_path, source(tmp_path), *steps)
    assert (report.rows_out, report.reused) == (36, {"filter_rows": 40})
