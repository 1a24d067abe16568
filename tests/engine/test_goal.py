"""Runs that want so many accepted rows: exactly these, whatever happens on the way."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pytest

from dataflow_core import MemoryStorage, RepeatedStorage
from dataflow_core.errors import BudgetReached, ConfigurationError, RunStopped
from dataflow_core.operators.general import DeduplicateExact, DeriveColumn, Explode, Want
from dataflow_core.pipeline.checks import check_plan
from dataflow_core.plugins import PluginManager, hookimpl
from dataflow_core.serving.backend import ReplyError
from dataflow_core.serving.pricing import Price
from dataflow_core.testing import ScriptedServing

from .pipelines import Steps, stopped_by
from .wanting import Wanting, is_good

TESTS = Path(__file__).parents[1]


def texts(count):
    return [{"text": f"text {number}"} for number in range(count)]


def good(count, of=20_000):
    """Return the first texts that are accepted."""
    found = [row["text"] for row in texts(of) if is_good(f"Rate: {row['text']}")]
    assert len(found) >= count
    return found[:count]


def scoring(**options):
    def score(text):
        return f"Score: {5 if is_good(text) else 2}"

    return ScriptedServing(score, **{"max_concurrency": 16, **options})


def result(tmp_path):
    return pd.read_json(tmp_path / "out.jsonl", lines=True, dtype=False)


def run(tmp_path, serving, wanted, count=2000, storage=None, **options):
    fields = {name: options.pop(name) for name in ("max_candidates",) if name in options}
    pipeline = Wanting(storage or MemoryStorage(texts(count)), serving, wanted, **fields)
    where = {"output": tmp_path / "out.jsonl", "run_dir": tmp_path / "run"}
    return pipeline.run(**{**where, **options})


def findings(report):
    return {step.step: step.findings for step in report.steps}["want"]


def test_a_run_killed_twice_ends_with_exactly_what_is_wanted_and_pays_for_nothing_twice(tmp_path):
    lines = (json.dumps(row) for row in texts(20_000))
    (tmp_path / "texts.jsonl").write_text("\n".join(lines) + "\n")

    def work(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "engine.wanting", str(tmp_path), "500", *arguments],
            cwd=TESTS, capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert work("900").returncode == -9
    assert work("1200").returncode == -9
    assert not (tmp_path / "out.jsonl").exists()
    done = work()
    assert done.returncode == 0, done.stderr
    assert result(tmp_path)["text"].tolist() == good(500)
    answered = (tmp_path / "answered").read_text().splitlines()
    # What was on its way at a kill was never answered; of the rest, nothing is asked for again.
    assert len(answered) == len(set(answered))
    assert len(set(answered)) < 1.2 * 7 * 500


@pytest.mark.parametrize("batch_size", [1, 7, 100, None])
def test_the_rows_are_the_first_ones_accepted_whatever_the_batches(tmp_path, batch_size):
    serving = scoring(delay=0.001)
    report = run(tmp_path, serving, 12, count=400, batch_size=batch_size)
    assert result(tmp_path)["text"].tolist() == good(12)
    assert report.rows_out == 12
    told = findings(report)
    place = int(good(12)[-1].split()[1])
    assert told == {
        "wanted": 12, "accepted": 12, "candidates": place + 1,
        "acceptance": round(12 / (place + 1), 4),
    }  # fmt: skip


def test_little_more_is_asked_than_it_takes(tmp_path):
    serving = scoring(delay=0.005)
    report = run(tmp_path, serving, 60, count=5000)
    assert len(serving.requests) < 1.35 * findings(report)["candidates"]
    account = report.steps[0]
    assert account.rows_in == account.rows_out == len(serving.requests)


@pytest.mark.parametrize("wanted", [1, 7, 20])
@pytest.mark.parametrize("batch_size", [10, None])
def test_where_all_are_good_hardly_more_is_asked_than_is_wanted(tmp_path, wanted, batch_size):
    serving = ScriptedServing(lambda _: "Score: 5", max_concurrency=64, delay=0.01)
    run(tmp_path, serving, wanted, batch_size=batch_size)
    assert len(result(tmp_path)) == wanted
    assert len(serving.requests) <= wanted * 1.1 + 1


def test_a_server_that_holds_some_rows_up_does_not_have_others_asked_for(tmp_path):
    held = {f"Rate: text {number}" for number in (3, 17)}

    def score(request):
        text = request.messages[-1]["content"]
        if text in held:
            held.discard(text)
            return ReplyError("rate_limit", "not now", retry_after=1.5)
        return "Score: 5"

    serving = ScriptedServing(score, max_concurrency=16, delay=0.005)
    run(tmp_path, serving, 20, count=5000)
    assert result(tmp_path)["text"].tolist() == [f"text {number}" for number in range(20)]
    assert len(serving.requests) <= 26


def test_who_wants_more_afterwards_goes_on_from_what_is_there(tmp_path):
    serving = scoring()
    run(tmp_path, serving, 10)
    before = len(serving.requests)
    run(tmp_path, serving, 40)
    assert result(tmp_path)["text"].tolist() == good(40)
    asked = [request.messages[-1]["content"] for request in serving.requests]
    assert len(asked) == len(set(asked)) > before
    run(tmp_path, serving, 15)
    assert result(tmp_path)["text"].tolist() == good(15)
    assert len(serving.requests) == len(asked)


def test_nothing_is_done_again_where_enough_is_there(tmp_path):
    serving = scoring()
    run(tmp_path, serving, 10)
    before = len(serving.requests)
    report = run(tmp_path, serving, 10)
    assert (report.rows_out, len(serving.requests)) == (10, before)
    assert findings(report)["accepted"] == 10


def test_a_source_that_ends_first_gives_what_there_is(tmp_path):
    report = run(tmp_path, scoring(), 50, count=100)
    told = findings(report)
    expected = [one for one in good(50) if int(one.split()[1]) < 100]
    assert result(tmp_path)["text"].tolist() == expected
    assert (told["accepted"], told["candidates"]) == (len(expected), 100)


def test_a_limit_of_candidates_is_never_exceeded_and_can_be_raised(tmp_path):
    serving = scoring()
    report = run(tmp_path, serving, 50, max_candidates=100)
    assert len(serving.requests) == 100
    assert findings(report)["candidates"] == 100
    report = run(tmp_path, serving, 20, max_candidates=1000)
    assert result(tmp_path)["text"].tolist() == good(20)
    asked = [request.messages[-1]["content"] for request in serving.requests]
    assert len(asked) == len(set(asked))


def test_a_budget_stops_on_the_way_and_a_larger_one_goes_on(tmp_path):
    serving = scoring(price=Price(1.0, 1.0), max_concurrency=4, max_tokens=5)
    with pytest.raises(BudgetReached):
        run(tmp_path, serving, 20, budget="600tok")
    before = len(serving.requests)
    assert 0 < before < 500
    run(tmp_path, serving, 20, budget="200000tok")
    assert result(tmp_path)["text"].tolist() == good(20)
    asked = [request.messages[-1]["content"] for request in serving.requests]
    assert len(asked) == len(set(asked))


def test_a_stopped_run_goes_on(tmp_path):
    halting = scoring(delay=0.002)
    halted = threading.Event()

    def watch():
        while len(halting.requests) < 60:
            time.sleep(0.002)
        halted.set()

    thread = threading.Thread(target=watch)
    thread.start()
    with pytest.raises(RunStopped), stopped_by(halted):
        run(tmp_path, halting, 60)
    thread.join()
    run(tmp_path, halting, 60)
    assert result(tmp_path)["text"].tolist() == good(60)
    asked = [request.messages[-1]["content"] for request in halting.requests]
    assert len(asked) == len(set(asked))


def test_rounds_make_more_candidates_of_the_same_rows(tmp_path):
    serving = scoring(temperature=0.8)
    seeds = RepeatedStorage(MemoryStorage(texts(40)), rounds=10)
    report = run(tmp_path, serving, 30, storage=seeds)
    kept = result(tmp_path)["text"].tolist()
    once = [row["text"] for row in texts(40) if is_good(f"Rate: {row['text']}")]
    assert kept == (once * 10)[:30]
    # Each round asks for answers of its own.
    assert len(serving.requests) >= findings(report)["candidates"]


def test_it_ends_early_without_models_too(tmp_path):
    double = (DeriveColumn(expression="n * 2"), {"output_column": "m"})
    steps = Steps(
        MemoryStorage([{"n": n} for n in range(50_000)]),
        double, (Want(rows=3, where="m >= 10"), {}),
    )  # fmt: skip
    report = steps.run(tmp_path / "out.jsonl", run_dir=tmp_path / "run", batch_size=100)
    assert result(tmp_path)["n"].tolist() == [5, 6, 7]
    assert report.rows_in == 100


def test_behind_steps_that_need_all_rows_all_are_read_and_the_result_is_exact(tmp_path):
    rows = MemoryStorage([{"n": n % 50} for n in range(500)])
    steps = Steps(rows, (DeduplicateExact(), {}), (Want(rows=4, where="n > 3"), {}))
    report = steps.run(tmp_path / "out.jsonl", run_dir=tmp_path / "run")
    assert result(tmp_path)["n"].tolist() == [4, 5, 6, 7]
    assert report.rows_in == 500


def test_rows_made_of_others_count_each(tmp_path):
    rows = MemoryStorage([{"n": [3 * n, 3 * n + 1, 3 * n + 2]} for n in range(100)])
    want = Want(rows=5, where="n % 2 = 1")
    steps = Steps(rows, (Explode(), {"input_list": "n"}), (want, {}))
    report = steps.run(tmp_path / "out.jsonl", run_dir=tmp_path / "run", batch_size=2)
    assert result(tmp_path)["n"].tolist() == [1, 3, 5, 7, 9]
    assert report.rows_in < 100


def test_progress_forecasts_what_it_takes(tmp_path):
    told = []

    class Watching:
        @hookimpl
        def dataflow_on_progress(self, update):
            if update.goal is not None:
                told.append((update.goal, update.total))

    plugins = PluginManager(discover=False)
    plugins.observe(Watching(), "watching")
    run(tmp_path, scoring(delay=0.002), 40, count=3000, notify=plugins.notify)
    late = [(goal, total) for goal, total in told if goal.accepted >= 20]
    assert late
    for goal, total in late:
        assert goal.acceptance.low < 1 / 7 < goal.acceptance.high
        assert 100 < total < 700
    assert str(late[-1][0]).startswith(f"{min(40, late[-1][0].accepted)} of 40 accepted, ")


@pytest.mark.parametrize(("options", "told"), [({}, 1), ({"temperature": 0.7}, 0)])
def test_rounds_that_have_the_same_answers_are_warned_of(options, told):
    seeds = RepeatedStorage(MemoryStorage(texts(4)), rounds=3)
    plan = Wanting(seeds, scoring(**options), 3).compile()
    problems = [one for one in check_plan(plan, seeds.columns()) if one.code == "equal_rounds"]
    assert [one.level for one in problems] == ["warning"] * told
    once = Wanting(MemoryStorage(texts(4)), scoring(**options), 3).compile()
    assert not [one for one in check_plan(once, None) if one.code == "equal_rounds"]


@pytest.mark.parametrize("rounds", [0, -1, True, 2.0])
def test_rounds_are_a_number_from_one_on(rounds):
    with pytest.raises(ConfigurationError, match="rounds is"):
        RepeatedStorage(MemoryStorage([]), rounds)


def test_an_estimate_tells_how_much_of_the_source_it_takes():
    from dataflow_core.engine import estimate_plan

    source = MemoryStorage([{"n": n} for n in range(10_000)])
    double = (DeriveColumn(expression="n * 2"), {"output_column": "m"})
    plan = Steps(source, double, (Want(rows=200, where="m % 14 = 0"), {})).compile()
    told = estimate_plan(plan, rows=400)
    assert told.rows.low < 1400 < told.rows.high < 10_000
    assert any("about" in note and "for 200" in note for note in told.notes)
    none = Steps(source, double, (Want(rows=5, where="m < 0"), {})).compile()
    told = estimate_plan(none, rows=400)
    assert told.rows.value == 10_000
    assert any("no row of the sample is accepted" in note for note in told.notes)
