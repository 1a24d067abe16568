"""JSONL line by line: what is accepted, what is refused, and what each refusal says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_core.errors import BadRowError, FormatError, SourceError
from dataflow_core.storage.formats import ReadOptions, SchemaMisfit, reader_for, writer_for
from dataflow_core.table.types import ABSENT, JSON_TYPE, concat
from dataflow_core.table.values import rows_of

QUARANTINE = ReadOptions(on_bad_row="quarantine")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "rows.jsonl"


def read(path: Path, options: ReadOptions | None = None, size: int = 1 << 21) -> Any:
    """Return rows, positions and bad rows, read with the exact schema."""
    reader = reader_for(path, options or ReadOptions())
    batches = list(reader.batches(reader.exact_schema(), 1000, size))
    rows = [row for batch in batches for row in rows_of(batch.table)]
    positions = [number for batch in batches for number in batch.positions.tolist()]
    return rows, positions, [row for batch in batches for row in batch.bad_rows]


def refusal(path: Path, options: ReadOptions | None = None) -> str:
    """Return the message with which a bad row is refused."""
    with pytest.raises(BadRowError) as raised:
        read(path, options)
    return str(raised.value)


def schema_of(path: Path) -> dict[str, Any]:
    """Return the sampled types by name."""
    schema = reader_for(path, ReadOptions()).sample_schema()
    return dict(zip(schema.names, schema.types, strict=True))


BROKEN = [
    (b'{"a": 1,}', 8, "invalid JSON"),
    (b'{"a": NaN}', 7, "invalid JSON"),
    (b'{"a": Infinity}', 7, "invalid JSON"),
    (b'{"a": 1e999}', 7, "infinity"),
    (b'{"a": "\xff"}', 8, "invalid UTF-8 (byte 0xff)"),
    (b'{"a": "\xed\xa0\x80"}', 8, "invalid UTF-8 (byte 0xed)"),
    (b'{"a": "\\ud800"}', None, "surrogate"),
    (b'{"a": "x\ty"}', None, "invalid JSON"),
    (b'{"a": 1} x', 10, "invalid JSON"),
    (b'{"a": 1}{"a": 2}', None, "invalid JSON"),
    (b'{"a": 1, "a": 2}', None, "'a' occurs twice"),
    (b'{"a": 1, "\\u0061": 2}', None, "'a' occurs twice"),
    (b'{"a" : 1, "a":2}', None, "'a' occurs twice"),
    (b'{"a"\t: 1, "a"\t:2}', None, "'a' occurs twice"),
    (b'{"a": 1, "b": {"c": "\\u0022:", "d": 1, "d": 2}}', None, "'d' occurs twice"),
    (b"null", None, "found null"),
    (b"[1, 2]", None, "found an array (a file that is one JSON array must end in .json)"),
    (b'"text"', None, "found a string"),
    (b"12", None, "found a number"),
    (b"true", None, "found true or false"),
    (b'{"a": "cut off', None, "invalid JSON"),
]


@pytest.mark.parametrize(("line", "column", "message"), BROKEN)
def test_a_bad_line_is_refused_with_its_place(
    source: Path, line: bytes, column: int | None, message: str
) -> None:
    source.write_bytes(b'{"a": 1}\n\n' + line + b'\n{"a": 3}\n')
    text = refusal(source)
    assert text.startswith(f"{source}, line 3")
    assert message in text
    assert "--on-bad-row quarantine" in text
    assert 'on_bad_row="quarantine"' in text
    if column is not None:
        assert f"column {column}:" in text


@pytest.mark.parametrize(("line", "column", "message"), BROKEN)
def test_a_bad_line_is_set_aside_whole(
    source: Path, line: bytes, column: int | None, message: str
) -> None:
    source.write_bytes(b'{"a": 1}\n\n' + line + b'\n{"a": 3}\n')
    rows, positions, bad = read(source, QUARANTINE)
    assert (rows, positions) == ([{"a": 1}, {"a": 3}], [0, 2])
    assert [(row.position, row.line, row.raw) for row in bad] == [(1, 3, line)]
    assert message in bad[0].message
    if column is not None:
        assert bad[0].column == column


DAMAGE = [b"", b"\n", b"\xff", b'"', b"}", b"{", b",", b":", b" ", b"\t", b"\r", b"0", b"1" * 20]
DAMAGE += [b"NaN", b"null", b"\\", b"-0", b'"s":"",', b'"x":1,', b"\x00", b"[", b"\xef\xbb\xbf"]


def test_the_sample_skips_bad_rows_which_fail_when_they_are_read(source: Path) -> None:
    source.write_bytes(b'oops\n{"a": "x"}\n')
    assert schema_of(source) == {"a": pa.string()}
    reader = reader_for(source, ReadOptions())
    with pytest.raises(BadRowError, match="line 1"):
        list(reader.batches(reader.sample_schema(), 10, 100))


@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {"s": st.text(max_size=3), "f": st.sampled_from([0.5, -1.5]), "b": st.booleans()}
        ),
        min_size=1,
        max_size=5,
    ),
    edits=st.lists(
        st.tuples(
            st.integers(0, 400),
            st.sampled_from(DAMAGE),
        ),
        max_size=3,
    ),
)
@settings(deadline=None, max_examples=250)
def test_damaged_lines_are_judged_as_the_strictest_parser_judges_them(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], edits: list[tuple[int, bytes]]
) -> None:
    path = tmp_path_factory.mktemp("damage") / "rows.jsonl"
    good = b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
    text = good * 2
    for place, piece in edits:
        at = len(good) + place % len(good)  # the first half stays good, so its types are flat
        text = text[:at] + piece + text[at + 1 :]
    path.write_bytes(text)
    lines = [line for line in text.split(b"\n") if line.strip(b" \t\r\x0b\x0c")]
    expected = [strictly_parsed(line) for line in lines]

    rows_read, positions, bad = read(path, QUARANTINE)

    assert [row.raw for row in bad] == [
        line for line, row in zip(lines, expected, strict=True) if row is None
    ]
    wanted = [row for row in expected if row is not None]
    assert [json.dumps(row) for row in rows_read] == [
        json.dumps(as_columns(row, wanted)) for row in wanted
    ]
    assert positions == [n for n, row in enumerate(expected) if row is not None]


def strictly_parsed(line: bytes) -> dict[str, Any] | None:
    """Parse with the standard library, made strict; None for what must be a bad row."""

    def refuse(token: str) -> None:
        raise ValueError(token)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("repeated")
        return dict(pairs)

    try:
        row = json.loads(line.decode(), parse_constant=refuse, object_pairs_hook=unique)
        json.dumps(row, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def as_columns(row: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Order a row's keys by first sight; integers in a column of floats become floats."""
    order = list(dict.fromkeys(name for other in rows for name in other))
    kinds = {name: {type(o[name]) for o in rows if o.get(name) is not None} for name in order}
    exact = {
        name: all(abs(o[name]) <= 2**53 for o in rows if type(o.get(name)) is int) for name in order
    }
    return {
        name: float(row[name])
        if type(row[name]) is int and kinds[name] == {int, float} and exact[name]
        else row[name]
        for name in order
        if name in row
    }


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (b'\xef\xbb\xbf{"a":1}\n', [{"a": 1}]),
        (b'{"a":1}\r\n{"a":2}\r\n', [{"a": 1}, {"a": 2}]),
        (b'{"a":1}\n{"a":2}', [{"a": 1}, {"a": 2}]),
        (b'\n\n{"a":1}\n  \n{"a":2}\n\n', [{"a": 1}, {"a": 2}]),
        (b' {"a":1}\n', [{"a": 1}]),
        (b'{"a":"x\\u0000y"}\n', [{"a": "x\0y"}]),
        (b'{"a":null}\n{"a":null}\n', [{"a": None}, {"a": None}]),
        (b'{"":1}\n', [{"": 1}]),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_ordinary_variations_are_accepted(
    source: Path, text: bytes, rows: list[Any], size: int
) -> None:
    source.write_bytes(text)
    assert read(source, size=size)[0] == rows


def test_blank_lines_have_a_line_number_but_no_position(source: Path) -> None:
    source.write_bytes(b'\n{"a":1}\n\n\n{"a":2}\nbad\n')
    _, positions, bad = read(source, QUARANTINE)
    assert positions == [0, 1]
    assert (bad[0].position, bad[0].line) == (2, 6)


def test_a_line_longer_than_the_block_is_read(source: Path) -> None:
    long = "x" * 3_000_000
    source.write_text(json.dumps({"a": long}) + "\n" + json.dumps({"a": "y"}) + "\n")
    assert read(source, size=1000)[0] == [{"a": long}, {"a": "y"}]


def test_a_missing_key_and_a_null_stay_apart(source: Path) -> None:
    rows = [{"a": "x", "b": "y"}, {"a": None, "b": "y"}, {"b": "y"}, {"a": "z"}]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    reader = reader_for(source, ReadOptions())
    (batch,) = reader.batches(reader.sample_schema(), 10, 1000)
    assert batch.table[ABSENT].to_pylist() == [None, None, ["a"], ["b"]]
    target = source.with_name("out.jsonl")
    with writer_for(target, batch.table.schema) as writer:
        writer.write(batch.table)
    assert [json.loads(line) for line in target.read_text().splitlines()] == rows


def test_nulls_alone_need_no_column_of_absent_keys(source: Path) -> None:
    source.write_text('{"a":"x","b":1}\n{"a":null,"b":null}\n{"a":"\\"a\\":","b":2}\n')
    reader = reader_for(source, ReadOptions())
    (batch,) = reader.batches(reader.sample_schema(), 10, 1000)
    assert ABSENT not in batch.table.column_names
    assert batch.table["a"].to_pylist() == ["x", None, '"a":']


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2"], pa.int64()),
        (["1", "2.5"], pa.float64()),
        (["9007199254740993", "2.5"], JSON_TYPE),
        (["18446744073709551615"], pa.uint64()),
        (["18446744073709551615", "-1"], JSON_TYPE),
        (["18446744073709551616"], JSON_TYPE),
        (["1", "true"], JSON_TYPE),
        (["1", '"x"'], JSON_TYPE),
        (["null", "null"], pa.null()),
        (["null", "true"], pa.bool_()),
        (["[1]", "[]", "null"], pa.list_(pa.int64())),
        (['[1, "x"]'], JSON_TYPE),
        (["[[1], [2.5]]"], pa.list_(pa.list_(pa.float64()))),
        (['{"k": 1}', '{"k": null}'], pa.struct([("k", pa.int64())])),
        (['{"k": 1}', "{}"], JSON_TYPE),
        (['{"k": 1, "l": 2}', '{"l": 2, "k": 1}'], JSON_TYPE),
        (['[{"k": 1}, {"k": 1, "l": 2}]'], JSON_TYPE),
        (["{}"], JSON_TYPE),
        (['{"k": [1, "x"]}'], JSON_TYPE),
    ],
)
def test_types_are_inferred_from_all_values(source: Path, values: list[str], kind: Any) -> None:
    source.write_text("".join(f'{{"a": {value}}}\n' for value in values))
    reader = reader_for(source, ReadOptions())
    assert reader.exact_schema().field("a").type == kind
    assert read(source)[0] == [{"a": json.loads(value)} for value in values]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("1", "1.5"),
        ("1.5", "9007199254740993"),
        ("true", "1"),
        ('"x"', "1"),
        ("[1]", '["x"]'),
        ('{"k": 1}', '{"k": 1, "l": 2}'),
        ('{"k": 1}', '{"k": 1.5}'),
        ("null", "1"),
    ],
)
def test_a_value_that_does_not_fit_the_schema_is_never_altered(
    source: Path, first: str, second: str
) -> None:
    source.write_text(f'{{"a": {first}}}\n')
    schema = reader_for(source, ReadOptions()).sample_schema()
    source.write_text(f'{{"a": {first}}}\n{{"a": {second}}}\n')
    with pytest.raises(SchemaMisfit, match="'a'"):
        list(reader_for(source, ReadOptions()).batches(schema, 10, 1000))


def test_a_column_that_appears_after_the_sample_misfits(source: Path) -> None:
    source.write_text('{"a": 1}\n{"a": 1, "late": 2}\n')
    reader = reader_for(source, ReadOptions())
    with pytest.raises(SchemaMisfit, match="'late'"):
        list(reader.batches(pa.schema([("a", pa.int64())]), 10, 5))
    assert reader.exact_schema().names == ["a", "late"]


def test_a_projection_returns_only_its_columns_and_judges_rows_alike(source: Path) -> None:
    source.write_bytes(b'{"a":"1","b":"x"}\n{"a":"2","b":"\xff"}\n{"a":"3","b":"y","b":"z"}\n')
    options = ReadOptions(columns=("a",), on_bad_row="quarantine")
    rows, positions, bad = read(source, options)
    assert rows == [{"a": "1"}]
    assert positions == [0]
    assert [row.position for row in bad] == [1, 2]


def test_a_file_may_lack_columns_of_the_schema(source: Path) -> None:
    source.write_text('{"a":"1"}\n{"a":"2"}\n')
    schema = pa.schema([("a", pa.string()), ("b", pa.int64())])
    (batch,) = reader_for(source, ReadOptions()).batches(schema, 10, 1000)
    assert batch.table.to_pylist() == [
        {"a": "1", "b": None, ABSENT: ["b"]},
        {"a": "2", "b": None, ABSENT: ["b"]},
    ]


def test_a_reserved_key_is_refused(source: Path) -> None:
    source.write_text('{"__dataflow_row_id__": 1}\n')
    with pytest.raises(SourceError, match=r"'__dataflow_row_id__'.*reserved.*rename"):
        read(source)


@pytest.mark.parametrize("text", [b"\n", b" \n\r\n"])
def test_a_file_of_blank_lines_is_empty(source: Path, text: bytes) -> None:
    source.write_bytes(text)
    with pytest.raises(SourceError, match="is empty"):
        reader_for(source, ReadOptions()).sample_schema()


def test_batches_keep_to_their_limits(source: Path) -> None:
    source.write_text("".join(f'{{"a":"{n:04}"}}\n' for n in range(100)))
    reader = reader_for(source, ReadOptions())
    batches = list(reader.batches(reader.sample_schema(), 7, 1 << 20))
    assert max(batch.table.num_rows for batch in batches) == 7
    assert np.concatenate([batch.positions for batch in batches]).tolist() == list(range(100))
    assert concat([b.table for b in batches])["a"].to_pylist() == [f"{n:04}" for n in range(100)]
    batches = list(reader.batches(reader.sample_schema(), 1000, 130))
    assert max(batch.table.num_rows for batch in batches) == 10


def test_bad_rows_come_between_the_rows_that_they_stood_between(source: Path) -> None:
    source.write_text('{"a":1}\nbad\n{"a":2}\n{"a":3}\nbad\n')
    reader = reader_for(source, QUARANTINE)
    batches = list(reader.batches(reader.sample_schema(), 2, 1 << 20))
    assert [[row.position for row in batch.bad_rows] for batch in batches] == [[1], [4]]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (float("nan"), pa.float64()),
        (float("inf"), pa.float32()),
        ([1.0, float("nan")], pa.list_(pa.float64())),
        ({"k": float("-inf")}, pa.struct([("k", pa.float64())])),
    ],
)
@pytest.mark.parametrize("ending", [".jsonl", ".json"])
def test_a_number_that_json_has_not_is_refused_before_it_is_written(
    tmp_path: Path, ending: str, value: Any, kind: Any
) -> None:
    path = tmp_path / f"out{ending}"
    path.write_text("as before")
    table = pa.table({"score": pa.array([None, None, value], kind)})
    writer = writer_for(path, table.schema)
    writer.write(table.slice(0, 2))
    writer.write(table.slice(0, 1))
    with pytest.raises(FormatError, match=r"'score', row 5: .*NaN.*infinity.*\.parquet"), writer:
        writer.write(table)
    assert path.read_text() == "as before"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "kind",
    [
        pa.binary(),
        pa.decimal128(5, 2),
        pa.timestamp("us"),
        pa.date32(),
        pa.time64("us"),
        pa.duration("s"),
        pa.map_(pa.string(), pa.int64()),
        pa.list_(pa.struct([("k", pa.binary())])),
    ],
)
def test_a_type_that_json_has_not_is_refused_at_once(tmp_path: Path, kind: Any) -> None:
    with pytest.raises(FormatError) as raised:
        writer_for(tmp_path / "out.jsonl", pa.schema([("when", kind)]))
    assert "'when'" in str(raised.value)
    assert str(kind) in str(raised.value)
    assert ".parquet" in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    schema = pa.schema([("a", pa.int64()), ("a", pa.string())])
    with pytest.raises(FormatError, match="two columns are named 'a'"):
        writer_for(tmp_path / "out.jsonl", schema)


def test_the_writer_keeps_the_order_of_keys_and_embeds_json(tmp_path: Path) -> None:
    table = pa.table(
        {
            "z": pa.array(["x", "x"]).dictionary_encode(),
            "j": pa.ExtensionArray.from_storage(JSON_TYPE, pa.array(['{"b":1,"a":[]}', None])),
            "s": pa.array([{"k": None, "l": [1]}, None]),
        }
    )
    path = tmp_path / "out.jsonl"
    with writer_for(path, table.schema) as writer:
        writer.write(table)
    assert path.read_text().splitlines() == [
        '{"z":"x","j":{"b":1,"a":[]},"s":{"k":null,"l":[1]}}',
        '{"z":"x","j":null,"s":null}',
    ]


def test_a_name_within_a_name_hides_no_missing_key(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"a":1,"x\\"a":2}\n' * 3 + '{"x\\"a":2}\n' * 3)
    reader = reader_for(path, ReadOptions())
    tables = [batch.table for batch in reader.batches(reader.sample_schema(), 100, 1 << 20)]
    assert [bool(keys) for keys in tables[0][ABSENT].to_pylist()] == [False] * 3 + [True] * 3
