"""What no operator touched comes out as it went in, through steps and checkpoints."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflow_core import FileStorage
from dataflow_core.errors import FormatError, RunError

from .pipelines import run_checkpointed

CHAT = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "你好 👋"}]

ROWS = {
    "numeric-looking texts": [{"a": "007"}, {"a": "1.0"}, {"a": "2024-01-01"}, {"a": "1e5"}],
    "epochs": [{"t": 1_700_000_000}, {"t": 1_700_000_000_123}, {"t": 0}, {"t": -1}],
    "beyond 2^53": [{"n": 2**53 + 1}, {"n": 2**63 - 1}, {"n": -(2**63)}],
    "beyond 2^63": [{"n": 2**63}, {"n": 2**64 - 1}],
    "beyond 64 bits": [{"n": 2**64}, {"n": 10**40}, {"n": 3}],
    "integers with nulls": [{"n": 2**60 + 1}, {"n": None}, {"n": 7}],
    "booleans with nulls": [{"b": True}, {"b": None}, {"b": False}],
    "floats": [{"x": 0.1}, {"x": 1e300}, {"x": -0.0}, {"x": 5e-324}, {"x": None}],
    "empty text and null": [{"a": ""}, {"a": None}, {"a": " "}],
    "NUL and control characters": [{"a": "a\x00b"}, {"a": "\x1b[0m\r\n\t"}, {"a": "\u2028"}],
    "emoji and CJK": [{"a": "👩‍👩‍👧‍👦 🏳️‍🌈"}, {"a": "中文，かな"}, {"a": "e\u0301 é"}],
    "chat messages": [{"messages": CHAT}, {"messages": []}, {"messages": None}],
    "messages of differing shape": [
        {"messages": [{"role": "user", "content": "a"}]},
        {"messages": [{"role": "assistant", "content": None, "tool_calls": [{"id": 1}]}]},
        {"messages": [{"role": "tool", "content": "b", "name": None}]},
    ],
    "missing keys and nulls": [{"a": 1}, {"b": None}, {"a": None, "b": 2}, {}],
    "mixed kinds": [
        {"v": 1},
        {"v": "1"},
        {"v": True},
        {"v": [1, "x"]},
        {"v": {"k": 1}},
        {"v": 1.5},
    ],
    "nested": [{"d": {"a": {"b": [1, None]}, "c": "x"}}, {"d": {"a": {"b": []}, "c": None}}],
    "empty containers": [{"d": {}, "l": []}, {"d": {}, "l": []}],
    "all null": [{"a": None, "b": 1}, {"a": None, "b": 2}],
    "odd column names": [{"a b": 1, "ä.ö": 2, "select": 3, "": 4, 'q"': 5}],
}


def same(left: object, right: object) -> bool:
    """Equal values of equal kinds: 1 is neither True nor 1.0 nor "1"."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def write_jsonl(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def read_jsonl(path):
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("batch_size", [1, 1000])
def test_jsonl_rows_come_out_as_they_went_in(rows, batch_size, tmp_path):
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    write_jsonl(source, rows)
    before = source.read_bytes()

    run_checkpointed(source, target, tmp_path, batch_size=batch_size)

    assert same(read_jsonl(target), rows)
    assert source.read_bytes() == before


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz", "jsonl.zst", "json", "json.bz2"])
@pytest.mark.parametrize("name", ["chat messages", "beyond 2^53", "missing keys and nulls"])
def test_every_json_ending_carries_the_same_rows(name, ending, tmp_path):
    first, second = tmp_path / "a.jsonl", tmp_path / f"b.{ending}"
    write_jsonl(first, ROWS[name])

    run_checkpointed(first, second, tmp_path / "1")
    run_checkpointed(second, tmp_path / "c.jsonl", tmp_path / "2")

    assert same(read_jsonl(tmp_path / "c.jsonl"), ROWS[name])


TYPED = pa.table(
    {
        "int8": pa.array([1, None, -128], pa.int8()),
        "uint64": pa.array([2**64 - 1, None, 0], pa.uint64()),
        "float32": pa.array([0.1, None, math.inf], pa.float32()),
        "double": pa.array([math.nan, None, -0.0]),
        "bool": [True, None, False],
        "text": ["007", None, ""],
        "large": pa.array(["a", None, "b"], pa.large_string()),
        "bytes": [b"\x00\xff", None, b""],
        "date": [dt.date(2024, 1, 1), None, dt.date(1, 1, 1)],
        "time": pa.array([1, None, 3], pa.timestamp("ns", "UTC")),
        "money": [decimal.Decimal("1.10"), None, decimal.Decimal("-0.01")],
        "tags": pa.array([["a", None], None, []], pa.list_(pa.string())),
        "chat": pa.array([CHAT, None, []]),
        "kind": pa.array(["x", None, "x"]).dictionary_encode(),
        "nothing": pa.nulls(3),
        "json": pa.array(['{"a":1}', None, "[1,2]"], pa.json_(pa.string())),
    }
)


@pytest.mark.parametrize("ending", ["parquet", "arrow", "feather", "arrows"])
def test_arrow_types_come_out_as_they_went_in(ending, tmp_path):
    pq.write_table(TYPED, tmp_path / "in.parquet")
    run_checkpointed(tmp_path / "in.parquet", tmp_path / f"mid.{ending}", tmp_path / "1")
    run_checkpointed(tmp_path / f"mid.{ending}", tmp_path / "out.parquet", tmp_path / "2")

    result = pq.read_table(tmp_path / "out.parquet")

    for name in TYPED.column_names:
        if name == "kind" and ending in ("arrow", "feather"):  # one dictionary a file: decoded
            assert result[name].to_pylist() == TYPED[name].to_pylist()
            continue
        before, after = TYPED[name].combine_chunks(), result[name].combine_chunks()
        assert after.type == before.type, name
        if name == "double":  # NaN equals nothing
            assert str(after.to_pylist()) == str(before.to_pylist())
        else:
            assert after.equals(before), name


def test_json_text_of_other_programs_is_kept_or_refused(tmp_path):
    texts = ["3.14159265358979323846", '{"a":1,\n "a":2}', "null", None, "1e5"]
    table = pa.table({"x": pa.array(texts, pa.json_(pa.string()))})
    pq.write_table(table, tmp_path / "in.parquet")

    run_checkpointed(tmp_path / "in.parquet", tmp_path / "out.parquet", tmp_path / "1")
    assert pq.read_table(tmp_path / "out.parquet")["x"].to_pylist() == texts
    run_checkpointed(tmp_path / "in.parquet", tmp_path / "out.jsonl", tmp_path / "2")
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert lines[:2] == ['{"x":3.14159265358979323846}', '{"x":{"a":1,  "a":2}}']

    broken = pa.table({"x": pa.array(["{bad"], pa.json_(pa.string()))})
    pq.write_table(broken, tmp_path / "bad.parquet")
    with pytest.raises(RunError, match="JSONDecodeError"):
        run_checkpointed(tmp_path / "bad.parquet", tmp_path / "bad.jsonl", tmp_path / "3")


@pytest.mark.parametrize("ending", ["parquet", "arrow", "arrows", "jsonl"])
def test_row_groups_with_other_dictionaries_fit_together(ending, tmp_path):
    words = [[f"a{n}", f"b{n}", None] for n in range(4)]
    parts = [pa.table({"k": pa.array(part).dictionary_encode()}) for part in words]
    with pq.ParquetWriter(tmp_path / "in.parquet", parts[0].schema) as writer:
        for part in parts:
            writer.write_table(part)

    target = tmp_path / f"out.{ending}"
    run_checkpointed(tmp_path / "in.parquet", target, tmp_path, batch_size=3)

    kept = FileStorage(target).read()["k"].tolist()
    assert [None if value is pd.NA else value for value in kept] == [
        w for part in words for w in part
    ]


def test_rows_without_columns_are_not_written_where_none_can_be(tmp_path):
    (tmp_path / "in.jsonl").write_text("{}\n{}\n")
    run_checkpointed(tmp_path / "in.jsonl", tmp_path / "out.jsonl", tmp_path / "1")
    assert (tmp_path / "out.jsonl").read_text() == "{}\n{}\n"
    with pytest.raises(FormatError, match="without any column"):
        run_checkpointed(tmp_path / "in.jsonl", tmp_path / "out.parquet", tmp_path / "2")


@pytest.mark.parametrize("depth", [30, 60, 120])
def test_deeply_nested_values_survive(depth, tmp_path):
    value = 1
    for level in range(depth):
        value = [value] if level % 2 else {"k": value}
    write_jsonl(tmp_path / "in.jsonl", [{"v": value}])
    run_checkpointed(tmp_path / "in.jsonl", tmp_path / "out.jsonl", tmp_path)
    assert read_jsonl(tmp_path / "out.jsonl") == [{"v": value}]


def test_csv_values_come_out_as_they_went_in(tmp_path):
    rows = '"id","v"\n"007","1.0"\n"","2024-01-01"\n,"a ""b"", c\nd"\n"9007199254740993",\n'
    (tmp_path / "in.csv").write_text(rows, "utf-8")

    run_checkpointed(tmp_path / "in.csv", tmp_path / "out.csv", tmp_path / "1")
    run_checkpointed(tmp_path / "out.csv", tmp_path / "out.jsonl", tmp_path / "2")

    assert (tmp_path / "out.csv").read_text("utf-8") == rows
    assert read_jsonl(tmp_path / "out.jsonl") == [
        {"id": "007", "v": "1.0"},
        {"id": "", "v": "2024-01-01"},
        {"id": None, "v": 'a "b", c\nd'},
        {"id": "9007199254740993", "v": None},
    ]


def test_a_column_that_is_null_for_100_000_rows_and_a_struct_after(tmp_path):
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    line = '{"i":1,"late":null,"x":1}\n'
    source.write_text(line * 100_000 + '{"i":2,"late":{"a":"b"},"x":1.5,"new":"c"}\n', "utf-8")

    run_checkpointed(source, target, tmp_path)

    written = target.read_text("utf-8").splitlines()
    assert len(written) == 100_001
    assert json.loads(written[0]) == {"i": 1, "late": None, "x": 1.0}
    assert json.loads(written[-1]) == {"i": 2, "late": {"a": "b"}, "x": 1.5, "new": "c"}


def test_files_of_differing_columns_and_types_fit_together(tmp_path):
    write_jsonl(tmp_path / "p1.jsonl", [{"a": 1, "b": "x"}])
    write_jsonl(tmp_path / "p2.jsonl", [{"a": 2.5}, {"c": [1]}])

    run_checkpointed(tmp_path / "p*.jsonl", tmp_path / "out.jsonl", tmp_path)

    rows = read_jsonl(tmp_path / "out.jsonl")
    assert rows == [{"a": 1.0, "b": "x"}, {"a": 2.5}, {"c": [1]}]


@pytest.mark.parametrize(
    ("rows", "ending", "column"),
    [
        (ROWS["chat messages"], "csv", "messages"),
        (ROWS["mixed kinds"], "tsv", "v"),
        ([{"a": 1, "d": {"k": "v"}}], "csv", "d"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_before_any_work(rows, ending, column, tmp_path):
    write_jsonl(tmp_path / "in.jsonl", rows)

    with pytest.raises(FormatError, match=f"{column}.*") as refusal:
        run_checkpointed(tmp_path / "in.jsonl", tmp_path / f"out.{ending}", tmp_path)

    assert "parquet" in str(refusal.value).lower()
    assert not (tmp_path / f"out.{ending}").exists()
    assert not (tmp_path / "run" / "tables").exists()


def test_dates_and_bytes_are_refused_by_json(tmp_path):
    pq.write_table(TYPED.select(["date", "text"]), tmp_path / "in.parquet")
    with pytest.raises(FormatError, match="date"):
        run_checkpointed(tmp_path / "in.parquet", tmp_path / "out.jsonl", tmp_path)


def test_nan_is_refused_by_json_and_the_target_stays_as_it_was(tmp_path):
    pq.write_table(pa.table({"x": [1.0, math.nan]}), tmp_path / "in.parquet")
    (tmp_path / "out.jsonl").write_text("what was there before\n")

    with pytest.raises(FormatError, match="NaN"):
        run_checkpointed(tmp_path / "in.parquet", tmp_path / "out.jsonl", tmp_path)

    assert (tmp_path / "out.jsonl").read_text() == "what was there before\n"


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)
rows_of_any_shape = st.lists(
    st.dictionaries(st.sampled_from("abc"), json_values), min_size=1, max_size=6
)


def numbers_aside(rows: list) -> str:
    """Rows as text in which a whole float and an equal integer look alike."""
    return (
        json.dumps(rows, sort_keys=True).replace(".0,", ",").replace(".0}", "}").replace(".0]", "]")
    )


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=rows_of_any_shape, batch_size=st.sampled_from([1, 2, 100]))
def test_rows_of_any_shape_survive(rows, batch_size, tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("rows")
    write_jsonl(tmp_path / "in.jsonl", rows)

    run_checkpointed(tmp_path / "in.jsonl", tmp_path / "out.jsonl", tmp_path, batch_size=batch_size)

    written = read_jsonl(tmp_path / "out.jsonl")
    assert written == rows
    assert numbers_aside(written) == numbers_aside(rows)
