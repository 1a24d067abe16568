"""Deduplication of texts, each figure beside its baseline: `deduplication.py FOLDER [ROWS ...]`.

FOLDER holds c10000.jsonl and c100000.jsonl, rows of about 1.2 kB with planted duplicates, with
c10000.truth.jsonl and so on: lines with the ``id`` of a copy, what it is a copy of (``dup_of``),
and its ``kind`` ("exact", "near_light", "near_medium"). With c500000.jsonl and c1000000.jsonl there
too, these are measured as well, or only the sizes that are named. CPU seconds are of whole
processes, start-up included.

Texts from manuals have natural near duplicates, the more the larger the corpus, and nobody planted
those. So precision is told twice: of rows that are planted copies or their originals, and of these
with the rows whose n-grams overlap with those of the row that they repeat as much as the operator
was told to want, all n-grams counted.
"""

from __future__ import annotations

import pathlib
import re
import sys
import tempfile
from collections import defaultdict
from typing import NamedTuple

import numpy as np
import orjson
import pyarrow.compute as pc
import pyarrow.parquet as pq
from measuring import Measurement, measure

from dataflow_core.pipeline.plan import SOURCE
from dataflow_core.table.identity import formatted, source_ids

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
Deduplicate(FileStorage(sys.argv[2])).run(sys.argv[3], run_dir=sys.argv[4], fresh=True)
"""


class Wanted(NamedTuple):
    """What is wanted of an operator.

    Attributes:
        figures: Its rate and quality, for the reader.
        threshold: The Jaccard similarity from which a row is truly near another one.
        n: The length of the n-grams that count.
        unit: What they consist of.
    """

    figures: str
    threshold: float = 0.85
    n: int = 5
    unit: str = "character"


OPERATORS = {
    "DeduplicateExact": Wanted("no rate here (700,000 rows/s in process: see run.py)", 1.0),
    "DeduplicateMinhash": Wanted("wanted: 9,000; precision .998; recall 1, .96, .5"),
    "DeduplicateSimhash": Wanted("wanted: 5,000"),
    "DeduplicateNgrams": Wanted("wanted: 5,000", 0.7, 3, "word"),
}
SIZES = (10_000, 100_000, 500_000, 1_000_000)
# Letters of Chinese and Japanese, each of which is a word.
UNSPACED = re.compile("[\u3005-\u3007\u3041-\u30ff\u3400-\u9fff]")
# Such corpora are measured once, without a run that does not count.
LARGE = 100_000
MOST_MEMORY = 2_048
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
    sizes = [int(size) for size in sys.argv[2:]] or SIZES
    print("baselines (MinHash, 10,000 rows): rows/CPU-s, precision, recall exact/light/medium")
    for line in PEERS:
        print(f"  {line}")
    print(f"the same rate and at most {MOST_MEMORY:,} MB wanted at each size")
    for rows in sizes:
        if (data / f"c{rows}.jsonl").exists():
            print(f"{rows:,} rows")
            with tempfile.TemporaryDirectory() as scratch:
                _measure(data, rows, pathlib.Path(scratch))


def quality(wanted: Wanted, source: pathlib.Path, run_dir: pathlib.Path) -> str:
    """Return the precision in both ways, and the recall of each kind of copy.

    A copy is caught when it or its original is gone. A row is rightly gone when it belongs to a
    cluster, an original with its copies, of which another member stays.

    Args:
        wanted: What counts as truly near.
        source: The corpus, with the planted copies beside it.
        run_dir: The run.
    """
    names, gone = _ids(source), _gone(run_dir)
    stays = set(names) - {names[row] for row in gone}
    caught, clusters = defaultdict(list), defaultdict(set)
    for copy in map(orjson.loads, source.with_suffix(".truth.jsonl").read_bytes().splitlines()):
        if "dup_of" in copy:
            pair = {copy["id"], copy["dup_of"]}
            caught[copy["kind"]].append(not pair <= stays)
            clusters[copy["dup_of"]] |= pair
    planted = {row for members in clusters.values() if members & stays for row in members}
    others = {row: repeated for row, repeated in gone.items() if names[row] not in planted}
    wrong = len(others) - _near(wanted, source, others)
    planted_share, near_share = (1 - part / max(1, len(gone)) for part in (len(others), wrong))
    recall = (f"{sum(caught[kind]) / max(1, len(caught[kind])):.3f}" for kind in KINDS)
    precision = f"precision {planted_share:.4f} (with the truly near: {near_share:.4f})"
    return f"{precision}, recall {' '.join(recall)}"


def similarity(first: str, second: str, wanted: Wanted) -> float:
    """Return the Jaccard similarity of all n-grams of two texts."""
    one, other = (_ngrams(text, wanted) for text in (first, second))
    return len(one & other) / len(one | other)


def _ngrams(text: str, wanted: Wanted) -> set[str]:
    n = wanted.n
    if wanted.unit == "word":
        words = UNSPACED.sub(r" \g<0> ", text.lower()).split()
        return {" ".join(words[i : i + n]) for i in range(max(1, len(words) - n + 1))}
    letters = " ".join(text.lower().split())
    return {letters[i : i + n] for i in range(max(1, len(letters) - n + 1))}


def _near(wanted: Wanted, source: pathlib.Path, pairs: dict[int, int]) -> int:
    """Return how many rows are truly near the row that they repeat."""
    rows = {row for pair in pairs.items() for row in pair}
    with source.open("rb") as lines:
        texts = {row: orjson.loads(line)["text"] for row, line in enumerate(lines) if row in rows}
    return sum(
        similarity(texts[row], texts[repeated], wanted) >= wanted.threshold
        for row, repeated in pairs.items()
    )


def _gone(run_dir: pathlib.Path) -> dict[int, int]:
    """Return the number of each row that was dropped, and of the row that it repeats."""
    ledger = pq.read_table(run_dir / "ledger.parquet")
    dropped = ledger.filter(pc.equal(ledger["fate"], "duplicate"))
    ids = formatted(source_ids(SOURCE, np.arange(len(ledger)))).to_pylist()
    numbers = dict(zip(ids, range(len(ids)), strict=True))
    pairs = zip(*(dropped[name].to_pylist() for name in ("row_id", "related_row_id")), strict=True)
    return {numbers[row]: numbers[repeated] for row, repeated in pairs}


def _measure(data: pathlib.Path, rows: int, scratch: pathlib.Path) -> None:
    source = data / f"c{rows}.jsonl"
    commands = {}
    for name in OPERATORS:
        files = (source, scratch / f"{name}.jsonl", scratch / f"{name}-run")
        commands[name] = [sys.executable, "-c", RUN, name, *map(str, files)]
    once = rows >= LARGE
    figures = measure(commands, runs=1 if once else 5, warm_ups=0 if once else 1)
    for name, figure in figures.items():
        wanted = OPERATORS[name]
        found = quality(wanted, source, scratch / f"{name}-run")
        print(f"  {_line(name, figure, rows)}   {found}   ({wanted.figures})", flush=True)


def _line(name: str, figure: Measurement, rows: int) -> str:
    return f"{name:19} {figure}   {rows / figure.median:>7,.0f} rows/CPU-s"


def _ids(path: pathlib.Path) -> list[str]:
    with path.open("rb") as lines:
        return [orjson.loads(line)["id"] for line in lines]


if __name__ == "__main__":
    main()
