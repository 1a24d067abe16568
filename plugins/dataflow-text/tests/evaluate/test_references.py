"""BLEU, chrF, TER and ROUGE, against values found by others and by hand."""

from __future__ import annotations

import subprocess
import sys

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_core import DataflowError, MemoryStorage
from dataflow_text import BleuEvaluator, ChrfEvaluator, RougeEvaluator, TerEvaluator
from dataflow_text.evaluate.references import split_words
from dataflow_text.evaluate.rouge import longest_common_subsequence

OPERATORS = [BleuEvaluator(), ChrfEvaluator(), TerEvaluator(), RougeEvaluator()]
EACH = pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.step_name())
WORDS = st.lists(st.sampled_from("abc"), max_size=12)


def scored(operator, *rows):
    table = MemoryStorage([{"text": text, "reference": reference} for text, reference in rows])
    operator.run(table, output_measure="score")
    return [row["score"] for row in table.rows()]


@EACH
def test_no_text_and_no_reference_make_no_measure(operator):
    rows = [("a", None), (None, "a"), ("a", []), ("a", [None]), ("a", "a")]
    found = scored(operator, *rows)
    assert found[:4] == [None] * 4
    assert found[4] is not None


@EACH
def test_columns_of_arrow_types(operator):
    references = pa.array([["the cat", None], [], None], pa.list_(pa.string()))
    table = MemoryStorage(pa.table({"text": ["the cat"] * 3, "reference": references}))
    operator.run(table)
    name = operator.default_output()
    assert [row[name] is None for row in table.rows()] == [False, True, True]


@EACH
@pytest.mark.parametrize(("text", "reference"), [("", "a b"), ("", ""), ("a b", ""), (" ", "\n")])
def test_empty_texts_have_a_measure(operator, text, reference):
    (value,) = scored(operator, (text, reference))
    assert value == pytest.approx(0) or isinstance(operator, TerEvaluator)


@EACH
@given(text=st.text(max_size=30), reference=st.text(max_size=30))
def test_no_text_is_too_odd(operator, text, reference):
    (value,) = scored(operator, (text, reference))
    assert value >= 0
    assert value <= 100.0001 or isinstance(operator, TerEvaluator)


@EACH
def test_what_is_no_text_is_refused(operator):
    with pytest.raises(DataflowError, match="reference"):
        scored(operator, ("a", [1, 2]))


@EACH
def test_a_shuffled_sentence_is_no_copy(operator):
    copy, shuffled = scored(
        operator, ("a b c d e f g h", "a b c d e f g h"), ("h c a g e b d f", "a b c d e f g h")
    )
    assert copy != pytest.approx(shuffled)


def test_bleu_counts_n_grams_up_to_its_order():
    row = ("d b a c e", "a b c d e")
    assert scored(BleuEvaluator(max_order=1), row) == [pytest.approx(100)]
    assert scored(BleuEvaluator(smoothing="none"), row) == [0]
    assert 0 < scored(BleuEvaluator(max_order=6), row)[0] < 35


def test_bleu_of_chinese_needs_its_tokenizer():
    row = ("今天天气好", "今天天气很好")
    assert scored(BleuEvaluator(), row)[0] < scored(BleuEvaluator(tokenizer="zh"), row)[0]


def test_ter_leaves_long_texts_out():
    long = "a " * 400
    assert scored(TerEvaluator(), (long, "a"), ("a", long), ("a b", "a b")) == [None, None, 0]
    assert scored(TerEvaluator(max_words=400), ("a", long)) != [None]


@pytest.mark.parametrize(
    ("kind", "measure", "expected"),
    [
        ("rouge1", "precision", 1),
        ("rouge1", "recall", 3 / 5),
        ("rouge1", "f1", 3 / 4),
        ("rouge2", "precision", 1 / 2),
        ("rouge2", "recall", 1 / 4),
        ("rougeL", "f1", 3 / 4),
    ],
)
def test_rouge_by_hand(kind, measure, expected):
    operator = RougeEvaluator(kind=kind, measure=measure)
    assert scored(operator, ("The cat sat.", "the black cat sat down")) == [pytest.approx(expected)]


def test_rouge_takes_the_best_reference_and_all_scripts():
    assert scored(RougeEvaluator(), ("a b", ["x", "a b", "a"]), ("你好", "你们好")) == [1, 0.8]
    assert scored(RougeEvaluator(ascii_only=True), ("你好", "你们好")) == [0]


@given(WORDS, WORDS)
def test_common_subsequences_are_the_longest(one, other):
    table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            table[i + 1][j + 1] = (
                table[i][j] + 1 if a == b else max(table[i][j + 1], table[i + 1][j])
            )
    assert longest_common_subsequence(one, other) == table[-1][-1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop_now, 2nd!", ["don", "t", "stop_now", "2nd"]),
        ("अच्छा दिन", ["अच्छा", "दिन"]),
        ("Hello你好ไก่", ["hello", "你", "好", "ไ", "ก่"]),
        ("", []),
    ],
)
def test_words(text, words):
    assert split_words(text) == words


@pytest.mark.parametrize("fields", [{"max_order": 0}, {"smoothing": "x"}, {"tokenizer": "x"}])
def test_wrong_fields_are_refused(fields):
    with pytest.raises(DataflowError, match=next(iter(fields))):
        BleuEvaluator(**fields)


def test_the_modules_load_no_library():
    code = (
        "import sys, dataflow_text.evaluate.translation; "
        "print([m for m in ('sacrebleu', 'lxml') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("operator", "key"),
    [
        (BleuEvaluator(), "sacrebleu_sentence"),
        (ChrfEvaluator(), "chrf"),
        (TerEvaluator(max_words=60), "ter"),
    ],
    ids=["bleu", "chrf", "ter"],
)
def test_values_of_sacrebleu(operator, key, shared_rows):
    rows = shared_rows("judges/text_metric_values.jsonl")
    found = scored(operator, *((row["hyp"], row["ref"]) for row in rows))
    pairs = [(ours, row[key]) for ours, row in zip(found, rows, strict=True) if ours is not None]
    assert len(pairs) > 60
    assert all(ours == pytest.approx(wanted, abs=1e-6) for ours, wanted in pairs)


@pytest.mark.parametrize("kind", ["rouge1", "rouge2", "rougeL"])
@pytest.mark.parametrize("measure", ["precision", "recall", "f1"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_values_of_rouge_score(kind, measure, ascii_only, shared_rows):
    rows = shared_rows("judges/text_metric_values.jsonl")
    operator = RougeEvaluator(kind=kind, measure=measure, ascii_only=ascii_only)
    found = scored(operator, *((row["hyp"], row["ref"]) for row in rows))
    assert found == pytest.approx([row[kind][measure[0]] for row in rows], abs=1e-6)
