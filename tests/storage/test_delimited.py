"""CSV and TSV: text, nulls, quotation marks, types on request, and bad rows with their lines."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_core.errors import BadRowError, ConfigurationError, FormatError, SourceError
from dataflow_core.storage.formats import ReadOptions, SchemaMisfit, reader_for, writer_for
from dataflow_core.table.types import ABSENT, JSON_TYPE

QUARANTINE = ReadOptions(on_bad_row="quarantine")


def read(path: Path, options: ReadOptions | None = None, size: int = 1 << 20) -> Any:
    reader = reader_for(path, options or ReadOptions())
    batches = list(reader.batches(reader.sample_schema(), 3, size))
    rows = [row for batch in batches for row in batch.table.to_pylist()]
    positions = [number for batch in batches for number in batch.positions.tolist()]
    return rows, positions, [row for batch in batches for row in batch.bad_rows]


def write(path: Path, table: pa.Table, size: int = 1000) -> None:
    with writer_for(path, table.schema) as writer:
        for start in range(0, table.num_rows, size):
            writer.write(table.slice(start, size))


cells = st.none() | st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from(',"\t\n\r\0 '), max_size=6
)


@given(
    width=st.integers(1, 3),
    data=st.data(),
    sizes=st.tuples(st.integers(1, 200), st.integers(1, 4)),
    ending=st.sampled_from([".csv", ".tsv"]),
)
@settings(deadline=None, max_examples=150)
def test_text_and_nulls_come_back_exactly(
    tmp_path_factory: pytest.TempPathFactory,
    width: int,
    data: st.DataObject,
    sizes: tuple[int, int],
    ending: str,
) -> None:
    path = tmp_path_factory.mktemp("text") / f"rows{ending}"
    names = [f"c{n}" for n in range(width)]
    rows = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(names, cells)), max_size=6))
    table = pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in names]))
    write(path, table, sizes[1])
    assert read(path, size=sizes[0]) == (rows, list(range(len(rows))), [])


@given(
    rows=st.lists(
        st.lists(
            st.text(st.sampled_from('ab,"\n '), min_size=1, max_size=5), min_size=3, max_size=3
        ),
        min_size=1,
        max_size=6,
    ),
    size=st.integers(1, 60),
    style=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
@settings(deadline=None, max_examples=100)
def test_what_the_standard_library_writes_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], size: int, style: int
) -> None:
    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    buffer = io.StringIO()
    csv.writer(buffer, quoting=style).writerows([["x", "y", "z"], *rows])  # type: ignore[arg-type]
    path.write_bytes(buffer.getvalue().encode())
    assert [list(row.values()) for row in read(path, size=size)[0]] == rows


def test_empty_is_null_and_quoted_empty_is_text(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('a,b\n,""\n"",\n')
    assert read(path)[0] == [{"a": None, "b": ""}, {"a": "", "b": None}]


def test_every_value_is_text_unless_a_type_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('id,n,score,ok\n007,-7,1,true\n"8",,2.5e3,FALSE\n9,8,nan,1\n')
    assert read(path)[0][0] == {"id": "007", "n": "-7", "score": "1", "ok": "true"}
    options = ReadOptions(types={"n": "int64", "score": "float64", "ok": "bool"})
    rows = read(path, options)[0]
    assert rows[:2] == [
        {"id": "007", "n": -7, "score": 1.0, "ok": True},
        {"id": "8", "n": None, "score": 2500.0, "ok": False},
    ]
    assert rows[2]["score"] != rows[2]["score"]
    assert type(rows[0]["score"]) is float


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int64", "1.0"),
        ("int64", "0x10"),
        ("int64", "9223372036854775808"),
        ("int64", '""'),
        ("float64", "1,5".replace(",", "_")),
        ("float64", "1e999"),
        ("bool", "yes"),
    ],
)
def test_a_value_without_the_type_asked_for_is_a_bad_row(
    tmp_path: Path, kind: str, value: str
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f'a,b\n"x\ny",1\nz,{value}\nw,1\n')
    rows, positions, bad = read(path, ReadOptions(types={"b": kind}, on_bad_row="quarantine"))
    assert [row["a"] for row in rows] == ["x\ny", "w"]
    assert positions == [0, 2]
    assert [(row.position, row.line, row.raw) for row in bad] == [(1, 4, f"z,{value}".encode())]
    with pytest.raises(BadRowError, match=r"line 4: column 'b' is asked for as .*found 'z,"):
        read(path, ReadOptions(types={"b": kind}))


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        (b"1,2,3", None, "the header has 2 columns, this row has 3 values"),
        (b"1", None, "the header has 2 columns, this row has 1 values"),
        (b"1,\xff", 3, "invalid UTF-8 (byte 0xff)"),
        (b'1,"x"y', 3, "text follows the closing quotation mark"),
        (b'1,"never closed', 3, "a quotation mark opens here and is never closed"),
        (b"1,x\ry", 4, "carriage return"),
    ],
)
@pytest.mark.parametrize("size", [1, 9, 1 << 20])
def test_a_bad_row_keeps_its_number_and_line(
    tmp_path: Path, line: bytes, column: int | None, message: str, size: int
) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b'a,b\n"x\r\ny",1\n\n' + line + b'\r\n3,"4"\n5,6')
    rows, positions, bad = read(path, QUARANTINE, size)
    assert rows == [{"a": "x\r\ny", "b": "1"}, {"a": "3", "b": "4"}, {"a": "5", "b": "6"}]
    assert positions == [0, 2, 3]
    assert [(row.position, row.line, row.column, row.raw) for row in bad] == [(1, 5, column, line)]
    with pytest.raises(BadRowError) as raised:
        read(path, size=size)
    assert str(raised.value).startswith(f"{path}, line 5")
    assert message in str(raised.value)
    assert "--on-bad-row quarantine" in str(raised.value)


def test_a_quotation_mark_within_a_bare_value_is_text(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('a,b\n5" disk,x"y"z\n"1 ""q""",2\n')
    assert read(path)[0] == [{"a": '5" disk', "b": 'x"y"z'}, {"a": '1 "q"', "b": "2"}]


def test_a_row_longer_than_the_block_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    long = "line\n" * 100_000
    write(path, pa.table({"a": ["x", long, "y"], "b": ["1", "2", "3"]}))
    assert [row["a"] for row in read(path, size=1000)[0]] == ["x", long, "y"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_marks_and_line_ends_of_other_systems_are_accepted(tmp_path: Path, end: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(("\ufeff" + end + "a,b" + end + "1,2" + end).encode())
    for size in (1, 2, 1000):
        assert read(path, size=size)[0] == [{"a": "1", "b": "2"}]


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b")
    assert reader_for(path, ReadOptions()).sample_schema().names == ["a", "b"]
    assert read(path) == ([], [], [])


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"a,b,a", "two columns are named 'a'.*rename"),
        (b"a,\xff", "line 1: the header cannot be read"),
        (b'a,"b"c', "line 1: the header cannot be read.*text follows"),
        (b"__dataflow_absent__,a", "reserved"),
        (b"\n\n", "is empty"),
    ],
)
def test_a_wrong_header_is_refused(tmp_path: Path, header: bytes, message: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(header + b"\n1,2,3\n" if header.strip() else header)
    with pytest.raises(SourceError, match=message):
        reader_for(path, ReadOptions()).sample_schema()


def test_wrong_types_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("score\n1\n")
    with pytest.raises(ConfigurationError, match=r"'float' of column 'score'.*'float64'"):
        reader_for(path, ReadOptions(types={"score": "float"}))
    with pytest.raises(SourceError, match=r"no column 'scor'.*'score'"):
        reader_for(path, ReadOptions(types={"scor": "int64"})).sample_schema()


def test_projection_and_missing_columns(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1,2\n")
    assert read(path, ReadOptions(columns=("b",)))[0] == [{"b": "2"}]
    with pytest.raises(SchemaMisfit, match="'b'"):
        list(reader_for(path, ReadOptions()).batches(pa.schema([("a", pa.string())]), 1, 1))


def test_numbers_are_bare_and_floats_come_back_exactly(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    floats = [0.1, 1e300, 5e-324, -0.0, 123456789.123456789, None]
    table = pa.table({"f": floats, "i": [2**63 - 1, -1, 0, 1, 2, None], "b": [True, None] * 3})
    write(path, table)
    assert path.read_text().splitlines()[1] == "0.1,9223372036854775807,true"
    options = ReadOptions(types={"f": "float64", "i": "int64", "b": "bool"})
    assert read(path, options)[0] == table.to_pylist()


def test_the_bytes_do_not_depend_on_the_batches(tmp_path: Path) -> None:
    table = pa.table(
        {"a": ["x", None, "", 'y"'], "d": pa.array(["p", "q"] * 2).dictionary_encode()}
    )
    outputs = set()
    for size in (1, 2, 4):
        write(tmp_path / "out.csv", table, size)
        outputs.add((tmp_path / "out.csv").read_bytes())
    assert outputs == {b'"a","d"\n"x","p"\n,"q"\n"","p"\n"y""","q"\n'}


def test_the_column_of_absent_keys_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    table = pa.table({"a": ["x"], ABSENT: pa.array([None], pa.list_(pa.string()))})
    write(path, table)
    assert read(path)[0] == [{"a": "x"}]


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.int64()),
        pa.struct([("k", pa.int64())]),
        JSON_TYPE,
        pa.binary(),
        pa.duration("s"),
    ],
)
@pytest.mark.parametrize("ending", [".csv", ".tsv"])
def test_a_type_that_it_cannot_hold_is_refused_at_once(
    tmp_path: Path, kind: Any, ending: str
) -> None:
    with pytest.raises(FormatError) as raised:
        writer_for(tmp_path / f"out{ending}", pa.schema([("nested", kind)]))
    for part in (ending[1:].upper(), "'nested'", str(kind), ".jsonl", ".parquet"):
        assert part in str(raised.value)
    assert list(tmp_path.iterdir()) == []
