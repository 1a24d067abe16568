"""Runs whose steps ask models: many rows at a time, nothing paid for twice, and a good end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pandas as pd
import pytest

from dataflow_core import MemoryStorage, Pipeline
from dataflow_core.engine import run_plan
from dataflow_core.engine.call_texts import money
from dataflow_core.engine.interrupts import stop_at_once
from dataflow_core.engine.report import Report
from dataflow_core.errors import (
    BudgetReached,
    ConfigurationError,
    OperatorError,
    PlanError,
    RunError,
    RunStopped,
    ServingError,
)
from dataflow_core.operators.general import Apply, Concatenate
from dataflow_core.serving.backend import Reply, ReplyError
from dataflow_core.serving.completion import Usage
from dataflow_core.serving.pricing import Price
from dataflow_core.serving.store import RequestStore
from dataflow_core.serving.tally import Tally
from dataflow_core.testing import ScriptedServing

from .asking import Answer, Asking, Judge, Kept, Noted, Topics, Unusual
from .pipelines import Steps, stopped_by

TESTS = Path(__file__).parents[1]
PRICE = Price(1.0, 1.0)  # a dollar for a million tokens


def rows(count):
    return [{"n": n, "question": f"what is {n}?"} for n in range(count)]


def run(tmp_path, steps, count=100, **options):
    options = {"output": tmp_path / "out.jsonl", "run_dir": tmp_path / "run", **options}
    return Steps(MemoryStorage(rows(count)), *steps).run(**options)


def result(tmp_path):
    return pd.read_json(tmp_path / "out.jsonl", lines=True, dtype=False)


def asked_of(serving):
    return [request.messages[-1]["content"] for request in serving.requests]


@pytest.mark.parametrize("batch_size", [1, 7, 64, None])
def test_answers_stand_with_their_questions_whatever_the_batch_size(batch_size, tmp_path):
    def script(text):
        number = int("".join(filter(str.isdigit, text)))
        time.sleep(number % 3 * 0.0003)  # so that pieces overtake each other
        return text.upper()

    serving = ScriptedServing(script, max_concurrency=8)
    steps = [(Kept(folder=str(tmp_path)), {}), (Answer(serving=serving), {})]
    report = run(tmp_path, steps, 120, batch_size=batch_size, commit_seconds=0)
    table = result(tmp_path)
    assert table["n"].tolist() == list(range(0, 120, 2))
    assert table["answer"].tolist() == [f"WHAT IS {n}?" for n in range(0, 120, 2)]
    assert report.steps[1].calls.asked == 60
    ids = pd.read_parquet(tmp_path / "run" / "ledger.parquet")
    assert sorted(ids["fate"].value_counts().items()) == [("dropped", 60), ("output", 60)]


def test_many_rows_are_on_their_way_and_as_many_as_the_serving_takes(tmp_path):
    serving = Noted(file=tmp_path / "asked", delay=0.02, max_concurrency=40)
    run(tmp_path, [(Answer(serving=serving), {})], 400)
    assert serving.most == 40


def test_a_filter_that_leaves_few_rows_does_not_leave_the_model_idle(tmp_path):
    class Rare(Kept):
        def run(self, storage, input_number: str = "n"):
            table = storage.read([input_number])
            storage.drop(table.index[table[input_number] % 50 > 0], "common")

    serving = Noted(file=tmp_path / "asked", delay=0.2, max_concurrency=32)
    run(tmp_path, [(Rare(folder=""), {}), (Answer(serving=serving), {})], 6400)
    assert len((tmp_path / "asked").read_text().splitlines()) == 128
    assert serving.most > 20  # of three times as many rows as it takes questions, two ask


def test_a_failure_is_a_row_in_quarantine_with_the_raw_answer(tmp_path):
    def script(text):
        if "what is 3?" in text:
            return ReplyError("request", "this one I do not answer", status=400)
        return (
            "no idea" if text == "score: WHAT IS 5?" else ("7" if "score" in text else text.upper())
        )

    serving = ScriptedServing(script)
    steps = [(Answer(serving=serving), {}), (Judge(serving=serving), {})]
    report = run(tmp_path, steps, 20, max_failures=5)
    assert result(tmp_path)["n"].tolist() == [n for n in range(20) if n not in (3, 5)]
    failed = {one.step: one for one in report.samples}
    assert (failed["answer"].reason, failed["judge"].reason) == ("invalid_request", "no_number")
    assert failed["judge"].value == "no idea"
    assert [step.calls.failed for step in report.steps] == [1, 0]


def test_an_operator_that_raises_loses_one_row_and_asks_for_no_answer_twice(tmp_path):
    class Clumsy(Answer):
        def run(self, storage, input_question: str = "question", output_answer: str = "answer"):
            table = storage.read([input_question])
            found = self.serving.generate_from_input(table[input_question].tolist())
            if any(one.text == "WHAT IS 13?" for one in found):
                raise ValueError("thirteen")
            storage.write(table.assign(**{output_answer: [one.text for one in found]}))

    serving = ScriptedServing(str.upper)
    report = run(tmp_path, [(Clumsy(serving=serving), {})], 60)
    assert report.steps[0].reasons == {"ValueError": 1}
    assert report.rows_out == 59
    assert len(serving.requests) == 60


def test_an_operator_that_breaks_its_contract_ends_the_run_with_what_was_done(tmp_path):
    class Losing(Answer):
        def run(self, storage, input_question: str = "question", output_answer: str = "answer"):
            table = storage.read([input_question])
            found = self.serving.generate_from_input(table[input_question].tolist())
            table[output_answer] = [one.text for one in found]
            storage.write(table[table[output_answer] != "WHAT IS 39?"])

    serving = ScriptedServing(str.upper, max_concurrency=1)
    steps = [(Losing(serving=serving), {})]
    with pytest.raises(OperatorError, match="rows were lost"):
        run(tmp_path, steps, 200, batch_size=10, commit_seconds=0)
    journal = (tmp_path / "run" / "journals" / "losing.jsonl").read_text().splitlines()
    assert sum(json.loads(line)["read"] for line in journal[1:]) >= 30


def test_steps_that_ask_no_model_are_never_in_two_threads_at_a_time(tmp_path):
    serving = ScriptedServing(str.upper, max_concurrency=64)
    steps = [(Answer(serving=serving), {}), (Kept(folder=str(tmp_path)), {})]
    run(tmp_path, steps, 600, batch_size=20)  # Kept fails if they are
    assert len(result(tmp_path)) == 300


def test_two_steps_share_one_serving_and_its_limit(tmp_path):
    serving = Noted(file=tmp_path / "asked", delay=0.005, max_concurrency=3)
    again = {"input_question": "answer", "output_answer": "again"}
    steps = [(Answer(serving=serving), {}), (Answer(serving=serving), again)]
    report = run(tmp_path, steps, 60)
    assert [step.calls.answered for step in report.steps] == [60, 60]
    assert serving.most == 3
    assert not serving.is_open


def test_a_serving_that_was_open_before_the_run_stays_open(tmp_path):
    with ScriptedServing(str.upper) as serving:
        serving.generate_from_input(["warm up"])
        run(tmp_path, [(Answer(serving=serving), {})])
        assert serving.is_open


def test_two_runs_share_a_serving_and_the_last_of_them_closes_it(tmp_path):
    serving = ScriptedServing(str.upper, delay=0.02, max_concurrency=4)
    reports = {}

    def go(name, count):
        folder = tmp_path / name
        folder.mkdir()
        reports[name] = run(folder, [(Answer(serving=serving), {})], count)

    threads = [threading.Thread(target=go, args=one) for one in (("long", 200), ("short", 8))]
    for thread in threads:
        thread.start()
    threads[1].join()
    assert reports["short"].rows_out == 8
    assert serving.is_open
    assert "long" not in reports
    threads[0].join()
    assert reports["long"].rows_out == 200
    assert not serving.is_open


class InThreads(Answer):
    """Asks from threads of its own, which know nothing of the run."""

    def run(self, storage, input_question: str = "question", output_answer: str = "answer"):
        table = storage.read([input_question])
        with ThreadPoolExecutor(4) as threads:
            asked = ([question] for question in table[input_question])
            found = list(threads.map(self.serving.generate_from_input, asked))
        table[output_answer] = [one.cell() for (one,) in found]
        storage.write(table)


def test_what_threads_of_an_operator_ask_is_kept_counted_and_within_the_budget(tmp_path):
    serving = Noted(file=tmp_path / "asked", max_tokens=1000, max_concurrency=4)
    steps = [(InThreads(serving=serving), {})]
    with pytest.raises(BudgetReached, match=r"budget of \$0\.05 is reached"):
        run(tmp_path, steps, 100, budget=0.05)
    assert len((tmp_path / "asked").read_text().splitlines()) == 50
    report = run(tmp_path, steps, 100, budget=1.0)
    assert len(set((tmp_path / "asked").read_text().splitlines())) == 100
    calls = report.steps[0].calls
    assert (calls.requests, calls.completion_tokens) == (100, 100_000)
    assert calls.answered == 100
    assert report.rows_out == 100


def test_what_a_sketch_asks_is_counted_and_found(tmp_path):
    serving = ScriptedServing(lambda text: "even" if int(text.split()[-1][:-1]) % 2 == 0 else "odd")
    report = run(tmp_path, [(Topics(serving=serving), {})], 50)
    assert report.steps[0].findings["topics"] == {"even": 25, "odd": 25}
    assert report.steps[0].calls.answered == 50


def test_what_a_decision_asked_is_counted_also_after_a_stop(tmp_path):
    serving = ScriptedServing(lambda text: text[-2:])  # ten kinds, such as "7?"
    broken = {"now": True}

    def fragile(table):
        if broken["now"]:
            raise ValueError("not yet")
        return table

    steps = [(Unusual(serving=serving), {}), (Apply(func=fragile), {})]
    with pytest.raises(RunError, match="not yet"):
        run(tmp_path, steps, 50, max_failures=0)
    broken["now"] = False
    report = run(tmp_path, steps, 50, max_failures=0)
    assert len(serving.requests) == 50
    assert (report.steps[0].calls.answered, report.steps[0].calls.reused) == (50, 0)
    assert (report.steps[0].reasons, report.rows_out) == ({"usual": 40}, 10)


def test_a_run_that_is_killed_asks_nothing_again_that_was_answered(tmp_path):
    def work(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "engine.asking", str(tmp_path), "400", *arguments],
            cwd=TESTS, capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert work("90").returncode == -9
    done = work()
    assert done.returncode == 0, done.stderr
    asked = (tmp_path / "asked").read_text().splitlines()
    assert len(set(asked)) == 400
    assert len(asked) <= 400 + 8  # of those that were on their way, no answer had come
    answers = result(tmp_path)["answer"].tolist()
    assert answers == [f"WHAT IS {n}?" for n in range(400)]
    calls = json.loads(done.stdout)
    assert calls["asked"] == 400
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["spent"]["answered"] == 400


def test_who_stops_a_run_waits_for_answers_that_are_on_their_way_and_keeps_them(tmp_path):
    serving = Noted(file=tmp_path / "asked", delay=0.05, max_concurrency=10)
    plan = Asking(MemoryStorage(rows(300)), serving).compile()
    stop = threading.Event()

    def notify(event, **told):
        if event == "on_progress" and sum(t.answered for t in told["update"].calls().values()) > 20:
            stop.set()

    options = {"output": tmp_path / "out.jsonl", "run_dir": tmp_path / "run"}
    with pytest.raises(RunStopped), stopped_by(stop):
        run_plan(plan, notify=notify, **options)
    asked = (tmp_path / "asked").read_text().splitlines()
    with RequestStore(tmp_path / "run" / "requests.sqlite") as store:
        assert store.spent().answers == len(asked) == len(set(asked)) < 300
    report = run_plan(plan, **options)
    asked = (tmp_path / "asked").read_text().splitlines()
    assert len(asked) == len(set(asked)) == 300
    # What was paid for rows that were not through is counted as well.
    calls = report.steps[0].calls
    assert (calls.asked, calls.requests, calls.completion_tokens) == (300, 300, 300_000)
    assert calls.cost == pytest.approx(0.3)


@pytest.mark.parametrize("interrupts", [1, 2])
def test_nothing_is_written_after_a_run_that_was_stopped_at_once(tmp_path, interrupts):
    held, release = threading.Semaphore(0), threading.Event()

    class Waiting(Answer):
        def run(self, storage, input_question: str = "question", output_answer: str = "answer"):
            super().run(storage, input_question, output_answer)
            held.release()
            release.wait(20)

    def interrupt():
        held.acquire(timeout=20)
        for _ in range(interrupts):
            time.sleep(0.3)  # the second comes while the run waits for its threads
            os.kill(os.getpid(), signal.SIGINT)

    def files():
        return sorted(path for path in (tmp_path / "run").rglob("*") if path.is_file())

    before = set(threading.enumerate())
    threading.Thread(target=interrupt).start()
    at_once = stop_at_once() if interrupts == 1 else nullcontext()
    steps = [(Waiting(serving=ScriptedServing(str.upper)), {})]
    with at_once, pytest.raises(RunStopped, match="Interrupted"):
        run(tmp_path, steps, 40, batch_size=10)
    left = files()
    release.set()
    for thread in set(threading.enumerate()) - before:
        if thread.name == "dataflow-hand":
            thread.join(10)
    assert files() == left


def test_an_error_that_concerns_all_rows_stops_at_once_and_names_the_step(tmp_path):
    def script(text):
        if text == "what is 40?":
            return ReplyError("fatal", "401: the key is wrong")
        return text.upper()

    serving = ScriptedServing(script, max_concurrency=2, delay=0.001)
    with pytest.raises(ServingError, match=r"step 'answer': .*the key is wrong"):
        run(tmp_path, [(Answer(serving=serving), {})], 1000, batch_size=10, commit_seconds=0)
    assert len(serving.requests) < 60
    good = ScriptedServing(str.upper)
    report = run(tmp_path, [(Answer(serving=good), {})], 1000, batch_size=10)
    assert len(good.requests) <= 1000 - 30
    assert report.rows_out == 1000


def test_a_budget_stops_the_run_which_goes_on_with_a_larger_one(tmp_path):
    serving = Noted(file=tmp_path / "asked", max_tokens=1000, max_concurrency=4)
    steps = [(Answer(serving=serving), {})]
    with pytest.raises(BudgetReached, match=r"budget of \$0\.05 is reached.* rows are done"):
        run(tmp_path, steps, 100, budget=0.05)
    assert len((tmp_path / "asked").read_text().splitlines()) == 50  # at 0.1 cents each
    asked = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (asked["state"], asked["options"]["budget"]) == ("interrupted", "0.05")
    assert asked["spent"]["cost"] == pytest.approx(0.05)
    with pytest.raises(BudgetReached):  # what was spent counts
        run(tmp_path, steps, 100, budget="$0.05")
    assert len((tmp_path / "asked").read_text().splitlines()) == 50
    report = run(tmp_path, steps, 100, budget=1)
    assert len((tmp_path / "asked").read_text().splitlines()) == 100
    assert report.steps[0].calls.cost == pytest.approx(0.1)
    assert report.spent is not None
    assert report.spent.cost == pytest.approx(0.1)


def test_a_budget_of_dollars_needs_prices_before_anything_is_asked(tmp_path):
    serving = ScriptedServing(str.upper)
    with pytest.raises(ConfigurationError, match="needs the price of 'scripted'"):
        run(tmp_path, [(Answer(serving=serving), {})], budget=5)
    assert not serving.requests


def test_retried_rows_ask_again_where_the_answer_was_of_no_use(tmp_path):
    answers = {"what is 4?": Reply("cut sho", "length", Usage(1, 1))}
    serving = ScriptedServing(lambda text: answers.get(text, text.upper()))
    steps = [(Answer(serving=serving), {})]
    report = run(tmp_path, steps, 20)
    assert report.steps[0].reasons == {"truncated": 1}
    answers.clear()
    serving = ScriptedServing(lambda text: answers.get(text, text.upper()))
    report = run(tmp_path, [(Answer(serving=serving), {})], 20, retry_failed=True)
    assert asked_of(serving) == ["what is 4?"]
    assert result(tmp_path)["answer"].tolist() == [f"WHAT IS {n}?" for n in range(20)]


def test_answers_of_runs_beside_are_taken_and_not_asked_for(tmp_path):
    run(tmp_path, [(Answer(serving=ScriptedServing(str.upper)), {})], 50, run_dir=tmp_path / "a")
    serving = ScriptedServing(str.upper)
    steps = [(Kept(folder=str(tmp_path)), {}), (Answer(serving=serving), {})]
    report = run(tmp_path, steps, 100, run_dir=tmp_path / "b", fresh=True)
    assert len(serving.requests) == 25
    assert (report.steps[1].calls.reused, report.steps[1].calls.answered) == (25, 25)


def test_fresh_begins_again_but_pays_for_nothing_twice(tmp_path):
    serving = ScriptedServing(str.upper)
    steps = [(Answer(serving=serving), {})]
    run(tmp_path, steps, 50)
    report = run(tmp_path, steps, 50, fresh=True)
    assert len(serving.requests) == 50
    assert not report.reused
    calls = report.steps[0].calls
    assert (calls.asked, calls.answered, calls.requests) == (50, 50, 50)


def test_several_runs_share_a_store_that_is_named(tmp_path):
    cache = tmp_path / "shared.sqlite"
    for place in ("here", "there"):
        serving = ScriptedServing(str.upper)
        folder = tmp_path / place / "run"
        run(tmp_path, [(Answer(serving=serving), {})], 50, run_dir=folder, cache=cache, fresh=True)
        assert not (folder / "requests.sqlite").exists()
        assert len(serving.requests) == (50 if place == "here" else 0)
        # A report of which nothing was asked can be read again as well.
        told = json.loads((folder / "report.json").read_text())
        assert Report.from_dict(told).spent is not None


@pytest.mark.parametrize(
    ("again", "asked"), [("truncated", [4]), ("failed", [4]), ("all", range(10))]
)
def test_asking_again_asks_for_what_is_named_and_does_again_what_is_made_of_it(
    again, asked, tmp_path
):
    cut = Reply("cut sho", "length", Usage(1, 1))
    answers = {"what is 4?": cut}

    def serving():
        return ScriptedServing(lambda text: answers.get(text, text.upper()), accept_truncated=True)

    def steps(serving):
        return [(Answer(serving=serving), {}), (Kept(folder=str(tmp_path)), {})]

    run(tmp_path, steps(serving()), 10)
    assert "cut sho" in result(tmp_path)["answer"].tolist()
    answers.clear()
    second = serving()
    report = run(tmp_path, steps(second), 10, ask_again=again)
    assert sorted(asked_of(second)) == sorted(f"what is {n}?" for n in asked)
    assert "WHAT IS 4?" in result(tmp_path)["answer"].tolist()
    assert "answer: models were asked again" in report.changes
    third = serving()
    run(tmp_path, steps(third), 10)  # and then all is as it should be
    assert not third.requests
    assert "WHAT IS 4?" in result(tmp_path)["answer"].tolist()


def test_asking_again_takes_a_step_that_asks(tmp_path):
    with pytest.raises(ConfigurationError, match="no step of steps asks a model"):
        run(tmp_path, [(Kept(folder=str(tmp_path)), {})], ask_again="all")


def test_another_model_is_told_and_another_concurrency_is_not(tmp_path):
    def with_one(**fields):
        serving = ScriptedServing({f"what is {n}?": str(n) for n in range(10)}, **fields)
        return run(tmp_path, [(Answer(serving=serving), {})], 10)

    with_one()
    assert with_one(max_concurrency=3, timeout=5, price=PRICE).reused == {"answer": 10}
    report = with_one(model="other", temperature=0.5)
    assert report.changes == (
        "answer: serving.model 'scripted' -> 'other'",
        "answer: serving.sampling.temperature 0.0 -> 0.5",
    )
    assert not report.reused


def test_too_many_failures_stop_the_run_while_others_are_on_their_way(tmp_path):
    serving = ScriptedServing(lambda text: ReplyError("request", "never"), delay=0.001)
    with pytest.raises(RunError, match="rows failed"):
        run(tmp_path, [(Answer(serving=serving), {})], 5000, batch_size=10)
    assert len(serving.requests) < 5000


def test_a_time_limit_for_steps_is_said_not_to_hold_where_models_are_asked(tmp_path):
    serving = ScriptedServing(str.upper)
    with pytest.warns(RuntimeWarning, match=r"answer: .*ask models"):
        run(tmp_path, [(Answer(serving=serving), {})], 10, workers=2, step_timeout=60)


def test_branches_ask_one_serving_side_by_side(tmp_path):
    class Forked(Pipeline):
        def __init__(self, storage, serving):
            super().__init__(storage)
            self.left, self.right = Answer(serving=serving), Answer(serving=serving)

        def forward(self):
            branch = self.storage.fork()
            self.left.run(self.storage)
            self.right.run(branch, output_answer="other")
            self.storage.extend(branch)

    serving = ScriptedServing(str.upper, max_concurrency=4)
    with pytest.raises(PlanError):
        Forked(MemoryStorage(rows(3)), serving).run(run_dir=tmp_path / "no")

    class Joined(Forked):
        def __init__(self, storage, serving):
            super().__init__(storage, serving)
            self.together = Concatenate()

        def forward(self):
            branch = self.storage.fork()
            self.left.run(self.storage)
            self.right.run(branch)
            self.together.run(self.storage, input_table=branch)

    report = Joined(MemoryStorage(rows(50)), serving).run(
        run_dir=tmp_path / "run", output=tmp_path / "out.jsonl", workers=2
    )
    assert report.rows_out == 100
    assert len(serving.requests) == 50  # equal questions are asked once
    calls = [step.calls for step in report.steps]
    assert calls[0].answered + calls[1].answered == 50
    assert calls[0].reused + calls[1].reused == 50


def test_a_notebook_needs_no_engine(tmp_path):
    storage = MemoryStorage(rows(3))
    pipeline = Asking(storage, ScriptedServing(str.upper))
    pipeline.forward()
    assert [row["answer"] for row in storage.rows()] == ["WHAT IS 0?", "WHAT IS 1?", "WHAT IS 2?"]
    pipeline.answer.serving.close()


def test_reports_tell_what_was_asked_also_of_runs_that_were_read_again(tmp_path):
    from dataflow_core.engine.report import Report

    serving = Noted(file=tmp_path / "asked")
    report = run(tmp_path, [(Answer(serving=serving), {})], 10)
    told = json.loads((tmp_path / "run" / "report.json").read_text())
    read = Report.from_dict(told)
    assert read.steps[0].calls == report.steps[0].calls
    (head, line) = read.calls().splitlines()
    assert head.split()[:4] == ["step", "asked", "reused", "failed"]
    assert line.split()[:8] == ["answer", "10", "0", "0", "10", "50", "10,000", "0"]
    assert "$0.01" in str(read)
    page = (tmp_path / "run" / "report.html").read_text()
    assert "10,000" in page
    assert "$0.01" in page


def test_progress_tells_of_answers_while_a_piece_is_on_its_way(tmp_path):
    heard = []

    def notify(event, **told):
        if event == "on_progress":
            update = told["update"]
            heard.append((update.rows, sum(one.answered for one in update.calls().values())))

    serving = ScriptedServing(str.upper, max_concurrency=1, delay=0.1)
    plan = Asking(MemoryStorage(rows(12)), serving).compile()
    run_plan(plan, run_dir=tmp_path / "run", notify=notify)
    assert any(rows == 0 and 0 < answers < 12 for rows, answers in heard)
    assert heard[-1] == (12, 12)


@pytest.mark.parametrize(
    ("cost", "unpriced", "told"),
    [(0, 0, "$0.00"), (1234.5, 0, "$1,234.50"), (0.25, 0, "$0.25"), (0.000059, 0, "$0.000059"),
     (0, 3, "-"), (2, 3, "$2.00+")],
)  # fmt: skip
def test_money_is_told_as_people_write_it(cost, unpriced, told):
    assert money(Tally(cost=cost, unpriced=unpriced)) == told
