"""Parquet and Arrow: types kept, rows streamed, bytes that do not depend on the batches."""

from __future__ import annotations

import datetime as dt
import decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataflow_core import FileStorage
from dataflow_core.errors import FormatError, SourceError
from dataflow_core.operators.general import DeduplicateExact, Sort
from dataflow_core.storage.formats import ReadOptions, SchemaMisfit, reader_for, writer_for
from dataflow_core.table.types import ABSENT, JSON_TYPE


def as_read(table: pa.Table, ending: str) -> pa.Table:
    """An Arrow file allows one dictionary a column, so its writer decodes them."""
    if ending in (".arrow", ".feather"):
        for place, field in enumerate(table.schema):
            if pa.types.is_dictionary(field.type):
                decoded = table[field.name].cast(field.type.value_type)
                table = table.set_column(place, field.name, decoded)
    return table


ENDINGS = [".parquet", ".arrow", ".feather", ".arrows"]

TABLE = pa.table(
    {
        "i": pa.array([1, None, 3], pa.int32()),
        "s": ["x", "", None],
        "d": pa.array(["p", "q", "p"]).dictionary_encode(),
        "j": pa.ExtensionArray.from_storage(JSON_TYPE, pa.array(['{"a":[1,"x"]}', None, "7"])),
        "l": [[1.5], [], None],
        "o": [{"k": None, "t": "é"}, None, {"k": 1, "t": "\0"}],
        "b": [b"\xff", b"", None],
        "m": [decimal.Decimal("1.50"), None, decimal.Decimal("2.00")],
        "t": pa.array(
            [dt.datetime(2020, 1, 2, 3, 4, 5, 678901, dt.UTC)] * 3, pa.timestamp("us", "UTC")
        ),
        "n": pa.nulls(3),
    }
)


def write(path: Path, table: pa.Table, size: int = 1000) -> None:
    with writer_for(path, table.schema) as writer:
        for start in range(0, table.num_rows, size):
            writer.write(table.slice(start, size))


def read(
    path: Path, options: ReadOptions | None = None, rows: int = 1000, size: int = 1 << 30
) -> Any:
    reader = reader_for(path, options or ReadOptions())
    batches = list(reader.batches(reader.exact_schema(), rows, size))
    positions = [number for batch in batches for number in batch.positions.tolist()]
    assert positions == list(range(len(positions)))
    return pa.concat_tables([batch.table for batch in batches])


@pytest.mark.parametrize("ending", ENDINGS)
def test_types_and_values_come_back(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows{ending}"
    write(path, TABLE)
    assert read(path).equals(as_read(TABLE, ending))
    assert reader_for(path, ReadOptions()).sample_schema().equals(as_read(TABLE, ending).schema)


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_bytes_do_not_depend_on_the_batches(tmp_path: Path, ending: str) -> None:
    count = 45_000
    table = pa.table(
        {
            "n": np.arange(count),
            "s": pa.array([f"text {n % 100}" for n in range(count)]),
            "d": pa.array(["p", "q", None] * (count // 3)).dictionary_encode(),
        }
    )
    outputs = set()
    for size in (7_001, 20_000, count):
        write(tmp_path / f"out{ending}", table, size)
        outputs.add((tmp_path / f"out{ending}").read_bytes())
    assert len(outputs) == 1
    assert read(tmp_path / f"out{ending}").equals(as_read(table, ending))


@pytest.mark.parametrize("ending", ENDINGS)
def test_batches_keep_to_their_limits_within_one_row_group(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows{ending}"
    write(path, pa.table({"s": [f"{n:0100}" for n in range(5000)]}))
    reader = reader_for(path, ReadOptions())
    by_rows = list(reader.batches(reader.sample_schema(), 700, 1 << 30))
    assert max(batch.table.num_rows for batch in by_rows) == 700
    by_bytes = list(reader.batches(reader.sample_schema(), 10_000, 20_000))
    assert 10 < max(batch.table.num_rows for batch in by_bytes) < 300


@pytest.mark.parametrize("ending", ENDINGS)
def test_only_the_columns_wanted_are_returned(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows{ending}"
    write(path, TABLE)
    options = ReadOptions(columns=("s", "i"))
    assert sorted(reader_for(path, options).sample_schema().names) == ["i", "s"]
    assert sorted(read(path, options).column_names) == ["i", "s"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_schema_may_be_wider_but_not_narrower(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows{ending}"
    write(path, pa.table({"i": [1, 2]}))
    wide = pa.schema([("i", pa.float64()), ("more", pa.string())])
    (batch,) = reader_for(path, ReadOptions()).batches(wide, 10, 1000)
    assert batch.table.select(["i", "more"]).to_pydict() == {"i": [1.0, 2.0], "more": [None, None]}
    with pytest.raises(SchemaMisfit):
        list(reader_for(path, ReadOptions()).batches(pa.schema([("x", pa.int64())]), 10, 1000))
    write(path, pa.table({"i": [2**53 + 1]}))
    with pytest.raises(SchemaMisfit):
        list(reader_for(path, ReadOptions()).batches(pa.schema([("i", pa.float64())]), 10, 1000))


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_column_of_absent_keys_is_dropped(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows{ending}"
    write(path, pa.table({"a": ["x"], ABSENT: pa.array([["b"]], pa.list_(pa.string()))}))
    assert read(path).to_pylist() == [{"a": "x"}]


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_rows_keep_their_columns(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows{ending}"
    write(path, TABLE.slice(0, 0))
    reader = reader_for(path, ReadOptions())
    assert reader.sample_schema().equals(as_read(TABLE, ending).schema)
    assert sum(b.table.num_rows for b in reader.batches(reader.sample_schema(), 10, 1000)) == 0


@pytest.mark.parametrize("ending", ENDINGS)
def test_two_columns_of_one_name_are_refused(tmp_path: Path, ending: str) -> None:
    schema = pa.schema([("a", pa.int64()), ("a", pa.string())])
    with pytest.raises(FormatError, match="two columns are named 'a'"):
        writer_for(tmp_path / f"out{ending}", schema)
    assert list(tmp_path.iterdir()) == []


def test_a_parquet_source_with_two_columns_of_one_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]), path)
    with pytest.raises(SourceError, match="two columns are named 'a'"):
        reader_for(path, ReadOptions()).sample_schema()


@pytest.mark.parametrize(
    "kind",
    [pa.struct([]), pa.list_(pa.struct([])), pa.struct([("k", pa.struct([]))]), pa.dense_union([])],
)
def test_what_parquet_cannot_hold_is_refused_at_once(tmp_path: Path, kind: Any) -> None:
    with pytest.raises(FormatError) as raised:
        writer_for(tmp_path / "out.parquet", pa.schema([("empty", kind)]))
    for part in ("Parquet", "'empty'", str(kind), ".jsonl", ".arrow"):
        assert part in str(raised.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kept", [0.3, 0.7, 0.999])
def test_a_file_cut_short_is_an_error_not_a_short_table(
    tmp_path: Path, ending: str, kept: float
) -> None:
    path = tmp_path / f"rows{ending}"
    write(path, pa.table({"a": np.random.default_rng(1).random(30_000)}))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(SourceError, match=r"rows\.\w+ is not readable as .*cut short"):
        read(path)


def test_a_damaged_page_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    write(path, pa.table({"a": np.random.default_rng(1).random(30_000)}))
    data = bytearray(path.read_bytes())
    data[2_000:3_000] = bytes(1000)
    path.write_bytes(bytes(data))
    with pytest.raises(SourceError, match=r"rows\.parquet is not readable as Parquet"):
        read(path)


@pytest.mark.parametrize("ending", [*ENDINGS, ".jsonl", ".json", ".csv", ".csv.gz"])
def test_a_discarded_file_leaves_nothing(tmp_path: Path, ending: str) -> None:
    table = TABLE.select(["i"])
    writer = writer_for(tmp_path / f"out{ending}", table.schema)
    writer.write(table)
    writer.discard()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [".arrow", ".arrows", ".parquet"])
def test_views_are_read_as_plain_values(tmp_path, ending):
    path = tmp_path / f"views{ending}"
    view = pa.string_view()
    nested = pa.struct([("role", view), ("parts", pa.list_(view))])
    table = pa.table(
        {
            "text": pa.array(["b", None, "a text of more than twelve bytes", "b"], view),
            "raw": pa.array([b"\x00", None, b"", b"x"], pa.binary_view()),
            "turns": pa.array([[{"role": "u", "parts": ["p"]}], None, [], []], pa.list_(nested)),
        }
    )
    if ending == ".parquet":
        pq.write_table(table.drop_columns("turns"), path)
    else:
        make = pa.ipc.new_file if ending == ".arrow" else pa.ipc.new_stream
        with make(path, table.schema) as writer:
            writer.write_table(table)
    storage = FileStorage(path)
    assert storage.columns()["text"] == pa.string()
    Sort().run(storage, input_columns=["text"])
    DeduplicateExact().run(storage, input_columns=["text"])
    kept = storage.read()
    assert kept["text"].fillna("-").tolist() == ["a text of more than twelve bytes", "b", "-"]
    assert kept["raw"].fillna(b"-").tolist() == [b"", b"\x00", b"-"]
    if ending != ".parquet":
        assert kept["turns"].iloc[1] == [{"role": "u", "parts": ["p"]}]
