"""What a run tells its observers, and its report, which is written by one."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import Counter

import pytest

from dataflow_core import MemoryStorage, Pipeline
from dataflow_core.engine.rundir import RunDirectory
from dataflow_core.errors import DataflowError, RunStopped
from dataflow_core.operators.general import (
    Apply,
    Concatenate,
    DeduplicateExact,
    FilterRows,
)

ROWS = [{"n": n, "text": f"t{n % 7}"} for n in range(60)]


class Chain(Pipeline):
    """Two steps of a stage, one that needs all rows, and one behind it."""

    def __init__(self, storage, func):
        super().__init__(storage)
        self.few = FilterRows(where="n > 3")
        self.work = Apply(func=func)
        self.unique = DeduplicateExact()
        self.last = Apply(func=lambda table: table)

    def forward(self):
        self.few.run(self.storage)
        self.work.run(self.storage)
        self.unique.run(self.storage, input_columns=["n"])
        self.last.run(self.storage)


class Forked(Pipeline):
    """Two branches, and one table again."""

    def __init__(self, storage, left, right):
        super().__init__(storage)
        self.left, self.right = Apply(func=left), Apply(func=right)
        self.together = Concatenate()

    def forward(self):
        branch = self.storage.fork()
        self.left.run(self.storage)
        self.right.run(branch)
        self.together.run(self.storage, input_table=branch)


class Heard:
    """An observer that keeps the events of steps and runs, by name."""

    def __init__(self):
        self.events = []
        self.errors = {}

    def __call__(self, event, **told):
        if event == "on_progress":
            return
        step = told["step"].name if "step" in told else None
        self.events.append((event, step))
        if "error" in told:
            self.errors[step] = told["error"]

    def of(self, step):
        return [event for event, name in self.events if name == step]


def run(folder, pipeline, **options):
    options = {"batch_size": 5, "commit_seconds": 0, **options}
    return pipeline.run(output=folder / "out.jsonl", run_dir=folder / "run", **options)


def fail(table):
    raise DataflowError("step 'work': no")


def interrupt(table):
    raise KeyboardInterrupt


def ask(table):
    os.kill(os.getpid(), signal.SIGINT)
    return table


@pytest.mark.parametrize(
    ("func", "error"), [(fail, DataflowError), (interrupt, RunStopped), (ask, RunStopped)]
)
def test_every_step_that_began_ends_in_one_way(func, error, tmp_path):
    heard = Heard()
    with pytest.raises(error):
        run(tmp_path, Chain(MemoryStorage(ROWS), func), notify=heard)
    assert heard.of("few") == ["before_step", "on_step_error"]
    assert heard.of("work") == ["before_step", "on_step_error"]
    assert heard.of("unique") == heard.of("last") == []
    assert heard.of(None) == ["before_pipeline", "on_pipeline_error"]
    assert heard.errors["few"] is heard.errors["work"] is heard.errors[None]
    if func is fail:  # the one that the error is about is told of first
        assert next(step for event, step in heard.events if event == "on_step_error") == "work"


def test_steps_that_were_done_before_one_failed_are_done(tmp_path):
    heard = Heard()
    pipeline = Chain(MemoryStorage(ROWS), lambda table: table)
    pipeline.last = Apply(func=fail)
    with pytest.raises(DataflowError):
        run(tmp_path, pipeline, notify=heard)
    assert heard.of("few") == heard.of("work") == ["before_step", "after_step"]
    assert heard.of("unique") == heard.of("last") == ["before_step", "on_step_error"]


def test_a_step_with_too_many_failed_rows_ends_with_an_error_and_those_before_it_do_not(tmp_path):
    def odd_fail(table):
        if (table["n"] % 2).any():
            raise ValueError("odd")
        return table

    heard = Heard()
    with pytest.raises(DataflowError, match="rows failed"):
        run(tmp_path, Chain(MemoryStorage(ROWS), odd_fail), notify=heard, batch_size=100)
    ends = Counter(event for event, step in heard.events if step)
    assert ends["before_step"] == ends["after_step"] + ends["on_step_error"]
    assert heard.of("work") == ["before_step", "on_step_error"]


@pytest.mark.parametrize("how", ["error", "interrupt"])
def test_steps_of_branches_end_too_where_one_ends_the_run(how, tmp_path):
    begun = threading.Event()

    def end(table):
        assert begun.wait(30)
        if how == "interrupt":
            os.kill(os.getpid(), signal.SIGINT)
            return table
        raise DataflowError("step 'left': no")

    def slow(table):
        begun.set()
        return table

    heard = Heard()
    with pytest.raises(DataflowError if how == "error" else RunStopped):
        run(tmp_path, Forked(MemoryStorage(ROWS), end, slow), workers=2, notify=heard, batch_size=1)
    assert heard.of("left") == ["before_step", "on_step_error"]
    right = heard.of("right")
    assert right in (["before_step", "on_step_error"], ["before_step", "after_step"])
    assert heard.of("together") == []
    assert heard.events[-1] == ("on_pipeline_error", None)


def test_observers_find_the_report_in_its_place(tmp_path):
    found = []

    def look(event, **told):
        if event == "after_pipeline":
            stored = json.loads((told["run_dir"] / "report.json").read_text())
            state = json.loads((told["run_dir"] / "run.json").read_text())["state"]
            found.append((stored["page"], str(told["report"].page), state))

    report = run(tmp_path, Chain(MemoryStorage(ROWS), lambda table: table), notify=look)
    assert found == [(str(report.page), str(report.page), "done")]
    assert report.page.exists()


def test_a_report_that_cannot_be_written_is_told_and_loses_nothing(tmp_path, monkeypatch):
    pipeline = Chain(MemoryStorage(ROWS), lambda table: table)
    run(tmp_path, pipeline)
    write = RunDirectory.write_json

    def full(directory, name, content):
        if name == "report.json":
            raise OSError(28, "No space left on device")
        return write(directory, name, content)

    monkeypatch.setattr(RunDirectory, "write_json", full)
    with pytest.warns(RuntimeWarning, match=r"run is done, but .*report\.json.*No space") as told:
        report = run(tmp_path, pipeline)
    assert told[0].filename.endswith("base.py")  # the line that called run_plan
    assert report.page.exists()
    assert report.rows_out == 56
    assert not (tmp_path / "run" / "report.json").exists()  # that of the run before is no report
    assert json.loads((tmp_path / "run" / "run.json").read_text())["state"] == "done"
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 56
