"""How good the estimates are, against similarities computed in full."""

from __future__ import annotations

import math
import random

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_core import MemoryStorage
from dataflow_core.table.columns import as_series
from dataflow_text import (
    DeduplicateMinhash,
    DeduplicateNgrams,
    DeduplicateSimhash,
    WordCountEvaluator,
)
from dataflow_text.deduplicate.comparing import Digests
from dataflow_text.deduplicate.minhash import lsh_bands
from dataflow_text.deduplicate.ngrams import _Samples
from dataflow_text.deduplicate.shingles import shingle_blocks
from dataflow_text.deduplicate.simhash import key_masks

UNITS = pytest.mark.parametrize("unit", ["character", "word"])


def ngrams(text, n, unit):
    parts = text.split() if unit == "word" else text
    return {tuple(parts[i : i + n]) for i in range(max(1, len(parts) - n + 1))}


def jaccard(first, second, n, unit):
    one, other = ngrams(first, n, unit), ngrams(second, n, unit)
    return len(one & other) / len(one | other)


def pairs(length, count=60):
    """Texts with copies in which a growing part of the words is replaced."""
    random.seed(length)
    for number in range(count):
        words = [f"{random.getrandbits(20):x}" for _ in range(length)]
        changed = [
            f"{random.getrandbits(20):x}" if random.random() < number / count / 3 else word
            for word in words
        ]
        yield " ".join(words), " ".join(changed)


def plain(operator, **options):
    return operator(ignore_case=False, ignore_whitespace=False, **options)


@UNITS
@pytest.mark.parametrize("length", [1, 3, 8, 40, 200, 1500])
def test_minhash_estimates_jaccard_without_bias(length, unit):
    operator = plain(DeduplicateMinhash, n=3, unit=unit, num_permutations=256)
    errors, deviations = [], []
    for first, second in pairs(length):
        signatures = operator.digest(pa.array([first, second])).to_pylist()
        one, other = (np.frombuffer(part, np.uint16) for part in signatures)
        exact = jaccard(first, second, 3, unit)
        errors.append(np.mean(one == other) - exact)
        deviations.append(math.sqrt(exact * (1 - exact) / 256))
    assert abs(np.mean(errors)) < 3.5 * max(deviations) / math.sqrt(len(errors)) + 1e-4
    # Now and then a slot of 16 bits agrees by chance.
    assert all(abs(e) <= 4.5 * d + 1.5 / 256 for e, d in zip(errors, deviations, strict=True))


def test_signatures_do_not_depend_on_what_stands_beside_a_text():
    texts = [text for pair in pairs(30) for text in pair] + ["", "日本語", "a" * 300_000]
    for operator in (DeduplicateMinhash(), DeduplicateSimhash(), DeduplicateNgrams()):
        together = operator.digest(pa.array(texts)).to_pylist()
        assert together == [operator.digest(pa.array([text])).to_pylist()[0] for text in texts]
        shuffled = operator.digest(pa.array([None, *texts[::-1]])[1:]).to_pylist()
        assert together == shuffled[::-1]


@UNITS
@pytest.mark.parametrize("text", ["", "ab", "abc", "a b  c d", " x ", "日本 語 abc", "\0\0 👍 👍"])
@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_every_ngram_is_hashed_and_no_other(text, n, unit):
    spaced = text.replace("日本", "日 本") if unit == "word" else text
    (block,) = shingle_blocks(pa.array([text]), n, unit)
    assert len(set(block.hashes.tolist())) == len(ngrams(spaced, n, unit))
    (longer,) = shingle_blocks(pa.array(["zz yy xx " + text]), n, unit)
    size = len(spaced.split()) if unit == "word" else len(text)
    if size >= n:
        assert set(block.hashes.tolist()) <= set(longer.hashes.tolist())
    else:
        assert not set(block.hashes.tolist()) & set(longer.hashes.tolist())


MIXED = {
    "": "",
    "One, two.": "One, two.",
    "日本語 and English、混ぜる。": "日 本 語 and English 混 ぜ る",
    "ภาษาไทย (Thai) ที่นี่!": "ภ า ษ า ไ ท ย (Thai) ท น",
    "ひらがな・カタカナー": "ひ ら が な カ タ カ ナ ー",
    "中文，English-words《书》 é\u0301t": "中 文 English-words 书 é\u0301t",
    "русский日本\u3000한국어 ကမြန်မာ": "русский 日 本 한국어 က မ န မ",
    "𠀀𠀁 x": "𠀀 𠀁 x",
}


@pytest.mark.parametrize("text", MIXED)
def test_words_are_those_that_the_quality_rules_count(text):
    table = MemoryStorage([{"text": text}])
    WordCountEvaluator().run(table)
    (block,) = shingle_blocks(pa.array([text]), 1, "word")
    (apart,) = shingle_blocks(pa.array([MIXED[text]]), 1, "word")
    assert block.hashes.tolist() == apart.hashes.tolist()
    assert len(MIXED[text].split()) == table.rows()[0]["word_count"]
    assert len(block.hashes) == max(1, len(MIXED[text].split()))


@given(st.text(st.sampled_from("aé、。 日本\u3000ไท้.!한\n\0𠀀"), min_size=1, max_size=30))
def test_there_are_as_many_words_as_the_quality_rules_count(text):
    table = MemoryStorage([{"text": text}])
    WordCountEvaluator().run(table)
    (block,) = shingle_blocks(pa.array([text]), 1, "word")
    assert len(block.hashes) == max(1, table.rows()[0]["word_count"])


def test_simhash_distances_estimate_the_angle():
    operator = plain(DeduplicateSimhash, unit="word", n=1)
    errors = []
    for first, second in pairs(400):
        one, other = operator.digest(pa.array([first, second])).to_pylist()
        sets = ngrams(first, 1, "word"), ngrams(second, 1, "word")
        cosine = len(sets[0] & sets[1]) / math.sqrt(len(sets[0]) * len(sets[1]))
        errors.append((one ^ other).bit_count() - 64 * math.acos(min(1, cosine)) / math.pi)
    assert abs(np.mean(errors)) < 1.5
    assert np.abs(errors).max() < 16


@pytest.mark.parametrize("distance", range(7))
def test_prints_within_the_distance_share_a_key(distance):
    random.seed(distance)
    masks = [int(mask) for mask in key_masks(distance)]
    assert all(mask.bit_count() >= 20 for mask in masks)
    for _ in range(300):
        flipped = sum(1 << bit for bit in random.sample(range(64), distance))
        assert any(not flipped & mask for mask in masks)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9, 1.0])
def test_bands_find_nearly_all_pairs_beyond_the_threshold(threshold):
    bands, width = lsh_bands(threshold, 128)
    assert bands * width <= 128
    similarity = np.linspace(threshold, 1, 50)
    assert np.mean(1 - (1 - similarity**width) ** bands) > 0.98


@pytest.mark.parametrize(("length", "error"), [(20, 1e-9), (90, 1e-9), (800, 0.2)])
def test_overlaps_are_exact_up_to_the_limit(length, error):
    operator = plain(DeduplicateNgrams)
    for first, second in pairs(length):
        sketch = as_series(operator.digest(pa.array([first, second])), pd.RangeIndex(2))
        sets = _Samples(Digests(sketch.to_frame("digest")), operator.max_ngrams)
        found = sets.overlaps(1, np.array([0]))[0]
        assert found == pytest.approx(jaccard(first, second, 3, "word"), abs=error)
