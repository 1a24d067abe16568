"""The pipeline on larger samples of real text, where the folder with them is at hand."""

from __future__ import annotations

import json
import lzma
import os
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dataflow_core import FileStorage
from dataflow_text import DeduplicateExact, PretrainFilter

SHARED = Path(
    os.environ.get("DATAFLOW_SHARED") or Path(__file__).resolve().parents[3].parent / "shared"
)
pytestmark = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"no shared data in {SHARED}; name its folder in DATAFLOW_SHARED"
)


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(lzma.decompress((SHARED / "bench/c10000.jsonl.xz").read_bytes()))
    return path


def rows_of(path):
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def run_and_check(path, tmp_path, fates):
    """Run the pipeline; check its sums, and that other columns come out as they went in."""
    before = rows_of(path)
    report = PretrainFilter(FileStorage(path), preset="basic").run(tmp_path / "out.jsonl")
    after = rows_of(tmp_path / "out.jsonl")
    found = fates(report)
    assert report.rows_in == len(before)
    assert found["output"] == report.rows_out == len(after)
    for step, following in zip(report.steps, report.steps[1:], strict=False):
        assert step.rows_in == step.rows_out + step.dropped + step.quarantined
        assert step.rows_out == following.rows_in
    ledger = pq.read_table(report.run_dir / "ledger.parquet").to_pandas()
    assert sum(step.dropped for step in report.steps) == (ledger["fate"] != "output").sum()
    others = [name for name in before[0] if name != "text"]
    wanted = iter(before)
    for row in after:
        # In order: each row is found among those after the one before.
        assert any(all(row[name] == old[name] for name in others) for old in wanted)
        assert set(row) == {*others, "text", "word_count", "curly_bracket_share"}
    return report, after


@pytest.mark.parametrize("name", ["c4_demo", "dclm_human_quality"])
def test_web_text_goes_through_with_every_row_accounted_for(name, tmp_path, fates):
    report, after = run_and_check(SHARED / f"data/text/{name}.jsonl", tmp_path, fates)
    assert 0 < report.rows_out <= report.rows_in
    assert all(row["word_count"] >= 50 for row in after)


def test_the_corpus_goes_through_with_every_row_accounted_for(corpus, tmp_path, fates):
    report, _ = run_and_check(corpus, tmp_path, fates)
    assert report.rows_in == 10_000
    assert report.rows_out > 7_000


def test_exact_duplicates_are_those_that_were_planted(corpus):
    truth = [row for row in rows_of(SHARED / "bench/c10000.truth.jsonl") if "dup_of" in row]
    exact = [{row["id"], row["dup_of"]} for row in truth if row["kind"] == "exact"]
    table = FileStorage(corpus)
    DeduplicateExact().run(table)
    kept, removed = set(table.read()["id"]), set(table.dropped()["id"])
    # Near copies may be equal too, since copies were changed at random.
    planted = {name for row in truth for name in (row["id"], row["dup_of"])}
    assert len(exact) > 400
    assert all(len(pair & kept) == 1 for pair in pairs_alone(exact))  # nothing lost
    assert not any(pair <= kept for pair in exact)  # recall 1
    assert removed <= planted  # precision 1
    assert len(kept) + len(removed) == 10_000


def pairs_alone(pairs):
    """Return the pairs that share no row with another pair."""
    seen = Counter(name for pair in pairs for name in pair)
    return [pair for pair in pairs if all(seen[name] == 1 for name in pair)]
