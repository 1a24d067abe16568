"""The processes that compare: they are killed, they end, and none is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dataflow_core.errors import OperatorError
from dataflow_math.answers.pool import Pool

PAIRS = [("x+1", "1+x"), ("x+1", "2+x"), ("ab", "ba")]
VERDICTS = [True, False, True]
LIMITS = {"tolerance": 1e-6, "limit": 20.0}


def children(pid=None):
    """Return the processes that a process has started and that live, by Linux's account."""
    path = Path(f"/proc/{pid or os.getpid()}/task")
    if not path.is_dir():
        pytest.skip("needs /proc")
    found = [int(one) for task in path.iterdir() for one in (task / "children").read_text().split()]
    return {one for one in found if "worker" in command(one)}


def command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def gone(pids, seconds=20.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any("dataflow_math" in command(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def pool():
    pool = Pool(2)
    yield pool
    pool.close()


def test_nothing_starts_before_there_is_work(pool):
    before = children()
    assert pool.compare([], **LIMITS) == []
    assert children() == before


def test_processes_are_kept_for_the_next_call_and_closed(pool):
    before = children()
    assert pool.compare(PAIRS, **LIMITS) == VERDICTS
    first = children() - before
    assert pool.compare(PAIRS * 30, **LIMITS) == VERDICTS * 30
    assert first < children() - before
    mine = children() - before
    assert len(mine) == 2
    pool.close()
    assert gone(mine)
    assert pool.compare(PAIRS, **LIMITS) == VERDICTS


def test_a_process_that_is_killed_is_replaced_and_nothing_is_lost(pool):
    before = children()
    pool.compare(PAIRS, **LIMITS)
    for pid in children() - before:
        os.kill(pid, signal.SIGKILL)
    assert pool.compare(PAIRS * 20, **LIMITS) == VERDICTS * 20


def test_where_no_process_can_start_the_error_says_so(tmp_path, monkeypatch, capfd):
    (tmp_path / "math_verify.py").write_text("raise ImportError('not today')")
    monkeypatch.syspath_prepend(tmp_path)
    pool = Pool(1)
    with pytest.raises(OperatorError, match="cannot be started"):
        pool.compare(PAIRS, **LIMITS)
    assert "not today" in capfd.readouterr().err


def test_only_the_comparison_without_end_is_given_up(pool):
    hangs = ("9^{9^{9^9}}+x", "x+1")
    pairs = [*PAIRS, hangs, *PAIRS, hangs, *PAIRS]
    told = pool.compare(pairs, tolerance=1e-6, limit=1.0)
    assert told == [*VERDICTS, "time_limit", *VERDICTS, "time_limit", *VERDICTS]


def test_idle_processes_end_by_themselves_and_come_back():
    pool = Pool(1, idle_seconds=0.3)
    before = children()
    assert pool.compare(PAIRS, **LIMITS) == VERDICTS
    mine = children() - before
    assert gone(mine)
    assert pool.compare(PAIRS, **LIMITS) == VERDICTS
    pool.close()


@pytest.mark.parametrize("end", ["import os; os._exit(0)", "pass", "os.kill(os.getpid(), 9)"])
def test_they_end_with_the_process_that_started_them(end):
    code = (
        "import os, sys; from dataflow_math.answers.pool import pool_of\n"
        "pool_of(1).compare([('x+1', '1+x')], tolerance=1e-6, limit=20.0)\n"
        "print(*[p.program.pid for p in pool_of(1)._all], flush=True)\n" + end
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    pids = [int(word) for word in done.stdout.split()]
    assert len(pids) == 1
    assert done.stderr == ""
    assert gone(pids)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_copy_of_the_process_starts_its_own():
    code = (
        "import os; from dataflow_math.answers.pool import pool_of\n"
        "ask = lambda: pool_of(1).compare([('x+1', '1+x')], tolerance=1e-6, limit=20.0)\n"
        "assert ask() == [True]\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    assert ask() == [True]\n"
        "    os._exit(7)\n"
        "assert ask() == [True]\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["7"]
