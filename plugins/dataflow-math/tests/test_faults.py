"""Models that fail in all ways: every row is output, dropped or set aside, whatever the batches."""

from __future__ import annotations

import json

import pandas as pd
import pyarrow as pa
import pytest

from dataflow_core import MemoryStorage, Pipeline
from dataflow_core.serving.backend import Reply, ReplyError
from dataflow_core.testing import ScriptedServing
from dataflow_math import AnswerGenerator, QuestionFilter, QuestionVerifier, SelfConsistency

VERDICT = json.dumps({"explanation": "Looked at.", "failed_check": "none"})
FAULTS = {
    "good": None,
    "refuses": "I can't help with that.",
    "foreign": "申し訳ありません。",
    "cut": Reply("1. We", "length"),
    "empty": Reply("", "stop"),
    "error": ReplyError("request", "too long"),
    "thinks only": "<think>Let me see",
    "two objects": VERDICT + "\n" + VERDICT.replace("none", "format"),
    "fenced": f"```json\n{VERDICT}\n```",
}
OPERATORS = {
    "answer_generator": (AnswerGenerator, {}, r"1. We add. \boxed{4}"),
    "self_consistency": (SelfConsistency, {"samples": 2}, r"\boxed{4}"),
    "question_verifier": (QuestionVerifier, {}, VERDICT),
    "question_filter": (QuestionFilter, {}, VERDICT),
}
ROWS = [
    {"n": n, "question": question}
    for n, question in enumerate(
        [None, " ", *(f"{kind}: q{i}?" for i in (1, 2) for kind in FAULTS)]
    )
]


def ran(name, rows, folder, batch_size):
    cls, fields, good = OPERATORS[name]

    def answer(request):
        kind = request.messages[-1]["content"].removeprefix("<question>\n").partition(":")[0]
        return FAULTS.get(kind) or good

    class One(Pipeline):
        def __init__(self, storage):
            super().__init__(storage)
            self.step = cls(serving=ScriptedServing(answer, corrections=0), **fields)

        def forward(self):
            self.step.run(self.storage)

    report = One(MemoryStorage(rows)).run(
        folder / "out.parquet", run_dir=folder / "run", batch_size=batch_size, max_failures="100%"
    )
    kept = pd.read_parquet(folder / "out.parquet").astype(object)
    kept = kept.where(kept.notna(), None)
    ends = {row["n"]: ("output", row) for row in kept.to_dict("records")}
    for fate in ("dropped", "quarantine"):
        for path in (folder / "run" / fate).rglob("*.arrow"):
            for row in pa.ipc.open_file(path).read_pandas().to_dict("records"):
                assert row["reason"]
                ends[row["n"]] = (fate, row["reason"])
    assert report.rows_in == len(rows) == len(ends)
    return ends


@pytest.mark.parametrize("name", OPERATORS)
def test_every_row_ends_in_its_place_whatever_batches_and_order(name, tmp_path):
    found = []
    for place, (rows, size) in enumerate([(ROWS, None), (ROWS, 1), (ROWS, 3), (ROWS[::-1], 4)]):
        folder = tmp_path / str(place)
        folder.mkdir()
        found.append(ran(name, rows, folder, size))
    assert found[0] == found[1] == found[2] == found[3]
    fates = {ROWS[n]["question"]: end[0] for n, end in found[0].items()}
    assert fates["good: q1?"] == "output"
    for kind in ("cut", "empty", "error"):
        assert fates[f"{kind}: q1?"] == fates[f"{kind}: q2?"] == "quarantine"
    if name.startswith("question"):
        assert fates["fenced: q1?"] == "output"
        assert fates["refuses: q1?"] == fates["foreign: q1?"] == "quarantine"
