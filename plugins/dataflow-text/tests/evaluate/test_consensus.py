"""CIDEr and CIDEr-D, against the formulas in plain Python."""

from __future__ import annotations

import math
import tracemalloc
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_core import FileStorage, MemoryStorage, Pipeline
from dataflow_text import CiderEvaluator

TEXT = st.lists(st.sampled_from("abcde"), max_size=9).map(" ".join)
ROWS = st.lists(st.tuples(TEXT, st.lists(TEXT, min_size=1, max_size=3)), max_size=6)


def scores(rows, **fields):
    texts = pa.array([text for text, _ in rows], pa.string())
    references = pa.array([known for _, known in rows], pa.list_(pa.string()))
    table = MemoryStorage(pa.table({"text": texts, "reference": references}))
    CiderEvaluator(**fields).run(table)
    return [row["cider"] for row in table.rows()]


def ngrams(text, n):
    words = text.split()
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def plain(rows, variant, order, sigma):
    results = [0.0] * len(rows)
    for n in range(1, order + 1):
        frequency = Counter(
            gram for _, known in rows for gram in {g for text in known for g in ngrams(text, n)}
        )

        def vector(text, n=n, frequency=frequency):
            return {
                gram: count * math.log(len(rows) / max(frequency[gram], 1))
                for gram, count in ngrams(text, n).items()
            }

        for row, (text, known) in enumerate(rows):
            own = vector(text)
            for reference in known:
                other = vector(reference)
                clip = min if variant == "cider_d" else lambda mine, _: mine
                dot = sum(clip(own[g], other[g]) * other[g] for g in own if g in other)
                scale = math.hypot(*own.values()) * math.hypot(*other.values())
                cosine = dot / scale if scale else 0.0
                if variant == "cider_d":
                    difference = len(text.split()) - len(reference.split())
                    cosine *= math.exp(-(difference**2) / (2 * sigma**2))
                results[row] += 10 * cosine / len(known) / order
    return results


@pytest.mark.parametrize("variant", ["cider_d", "cider"])
@given(rows=ROWS, order=st.integers(1, 4))
def test_scores_are_those_of_the_formulas(variant, rows, order):
    wanted = plain(rows, variant, order, 6.0)
    assert scores(rows, variant=variant, max_order=order) == pytest.approx(wanted)


def test_a_case_by_hand():
    rows = [("a b", ["a b"]), ("a c", ["a d"])]
    # "a" is in both rows and weighs nothing; only "c" and "d" are left, and differ.
    assert scores(rows, max_order=1) == [10, 0]
    # With "b" and "b" in one of three rows each, b weighs log 3, a log 1.5.
    rows = [("a b", ["a"]), ("x", ["a y"]), ("x", ["z"])]
    a, b = math.log(3 / 2), math.log(3)
    wanted = 10 * a / math.hypot(a, b)
    assert scores(rows, max_order=1, variant="cider") == pytest.approx([wanted, 0, 0])
    shorter = math.exp(-1 / 72)
    assert scores(rows, max_order=1) == pytest.approx([wanted * shorter, 0, 0])


def test_rarity_is_that_of_the_whole_data_set():
    same = [("a b c d e", ["a b c d e"])]
    assert scores(same) == [0]
    assert scores([*same, ("q", ["r"])]) == pytest.approx([10, 0])


def test_rows_without_text_or_reference_have_no_measure_and_do_not_count():
    rows = [("a b", ["a b"]), ("c", ["d"])]
    odd = [(None, ["a"]), ("a", None), ("b", []), ("c", [None])]
    assert scores(rows + odd) == [*scores(rows), None, None, None, None]
    assert scores([("", ["a"]), ("a", [""])]) == [0, 0]
    assert scores([]) == []
    assert scores(odd) == [None] * 4


def test_case_and_punctuation_aside_and_letters_as_words_in_chinese():
    found = scores([("A, B!", ["a b"]), ("今天天气", ["今天 天气"]), ("x", ["y"])], max_order=2)
    assert found == pytest.approx([10, 10, 0])


def test_a_pipeline_in_batches_gives_the_same(tmp_path):
    rows = [{"text": f"w{i % 7} b c", "reference": f"w{i % 5} b d"} for i in range(50)]
    whole = MemoryStorage(rows)
    CiderEvaluator().run(whole)
    source = tmp_path / "in.parquet"
    whole.read(["text", "reference"]).to_parquet(source, index=False)

    class Scored(Pipeline):
        """Score texts against references."""

        def __init__(self, storage):
            super().__init__(storage)
            self.cider = CiderEvaluator()

        def forward(self):
            self.cider.run(self.storage)

    Scored(FileStorage(source)).run(tmp_path / "out.parquet", batch_size=7)
    after = FileStorage(tmp_path / "out.parquet").read()
    assert after["cider"].tolist() == whole.read()["cider"].tolist()


@given(ROWS, st.sampled_from(["cider", "cider_d"]))
def test_a_score_does_not_depend_on_how_many_words_are_compared_at_a_time(rows, variant):
    whole = scores(rows, variant=variant)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dataflow_text.evaluate.consensus._BLOCK", 7)
        assert scores(rows, variant=variant) == pytest.approx(whole)


def test_words_are_compared_in_the_memory_that_is_stated():
    rng = np.random.default_rng(0)
    rows = [
        (f"w{a} w{b} " * 30, [f"w{a} w{c} " * 30]) for a, b, c in rng.integers(0, 999, (9000, 3))
    ]
    rows = [(text + " ".join(map(str, rng.integers(0, 9999, 30))), known) for text, known in rows]
    table = pa.table({"text": [text for text, _ in rows], "reference": [r for _, r in rows]})
    evaluator = CiderEvaluator()
    sketches = evaluator.sketch(MemoryStorage(table), **evaluator.bind())
    words = sum(map(len, sketches["words"]))
    tracemalloc.start()
    evaluator.decide(sketches)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 * words
