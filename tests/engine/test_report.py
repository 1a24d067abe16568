"""The table that a run prints in the end."""

from __future__ import annotations

from dataclasses import replace

from dataflow_core import MemoryStorage, Pipeline
from dataflow_core.operators.general import DeduplicateExact, Explode, FilterRows


class Exploded(Pipeline):
    """One row of each item."""

    def __init__(self, storage):
        super().__init__(storage)
        self.explode = Explode()
        self.few = FilterRows(where="n > 3")

    def forward(self):
        self.explode.run(self.storage, input_list="items")
        self.few.run(self.storage)


def test_a_report_adds_up_where_steps_make_rows_and_is_narrow_where_none_does(tmp_path):
    rows = [{"n": n, "items": list(range(n % 3))} for n in range(9)]
    report = Exploded(MemoryStorage(rows)).run(run_dir=tmp_path / "run")
    lines = [line.split() for line in report.table().splitlines()]
    assert lines[0][1:7] == ["in", "out", "dropped", "quarantined", "expanded", "made"]
    for line, step in zip(lines[1:], report.steps, strict=True):
        came, out, dropped, failed, expanded, made = map(int, line[1:7])
        assert came + made == out + dropped + failed + expanded
        assert (expanded, made) == (step.expanded, step.made)
    assert lines[1][:7] == ["explode", "9", "9", "3", "0", "6", "9"]
    few = replace(report, steps=report.steps[1:])
    heads = few.table().splitlines()[0].split()
    assert heads == ["step", "in", "out", "dropped", "quarantined", "rows/s", "reasons"]


class Cleaned(Pipeline):
    """Two filters, of which each reads a column of its own."""

    def __init__(self, storage):
        super().__init__(storage)
        self.named = FilterRows(where="title != ''")
        self.once = DeduplicateExact()

    def forward(self):
        self.named.run(self.storage)
        self.once.run(self.storage, input_columns=["title"])


def test_samples_show_what_the_step_reads_and_not_the_longest_text(tmp_path):
    rows = [{"title": title, "body": "very long " * 9} for title in ("a", "", "a", None)]
    report = Cleaned(MemoryStorage(rows)).run(run_dir=tmp_path / "run")
    shown = {(sample.step, sample.reason): sample.text for sample in report.samples}
    assert shown == {
        ("named", "condition_is_false"): "",
        ("named", "condition_is_null"): None,
        ("once", "duplicate"): "a",
    }
