"""Near-deduplication of larger samples with known duplicates, where the folder with them is."""

from __future__ import annotations

import json
import lzma
import os
from pathlib import Path

import pytest

from dataflow_core import FileStorage, MemoryStorage
from dataflow_text import DeduplicateMinhash, DeduplicateNgrams, DeduplicateSimhash

SHARED = Path(
    os.environ.get("DATAFLOW_SHARED") or Path(__file__).resolve().parents[4].parent / "shared"
)
pytestmark = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"no shared data in {SHARED}; name its folder in DATAFLOW_SHARED"
)


def rows_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    ("operator", "precision", "recalls"),
    [
        (DeduplicateMinhash, 0.998, {"exact": 1, "near_light": 0.96, "near_medium": 0.5}),
        (DeduplicateSimhash, 0.998, {"exact": 1, "near_light": 0.45}),
        (DeduplicateNgrams, 0.99, {"exact": 1, "near_light": 0.98}),
    ],
)
def test_planted_copies_are_found_and_little_else(operator, precision, recalls, tmp_path):
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(lzma.decompress((SHARED / "bench/c10000.jsonl.xz").read_bytes()))
    table = FileStorage(path)
    operator().run(table)
    kept, removed = set(table.read()["id"]), set(table.dropped()["id"])
    copies = [row for row in rows_of(SHARED / "bench/c10000.truth.jsonl") if "dup_of" in row]
    planted = {name for row in copies for name in (row["id"], row["dup_of"])}
    assert len(removed & planted) / len(removed) >= precision
    for kind, wanted in recalls.items():
        pairs = [{row["id"], row["dup_of"]} for row in copies if row["kind"] == kind]
        assert sum(not pair <= kept for pair in pairs) / len(pairs) >= wanted


@pytest.mark.parametrize(
    "operator",
    [
        DeduplicateMinhash(unit="word", ignore_case=False, threshold=0.7),
        DeduplicateNgrams(n=5, ignore_case=False, threshold=0.7, max_ngrams=4096),
    ],
    ids=["minhash", "ngrams"],
)
def test_extractions_of_one_page_are_judged_by_their_word_ngrams(operator):
    folder = SHARED / "data/text"
    texts = {row["id"]: row["text"] for row in rows_of(folder / "near_duplicates_docs.jsonl")}
    for pair in rows_of(folder / "near_duplicates_pairs.jsonl"):
        table = MemoryStorage([{"text": texts[pair[side]]} for side in "ab"])
        operator.run(table)
        if abs(pair["jaccard_word5"] - 0.7) > 0.1:
            assert (len(table) == 1) == (pair["jaccard_word5"] > 0.7)
