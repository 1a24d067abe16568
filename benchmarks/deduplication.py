"""Deduplication of texts, each figure beside its baseline: `deduplication.py FOLDER`.

FOLDER holds c10000.jsonl and c100000.jsonl, rows of about 1.2 kB with planted duplicates, with
c10000.truth.jsonl and so on: lines with the ``id`` of a copy, what it is a copy of (``dup_of``),
and its ``kind`` ("exact", "near_light", "near_medium"). With c500000.jsonl there too, that is
measured as well. CPU seconds are of whole processes, start-up included.
"""

from __future__ import annotations

import pathlib
import sys
import tempfile
from collections import defaultdict

import orjson
from measuring import Measurement, measure

RUN = """
import shutil, sys
from dataflow_core import FileStorage, Pipeline
import dataflow_text

class Deduplicate(Pipeline):
    def __init__(self, storage):
        super().__init__(storage)
        self.deduplicate = getattr(dataflow_text, sys.argv[1])()

    def forward(self):
        self.deduplicate.run(self.storage)

shutil.rmtree(sys.argv[4], ignore_errors=True)
Deduplicate(FileStorage(sys.argv[2])).run(sys.argv[3], run_dir=sys.argv[4])
"""
OPERATORS = {
    "DeduplicateExact": "no rate wanted here (700,000 rows/s in process: see run.py)",
    "DeduplicateMinhash": "wanted: 9,000; precision .998; recall 1, .96, .5",
    "DeduplicateSimhash": "wanted: 5,000",
    "DeduplicateNgrams": "wanted: 5,000",
}
# At 10,000 rows, from the same corpus: rows per CPU second, precision, recall of the three kinds.
PEERS = (
    "earlier system        104   .999   1  .907  .168",
    "datatrove             395",
    "Data-Juicer           413",
    "datasketch          1,021",
    "rensa               9,790   .998   1  .968  .520",
)
KINDS = ("exact", "near_light", "near_medium")


def main() -> None:
    """Measure each operator at each size."""
    data = pathlib.Path(sys.argv[1])
    print("baselines (MinHash, 10,000 rows): rows/CPU-s, precision, recall exact/light/medium")
    for line in PEERS:
        print(f"  {line}")
    for rows in (10_000, 100_000, 500_000):
        if (data / f"c{rows}.jsonl").exists():
            print(f"{rows:,} rows")
            with tempfile.TemporaryDirectory() as scratch:
                _measure(data, rows, pathlib.Path(scratch))


def quality(truth: pathlib.Path, before: list[str], after: list[str]) -> str:
    """Return the precision and the recall of each kind of copy.

    A copy is caught when it or its original is gone. A row is rightly gone when it belongs to a
    cluster, an original with its copies, of which another member stays.

    Args:
        truth: The planted copies.
        before: All ids.
        after: The ids that are left.
    """
    stays, caught, clusters = set(after), defaultdict(list), defaultdict(set)
    for copy in map(orjson.loads, truth.read_bytes().splitlines()):
        if "dup_of" in copy:
            pair = {copy["id"], copy["dup_of"]}
            caught[copy["kind"]].append(not pair <= stays)
            clusters[copy["dup_of"]] |= pair
    right = {row for members in clusters.values() if members & stays for row in members}
    gone = [row for row in before if row not in stays]
    precision = sum(row in right for row in gone) / max(1, len(gone))
    recall = (f"{sum(caught[kind]) / max(1, len(caught[kind])):.3f}" for kind in KINDS)
    return f"precision {precision:.4f}, recall {' '.join(recall)}"


def _measure(data: pathlib.Path, rows: int, scratch: pathlib.Path) -> None:
    source = data / f"c{rows}.jsonl"
    commands = {}
    for name in OPERATORS:
        files = (source, scratch / f"{name}.jsonl", scratch / f"{name}-run")
        commands[name] = [sys.executable, "-c", RUN, name, *map(str, files)]
    figures = measure(commands, runs=5 if rows < 100_000 else 1)
    before = _ids(source)
    for name, figure in figures.items():
        found = quality(data / f"c{rows}.truth.jsonl", before, _ids(scratch / f"{name}.jsonl"))
        print(f"  {_line(name, figure, rows)}   {found}   ({OPERATORS[name]})")


def _line(name: str, figure: Measurement, rows: int) -> str:
    return f"{name:19} {figure}   {rows / figure.median:>7,.0f} rows/CPU-s"


def _ids(path: pathlib.Path) -> list[str]:
    with path.open("rb") as lines:
        return [orjson.loads(line)["id"] for line in lines]


if __name__ == "__main__":
    main()
