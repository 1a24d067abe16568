"""JSON files: arrays and objects in any layout, streamed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dataflow_core.errors import BadRowError, SourceError
from dataflow_core.storage.formats import ReadOptions, reader_for, writer_for
from dataflow_core.table.values import rows_of

QUARANTINE = ReadOptions(on_bad_row="quarantine")
ROWS = [{"a": 1, "b": ["x", "}"]}, {"a": 2, "b": []}, {"a": 3, "b": ["\n", '"']}]


def read(path: Path, options: ReadOptions | None = None) -> tuple[list[Any], list[Any]]:
    reader = reader_for(path, options or ReadOptions())
    batches = list(reader.batches(reader.exact_schema(), 2, 1 << 20))
    rows = [row for batch in batches for row in rows_of(batch.table)]
    return rows, [row for batch in batches for row in batch.bad_rows]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        "\ufeff\n " + json.dumps(ROWS, indent="\t") + "\n\n",
        "\n".join(map(json.dumps, ROWS)),
        "".join(map(json.dumps, ROWS)),
        "\n\n".join(json.dumps(row, indent=4) for row in ROWS).replace("\n", "\r\n"),
    ],
)
def test_every_layout_is_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rows.json"
    path.write_bytes(text.encode())
    assert read(path)[0] == ROWS


def test_values_that_are_no_objects_are_set_aside_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_bytes(b'[\n {"a": 1},\n 7, {"a": 2, "a": 3},\n {"a":\n "\xff"}, {"a": 4}]')
    rows, bad = read(path, QUARANTINE)
    assert rows == [{"a": 1}, {"a": 4}]
    assert [(row.position, row.line, row.raw) for row in bad] == [
        (1, 3, b"7"),
        (2, 3, b'{"a": 2, "a": 3}'),
        (3, 5, b'{"a":\n "\xff"}'),
    ]
    assert (bad[2].column, bad[2].message) == (3, "invalid UTF-8 (byte 0xff)")
    with pytest.raises(BadRowError, match="line 3: a row must be a JSON object, found a number"):
        read(path)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ('[{"a": 1},\n{"a": oops}]', "line 2, column 7", "Expecting value"),
        ('[{"a": 1},\n{"a": 2}', "line 2, column 9", "not closed"),
        ('[{"a": 1} {"a": 2}]', "line 1, column 11", "expected ',' or ']'"),
        ('[{"a": 1}]\n{"a": 2}', "line 2, column 1", "more after the end of the array"),
        ('{"a": 1}\n{"a": "cut', "line 2, column 7", "Unterminated string"),
        ('{"a": 1}\n{"a": "\x01"}', "line 2, column 8", "Invalid control character"),
        ('[{"a": 1},]', "line 1, column 11", "Expecting value"),
    ],
)
@pytest.mark.parametrize("options", [ReadOptions(), QUARANTINE])
def test_a_broken_text_is_an_error_with_its_place(
    tmp_path: Path, text: str, place: str, message: str, options: ReadOptions
) -> None:
    path = tmp_path / "rows.json"
    path.write_text(text)
    with pytest.raises(BadRowError) as raised:
        read(path, options)
    assert f"{path}, {place}" in str(raised.value)
    assert message in str(raised.value)
    assert ".jsonl" in str(raised.value)


@pytest.mark.parametrize("text", ["[]", " [ ]\n", "  \n", "\ufeff"])
def test_a_file_without_rows_is_empty(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rows.json"
    path.write_text(text)
    with pytest.raises(SourceError, match="is empty"):
        reader_for(path, ReadOptions()).sample_schema()


def test_numbers_across_the_ends_of_chunks_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    rows = [{"n": number, "pad": "x" * (number % 97)} for number in range(9_000)]
    path.write_text(json.dumps(rows))
    assert path.stat().st_size > 4 * 65536
    assert read(path)[0] == rows


@pytest.mark.parametrize("shape", ["text", "list", "objects"])
def test_time_grows_with_a_huge_object_and_no_faster(tmp_path: Path, shape: str) -> None:
    def seconds(size: int) -> float:
        value: Any = {
            "text": "word " * (size // 5),
            "list": list(range(size // 7)),
            "objects": [{"k": "v"}] * (size // 12),
        }[shape]
        path = tmp_path / "rows.json"
        path.write_text(json.dumps([{"big": value}], indent=0))
        reader = reader_for(path, ReadOptions())
        start = time.process_time()
        assert reader.sample_schema().names == ["big"]
        return time.process_time() - start

    seconds(1 << 16)
    assert seconds(4 << 20) < 40 * max(seconds(1 << 19), 0.002)


def test_the_writer_makes_one_array_whatever_the_batches(tmp_path: Path) -> None:
    table = pa.table({"a": [1, 2, 3]})
    texts = []
    for size in (1, 2, 3):
        path = tmp_path / f"{size}.json"
        with writer_for(path, table.schema) as writer:
            for start in range(0, 3, size):
                writer.write(table.slice(start, size))
                writer.write(table.slice(0, 0))
        texts.append(path.read_text())
    assert set(texts) == {'[\n{"a":1},\n{"a":2},\n{"a":3}\n]\n'}


def test_no_rows_make_an_empty_array(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    with writer_for(path, pa.schema([("a", pa.int64())])):
        pass
    assert json.loads(path.read_text()) == []
