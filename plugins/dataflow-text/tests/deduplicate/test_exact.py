"""Exact deduplication of texts."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_core import MemoryStorage, Pipeline
from dataflow_core.operators.general.hashing import first_of_equals, row_digests
from dataflow_core.table.identity import format_id
from dataflow_text import DeduplicateExact

TEXTS = st.lists(st.none() | st.text("aB \nßSsΣς", max_size=3) | st.just("\0null"), max_size=30)


def kept(texts: list[str | None], **options: bool) -> list[str | None]:
    table = MemoryStorage(pa.table({"text": pa.array(texts, pa.string())}))
    DeduplicateExact(**options).run(table)
    return [row["text"] for row in table.rows()]


def firsts(texts, key):
    seen, result = set(), []
    for text in texts:
        if text is None or key(text) not in seen:
            result.append(text)
        seen.add(None if text is None else key(text))
    return result


@given(TEXTS)
def test_the_first_of_equal_texts_stays_and_nulls_all_stay(texts):
    assert kept(texts) == firsts(texts, str)


@given(TEXTS, st.booleans(), st.booleans())
def test_case_and_white_space_can_be_ignored(texts, ignore_case, ignore_whitespace):
    def key(text):
        text = " ".join(text.split()) if ignore_whitespace else text
        return text.casefold() if ignore_case else text

    options = {"ignore_case": ignore_case, "ignore_whitespace": ignore_whitespace}
    assert kept(texts, **options) == firsts(texts, key)


def test_each_duplicate_names_the_row_that_it_repeats():
    table = MemoryStorage([{"text": text} for text in ("a", "b", "a", "a", "b")])
    ids = [format_id(row) for row in table.read().index]
    DeduplicateExact().run(table)
    dropped = table.dropped()
    assert list(dropped["reason"]) == ["duplicate"] * 3
    assert list(dropped["related_row_id"]) == [ids[0], ids[0], ids[1]]


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_every_arrow_type_for_texts_is_compared(kind):
    column = pa.array(["x", "a", None, "a", None, "b"]).cast(kind)[1:]
    table = MemoryStorage(pa.table({"text": column}))
    DeduplicateExact().run(table)
    assert [row["text"] for row in table.rows()] == ["a", None, None, "b"]


def test_empty_tables_and_columns_of_nulls_pass():
    for column in (pa.array([], pa.string()), pa.nulls(3)):
        table = MemoryStorage(pa.table({"text": column}))
        DeduplicateExact(ignore_case=True, ignore_whitespace=True).run(table)
        assert len(table) == len(column)


def test_what_is_no_text_fails_alone():
    table = MemoryStorage([{"text": value} for value in ("a", 5, "a", {"b": 1}, None)])
    DeduplicateExact().run(table)
    assert [row["text"] for row in table.rows()] == ["a", None]
    assert list(table.quarantined()["value"]) == ["5", '{"b": 1}']


@settings(max_examples=12)
@given(TEXTS.filter(bool), st.integers(3, 20))
def test_the_result_does_not_depend_on_the_batch_size(tmp_path_factory, texts, batch_size):
    class Deduplicate(Pipeline):
        def __init__(self, storage):
            super().__init__(storage)
            self.deduplicate = DeduplicateExact()

        def forward(self):
            self.deduplicate.run(self.storage)

    rows = MemoryStorage(pa.table({"text": pa.array(texts, pa.string())}))
    report = Deduplicate(rows).run(run_dir=tmp_path_factory.mktemp("run"), batch_size=batch_size)
    assert report.rows_out == len(firsts(texts, str))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), max_size=20))
def test_digests_that_share_one_half_are_not_equal(pairs):
    table = MemoryStorage(pa.table({"text": pa.array(["x"] * len(pairs))})).read()
    digests = row_digests(table, ["text"])
    digests["high"], digests["low"] = [p[0] for p in pairs], [p[1] for p in pairs]
    found = {n: pairs.index(pair) for n, pair in enumerate(pairs) if pairs.index(pair) != n}
    repeats, first = first_of_equals(digests)
    assert dict(zip(repeats.tolist(), first.tolist(), strict=True)) == found
    assert repeats.tolist() == sorted(repeats.tolist())


def test_what_no_decision_reads_is_no_part_of_the_operator():
    assert not hasattr(DeduplicateExact, "digest")
