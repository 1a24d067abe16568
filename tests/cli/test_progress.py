"""What is shown of a run while it is on."""

from __future__ import annotations

import io
import os
import pty
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from rich.console import Console

from dataflow_core.cli.progress import Stages, display_for
from dataflow_core.engine.ledger import StepAccount
from dataflow_core.engine.progress import Update
from dataflow_core.plugins import PluginManager
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

needs_terminal = pytest.mark.skipif(not hasattr(os, "openpty"), reason="a terminal")


def update(rows, total=None, failed=0, stage="clean"):
    account = StepAccount(stage, rows_in=rows, rows_out=rows - failed, quarantined=failed)
    account.seconds = rows / 50
    return Update(stage, rows, total, lambda: {stage: account})


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def wait(seconds):
        now[0] += seconds

    return wait


def test_the_pace_tells_speed_and_time_left_of_this_stage_alone(clock):
    stages = Stages()
    stages.note(update(1_000, 100_000))  # done by an earlier run
    ((pace, _),) = stages.on()
    assert (pace.speed(), pace.left()) == ("", "")
    clock(10)
    stages.note(update(21_000, 100_000))
    assert stages.on()[0][0] is pace
    assert pace.done() == "21,000 of about 100,000 rows"
    assert (pace.speed(), pace.left()) == ("2,000 rows/s", "40 s left")
    clock(1)
    stages.note(update(120_000, 100_000))
    assert (pace.done(), pace.left()) == ("120,000 of about 120,000 rows", "")
    stages.note(update(0, None, stage="next"))
    beside = stages.on()[1][0]
    assert (beside.done(), beside.speed()) == ("0 rows", "")
    clock(7200)
    stages.note(update(7_200, 14_400, stage="next"))
    assert beside.left() == "2 h 0 min left"
    stages.note(replace(update(120_000), finished=True))
    assert [told.stage for _, told in stages.on()] == ["next"]
    stages.note(update(5))
    assert stages.on()[1][0].speed() == ""


def showing(display):
    """Return what tells a display of updates, as the plugins' observers are told."""
    plugins = PluginManager(discover=False)
    plugins.observe(display, "progress")
    return lambda update: plugins.notify("on_progress", update=update)


def test_a_log_gets_a_line_a_step_now_and_then(clock):
    stream = io.StringIO()
    few = StepAccount("few", rows_in=1_106, rows_out=6, dropped=1_100)
    with display_for(stream, quiet=False) as display:
        show = showing(display)
        show(update(10))
        show(Update("source", 0, None, dict))
        clock(9)
        show(update(900))
        assert stream.getvalue() == ""
        clock(2)
        two = update(1_110, 2_210, failed=4)
        show(replace(two, accounts=lambda: {**two.accounts(), "few": few}))
        show(update(1_200))
    assert stream.getvalue() == (
        "clean: 1,110 of about 2,210 in, 4 failed, 100 rows/s, 11 s left\n"
        "few: 1,106 in, 1,100 dropped, 100 rows/s, 11 s left\n"
        "source: 0 rows\n"
    )


class Terminal(io.StringIO):
    """Text that says it is a terminal."""

    def isatty(self):
        return True


def drawn(display, width=100):
    """Return the lines that a display shows on a terminal now."""
    console = Console(file=io.StringIO(), width=width)
    console.print(display)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_terminal_shows_head_and_steps_of_each_stage_that_is_on(clock):
    with display_for(Terminal(), quiet=False) as display:
        show = showing(display)
        show(update(0, 1_999, stage="c"))
        clock(10)
        show(update(200, 1_999, failed=3, stage="c"))
        show(Update("source", 0, None, dict))
        shown = drawn(display)
        assert shown[0] == "c · 200 of about 1,999 rows · 20 rows/s · 1 min 30 s left"
        assert shown[1].split() == ["step", "in", "out", "dropped", "failed", "rows/s"]
        assert shown[2].split() == ["c", "200", "197", "0", "3", "50"]
        assert shown[3:] == ["source · 0 rows"]
        assert drawn(display, width=20)[0] == "c · 200 of about 1,…"


def test_a_terminal_shows_that_the_run_stops_as_long_as_it_does(clock, capfd):
    with display_for(Terminal(), quiet=False) as display:
        showing(display)(update(5))
        display.say_stopping()
        shown = drawn(display)
        assert shown[0] == "stopping after this batch; Ctrl-C once more stops at once"
        assert shown[1] == "clean · 5 rows"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("quiet", [False, True])
def test_where_no_terminal_is_a_line_says_that_the_run_stops(quiet, capfd):
    with display_for(io.StringIO(), quiet=quiet) as display:
        display.say_stopping()
    assert "Stopping after this batch; once more, and it stops" in capfd.readouterr().err


def test_quiet_shows_nothing(clock):
    stream = io.StringIO()
    with display_for(stream, quiet=True) as display:
        show = showing(display)
        clock(100)
        show(update(10))
    assert stream.getvalue() == ""


def on_a_terminal(folder, *options, press=None):
    """Run the slow pipeline on a terminal; return what it shows, its report, and the exit code.

    Args:
        folder: Where it is.
        *options: Further options of ``dataflow run``.
        press: Once this is shown, Ctrl-C is pressed.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "dataflow_core", "run", "slow:Slow", "-i", "in.jsonl", *options],
        cwd=folder, stdout=subprocess.PIPE, stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
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
        if press is not None and press in shown:
            process.send_signal(signal.SIGINT)
            press = None
    report, _ = process.communicate()
    os.close(ours)
    return shown.decode(), report.decode(), process.returncode


@pytest.fixture
def slow(tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "in.jsonl").write_text("".join(f'{{"id": {n}}}\n' for n in range(6)))
    return tmp_path


@needs_terminal
def test_a_terminal_shows_each_step_and_is_left_clean(slow):
    shown, report, code = on_a_terminal(slow, "--batch-size", "2")
    assert code == 0
    assert re.search(r"apply · \d of about \d rows", shown)
    assert "filter_rows" in shown
    assert "dropped" in shown
    assert "6 rows in, 5 out" in report


@needs_terminal
def test_ctrl_c_on_a_terminal_is_answered_at_once_in_what_is_shown(slow):
    text = (slow / "slow.py").read_text()
    (slow / "slow.py").write_text(text.replace("sleep(0.3)", "sleep(1.5)"))
    shown, _, code = on_a_terminal(slow, "--batch-size", "1", press=b"apply")
    assert code == 3
    answer = shown.index("stopping after this batch; Ctrl-C once more stops at once")
    assert answer < shown.index("the same command goes on")
    assert "and it stops at once" not in shown  # a line that the next refresh draws over


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
