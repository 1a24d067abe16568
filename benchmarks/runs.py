"""What asking about a run of a million rows costs: `runs.py [ROWS [BYTES]]`.

The run is made here, of rows with texts of BYTES bytes (100 unless told). Seconds are wall time,
from the start of the process to its end, beside those of a process that imports pyarrow alone:
`runs why` has to read Arrow files, and can cost no less. The memory of `runs diff` is for the most
part that of the files, which are mapped.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from measuring import measure

ASKED = 10
WANTED = 0.5

RUN = """
import sys
from dataflow_core import FileStorage, Pipeline
from dataflow_core.operators.general import DeduplicateExact, DeriveColumn, FilterRows

class Clean(Pipeline):
    def __init__(self, storage):
        super().__init__(storage)
        self.some = FilterRows(where=f"n % 100 >= {sys.argv[4]}")
        self.length = DeriveColumn(expression="len(text)")
        self.unique = DeduplicateExact()

    def forward(self):
        self.some.run(self.storage)
        self.length.run(self.storage, output_column="length")
        self.unique.run(self.storage, input_columns=["text"])

Clean(FileStorage(sys.argv[1])).run(sys.argv[2], run_dir=sys.argv[3])
"""


def main() -> None:
    """Make two runs, ask about rows of one, and compare them."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    size = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    with tempfile.TemporaryDirectory() as scratch:
        work = pathlib.Path(scratch)
        source = str(work / "in.parquet")
        pq.write_table(_table(rows, size), source)
        for name, least in (("one", "10"), ("two", "11")):
            files = (source, str(work / f"{name}.parquet"), str(work / name))
            subprocess.run([sys.executable, "-c", RUN, *files, least], check=True)
        print(f"runs of {rows:,} rows with texts of {size:,} bytes")
        why(work / "one", rows)
        program = [sys.executable, "-m", "dataflow_core", "runs", "diff"]
        diff = {"runs diff": [*program, str(work / "one"), str(work / "two")]}
        for name, figure in measure(diff, runs=1, warm_ups=0).items():
            print(f"  {name:16} {figure}")


def why(run: pathlib.Path, rows: int) -> None:
    """Ask about rows that were dropped, that repeat another one, and that came out."""
    program = [sys.executable, "-m", "dataflow_core", "runs", "why", str(run)]
    commands = {
        "import pyarrow": [sys.executable, "-c", "import pyarrow"],
        "dropped": [*program, str(rows // 2)],
        "duplicate": [*program, str(rows - 1)],
        "output": [*program, str(rows // 2 + 50)],
    }
    for name, command in commands.items():
        found = sorted(_seconds(command) for _ in range(ASKED + 1))[:ASKED]
        wanted = "" if name == "import pyarrow" else f"   (wanted: {WANTED} s)"
        print(f"  {name:16} {found[ASKED // 2]:6.2f} s ({found[0]:.2f} to {found[-1]:.2f}){wanted}")


def _seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def _table(rows: int, size: int) -> pa.Table:
    """Return rows of which the last tenth repeats the texts of the first."""
    numbers = np.arange(rows)
    texts = [f"{n % (rows - rows // 10)} {'lorem ipsum ' * (size // 12)}"[:size] for n in numbers]
    return pa.table({"n": numbers, "text": texts})


if __name__ == "__main__":
    main()
