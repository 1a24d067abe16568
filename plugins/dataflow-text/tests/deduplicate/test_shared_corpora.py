"""Near-deduplication of larger samples with known duplicates, where the folder with them is."""

from __future__ import annotations

import json
import lzma
import math
import os
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
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


@pytest.fixture(scope="module")
def extractions():
    """Pairs of texts of one page, and the exact similarity of their 5-grams of words.

    Words are runs of letters, digits and underscores there, without case; so they are here, and
    pages in scripts without spaces are left out.
    """
    folder = SHARED / "data/text"
    texts = {
        row["id"]: " ".join(re.findall(r"\w+", row["text"].lower()))
        for row in rows_of(folder / "near_duplicates_docs.jsonl")
    }
    pairs = rows_of(folder / "near_duplicates_pairs.jsonl")
    return [
        (texts[pair["a"]], texts[pair["b"]], pair["jaccard_word5"])
        for pair in pairs
        if not re.search(r"[\u3041-\u30fa\u4e00-\u9fff]", texts[pair["a"]] + texts[pair["b"]])
    ]


def judged(operator, extractions):
    """Return the value of each pair of which one text goes, by the pair's number."""
    texts = [{"text": text, "pair": n} for n, pair in enumerate(extractions) for text in pair[:2]]
    table = MemoryStorage(texts)
    operator.run(table, input_group="pair")
    dropped = table.dropped()
    return dict(zip(dropped["pair"], map(float, dropped["value"]), strict=True))


# For each operator its deviation: as stated, or that of figures with four digits.
ESTIMATES = pytest.mark.parametrize(
    ("operator", "options", "deviation"),
    [
        (DeduplicateMinhash, {}, 0.5 / math.sqrt(128)),
        (DeduplicateMinhash, {"num_permutations": 1024}, 0.5 / math.sqrt(1024)),
        (DeduplicateNgrams, {}, 0.5 / math.sqrt(128)),
        (DeduplicateNgrams, {"max_ngrams": 4096}, 0.0001),
    ],
)


@ESTIMATES
@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.7, 0.8, 0.9])
def test_extractions_of_one_page_are_judged_by_their_word_ngrams(
    operator, options, deviation, threshold, extractions
):
    gone = judged(operator(n=5, unit="word", threshold=threshold, **options), extractions)
    clear = [abs(exact - threshold) > 3 * deviation for _, _, exact in extractions]
    assert sum(clear) > 15
    for number, (_, _, exact) in enumerate(extractions):
        assert not clear[number] or (number in gone) == (exact > threshold)


@ESTIMATES
def test_estimates_deviate_no_more_than_stated(operator, options, deviation, extractions):
    gone = judged(operator(n=5, unit="word", threshold=0.05, **options), extractions)
    alike = {number: exact for number, (_, _, exact) in enumerate(extractions) if exact > 0.2}
    errors = np.array([gone[number] - exact for number, exact in alike.items()])
    assert len(errors) > 50
    assert np.sqrt(np.mean(errors**2)) <= deviation
    assert np.abs(errors).max() < 4 * deviation


def test_fingerprints_of_extractions_differ_by_the_angle(extractions):
    operator = DeduplicateSimhash(n=5, unit="word", max_distance=6)
    gone = judged(operator, extractions)
    errors = []
    for number, (first, second, exact) in enumerate(extractions):
        one, other = (ngrams(text) for text in (first, second))
        assert len(one & other) / len(one | other) == pytest.approx(exact, abs=1e-4)
        cosine = len(one & other) / math.sqrt(len(one) * len(other))
        prints = operator.digest(pa.array([first, second])).to_pylist()
        distance = (prints[0] ^ prints[1]).bit_count()
        assert gone.get(number) == (distance if distance <= 6 else None)
        errors.append(distance - 64 * math.acos(min(1, cosine)) / math.pi)
    # Each of 64 bits differs with a chance of its own, which deviates by four at most.
    assert abs(np.mean(errors)) < 2
    assert np.abs(errors).max() < 16


def ngrams(text, n=5):
    words = text.split()
    return {tuple(words[i : i + n]) for i in range(max(1, len(words) - n + 1))}
