"""Runs against a server that fails as it is told: nothing is lost, misplaced, or paid for twice."""

import signal
import subprocess
import sys
import textwrap
import threading
import time
import zlib
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from dataflow_core import Evaluator, Filter, Generator, MemoryStorage, Pipeline
from dataflow_core.errors import ServingRefused
from dataflow_core.serving import OpenAIServing, Serving
from dataflow_core.testing import FaultServer

KEY = "sk-this-must-be-nowhere"


class Ask(Generator):
    """Ask the model about each text."""

    serving: Serving

    def run(self, storage, input_text="text", output_answer="answer"):
        table = storage.read()
        answers = self.serving.generate_from_input(table[input_text].tolist())
        table[output_answer] = [answer.cell() for answer in answers]
        storage.write(table)


class Length(Evaluator):
    """Count the letters of an answer."""

    def run(self, storage, input_answer="answer", output_length="length"):
        table = storage.read()
        table[output_length] = table[input_answer].str.len()
        storage.write(table)


class Asking(Pipeline):
    def __init__(self, storage, serving):
        super().__init__(storage)
        self.ask = Ask(serving=serving)
        self.length = Length()

    def forward(self):
        self.ask.run(self.storage)
        self.length.run(self.storage)


def rows(number):
    return [{"id": n, "text": f"question {n}"} for n in range(number)]


def is_answer(text, answer):
    return answer.startswith(f"ok:{zlib.crc32(text.encode())}")


def ends(folder):
    ledger = pq.read_table(folder / "ledger.parquet").to_pandas()
    return ledger["fate"].value_counts().to_dict()


def test_with_a_fifth_of_all_requests_failing_every_row_ends_in_its_place(tmp_path):
    shares = {
        "rate_limit_share": 0.05, "server_error_share": 0.05, "drop_share": 0.03,
        "truncate_share": 0.03, "empty_share": 0.03, "hang_share": 0.01, "bad_request_share": 0.01,
    }  # fmt: skip
    with FaultServer(retry_after=0.05, api_key=KEY, keep=10, **shares) as server:
        serving = OpenAIServing(
            model="m", base_url=server.url, api_key=KEY, max_concurrency=128, timeout=1.0
        )
        pipeline = Asking(MemoryStorage(rows(10_000)), serving)
        output = tmp_path / "out.parquet"
        report = pipeline.run(output, run_dir=tmp_path / "run")
    step = report.steps[0]
    answered = pd.read_parquet(output)
    assert step.rows_in == 10_000
    assert step.quarantined == 10_000 - len(answered) >= 50
    assert set(step.reasons) <= {
        "invalid_request", "server_error", "connection_lost", "timeout", "broken_answer",
        "empty_answer", "rate_limited",
    }  # fmt: skip
    assert answered["id"].is_monotonic_increasing
    pairs = zip(answered["text"], answered["answer"], strict=True)
    assert all(is_answer(text, answer) for text, answer in pairs)
    assert sum(ends(tmp_path / "run").values()) == 10_000
    assert step.calls.transport_retries and step.calls.rate_limit_retries  # noqa: PT018
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("faults", "message"),
    [({"api_key": "other"}, "API key"), ({"models": ("n",)}, "no such model")],
)
def test_a_server_that_refuses_everything_ends_the_run_at_once(tmp_path, faults, message):
    with FaultServer(**faults) as server:
        serving = OpenAIServing(model="m", base_url=server.url, api_key=KEY, max_concurrency=8)
        pipeline = Asking(MemoryStorage(rows(5_000)), serving)
        with pytest.raises(ServingRefused, match=message) as caught:
            pipeline.run(run_dir=tmp_path / "run")
        assert server.stats().requests < 100
    assert "step 'ask'" in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_server_that_dies_in_the_middle_and_comes_back_costs_no_row(tmp_path):
    with FaultServer(latency=0.01) as server:
        serving = OpenAIServing(model="m", base_url=server.url, max_concurrency=32)
        pipeline = Asking(MemoryStorage(rows(2_000)), serving)

        def outage():
            while server.stats().answered < 700:
                time.sleep(0.005)
            server.stop()
            time.sleep(1.0)
            server.start()

        thread = threading.Thread(target=outage)
        thread.start()
        report = pipeline.run(tmp_path / "out.parquet", run_dir=tmp_path / "run")
        thread.join()
    answered = pd.read_parquet(tmp_path / "out.parquet")
    assert report.rows_out == len(answered) == 2_000
    assert all(map(is_answer, answered["text"], answered["answer"]))


SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
from test_faulty_server import Asking, rows
from dataflow_core import MemoryStorage
from dataflow_core.serving import OpenAIServing
serving = OpenAIServing(model="m", base_url={url!r}, max_concurrency=32)
Asking(MemoryStorage(rows({number})), serving).run({output!r}, run_dir={run!r})
"""


def start(server, tmp_path, number):
    script = textwrap.dedent(SCRIPT).format(
        folder=str(Path(__file__).parent), url=server.url, number=number,
        output=str(tmp_path / "out.parquet"), run=str(tmp_path / "run"),
    )  # fmt: skip
    return subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE)


@pytest.mark.parametrize("pauses", [True, False])
def test_a_run_that_is_killed_half_way_pays_for_no_answer_again(tmp_path, pauses):
    number = 3_000
    with FaultServer(latency=0.01) as server:
        process = start(server, tmp_path, number)
        while server.stats().answered < number / 2:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.002)
        if pauses:  # so that what was sent has arrived
            server.pause()
            time.sleep(0.3)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        server.resume()
        process = start(server, tmp_path, number)
        _, errors = process.communicate()
        assert process.returncode == 0, errors
        stats = server.stats()
    answered = pd.read_parquet(tmp_path / "out.parquet")
    assert len(answered) == number
    assert all(map(is_answer, answered["text"], answered["answer"]))
    # Without the pause, answers that were on their way go down with the process: not read yet, or
    # not written yet, which takes milliseconds, more on a busy machine.
    assert stats.answers_repeated <= (0 if pauses else 3 * 32)
    assert stats.answered == number + stats.answers_repeated


def test_what_was_answered_before_a_filter_changed_is_not_asked_again(tmp_path):
    class Keep(Filter):
        least: int

        def run(self, storage, input_length="length"):
            table = storage.read()
            short = table.index[table[input_length] < self.least]
            storage.drop(short, "short")

    class Filtering(Asking):
        def __init__(self, storage, serving, least):
            super().__init__(storage, serving)
            self.keep = Keep(least=least)

        def forward(self):
            super().forward()
            self.keep.run(self.storage)

    with FaultServer() as server:
        for least in (5, 1_000):
            serving = OpenAIServing(model="m", base_url=server.url)
            Filtering(MemoryStorage(rows(300)), serving, least).run(
                tmp_path / "out.parquet", run_dir=tmp_path / "run"
            )
        assert server.stats().answered == 300
    assert len(pd.read_parquet(tmp_path / "out.parquet")) == 0


def test_equal_rows_have_answers_of_their_own_however_they_are_batched(tmp_path):
    results = []
    for batch_size in (7, 100):
        with FaultServer() as server:
            serving = OpenAIServing(model="m", base_url=server.url, temperature=1.0, seed=1)
            output = tmp_path / f"{batch_size}.parquet"
            Asking(MemoryStorage([{"text": "the same"}] * 60), serving).run(
                output, run_dir=tmp_path / str(batch_size) / "run", batch_size=batch_size
            )
            assert server.stats().answered == 60
        results.append(pd.read_parquet(output)["answer"].tolist())
    assert results[0] == results[1]
    assert len(set(results[0])) == 60
