"""Where rows come from: what an export does with those that a storage has set aside."""

from __future__ import annotations

import pytest

from dataflow_core import FileStorage
from dataflow_core.errors import BadRowError
from dataflow_core.export import ExportOptions, StorageRows, export


def test_a_row_that_a_storage_sets_aside_stops_an_export_that_sets_none_aside(tmp_path):
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"text": "a"}\n{"text": broken\n{"text": ""}\n')
    rows = StorageRows(FileStorage(source, on_bad_row="quarantine"))
    with pytest.raises(BadRowError, match=r"in\.jsonl, row 1 .*invalid JSON.*\(unreadable\)"):
        export(rows, ExportOptions("text", str(output)))
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]
    done = export(rows, ExportOptions("text", str(output), on_bad_row="quarantine"))
    assert (done.rows_out, done.rejected) == (1, {"unreadable": 1, "empty_cell": 1})
