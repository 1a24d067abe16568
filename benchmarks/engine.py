"""The engine, each figure beside what is wanted: `engine.py FOLDER [PART ...]`.

FOLDER holds c100000.jsonl and c500000.jsonl (for the larger parts): rows of 1.2 kB. The parts are
``overhead``, ``workers``, ``resume``, and ``memory``, which writes and runs millions of rows and is
measured only when it is named.
"""

from __future__ import annotations

import os
import pathlib
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from quality import FUSED

HERE = pathlib.Path(__file__).parent
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
OVERHEAD = """
import shutil, sys, time
from dataflow_core import FileStorage, MemoryStorage, Pipeline, Refiner

class Idle(Refiner):
    def run(self, storage):
        pass

class Chain(Pipeline):
    def __init__(self, storage, steps):
        super().__init__(storage)
        self.steps = [Idle() for _ in range(steps)]
    def forward(self):
        for step in self.steps:
            step.run(self.storage)

rows = [{"id": n, "text": f"text {n}", "score": n / 7} for n in range(20_000)]
seconds = {}
for steps in (1, 21, 1, 21):
    begun = time.process_time()
    Chain(MemoryStorage(rows), steps).run(
        sys.argv[1] + "/out.parquet", run_dir=f"{sys.argv[1]}/{time.time_ns()}", batch_size=20,
        fresh=True)
    seconds[steps] = time.process_time() - begun
print((seconds[21] - seconds[1]) / 20 / 1000 * 1e6)
"""
SIX = """
dataflow: 1
name: six
steps:
- operator: text/remove_html_urls
- operator: text/normalize_whitespace
- operator: text/word_count_filter
  config: {min_value: 5}
- operator: text/alphabetic_word_filter
- operator: text/deduplicate_exact
- operator: text/lowercase
"""
RUNS = 3
STOPS, BETWEEN_STOPS = 8, 7.0


def main() -> None:
    """Measure the parts that are named, or all quick ones."""
    data = pathlib.Path(sys.argv[1])
    parts = sys.argv[2:] or ["overhead", "workers", "resume"]
    with tempfile.TemporaryDirectory() as scratch:
        for part in parts:
            work = pathlib.Path(scratch) / part
            work.mkdir()
            {"overhead": overhead, "workers": workers, "resume": resume, "memory": memory}[part](
                data, work
            )


def overhead(_: pathlib.Path, work: pathlib.Path) -> None:
    """What an operator that does nothing costs for each batch."""
    command = [sys.executable, "-c", OVERHEAD, str(work)]
    done = [
        float(subprocess.run(command, capture_output=True, check=True, env=ENVIRONMENT).stdout)
        for _ in range(RUNS)
    ]
    print(f"overhead: {statistics.median(done):.0f} µs an operator and batch (wanted: 60 at most)")


def workers(data: pathlib.Path, work: pathlib.Path) -> None:
    """Rules with one and with two workers, and the hand-written loop in two processes."""
    for rows in (100_000, 500_000):
        source = data / f"c{rows}.jsonl"
        if not source.exists():
            continue
        halves = _halves(source, work)
        seconds: dict[str, list[float]] = {"1 worker": [], "2 workers": [], "loop twice": []}
        for number in range(RUNS):
            for name in ("1", "2"):
                target = [str(work / f"{name}.jsonl"), str(work / f"run-{rows}-{name}-{number}")]
                command = _rules(source, *target, "--workers", name, "--fresh")
                key = "1 worker" if name == "1" else "2 workers"
                seconds[key].append(_wall([command]))
                shutil.rmtree(target[1])
            loops = [[sys.executable, "-c", FUSED, str(half), f"{half}.out"] for half in halves]
            seconds["loop twice"].append(_wall(loops))
        one, two, loop = (statistics.median(found) for found in seconds.values())
        print(f"21 rules, {rows:,} rows, wall time, start-up included")
        for name, found in seconds.items():
            middle = statistics.median(found)
            spread = f"{min(found):.2f} to {max(found):.2f}"
            print(f"  {name:10} {middle:6.2f} s ({spread})  {rows / middle:>7,.0f} rows/s")
        print(f"  two workers: {one / two:.2f} of one (wanted: 1.8 where two cores are free)")
        print(f"  two workers: {loop / two:.2f} of the loop in two processes (wanted: 1.5)")


def resume(data: pathlib.Path, work: pathlib.Path) -> None:
    """A finished run, asked for once more."""
    source = data / "c500000.jsonl"
    if not source.exists():
        return
    command = _rules(source, str(work / "out.jsonl"), str(work / "run"))
    _wall([command])
    seconds = [_wall([command]) for _ in range(RUNS)]
    print(f"a finished run of 500,000 rows: {statistics.median(seconds):.2f} s (wanted: 2 at most)")


def memory(_: pathlib.Path, work: pathlib.Path) -> None:
    """Five million rows deduplicated; two million through six operators, with many stops."""
    source = work / "five.jsonl"
    _write_rows(source, 5_000_000)
    recipe = work / "exact.yaml"
    recipe.write_text("dataflow: 1\nname: exact\nsteps:\n- operator: text/deduplicate_exact\n")
    peak = _peak(_run(str(recipe), source, work / "five-out.jsonl", work / "five-run"))
    print(f"exact deduplication of 5,000,000 rows: {peak:,.0f} MB (wanted: 2,048 at most)")
    recipe.write_text(SIX)
    for rows in (1_000_000, 2_000_000):
        _write_rows(source, rows)
        command = _run(str(recipe), source, work / f"six-{rows}.jsonl", work / f"six-{rows}")
        stops, peak = _with_stops(command)
        print(f"{rows:,} rows through six operators, {stops} stops: {peak:,.0f} MB (wanted: 1,024)")


def _rules(source: pathlib.Path, target: str, run_dir: str, *more: str) -> list[str]:
    return _run("text/quality_rules", source, pathlib.Path(target), pathlib.Path(run_dir), *more)


def _run(
    pipeline: str, source: pathlib.Path, target: pathlib.Path, run_dir: pathlib.Path, *more: str
) -> list[str]:
    return [
        sys.executable, "-m", "dataflow_core", "run", pipeline, "-i", str(source),
        "-o", str(target), "--run-dir", str(run_dir), "-q", *more,
    ]  # fmt: skip


def _wall(commands: list[list[str]]) -> float:
    """Return how long commands take, side by side."""
    begun = time.perf_counter()
    for process in [subprocess.Popen(command, env=ENVIRONMENT) for command in commands]:
        if process.wait():
            raise SystemExit("failed")
    return time.perf_counter() - begun


def _halves(source: pathlib.Path, work: pathlib.Path) -> list[pathlib.Path]:
    lines = source.read_bytes().splitlines(keepends=True)
    halves = [work / f"{source.stem}-{number}.jsonl" for number in range(2)]
    for number, half in enumerate(halves):
        half.write_bytes(b"".join(lines[number * len(lines) // 2 : (number + 1) * len(lines) // 2]))
    return halves


def _write_rows(path: pathlib.Path, rows: int) -> None:
    """Write short rows, a tenth of which repeat others."""
    rng = random.Random(7)
    words = ["river", "summer", "snow", "hill", "stream", "noise", "spring", "winter", "bridge"]
    with path.open("w") as file:
        for number in range(rows):
            key = rng.randrange(number + 1) if number % 10 == 9 else number
            text = " ".join(words[key // 9**place % 9] for place in range(12))
            file.write(f'{{"id": {number}, "text": "The {text} is number {key}."}}\n')


def _peak(command: list[str]) -> float:
    """Return the peak memory of a command's own process, in MB."""
    code, peak = _watched(command, None)
    if code:
        raise SystemExit("failed")
    return peak


def _with_stops(command: list[str]) -> tuple[int, float]:
    """Stop a command some times after a few seconds, then let it come to its end.

    Writing the output is done at once: a run that never lives so long never ends.
    """
    stops, largest = 0, 0.0
    while True:
        stop = random.choice([signal.SIGINT, signal.SIGKILL]) if stops < STOPS else None
        code, peak = _watched(command, stop)
        largest = max(largest, peak)
        if code == 0:
            return stops, largest
        stops += 1


def _watched(command: list[str], stop: signal.Signals | None) -> tuple[int, float]:
    """Run a command, for some seconds where it is to be stopped; return its code and peak."""
    process = subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + BETWEEN_STOPS
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage.ru_maxrss / 1024
        if stop is not None and time.monotonic() > deadline:
            os.kill(process.pid, stop)
            deadline = float("inf")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
