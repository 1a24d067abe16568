"""What the near-deduplicators share: first rows stay, groups, options, odd texts, batches, cost."""

from __future__ import annotations

import random
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dataflow_text
from dataflow_core import MemoryStorage, Pipeline
from dataflow_core.table.identity import format_id
from dataflow_text import (
    DeduplicateExact,
    DeduplicateMinhash,
    DeduplicateNgrams,
    DeduplicateSimhash,
)
from dataflow_text.deduplicate.neighbours import repeats_of

NEAR = [DeduplicateMinhash, DeduplicateSimhash, DeduplicateNgrams]
EACH_NEAR = pytest.mark.parametrize("operator", NEAR)
EACH = pytest.mark.parametrize("operator", [DeduplicateExact, *NEAR])

LONG = " ".join(f"word{number * number % 997}" for number in range(300))
SHORT_TEXTS = ["", "a", "b", "ab", "日本", "日", "👍", "👍🏽", "x y", "\0", "a\0", " "]
TEXTS = st.lists(st.none() | st.sampled_from(SHORT_TEXTS) | st.text(max_size=40), max_size=12)


def deduplicated(operator, texts):
    table = MemoryStorage(pa.table({"text": pa.array(texts, pa.string())}))
    operator.run(table)
    return table


def kept(operator, texts):
    return [row["text"] for row in deduplicated(operator, texts).rows()]


def firsts(texts):
    return list(dict.fromkeys(text for text in texts if text is not None))


@EACH_NEAR
def test_the_first_of_near_texts_stays_and_the_others_say_what_they_repeat(operator):
    table = MemoryStorage([{"text": text} for text in (LONG, "Else.", LONG + " end", LONG)])
    ids = [format_id(row) for row in table.read().index]
    operator().run(table)
    assert [row["text"] for row in table.rows()] == [LONG, "Else."]
    dropped = table.dropped()
    assert list(dropped["reason"]) == ["near_duplicate"] * 2
    assert list(dropped["related_row_id"]) == [ids[0]] * 2
    near, equal = map(float, dropped["value"])
    assert equal == (0 if operator is DeduplicateSimhash else 1)
    assert 0 <= near <= 3 if operator is DeduplicateSimhash else 0.9 < near <= 1


def test_minhash_takes_texts_for_equal_that_differ_in_few_ngrams_and_exact_does_not():
    texts = [text for number in range(20) for text in (f"{number} {LONG}", f"{number} {LONG}s")]
    assert len(kept(DeduplicateMinhash(threshold=1), texts)) < len(texts)
    assert kept(DeduplicateExact(), texts) == texts


@EACH_NEAR
def test_texts_shorter_than_an_ngram_repeat_only_equal_ones(operator):
    texts = [*SHORT_TEXTS, None, *SHORT_TEXTS, None]
    exact = {"ignore_case": False, "ignore_whitespace": False}
    wanted = [*SHORT_TEXTS, None, None]
    if operator is DeduplicateNgrams:
        wanted.remove(" ")  # without words, as the empty text
    assert kept(operator(n=5, **exact), texts) == wanted


@pytest.mark.parametrize("template", ["user {}", "the user {}"])
def test_no_short_text_of_very_many_repeats_another(template):
    texts = [template.format(number) for number in range(200_000)]
    assert len(deduplicated(DeduplicateNgrams(threshold=1), texts)) == len(texts)


def test_texts_of_one_ngram_each_repeat_the_same_one_however_often_it_comes():
    assert kept(DeduplicateNgrams(), ["a a a", "a a a a a", "b b b", "a a a a"]) == [
        "a a a",
        "b b b",
    ]


@EACH_NEAR
def test_a_short_text_is_no_ngram_of_a_longer_one(operator):
    assert len(kept(operator(n=3, unit="word"), ["one two", "one two three", "two one"])) == 3


@EACH_NEAR
@given(TEXTS)
def test_equal_texts_never_both_stay_and_nulls_all_do(operator, texts):
    found = kept(operator(ignore_case=False, ignore_whitespace=False), texts)
    alone = [text for text in found if text is not None]
    assert len(set(alone)) == len(alone)
    assert found.count(None) == texts.count(None)
    assert alone == [text for text in firsts(texts) if text in alone]


@EACH
@given(TEXTS)
def test_a_second_pass_drops_nothing(operator, texts):
    once = kept(operator(), texts)
    assert kept(operator(), once) == once


@settings(max_examples=10)
@EACH
@given(texts=TEXTS.filter(bool), batch_size=st.integers(3, 9))
def test_the_result_does_not_depend_on_the_batch_size(
    operator, tmp_path_factory, texts, batch_size
):
    class Deduplicate(Pipeline):
        def __init__(self, storage):
            super().__init__(storage)
            self.deduplicate = operator()

        def forward(self):
            self.deduplicate.run(self.storage)

    rows = MemoryStorage(pa.table({"text": pa.array(texts, pa.string())}))
    report = Deduplicate(rows).run(run_dir=tmp_path_factory.mktemp("run"), batch_size=batch_size)
    assert report.rows_out == len(kept(operator(), texts))


@EACH
def test_duplicates_count_only_within_a_group(operator):
    groups = ["a", "b", "a", None, "b", None, None]
    texts = [LONG] * 6 + ["else"]
    table = MemoryStorage(pa.table({"text": texts, "source": groups}))
    operator().run(table, input_group="source")
    assert [row["source"] for row in table.rows()] == ["a", "b", None, None]
    assert table.rows()[-1]["text"] == "else"


@EACH_NEAR
def test_near_texts_of_other_groups_stay(operator):
    texts = [LONG, LONG + " end", LONG + " stop", LONG + " finis"]
    table = MemoryStorage(pa.table({"text": texts, "source": [1, 2, 1, 2]}))
    operator().run(table, input_group="source")
    assert [row["text"] for row in table.rows()] == texts[:2]


def test_rows_of_groups_whose_digests_are_half_equal_are_not_near():
    keys, groups = np.array([1, 2, 3, 3], np.uint64), np.array([7, 8, 7, 8], np.uint64)
    found = repeats_of(
        keys,
        lambda rows: iter([(rows, np.full(len(rows), 5, np.uint64))]),
        lambda _, others: np.ones(len(others)),
        groups=groups,
        least=0.5,
        most=1.0,
    )
    assert (found.rows.tolist(), found.firsts.tolist()) == ([2, 3], [0, 1])


@EACH
def test_a_null_text_repeats_nothing_whatever_its_group(operator):
    table = MemoryStorage(pa.table({"text": pa.nulls(3, pa.string()), "source": ["a", "a", None]}))
    operator().run(table, input_group="source")
    assert len(table) == 3


@EACH
@pytest.mark.parametrize(
    ("option", "first", "second"),
    [
        ("ignore_case", "Straße ÉTÉ", "straße été"),
        ("ignore_case", "STRASSE", "straße"),
        ("ignore_case", "Η ΟΔΟΣ ΑΥΤΗ ΕΙΝΑΙ ΜΕΓΑΛΗ", "η οδος αυτη ειναι μεγαλη"),
        ("ignore_case", "ſaid in İzmir", "SAID IN IZMIR"),
        ("ignore_whitespace", "one  two\u3000three\n", "one two three"),
        ("ignore_punctuation", "“Well, well”, 说。", "Well well 说"),
        ("ignore_digits", "12 May 2024, ٣ rows", "31 May 1999, 4 rows"),
    ],
)
def test_differences_can_be_ignored(operator, option, first, second):
    off = {"ignore_case": False, "ignore_whitespace": False}
    assert kept(operator(**off | {option: True}), [first, second]) == [first]
    if (operator, option) != (DeduplicateNgrams, "ignore_whitespace"):  # words have no white space
        assert kept(operator(**off), [first, second]) == [first, second]


@EACH_NEAR
def test_what_is_no_text_fails_alone(operator):
    table = MemoryStorage([{"text": value} for value in ("a", 5, "a", {"b": 1}, None)])
    operator().run(table)
    assert [row["text"] for row in table.rows()] == ["a", None]
    assert list(table.quarantined()["value"]) == ["5", '{"b": 1}']


@EACH_NEAR
def test_empty_tables_and_columns_of_nulls_pass(operator):
    for column in (pa.array([], pa.string()), pa.nulls(3)):
        table = MemoryStorage(pa.table({"text": column}))
        operator().run(table, input_group="text")
        assert len(table) == len(column)


@EACH_NEAR
@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_every_arrow_type_for_texts_is_compared(operator, kind):
    column = pa.array(["x", "a", None, "a", None, "b"]).cast(kind)[1:]
    table = MemoryStorage(pa.table({"text": column}))
    operator().run(table)
    assert [row["text"] for row in table.rows()] == ["a", None, None, "b"]


@EACH_NEAR
@pytest.mark.parametrize("unit", ["character", "word"])
def test_a_chinese_copy_with_one_change_goes(operator, unit):
    random.seed(7)
    text = "".join(chr(random.randrange(0x4E00, 0x9000)) for _ in range(600))
    other = "".join(chr(random.randrange(0x4E00, 0x9000)) for _ in range(600))
    assert kept(operator(n=2, unit=unit), [text, other, text + "完"]) == [text, other]


@EACH_NEAR
def test_a_text_of_a_million_letters_is_compared(operator):
    random.seed(4)
    text = " ".join(random.choices(LONG.split(), k=130_000))
    assert kept(operator(), [text, "short", text + " end"]) == [text, "short"]


@EACH_NEAR
def test_a_row_repeats_one_that_stays_and_chains_break(operator):
    words = [f"w{number}" for number in range(400)]
    chain = [" ".join(words[4 * step : 4 * step + 200]) for step in range(50)]
    table = MemoryStorage([{"text": text} for text in chain])
    ids = {format_id(row): text for row, text in table.read()["text"].items()}
    operator().run(table)
    stays = {row["text"] for row in table.rows()}
    assert chain[0] in stays
    assert len(stays) > 1  # the last has no word of the first
    assert {ids[row] for row in table.dropped()["related_row_id"]} <= stays


@EACH_NEAR
@pytest.mark.parametrize("copies", ["equal", "near"])
def test_thousands_of_copies_cost_no_more_than_as_many_other_texts(operator, copies):
    random.seed(5)
    words = LONG.split()
    changes = ["" if copies == "equal" else f" {number}" for number in range(3_000)]
    same = [LONG + change for change in changes]
    others = [" ".join(f"{random.getrandbits(32):x}" for _ in words) for _ in same]
    seconds = {}
    for name, texts in (("warm", same[:50]), ("others", others), ("same", same)):
        started = time.process_time()
        left = kept(operator(), texts)
        seconds[name] = time.process_time() - started
        # Fingerprints of 64 bits differ by more than three now and then.
        assert len(left) == len(texts) if name == "others" else len(left) < 30
    assert seconds["same"] < 4 * seconds["others"] + 0.5


def pages_with_a_template(count, shared, own):
    template = words(shared)
    return [template + words(own) for _ in range(count)]


def words(count):
    return [f"{random.getrandbits(40):x}" for _ in range(count)]


@pytest.mark.parametrize(
    ("operator", "least", "most"),
    [
        (DeduplicateSimhash(), 200, 800),
        (DeduplicateSimhash(max_distance=1), 5, 80),
        (DeduplicateMinhash(threshold=0.95), 0, 0),
        (DeduplicateNgrams(threshold=0.95), 0, 0),
    ],
)
def test_simhash_drops_different_pages_of_one_template_as_told(operator, least, most):
    random.seed(1)
    texts = [" ".join(page) for page in pages_with_a_template(2_000, shared=270, own=30)]
    assert least <= len(texts) - len(kept(operator, texts)) <= most


@pytest.mark.parametrize("operator", [DeduplicateMinhash, DeduplicateNgrams])
@pytest.mark.parametrize(
    ("shared", "own", "threshold"), [(140, 60, 0.9), (270, 30, 0.95), (600, 100, 0.9)]
)
@pytest.mark.parametrize("between", [20, 400, 1200])
def test_copies_of_pages_with_a_template_are_found_whatever_stands_between(
    operator, shared, own, threshold, between
):
    random.seed(between)
    pages = pages_with_a_template(between, shared, own)
    copies = [page[: shared + 9] + words(1) + page[shared + 10 :] for page in pages[:20]]
    texts = [" ".join(page) for page in pages + copies]
    assert kept(operator(threshold=threshold, n=3, unit="word"), texts) == texts[:between]


def test_every_deduplicator_is_here():
    names = {name for name in dataflow_text.__all__ if name.startswith("Deduplicate")}
    assert names == {cls.__name__ for cls in (DeduplicateExact, *NEAR)}
