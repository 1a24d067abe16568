"""What is shown of a run while it is on."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from dataflow_core.cli.progress import Paces, display_for
from dataflow_core.engine.ledger import StepAccount
from dataflow_core.engine.progress import Update
from dataflow_core.storage.formats.estimates import estimated_rows

SLOW = """
import time
from dataflow_core import Pipeline
from dataflow_core.operators.general import Apply, FilterRows

def wait(table):
    time.sleep(0.3)
    return table

class Slow(Pipeline):
    def forward(self):
        FilterRows(where="id <> 3").run(self.storage)
        Apply(func=wait).run(self.storage)
"""


def update(rows, total=None, failed=0, stage="clean"):
    account = StepAccount("clean", rows_in=rows, rows_out=rows - failed, quarantined=failed)
    return Update(stage, rows, total, lambda: {"clean": account})


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def wait(seconds):
        now[0] += seconds

    return wait


def test_the_pace_tells_speed_and_time_left_of_this_stage_alone(clock):
    paces = Paces()
    pace = paces.of(update(1_000, 100_000))  # done by an earlier run
    assert (pace.speed(), pace.left()) == ("", "")
    clock(10)
    assert paces.of(update(21_000, 100_000)) is pace
    assert pace.done() == "21,000 of about 100,000 rows"
    assert (pace.speed(), pace.left()) == ("2,000 rows/s", "40 s left")
    clock(1)
    paces.of(update(120_000, 100_000))
    assert (pace.done(), pace.left()) == ("120,000 of about 120,000 rows", "")
    beside = paces.of(update(0, None, stage="next"))
    assert (beside.done(), beside.speed()) == ("0 rows", "")
    clock(7200)
    paces.of(update(7_200, 14_400, stage="next"))
    assert beside.left() == "2 h 0 min left"
    paces.of(replace(update(120_000), finished=True))
    assert paces.of(update(5)).speed() == ""


def test_a_log_gets_a_line_now_and_then(clock):
    stream = io.StringIO()
    with display_for(stream, quiet=False) as watch:
        watch(update(10))
        clock(9)
        watch(update(900))
        assert stream.getvalue() == ""
        clock(2)
        watch(update(1_110, 2_210, failed=4))
        watch(update(1_200))
    assert stream.getvalue() == (
        "clean: 1,110 of about 2,210 rows, 100 rows/s, 11 s left, 4 failed\n"
    )


def test_quiet_shows_nothing(clock):
    stream = io.StringIO()
    with display_for(stream, quiet=True) as watch:
        clock(100)
        watch(update(10))
    assert stream.getvalue() == ""


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="a terminal")
def test_a_terminal_shows_each_step_and_is_left_clean(tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "in.jsonl").write_text("".join(f'{{"id": {n}}}\n' for n in range(6)))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "dataflow_core", "run", "slow:Slow", "-i", "in.jsonl",
         "--batch-size", "2"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    report, _ = process.communicate()
    os.close(ours)
    assert process.returncode == 0
    text = shown.decode()
    assert "of about 6 rows" in text
    assert "filter_rows" in text
    assert "dropped" in text
    assert b"6 rows in, 5 out" in report


def test_the_rows_of_files_are_estimated_where_that_is_quick(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    lines = tmp_path / "a.jsonl"
    lines.write_text('{"n": 1}\n' * 300_000)
    assert estimated_rows(lines) == pytest.approx(300_000, rel=0.01)
    pq.write_table(pa.table({"n": range(123)}), tmp_path / "b.parquet")
    assert estimated_rows(tmp_path / "b.parquet") == 123
    (tmp_path / "c.jsonl.gz").write_bytes(b"")
    assert estimated_rows(tmp_path / "c.jsonl.gz") is None
    (tmp_path / "d.csv").write_bytes(b"")
    assert estimated_rows(tmp_path / "d.csv") == 0
