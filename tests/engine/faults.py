"""Kills runs at random places and goes on with them: `faults.py FOLDER COUNT SEED`.

A run is killed (SIGKILL) at a random one of its writes to the disk, again and again until it comes
through, each time with another batch size, half of the times with worker processes, which die at
random writes of their own; then its output and ledger must be those of a run without a break, byte
by byte, and every row must be in one place. It says what it did in a line of JSON.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from dataflow_core import FileStorage, Pipeline
from dataflow_core.engine import doing, local
from dataflow_core.operators.general import (
    Concatenate,
    DeduplicateExact,
    Explode,
    FilterRows,
    Join,
    Sample,
    Sort,
)

from .pipelines import Fragile, Nothing, Steps

ROWS = 240


BAD = [3, 17, 18, 120, 239]
"""Numbers of rows that fail at first, in the pipeline whose failed rows are retried."""


class Branches(Pipeline):
    """A table that forks, and is joined again, and with itself."""

    def __init__(self, storage) -> None:
        super().__init__(storage)
        self.few = FilterRows(where="n % 3 = 0")
        self.many = FilterRows(where="n % 3 > 0")
        self.together = Concatenate()
        self.join = Join(suffix="_right")

    def forward(self) -> None:
        branch = self.storage.fork()
        lookup = self.storage.fork()
        self.few.run(self.storage)
        self.many.run(branch)
        self.together.run(self.storage, input_table=branch)
        self.join.run(self.storage, input_table=lookup, input_on=["n"])


PIPELINES: dict[str, Callable[[FileStorage], Pipeline]] = {
    "rows": lambda s: Steps(s, (Nothing(), {}), (FilterRows(where="n % 7 > 1"), {})),
    "explode": lambda s: Steps(
        s, (Explode(), {"input_list": "tags", "output_item": "tag"}), (Nothing(), {})
    ),
    "duplicates": lambda s: Steps(
        s,
        (FilterRows(where="n > 5"), {}),
        (DeduplicateExact(), {"input_columns": ["text"]}),
        (Sample(fraction=0.5), {}),
    ),
    "sort": lambda s: Steps(s, (Nothing(), {}), (Sort(), {"input_columns": ["text"]})),
    "branches": Branches,
    "retried": lambda s: Steps(
        s,
        (Explode(), {"input_list": "tags", "output_item": "tag"}),
        (Fragile(folder=str(s.source.readers[0].path.parent)), {}),
        (FilterRows(where="n % 7 > 1"), {}),
        (DeduplicateExact(), {"input_columns": ["text", "tag"]}),
        (Nothing(), {}),
    ),
}


def run(name: str, folder: Path, batch_size: int, workers: int = 1) -> None:
    """Run a pipeline, or go on with it, or do its failed rows again."""
    doing.ALONE_SECONDS, local._WORTH_A_FORK = 0.0, 0
    pipeline = PIPELINES[name](FileStorage(folder / "in.jsonl", on_bad_row="quarantine"))
    pipeline.run(
        output=folder / "out.jsonl",
        run_dir=folder / "run",
        batch_size=batch_size,
        commit_seconds=0,
        max_failures=1.0,
        retry_failed=name == "retried",
        workers=workers,
        may_fork=True,
    )


def in_child(work: Callable[[], None]) -> int:
    """Do something in a process of its own; return its status, -9 when it was killed."""
    child = os.fork()
    if not child:
        code = 0
        try:
            work()
        except BaseException:  # noqa: BLE001  the status tells it
            traceback.print_exc()
            code = 1
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill_after(writes: int) -> None:
    """Kill this process at one of its writes to the disk, before or in the middle of it.

    Processes that it makes die of later ones, each by its own number.
    """
    left = writes

    def live_on() -> None:
        nonlocal left
        left = random.Random(os.getpid()).randrange(40, 400)

    os.register_at_fork(after_in_child=live_on)

    def dying(function: Callable[..., object], halved: bool) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                if halved:
                    descriptor, data = arguments
                    function(descriptor, memoryview(data)[: len(memoryview(data)) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **named)

        return call

    os.write = dying(os.write, halved=True)  # type: ignore[assignment]
    os.fsync = dying(os.fsync, halved=False)  # type: ignore[assignment]
    Path.replace = dying(Path.replace, halved=False)  # type: ignore[method-assign, assignment]
    Path.unlink = dying(Path.unlink, halved=False)  # type: ignore[method-assign, assignment]


def prepare(folder: Path, failing: str | None = None) -> None:
    """Write the input: some rows repeat, one cannot be read.

    Args:
        folder: Where.
        failing: A pipeline to be run at once, some rows of which fail.
    """
    folder.mkdir(parents=True)
    lines = [
        json.dumps({"n": n, "text": f"t{n % 50}", "tags": ["a", "b", "c"][: n % 4]})
        for n in range(ROWS)
    ]
    lines[100] = "{broken"
    (folder / "in.jsonl").write_text("\n".join(lines) + "\n")
    if failing is not None:
        (folder / "bad").write_text(json.dumps(BAD))
        assert in_child(lambda: run(failing, folder, 50)) == 0
        (folder / "bad").unlink()


def result(name: str, folder: Path) -> tuple[bytes, pd.DataFrame]:
    """Return the output, and the ledger, in which each row of a pipeline without forks is once."""
    ledger = pd.read_parquet(folder / "run" / "ledger.parquet")
    ends = ledger[~ledger["fate"].isin(["expanded", "added"])]
    assert ends["row_id"].is_unique or name == "branches"
    return (folder / "out.jsonl").read_bytes(), ledger


def main() -> None:
    """Kill and go on, so many times in all."""
    base, count, rng = Path(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3]))
    wanted = {}
    for name in PIPELINES:
        prepare(base / name)
        assert in_child(lambda name=name: run(name, base / name, 1000)) == 0
        wanted[name] = result(name, base / name)
    kills: dict[str, int] = dict.fromkeys(PIPELINES, 0)
    while sum(kills.values()) < count:
        name, folder = rng.choice(list(PIPELINES)), base / "killed"
        shutil.rmtree(folder, ignore_errors=True)
        prepare(folder, name if name == "retried" else None)
        status = -9
        while status == -9:
            size, writes = rng.choice([7, 20, 64, 500]), rng.randrange(1, 400)
            workers = rng.choice([1, 2])

            def work(name=name, size=size, writes=writes, folder=folder, workers=workers) -> None:
                kill_after(writes)
                run(name, folder, size, workers)

            status = in_child(work)
            kills[name] += status == -9
        assert status == 0, f"{name} failed"
        output, ledger = result(name, folder)
        assert output == wanted[name][0], f"{name}: another output"
        assert ledger.equals(wanted[name][1]), f"{name}: another ledger"
        leftovers = [p.name for p in folder.rglob("*") if p.suffix == ".tmp" or p.name == "retry"]
        assert not leftovers, f"{name}: {leftovers}"
    sys.stdout.write(json.dumps(kills) + "\n")


if __name__ == "__main__":
    main()
