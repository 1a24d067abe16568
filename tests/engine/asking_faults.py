"""Kills runs that ask a model, and goes on with them: `asking_faults.py FOLDER COUNT SEED`.

The model is the fault server, in a process of its own, which refuses or fails some requests. A run
is killed (SIGKILL) at a random moment, or at a random one of its writes to the disk, again and
again until it comes through, each time with another batch size. Then its output must be that of a
run without a break, every row must be in one place, the report must tell what was asked and paid
over all sittings, and no answer may have been paid for twice but those that were on their way at a
kill. It says what it did in a line of JSON.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pandas as pd

from dataflow_core import FileStorage, Pipeline
from dataflow_core.serving import OpenAIServing
from dataflow_core.testing.server import checksum

from .asking import Answer
from .faults import kill_after

ROWS = 400
DISTINCT = 300
CONCURRENCY = 8
FAULTS = {
    "latency": 0.02,
    "server_error_share": 0.04,
    "rate_limit_share": 0.04,
    "retry_after": 0.01,
    "seed": 5,
}

UNWRITTEN = CONCURRENCY
"""So many answers, at most, have come at a moment and are not yet written."""


class Twice(Pipeline):
    """Two steps that ask: the second about the answers of the first."""

    def __init__(self, storage: FileStorage, serving: OpenAIServing) -> None:
        super().__init__(storage)
        self.first = Answer(serving=serving)
        self.second = Answer(serving=serving)

    def forward(self) -> None:
        self.first.run(self.storage)
        self.second.run(self.storage, input_question="answer", output_answer="again")


def run(folder: Path, url: str, batch_size: int) -> None:
    """Run the pipeline, or go on with it."""
    serving = OpenAIServing(
        model="m", base_url=url, max_concurrency=CONCURRENCY, transport_retries=20
    )
    Twice(FileStorage(folder / "in.jsonl"), serving).run(
        output=folder / "out.jsonl", run_dir=folder / "run", batch_size=batch_size, commit_seconds=0
    )


@contextmanager
def served() -> Iterator[str]:
    """Have a fault server in a process of its own, and give its address."""
    options = [part for name, value in FAULTS.items() for part in (_flag(name), str(value))]
    command = [sys.executable, "-m", "dataflow_core.testing.server", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().split()[-1]
        finally:
            server.terminate()


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def stats_of(url: str) -> dict[str, Any]:
    """Return what a server has counted."""
    found: dict[str, Any] = httpx.get(f"{url.removesuffix('/v1')}/stats").json()
    return found


def child(work: Callable[[], None]) -> int:
    """Begin something in a process of its own, and return its number."""
    number = os.fork()
    if not number:
        code = 0
        try:
            work()
        except BaseException:  # noqa: BLE001  the status tells it
            traceback.print_exc()
            code = 1
        os._exit(code)
    return number


def status_of(number: int, seconds: float | None = None) -> int:
    """Wait for a process, and kill it after so many seconds; return its status."""
    deadline = None if seconds is None else time.monotonic() + seconds
    while deadline is not None and time.monotonic() < deadline:
        ended, status = os.waitpid(number, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    if deadline is not None:
        os.kill(number, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def prepare(folder: Path) -> None:
    """Write the input, in which some questions are asked by two rows."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rows = ({"n": n, "question": f"question {n % DISTINCT}"} for n in range(ROWS))
    (folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def check(folder: Path, wanted: bytes, stats: dict[str, Any], kills: int) -> None:
    """Check what came of a run that was killed so many times."""
    assert (folder / "out.jsonl").read_bytes() == wanted, "another output"
    for line in wanted.splitlines():
        row = json.loads(line)
        assert row["answer"].startswith(checksum(row["question"])), "an answer of another row"
        assert row["again"].startswith(checksum(row["answer"])), "an answer of another row"
    ledger = pd.read_parquet(folder / "run" / "ledger.parquet")
    assert len(ledger) == ROWS
    assert ledger["row_id"].is_unique
    assert set(ledger["fate"]) == {"output"}
    report = json.loads((folder / "run" / "report.json").read_text())
    for step in report["steps"]:
        calls = step["calls"]
        sums = tuple(calls.get(name, 0) for name in ("asked", "answered", "reused", "failed"))
        assert sums == (ROWS, DISTINCT, ROWS - DISTINCT, 0), f"{step['step']}: {sums}"
    lost = kills * (CONCURRENCY + UNWRITTEN)
    assert stats["answers_repeated"] <= lost, f"{stats['answers_repeated']} paid for twice"
    for name in ("requests", "completion_tokens"):
        told = sum(step["calls"][name] for step in report["steps"])
        assert told == report["spent"][name], f"{name}: {told} by steps, {report['spent'][name]}"
        assert told <= stats[name], f"{name}: more told than there were"
    requests = stats["requests"] - report["spent"]["requests"]
    assert requests <= lost, f"{requests} requests are not told of"
    assert kills or "lost" not in report["spent"]


def killed(folder: Path, rng: random.Random, seconds: float) -> tuple[int, dict[str, Any]]:
    """Run until it comes through; return how often it was killed, and what the server counted."""
    prepare(folder)
    kills = 0
    with served() as url:
        while True:
            size, by_write = rng.choice([7, 20, 64, 500]), rng.random() < 0.5
            writes, moment = rng.randrange(5, 200), rng.uniform(0.05, 1.2) * seconds

            def work(
                url: str = url, size: int = size, by_write: bool = by_write, writes: int = writes
            ) -> None:
                if by_write:
                    kill_after(writes)
                run(folder, url, size)

            status = status_of(child(work), None if by_write else moment)
            if status != -signal.SIGKILL:
                assert status == 0, "the run failed"
                return kills, stats_of(url)
            kills += 1


def main() -> None:
    """Kill and go on, so many times in all."""
    base, count, rng = Path(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3]))
    prepare(base / "whole")
    with served() as url:
        begun = time.monotonic()
        assert status_of(child(lambda: run(base / "whole", url, 1000))) == 0
        seconds = time.monotonic() - begun
        wanted = (base / "whole" / "out.jsonl").read_bytes()
        check(base / "whole", wanted, stats_of(url), 0)
    told = {"runs": 0, "kills": 0, "paid_twice": 0}
    while told["kills"] < count:
        kills, stats = killed(base / "killed", rng, seconds)
        check(base / "killed", wanted, stats, kills)
        told["runs"] += 1
        told["kills"] += kills
        told["paid_twice"] += stats["answers_repeated"]
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
