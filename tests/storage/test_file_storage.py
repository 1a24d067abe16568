"""FileStorage in direct use, as in a notebook."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from dataflow_core import FileStorage
from dataflow_core.errors import ColumnError, SourceError, StorageError
from dataflow_core.operators.general import FilterRows
from dataflow_core.storage.formats import jsonl


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def test_operators_change_the_table_and_never_the_file(tmp_path):
    write(tmp_path / "in.jsonl", [{"n": 1}, {"n": 2}, {"n": 3}])
    before = (tmp_path / "in.jsonl").read_bytes()
    storage = FileStorage(tmp_path / "in.jsonl")

    FilterRows(where="n > 1").run(storage)
    storage.save(tmp_path / "out.parquet")

    assert pq.read_table(tmp_path / "out.parquet")["n"].to_pylist() == [2, 3]
    assert storage.dropped()["n"].tolist() == [1]
    assert (tmp_path / "in.jsonl").read_bytes() == before
    with pytest.raises(StorageError, match="would overwrite"):
        storage.save(tmp_path / "in.jsonl")


def test_unreadable_rows_are_in_quarantine(tmp_path):
    (tmp_path / "in.jsonl").write_text('{"n":1}\nnope\n{"n":3}\n')
    storage = FileStorage(tmp_path / "in.jsonl", on_bad_row="quarantine")

    assert storage.read()["n"].tolist() == [1, 3]
    kept = storage.quarantined()
    assert kept[["reason", "line", "raw"]].values.tolist() == [["unreadable", 2, b"nope"]]
    assert not set(kept.index) & {f"{row:016x}" for row in storage.read().index}


def test_a_projected_read_parses_no_other_column(tmp_path, monkeypatch):
    write(tmp_path / "in.jsonl", [{"n": 1, "text": "a"}, {"n": 2, "text": "b"}])
    asked = []
    original = jsonl.JsonLinesReader.batches

    def spy(self, schema, *arguments):
        asked.append(schema.names)
        return original(self, schema, *arguments)

    monkeypatch.setattr(jsonl.JsonLinesReader, "batches", spy)
    storage = FileStorage(tmp_path / "in.jsonl")
    assert storage.read(["text"]).columns.tolist() == ["text"]
    assert asked == [["text"]]
    with pytest.raises(ColumnError, match="Did you mean 'text'"):
        storage.read(["txt"])


def test_integers_and_floats_of_two_files_stay_exact(tmp_path):
    write(tmp_path / "a.jsonl", [{"v": 2**53 + 1}])
    write(tmp_path / "b.jsonl", [{"v": 1.5}])
    assert FileStorage(tmp_path / "*.jsonl").read()["v"].tolist() == [2**53 + 1, 1.5]


def test_types_are_for_files_without_any(tmp_path):
    write(tmp_path / "in.jsonl", [{"n": 1}])
    with pytest.raises(SourceError, match="column types are for CSV and TSV"):
        FileStorage(tmp_path / "in.jsonl", types={"n": "int64"}).read()
