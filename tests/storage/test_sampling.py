"""Samples of sources: rows from all over, where a source can be read in part."""

from __future__ import annotations

import gzip
import json
import lzma
from itertools import chain, pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflow_core import FileStorage, MemoryStorage
from dataflow_core.errors import BadRowError
from dataflow_core.storage.formats import SchemaMisfit
from dataflow_core.storage.formats.estimates import estimated_rows
from dataflow_core.storage.spans import parts_of, spread

ROWS = [{"n": n, "text": "x" * (n % 13)} for n in range(3_000)]


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def sample(source, rows=200, blocks=10):
    return source.sample(source.schema(), rows, blocks)


def numbers(found):
    return [block["n"].to_pylist() for block in found.blocks]


@given(st.integers(1, 10_000), st.integers(1, 10_000), st.integers(1, 40))
def test_stretches_are_of_one_length_apart_and_within(extent, wanted, count):
    spans = spread(extent, wanted, count)
    assert {stop - start for start, stop in spans} == {min(wanted, extent) // len(spans)}
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert spans[0][0] >= 0
    assert spans[-1][1] <= extent


@given(st.lists(st.integers(0, 50), min_size=1).filter(any), st.integers(1, 100))
def test_stretches_are_found_in_things_laid_end_to_end(extents, wanted):
    spans = spread(sum(extents), wanted, 5)
    found = [[] for _ in spans]
    for thing, number, (low, high) in parts_of(spans, extents):
        before = sum(extents[:thing])
        found[number] += range(before + low, before + high)
    assert found == [list(range(*span)) for span in spans]


def write(kind, folder, rows=ROWS):
    if kind == "memory":
        return MemoryStorage(rows)
    path = folder / f"rows.{kind}"
    if kind == "jsonl":
        path.write_text(lines(rows))
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=700)
    elif kind == "folder":
        path.mkdir()
        for start in range(0, len(rows), 170):
            (path / f"{start:05}.jsonl").write_text(lines(rows[start : start + 170]))
    return FileStorage(path)


@pytest.mark.parametrize("kind", ["memory", "jsonl", "parquet", "folder"])
def test_rows_are_from_places_all_over(kind, tmp_path):
    found = sample(write(kind, tmp_path).source)
    assert (found.origin, len(found.blocks)) == ("spread", 10)
    assert 180 <= found.rows <= 220
    assert found.total == pytest.approx(3_000, rel=0.05)
    assert found.is_exact == (kind in ("memory", "parquet"))
    for place, block in enumerate(numbers(found)):
        assert block == list(range(block[0], block[-1] + 1))
        assert 300 * place < block[0] < block[-1] < 300 * (place + 1)


@pytest.mark.parametrize("kind", ["memory", "jsonl", "parquet", "folder"])
def test_of_few_rows_all_are_taken(kind, tmp_path):
    found = sample(write(kind, tmp_path, ROWS[:150]).source)
    assert (found.origin, found.rows, found.total, found.is_exact) == ("whole", 150, 150, True)
    assert list(chain(*numbers(found))) == list(range(150))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    texts=st.lists(st.text(max_size=60), min_size=1, max_size=120),
    blank=st.booleans(),
    end=st.booleans(),
    rows=st.integers(1, 60),
    blocks=st.integers(1, 16),
)
def test_sampled_lines_are_rows_of_the_file_in_order(tmp_path, texts, blank, end, rows, blocks):
    path = tmp_path / "rows.jsonl"
    written = [json.dumps({"n": n, "text": t}, ensure_ascii=False) for n, t in enumerate(texts)]
    path.write_bytes(("\n\n" if blank else "\n").join(written).encode() + b"\n" * end)
    found = sample(FileStorage(path).source, rows, blocks)
    kept = [row for block in found.blocks for row in block.to_pylist()]
    assert kept
    assert all(row["text"] == texts[row["n"]] for row in kept)
    assert [row["n"] for row in kept] == sorted({row["n"] for row in kept})


def test_each_line_is_in_one_stretch_however_they_are_cut(tmp_path):
    source = write("jsonl", tmp_path).source
    (reader,) = source.readers
    size = reader.extent()
    for count in (1, 7, 64):
        spans = [(size * n // count, size * (n + 1) // count) for n in range(count)]
        parts = reader.rows_within(source.schema(), spans)
        assert [n for _, part in parts for n in part.table["n"].to_pylist()] == list(range(3_000))


@pytest.mark.parametrize(("ending", "pack"), [("gz", gzip.compress), ("xz", lzma.compress)])
def test_of_a_packed_file_the_first_rows_are_taken(ending, pack, tmp_path):
    path = tmp_path / f"rows.jsonl.{ending}"
    path.write_bytes(pack(lines(ROWS).encode()))
    found = sample(FileStorage(path).source)
    assert (found.origin, found.rows, found.total) == ("front", 200, 3_000)
    assert list(chain(*numbers(found))) == list(range(200))


def test_the_lines_of_a_large_packed_file_are_told_by_its_beginning(tmp_path):
    path = tmp_path / "rows.csv.gz"
    rows = [f"{n},{n * 7919 % 100_003}" for n in range(1_000_000)]
    path.write_bytes(gzip.compress("\n".join(rows).encode(), 1))
    assert estimated_rows(path) == pytest.approx(1_000_000, rel=0.1)


def test_of_csv_the_first_rows_are_taken_and_of_json_all_are_counted(tmp_path):
    (tmp_path / "rows.csv").write_text("n\n" + "".join(f"{n}\n" for n in range(3_000)))
    found = sample(FileStorage(tmp_path / "rows.csv").source)
    assert (found.origin, found.rows, found.is_exact) == ("front", 200, False)
    assert found.total == pytest.approx(3_000, rel=0.01)
    (tmp_path / "rows.json").write_text(json.dumps(ROWS))
    found = sample(FileStorage(tmp_path / "rows.json").source)
    assert (found.origin, found.total, found.is_exact) == ("front", 3_000, True)


def test_of_many_packed_files_several_are_begun(tmp_path):
    for start in range(0, 3_000, 100):
        text = lines(ROWS[start : start + 100]).encode()
        (tmp_path / f"{start:05}.jsonl.gz").write_bytes(gzip.compress(text))
    found = sample(FileStorage(tmp_path).source)
    assert (found.origin, len(found.blocks)) == ("fronts", 10)
    assert found.total == pytest.approx(3_000, rel=0.05)
    assert all(block[0] % 100 == 0 for block in numbers(found))
    assert numbers(found)[-1][0] >= 2_500


def test_the_rows_of_many_packed_files_are_told_by_some(tmp_path):
    for start in range(0, 3_000, 30):
        text = lines(ROWS[start : start + 30]).encode()
        (tmp_path / f"{start:05}.jsonl.gz").write_bytes(gzip.compress(text))
    source = FileStorage(tmp_path).source
    assert source.estimated_rows() == pytest.approx(3_000, rel=0.05)


def test_a_bad_row_in_the_middle_is_told_with_its_line(tmp_path):
    path = tmp_path / "rows.jsonl"
    written = lines(ROWS).splitlines()
    written[1_400:1_600] = [line[:-1] for line in written[1_400:1_600]]
    path.write_text("\n".join(written))
    with pytest.raises(BadRowError, match=r"line 1[45]\d\d, column"):
        sample(FileStorage(path).source, 2_000)
    found = sample(FileStorage(path, on_bad_row="quarantine").source, 2_000)
    assert sum(found.unreadable) == pytest.approx(100, abs=10)


def test_a_row_unlike_the_head_is_a_misfit(tmp_path):
    path = tmp_path / "rows.jsonl"
    head = lines({"n": n, "text": "x" * 1_000} for n in range(1_200))
    path.write_text(head + lines({"n": n + 0.5, "text": ""} for n in range(40_000)))
    source = FileStorage(path).source
    with pytest.raises(SchemaMisfit):
        sample(source)
    found = source.sample(source.exact_schema(), 200, 10)
    assert pa.types.is_floating(found.blocks[0]["n"].type)


def test_a_line_longer_than_all_the_rest_is_no_trouble(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(lines([{"n": 0, "text": "x" * 3_000_000}, *ROWS]))
    found = sample(FileStorage(path).source, 5, 2)
    assert found.rows >= 1
