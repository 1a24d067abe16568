"""Previews: the first rows through all steps, as a run takes them."""

from __future__ import annotations

import json

import pytest

from dataflow_core import FileStorage
from dataflow_core.cli.preview import preview_lines
from dataflow_core.engine.preview import preview_plan
from dataflow_core.errors import OperatorError
from dataflow_core.operators import RowFailure
from dataflow_core.operators.general import Apply, DeduplicateExact, Explode, FilterRows, Sort

from .pipelines import Counted, Steps

ROWS = [{"n": n, "text": f"t{n % 3}", "tags": ["a", "b"][: n % 3]} for n in range(40)]


def source(folder, lines=None, **options):
    path = folder / "in.jsonl"
    path.write_text("\n".join(lines or map(json.dumps, ROWS)) + "\n")
    return FileStorage(path, **options)


def fail(table):
    table["n"] = [RowFailure("seven") if n == 7 else n for n in table["n"]]
    return table


def test_a_preview_does_what_a_run_over_as_many_rows_does(tmp_path):
    steps = [
        (Apply(func=fail), {}),
        (Counted(), {}),
        (FilterRows(where="n % 4 > 0"), {}),
        (Explode(keep_empty=True), {"input_list": "tags"}),
        (Sort(order="descending"), {"input_columns": ["n"]}),
        (DeduplicateExact(), {"input_columns": ["text", "tags"]}),
    ]
    pipeline = Steps(source(tmp_path), *steps)
    report = pipeline.run(output=tmp_path / "out.jsonl", run_dir=tmp_path / "run", limit=20)
    previews = preview_plan(pipeline.compile(), 20)
    assert [(p.step, p.rows_in, p.rows_out, len(p.gone), p.findings) for p in previews] == [
        (s.step, s.rows_in, s.rows_out, s.dropped + s.quarantined, s.findings) for s in report.steps
    ]
    assert [p.step for p in previews if p.reordered] == ["sort"]
    lines = "\n".join(line for preview in previews for line in preview_lines(preview))
    assert "  = rows: 19" in lines
    assert "  rows in another order" in lines
    assert list((tmp_path / "run").parent.glob("dataflow-*")) == []


def test_rows_that_cannot_be_read_are_shown(tmp_path):
    storage = source(tmp_path, ['{"n": 1}', "{bad", '{"n": 2}'], on_bad_row="quarantine")
    unreadable, first = preview_plan(Steps(storage, (FilterRows(where="n > 1"), {})).compile(), 5)
    assert (unreadable.step, unreadable.rows_in, unreadable.gone[0].reason) == (
        "source", 1, "unreadable",
    )  # fmt: skip
    assert (first.rows_in, first.rows_out) == (2, 1)


def test_a_late_row_of_another_type_is_previewed_with_exact_types(tmp_path, monkeypatch):
    monkeypatch.setattr("dataflow_core.storage.formats.jsonl.SAMPLE_BYTES", 20)
    lines = [json.dumps({"n": n}) for n in range(9)] + ['{"n": "text"}']
    step = (DeduplicateExact(), {"input_columns": ["n"]})
    (preview,) = preview_plan(Steps(source(tmp_path, lines), step).compile(), 10)
    assert preview.rows_out == 10


def test_a_step_that_fails_as_a_whole_fails_the_preview(tmp_path):
    def broken(table):
        raise ValueError("no")

    step = (Apply(func=broken, whole_table=True), {})
    with pytest.raises(OperatorError, match="ValueError: no"):
        preview_plan(Steps(source(tmp_path), step).compile(), 3)
