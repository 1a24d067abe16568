"""What a step asked and paid is told by one rule, however often the run was stopped or killed."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dataflow_core import MemoryStorage
from dataflow_core.engine import run_plan
from dataflow_core.engine.report import Report
from dataflow_core.errors import RunStopped
from dataflow_core.serving.backend import Reply
from dataflow_core.serving.completion import Usage
from dataflow_core.serving.pricing import Price
from dataflow_core.testing import FaultServer, ScriptedServing

from .asking import Answer, Asking, Noted
from .pipelines import Steps, stopped_by

TESTS = Path(__file__).parents[1]
PRICE = Price(0.0, 1.0)


def rows(count, different=None):
    return [{"n": n, "question": f"what is {n % (different or count)}?"} for n in range(count)]


def run(tmp_path, serving, count=60, different=None, **options):
    storage = MemoryStorage(rows(count, different))
    options = {"output": tmp_path / "out.jsonl", "run_dir": tmp_path / "run", **options}
    return Steps(storage, (Answer(serving=serving), {})).run(**options)


def sums(report):
    calls = report.steps[0].calls
    assert calls.asked == calls.answered + calls.reused + calls.failed
    if report.spent is not None:
        assert (calls.requests, calls.cost) == (
            report.spent.requests, pytest.approx(report.spent.cost),
        )  # fmt: skip
        assert calls.completion_tokens == report.spent.completion_tokens
    told = calls.as_dict()
    return {name: told.get(name, 0) for name in ("asked", "answered", "reused", "failed")}


def scripted(**options):
    def script(text):
        return Reply(text.upper(), "stop", Usage(5, 100))

    return ScriptedServing(script, price=PRICE, **options)


def test_a_plain_run_asks_for_each_row_and_pays_for_each_question_once(tmp_path):
    serving = scripted()
    report = run(tmp_path, serving, 60, different=20, batch_size=7)
    assert sums(report) == {"asked": 60, "answered": 20, "reused": 40, "failed": 0}
    assert report.steps[0].calls.requests == len(serving.requests) == 20
    assert report.steps[0].calls.completion_tokens == 2_000


def test_what_was_paid_before_a_kill_counts_as_paid_by_the_run(tmp_path):
    def work(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "engine.asking", str(tmp_path), "400", *arguments],
            cwd=TESTS, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode

    assert [work("90"), work("120"), work()] == [-9, -9, 0]
    report = Report.from_dict(json.loads((tmp_path / "run" / "report.json").read_text()))
    assert sums(report) == {"asked": 400, "answered": 400, "reused": 0, "failed": 0}
    calls = report.steps[0].calls
    assert calls.requests == 400
    assert calls.completion_tokens == 400_000
    assert calls.cost == pytest.approx(0.4)
    assert calls.saved_completion_tokens == 0
    assert report.spent.lost in range(
        2, 100
    )  # two kills, eight at a time, and what was not written
    assert f"up to {report.spent.lost} requests on their way at a kill may have been" in str(report)


def test_what_was_paid_before_ctrl_c_counts_as_paid_by_the_run(tmp_path):
    serving = Noted(file=tmp_path / "asked", delay=0.02, max_concurrency=10)
    plan = Asking(MemoryStorage(rows(300, 150)), serving).compile()
    stop = threading.Event()

    def notify(event, **told):
        if event == "on_progress" and sum(t.answered for t in told["update"].calls().values()) > 20:
            stop.set()

    options = {"output": tmp_path / "out.jsonl", "run_dir": tmp_path / "run", "batch_size": 40}
    with pytest.raises(RunStopped), stopped_by(stop):
        run_plan(plan, notify=notify, **options)
    report = run_plan(plan, **options)
    assert sums(report) == {"asked": 300, "answered": 150, "reused": 150, "failed": 0}
    assert report.steps[0].calls.requests == 150
    assert len((tmp_path / "asked").read_text().splitlines()) == 150
    assert report.spent.lost == 0
    again = run_plan(plan, **options)  # in which nothing is asked
    assert again.steps[0].calls == report.steps[0].calls


def test_rows_that_are_retried_count_once_and_what_both_times_cost_is_paid(tmp_path):
    cut = {f"what is {n}?": Reply("cut", "length", Usage(5, 100)) for n in range(4)}

    def script(text):
        return cut.get(text, Reply(text.upper(), "stop", Usage(5, 100)))

    first = run(tmp_path, ScriptedServing(script, price=PRICE), max_failures=10)
    assert sums(first) == {"asked": 60, "answered": 56, "reused": 0, "failed": 4}
    assert first.steps[0].calls.discarded_tokens == 400
    cut.pop("what is 0?")
    second = run(tmp_path, ScriptedServing(script, price=PRICE), max_failures=10, retry_failed=True)
    assert sums(second) == {"asked": 60, "answered": 57, "reused": 0, "failed": 3}
    cut.clear()
    third = run(tmp_path, ScriptedServing(script, price=PRICE), retry_failed=True)
    assert sums(third) == {"asked": 60, "answered": 60, "reused": 0, "failed": 0}
    calls = third.steps[0].calls
    assert calls.requests == 60 + 4 + 3
    assert (calls.completion_tokens, calls.discarded_tokens) == (6_700, 700)


def test_answers_of_another_run_are_reused_and_paid_by_that_one(tmp_path):
    run(tmp_path, scripted(), 40, run_dir=tmp_path / "one")
    report = run(tmp_path, scripted(), 60, run_dir=tmp_path / "two", fresh=True)
    assert sums(report) == {"asked": 60, "answered": 20, "reused": 40, "failed": 0}
    calls = report.steps[0].calls
    assert (calls.requests, calls.saved_completion_tokens) == (20, 4_000)
    whole = run(tmp_path, scripted(), 60, run_dir=tmp_path / "three")  # its rows are taken over
    assert whole.reused == {"answer": 60}
    assert sums(whole) == {"asked": 60, "answered": 0, "reused": 60, "failed": 0}
    assert whole.steps[0].calls.requests == 0


def test_runs_that_share_a_file_have_paid_each_for_its_own(tmp_path):
    cache = tmp_path / "shared.sqlite"
    for name, answered in (("a/run", 40), ("b/run", 20)):
        count = 40 if name == "a/run" else 60
        report = run(tmp_path, scripted(), count, run_dir=tmp_path / name, cache=cache, fresh=True)
        told = sums(report)
        assert (told["answered"], told["reused"]) == (answered, count - answered)


def test_requests_that_were_sent_again_are_counted_in_all_sittings(tmp_path):
    from dataflow_core.serving import OpenAIServing

    with FaultServer(server_error_share=0.2) as server:
        serving = OpenAIServing(model="m", base_url=server.url, max_concurrency=4)
        report = run(tmp_path, serving, 80)
        calls = report.steps[0].calls
        assert calls.asked == calls.answered == 80
        assert calls.requests == server.stats().requests > 80
        assert calls.transport_retries == calls.requests - 80
        assert report.spent.requests == calls.requests


def test_what_was_paid_is_told_where_the_last_sitting_asks_nothing(tmp_path):
    report = run(tmp_path, scripted())
    told = json.loads((tmp_path / "run" / "run.json").read_text())
    told |= {"spent": None, "state": "running"}  # as if it had been killed before it noted that
    (tmp_path / "run" / "run.json").write_text(json.dumps(told))
    again = run(tmp_path, scripted())
    assert again.reused == {"answer": 60}
    assert sums(again) == sums(report)
    assert again.spent == report.spent
