"""Evaluators of texts: `python benchmarks/evaluators.py FOLDER`.

FOLDER holds c10000.jsonl, rows of about 1.2 kB. Each evaluator is the one step of a run from JSONL
to JSONL, start-up included; the row "nothing" is a run without any, so that the difference is the
evaluator's own cost. Wanted are the rates of the project's targets, on another machine: what tells
is the ratio to the baselines that run beside them, a loop in plain Python for n-grams and one over
py3langid's own function for languages.
"""

from __future__ import annotations

import pathlib
import sys
import tempfile

from measuring import measure

ROWS = 10_000

RUN = """
import shutil, sys
from dataflow_core import FileStorage, Pipeline
from dataflow_core.operators.general import SelectColumns
import dataflow_text

class Measured(Pipeline):
    def __init__(self, storage):
        super().__init__(storage)
        name, _, options = sys.argv[1].partition(":")
        given = dict(pair.split("=") for pair in options.split(",") if pair)
        operator = getattr(dataflow_text, name, None)
        self.step = operator(**given) if operator else SelectColumns(columns=("id", "text"))

    def forward(self):
        self.step.run(self.storage)

shutil.rmtree(sys.argv[4], ignore_errors=True)
Measured(FileStorage(sys.argv[2])).run(sys.argv[3], run_dir=sys.argv[4], fresh=True)
"""
LOOP = """
import re, sys
import orjson
MARKS = re.compile(r"[^\\w\\s]")
def share(text):
    words = MARKS.sub("", text.lower()).split()
    grams = [tuple(words[i:i + 5]) for i in range(len(words) - 4)]
    return len(set(grams)) / len(grams) if grams else None
with open(sys.argv[1], "rb") as source, open(sys.argv[2], "wb") as target:
    for line in source:
        row = orjson.loads(line)
        row["ngram_repetition"] = share(row["text"])
        target.write(orjson.dumps(row) + b"\\n")
"""
LANGUAGES = """
import sys
import orjson
import py3langid
with open(sys.argv[1], "rb") as source, open(sys.argv[2], "wb") as target:
    for line in source:
        row = orjson.loads(line)
        row["language"], score = py3langid.classify(row["text"][:300])
        row["score"] = float(score)
        target.write(orjson.dumps(row) + b"\\n")
"""
EVALUATORS = {
    "nothing": ("nothing", None),
    "n-gram repetition": ("NgramRepetitionEvaluator", 12_000),
    "lexical diversity, MTLD": ("LexicalDiversityEvaluator:method=mtld", 6_000),
    "lexical diversity, HD-D": ("LexicalDiversityEvaluator:method=hdd", 6_000),
    "language, py3langid": ("LanguageEvaluator", 20_000),
    "tokens": ("TokenCountEvaluator", None),
    "word count": ("WordCountEvaluator", None),
}


def main() -> None:
    """Measure each evaluator, and the two loops."""
    source = str(pathlib.Path(sys.argv[1]) / "c10000.jsonl")
    with tempfile.TemporaryDirectory() as scratch:
        target, run = (str(pathlib.Path(scratch) / name) for name in ("out.jsonl", "run"))
        commands = {
            name: [sys.executable, "-c", RUN, operator, source, target, run]
            for name, (operator, _) in EVALUATORS.items()
        }
        commands["n-grams in a loop"] = [sys.executable, "-c", LOOP, source, target]
        commands["py3langid in a loop"] = [sys.executable, "-c", LANGUAGES, source, target]
        figures = measure(commands, runs=3)
    start_up = figures["nothing"].median
    print("evaluators, JSONL to JSONL, 10k rows, start-up included; then without a run's own cost")
    for name, figure in figures.items():
        own = figure.median - (start_up if name in EVALUATORS else 0)
        rates = f"{ROWS / figure.median:>7,.0f} {ROWS / own if own > 0 else 0:>9,.0f} rows/CPU-s"
        wanted = EVALUATORS.get(name, (None, None))[1]
        print(f"  {name:24} {figure} {rates}" + (f"   (wanted: {wanted:,})" if wanted else ""))


if __name__ == "__main__":
    main()
