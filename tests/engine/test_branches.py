"""Branches of a pipeline, side by side."""

from __future__ import annotations

import json
import threading
import time

import pytest

from dataflow_core import MemoryStorage, Pipeline
from dataflow_core.engine.branches import do_in_order
from dataflow_core.engine.work import Work
from dataflow_core.errors import OperatorError, RunError, RunStopped
from dataflow_core.operators.general import Apply, Concatenate, DeduplicateExact, FilterRows, Join


class Meeting:
    """Threads that wait for one another, for a while."""

    def __init__(self, threads):
        self._barrier = threading.Barrier(threads)

    def __call__(self, table):
        self._barrier.wait(30)
        return table


class Forked(Pipeline):
    """Two branches, each with a step of its own, and then one table again."""

    def __init__(self, storage, left, right):
        super().__init__(storage)
        self.left = Apply(func=left)
        self.right = Apply(func=right)
        self.few = FilterRows(where="n % 3 = 0")
        self.unique = DeduplicateExact()
        self.join = Join(suffix="_right")
        self.together = Concatenate()

    def forward(self):
        branch = self.storage.fork()
        self.few.run(self.storage)
        self.left.run(self.storage)
        self.unique.run(self.storage, input_columns=["text"])
        self.right.run(branch)
        self.together.run(self.storage, input_table=branch)
        self.join.run(self.storage, input_table=branch, input_on=["n"])


ROWS = [{"n": n, "text": f"t{n % 7}"} for n in range(60)]


def run(folder, left, right, **options):
    options = {"workers": 2, "batch_size": 100, **options}
    pipeline = Forked(MemoryStorage(ROWS), left, right)
    return pipeline.run(output=folder / "out.jsonl", run_dir=folder / "run", **options)


def test_branches_run_side_by_side_and_give_what_they_give_one_by_one(tmp_path):
    def same(table):
        return table

    meeting = Meeting(2)
    run(tmp_path, meeting, meeting)
    alone = tmp_path / "alone"
    run(alone, same, same, workers=1)
    for name in ("out.jsonl", "run/ledger.parquet"):
        assert (tmp_path / name).read_bytes() == (alone / name).read_bytes()


def test_a_branch_that_fails_stops_those_beside_it_and_what_they_did_is_kept(tmp_path):
    begun = threading.Event()
    seen = []

    def fail(table):
        begun.wait(30)
        raise OperatorError("step 'left': no")

    def slow(table):
        begun.set()
        seen.append(len(table))
        time.sleep(0.05)
        return table

    with pytest.raises(OperatorError, match="step 'left': no"):
        run(tmp_path, fail, slow, batch_size=2, commit_seconds=0)
    assert 0 < len(seen) < 30
    journal = (tmp_path / "run" / "journals" / "right.jsonl").read_text().splitlines()
    assert sum(json.loads(line)["read"] for line in journal[1:]) == sum(seen)


def work(name, *reads):
    return Work(name, reads[0] if reads else "source", (), "rows")


def test_stages_wait_for_those_they_read_and_for_no_others():
    done, met = [], Meeting(3)

    def do(one):
        if one.name in "bcd":
            met(None)
        done.append(one.name)

    stages = [work("a"), work("b", "a"), work("c", "a"), work("d", "a"), work("e", "b")]
    do_in_order(stages, do, threading.Event(), 3)
    assert done[0] == "a"
    assert sorted(done) == ["a", "b", "c", "d", "e"]  # b, c and d have met
    assert done.index("e") > done.index("b")


def test_no_more_than_so_many_at_a_time():
    now, most, lock = [], [], threading.Lock()

    def do(one):
        with lock:
            now.append(one)
            most.append(len(now))
        time.sleep(0.01)
        with lock:
            now.remove(one)

    for allowed in (1, 2):
        most.clear()
        do_in_order([work(name) for name in "abcdef"], do, threading.Event(), allowed)
        assert (max(most), len(most)) == (allowed, 6)


def test_the_first_error_is_told_and_nothing_begun_after_it():
    halted, begun = threading.Event(), []

    def do(one):
        begun.append(one.name)
        if one.name == "a":
            raise RunError("a failed")
        assert halted.wait(30)
        raise RunStopped("stopped")

    with pytest.raises(RunError, match="a failed"):
        do_in_order([work("a"), work("b"), work("c"), work("d", "a")], do, halted, 2)
    assert sorted(begun) == ["a", "b"]
