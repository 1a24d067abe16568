"""What an operator that asks costs beside the serving alone: `prompted.py [--rows N] [--rounds N]`.

A scripted serving answers at once, so that all the time is the project's own: ``call`` renders
nothing and calls `generate_from_input` with a store of answers; ``run`` is a pipeline of one
`core/prompted_evaluator`, with prompt, parser, table, ledger, store and run directory. Each is
measured in a process of its own, in turns.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

HERE = pathlib.Path(__file__).resolve()
TEXT = (
    "Text {}: what is said here at some length, so that there is something to rate. " + "word " * 60
)


def main() -> None:
    """Measure both ways in turns, and print what the operator costs a row."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--rows", type=int, default=20_000)
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--child", help=argparse.SUPPRESS)
    told = asked.parse_args()
    if told.child:
        sys.stdout.write(json.dumps(WAYS[told.child](told.rows)))
        return
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for _ in range(told.rounds):
        for way in WAYS:
            command = [sys.executable, str(HERE), "--child", way, "--rows", str(told.rows)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found[way].append(tuple(json.loads(done.stdout)))
    per_row = 1000 / told.rows
    for way, runs in found.items():
        seconds, cpu = (sorted(one[part] * per_row for one in runs) for part in (0, 1))
        clock, own = statistics.median(seconds), statistics.median(cpu)
        print(
            f"  {way:5} {clock:.3f} ms a row ({seconds[0]:.3f}-{seconds[-1]:.3f})"
            f"   {own:.3f} ms CPU ({cpu[0]:.3f}-{cpu[-1]:.3f})"
        )
    for part, name in enumerate(("ms", "ms CPU")):
        more = [
            run[part] - call[part] for call, run in zip(found["call"], found["run"], strict=True)
        ]
        print(
            f"  the operator and its run: {statistics.median(more) * per_row:.3f} {name} a row more"
        )


def _serving(**options: object):
    from dataflow_core.testing import ScriptedServing

    return ScriptedServing(lambda _: "Plain and right. Score: 4", max_concurrency=64, **options)


def with_call(rows: int) -> tuple[float, float]:
    """Call a serving, with a store."""
    prompts = [f"<text>\n{TEXT.format(number)}\n</text>" for number in range(rows)]
    with tempfile.TemporaryDirectory() as folder:
        serving = _serving(cache=f"{folder}/requests.sqlite")
        measured = timed(lambda: serving.generate_from_input(prompts, "Rate it."))
        serving.close()
    return measured


def with_run(rows: int) -> tuple[float, float]:
    """Run a pipeline of one operator that asks."""
    from dataflow_core import MemoryStorage, Pipeline
    from dataflow_core.operators.general import PromptedEvaluator

    class Rating(Pipeline):
        def __init__(self, count: int) -> None:
            super().__init__(MemoryStorage([{"text": TEXT.format(n)} for n in range(count)]))
            self.rate = PromptedEvaluator(serving=_serving(), criteria="Is it right?")

        def forward(self) -> None:
            self.rate.run(self.storage)

    pipeline = Rating(rows)
    with tempfile.TemporaryDirectory() as folder:
        Rating(1).run(run_dir=f"{folder}/warm-up")  # what is done once, whatever the rows
        return timed(lambda: pipeline.run(f"{folder}/out.parquet", run_dir=f"{folder}/run"))


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds that some work takes, by the clock and of CPU."""
    cpu, begun = time.process_time(), time.perf_counter()
    work()
    return time.perf_counter() - begun, time.process_time() - cpu


WAYS = {"call": with_call, "run": with_run}

if __name__ == "__main__":
    main()
