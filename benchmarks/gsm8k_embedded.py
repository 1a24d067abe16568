"""GSM8K by the embedded model, killed twice: `python benchmarks/gsm8k_embedded.py SHARED`.

SHARED is the project's folder of shared test data; `--rows N` solves N questions of its
gsm8k_test.jsonl (200). The run, math/solve_and_verify with ``embedded:``, is killed (SIGKILL) twice
and goes on each time; the clock counts all three parts. It fails unless every row is accounted for
in the ledger, once. `dataflow models fetch` gets the model.
"""

from __future__ import annotations

import argparse
import pathlib
import subprocess
import sys
import tempfile
import time
from collections import Counter
from typing import Any

import orjson
import pyarrow.parquet as pq

KILLS = 2
MOST_TOKENS = 200
RUN = "import sys; from dataflow_core.cli.main import main; sys.exit(main())"


def main() -> None:
    """Run, kill, go on, and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("shared", type=pathlib.Path)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20.0, help="before each kill")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        source = asked.shared.resolve() / "data/math/gsm8k_test.jsonl"
        command = _command(source, work, asked.rows)
        begun, killed = time.perf_counter(), 0
        for _ in range(KILLS):
            killed += _killed(command, asked.seconds)
        if killed < KILLS:
            print(f"killed {killed} times only: it was done within {asked.seconds:g} s")
        subprocess.run(command, check=True)
        _print(work, asked.rows, time.perf_counter() - begun)


def _command(source: pathlib.Path, work: pathlib.Path, rows: int) -> list[str]:
    options = {
        "--input": str(source), "--limit": str(rows), "--serving": "embedded:",
        "--output": str(work / "solved.parquet"), "--run-dir": str(work / "run"),
        "--max-failures": "100%",
    }  # fmt: skip
    parameters = ["reference_column=answer", "answer_column=found", f"max_tokens={MOST_TOKENS}"]
    return [
        sys.executable, "-c", RUN,
        "run", "math/solve_and_verify", "--quiet",
        *(part for option in options.items() for part in option),
        *(part for parameter in parameters for part in ("--param", parameter)),
    ]  # fmt: skip


def _killed(command: list[str], seconds: float) -> bool:
    process = subprocess.Popen(command)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    return process.wait() < 0


def _print(work: pathlib.Path, rows: int, seconds: float) -> None:
    report = orjson.loads((work / "run/report.json").read_bytes())
    ledger = pq.read_table(work / "run/ledger.parquet").to_pylist()
    solved = pq.read_table(work / "solved.parquet").to_pylist()
    ends = Counter(row["fate"] for row in ledger)
    reasons = Counter(row["reason"] for row in ledger if row["fate"] == "quarantined")
    right = sum(row["is_correct"] or 0 for row in solved)
    tokens = _tokens(report)
    print(f"rows output       {ends['output']:>7,}")
    print(f"rows quarantined  {ends['quarantined']:>7,}  {dict(reasons) or ''}")
    print(f"accuracy          {right / max(1, len(solved)):>7.1%}  of {len(solved)} solved")
    print(f"tokens a second   {tokens / seconds:>7.1f}  {tokens:,} written in {seconds:,.0f} s")
    if len(ledger) != rows or len({row["row_id"] for row in ledger}) != rows:
        raise SystemExit(f"{rows} rows went in, and {len(ledger)} are in the ledger")
    if ends["output"] != len(solved) or ends.total() != ends["output"] + ends["quarantined"]:
        raise SystemExit(f"the ledger and the result disagree: {dict(ends)}, {len(solved)} output")
    print(f"all {rows} rows are accounted for")


def _tokens(report: dict[str, Any]) -> int:
    """Return the tokens written in all parts; the report's calls are those of all sittings."""
    calls = [step["calls"] for step in report["steps"] if step.get("calls")]
    return sum(one["completion_tokens"] for one in calls)


if __name__ == "__main__":
    main()
