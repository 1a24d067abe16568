"""The benchmarks, each figure beside its baseline: `nox -s bench -- [FOLDER [SHARED]]`.

FOLDER holds c100000.jsonl, c100000.parquet and c500000.jsonl, rows of about 1.2 kB; without it,
files of that kind are made from random words. With c10000.jsonl in it, evaluators are measured;
with c10000.truth.jsonl, near-deduplication is scored; with presidio_pii.jsonl, the recognizers of
personal data. SHARED is the folder of shared test data, whose judges are asked too (judges.py),
and whose solutions in mathematics are judged (math_answers.py).
gsm8k_embedded.py, which asks a model for long, runs by itself alone.
Quote the ratios: they come from one run, in which the commands take turns; the absolute figures
belong to the machine.
"""

from __future__ import annotations

import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from measuring import Measurement, measure

HERE = pathlib.Path(__file__).parent
ROWS = 100_000

LOOP = """
import orjson, sys
with open(sys.argv[1], "rb") as source, open(sys.argv[2], "wb") as target:
    for line in source:
        target.write(orjson.dumps(orjson.loads(line)) + b"\\n")
"""
POLARS = "import polars, sys; polars.read_parquet(sys.argv[1]).write_parquet(sys.argv[2])"
NOTHING = """
import shutil, sys
sys.path.insert(0, sys.argv[4])
shutil.rmtree(sys.argv[3], ignore_errors=True)
from dataflow_core.cli.main import main
sys.exit(main(["run", "pipelines:NoOp", "-i", sys.argv[1], "-o", sys.argv[2],
    "--run-dir", sys.argv[3], "-q"]))
"""
DEDUPLICATE = """
import sys, time
from dataflow_core import FileStorage
from dataflow_text import DeduplicateExact
storage = FileStorage(sys.argv[1])
rows = len(storage)
best = 0.0
for _ in range(5):
    copy = storage.fork()
    started = time.perf_counter()
    DeduplicateExact().run(copy, input_text="text")
    best = max(best, rows / (time.perf_counter() - started))
print(f"{best:.0f} {len(copy)}")
"""
SET = """
import sys, time, orjson
texts = [orjson.loads(line)["text"] for line in open(sys.argv[1], "rb")]
best = 0.0
for _ in range(5):
    started = time.perf_counter()
    seen, kept = set(), []
    for text in texts:
        if text not in seen:
            seen.add(text)
            kept.append(text)
    best = max(best, len(texts) / (time.perf_counter() - started))
    del seen, kept
print(f"{best:.0f} {0}")
"""


def main() -> None:
    """Run all benchmarks."""
    with tempfile.TemporaryDirectory() as scratch:
        work = pathlib.Path(scratch)
        data = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else make_data(work / "data")
        nothing_jsonl(data, work)
        nothing_parquet(data, work)
        memory(data, work)
        deduplicate(data)
        _script("quality.py", data)
        _script("engine.py", data)
        for name, needed in {
            "evaluators.py": "c10000.jsonl",
            "deduplication.py": "c10000.truth.jsonl",
            "pii.py": "presidio_pii.jsonl",
        }.items():
            if (data / needed).exists():
                _script(name, data)
        if len(sys.argv) > 2:
            _script("judges.py", pathlib.Path(sys.argv[2]))
            _script("math_answers.py", pathlib.Path(sys.argv[2]))
    for name in ("runs.py", "start_up.py"):
        subprocess.run([sys.executable, str(HERE / name)], check=True)


def _script(name: str, folder: pathlib.Path) -> None:
    subprocess.run([sys.executable, str(HERE / name), str(folder)], check=True)


def nothing_jsonl(data: pathlib.Path, work: pathlib.Path) -> None:
    """A step that changes nothing, from JSONL to JSONL, against a hand-written loop."""
    source = str(data / "c100000.jsonl")
    figures = measure(
        {
            "loop": [sys.executable, "-c", LOOP, source, str(work / "loop.jsonl")],
            "dataflow": _nothing(source, work, "jsonl"),
        }
    )
    ratio = figures["loop"].median / figures["dataflow"].median
    print("no-op step, JSONL to JSONL, 100k rows, start-up included")
    _print(figures)
    print(f"  {ratio:.2f} of the hand-written loop's speed (wanted: 80,000 of its 176,000 = 0.45)")


def nothing_parquet(data: pathlib.Path, work: pathlib.Path) -> None:
    """The same from Parquet to Parquet, against polars."""
    source = str(data / "c100000.parquet")
    figures = measure(
        {
            "polars": [sys.executable, "-c", POLARS, source, str(work / "polars.parquet")],
            "dataflow": _nothing(source, work, "parquet"),
        }
    )
    ratio = figures["polars"].median / figures["dataflow"].median
    print("no-op step, Parquet to Parquet, 100k rows, start-up included")
    _print(figures)
    print(f"  {ratio:.2f} of polars' speed (wanted: 75,000 of its 80,500 = 0.93)")


def memory(data: pathlib.Path, work: pathlib.Path) -> None:
    """Peak memory at 100k and at 500k rows."""
    figures = measure(
        {
            f"{rows:,} rows": _nothing(str(data / f"c{rows}.jsonl"), work, "jsonl")
            for rows in (100_000, 500_000)
        },
        runs=1,
    )
    print("peak memory of the no-op step (wanted: 300 MB at most, and no more at 500k)")
    _print(figures)


def deduplicate(data: pathlib.Path) -> None:
    """Exact deduplication in process, against a Python set of the texts."""
    source = str(data / "c100000.jsonl")
    print("exact deduplication in process, rows/s (wanted: 700,000 where a loop reaches 926,000)")
    for name, code in (("set of texts", SET), ("dataflow", DEDUPLICATE)):
        command = [sys.executable, "-c", code, source]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        print(f"  {name:14} {int(done.stdout.split()[0]):>12,}")


def make_data(folder: pathlib.Path) -> pathlib.Path:
    """Make the corpus out of random words, with one exact duplicate in twenty rows."""
    print(f"no folder given: making a corpus of random words in {folder}")
    folder.mkdir()
    for rows in (100_000, 500_000):
        with (folder / f"c{rows}.jsonl").open("wb") as file:
            file.writelines(orjson.dumps(row) + b"\n" for row in _rows(rows))
    _as_parquet(folder / "c100000.jsonl", folder / "c100000.parquet")
    return folder


def _rows(count: int) -> Iterator[dict[str, str]]:
    random.seed(1)
    words = ["".join(random.choices("etaoinshrdlu", k=random.randint(2, 9))) for _ in range(5_000)]
    text = ""
    for number in range(count):
        if number % 20:
            text = " ".join(random.choices(words, k=random.randint(60, 320)))
        yield {
            "id": f"d{number:07d}",
            "text": text,
            "lang": "en",
            "source": "random",
            "url": f"https://example.com/{number}",
        }


def _as_parquet(source: pathlib.Path, target: pathlib.Path) -> None:
    rows = [orjson.loads(line) for line in source.open("rb")]
    pq.write_table(pa.Table.from_pylist(rows), target)


def _nothing(source: str, work: pathlib.Path, ending: str) -> list[str]:
    target, run_dir = str(work / f"nothing.{ending}"), str(work / "run")
    return [sys.executable, "-c", NOTHING, source, target, run_dir, str(HERE)]


def _print(figures: dict[str, Measurement]) -> None:
    for name, figure in figures.items():
        print(f"  {name:14} {figure}   {ROWS / figure.median:>9,.0f} rows/CPU-s at 100k rows")


if __name__ == "__main__":
    started = time.perf_counter()
    main()
    shutil.rmtree("dataflow-runs", ignore_errors=True)
    print(f"{time.perf_counter() - started:.0f} s in all")
