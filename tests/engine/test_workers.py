"""Worker processes: the same bytes, whatever their number, and whatever becomes of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from dataflow_core import FileStorage
from dataflow_core.engine import crew, doing
from dataflow_core.errors import ConfigurationError, OperatorError, RunError, StorageError
from dataflow_core.operators.general import Apply, DeduplicateExact, Explode, FilterRows, Sample

from .pipelines import Steps

ROWS = [{"n": n, "text": f"t{n % 50}", "tags": ["a", "b", "c"][: n % 4]} for n in range(400)]

# Workers import operators; those of a test module they could not.
OPERATORS = '''
"""Operators that misbehave on some rows."""

import os
import resource
import signal
import time

from dataflow_core import Refiner
from dataflow_core.operators import RowFailure
from dataflow_core.operators.dataset import DatasetEvaluator
from dataflow_core.errors import OperatorError

class Fatal(Refiner):
    """Kill the process on some rows, if it is a worker."""

    numbers: list[int] = []
    parent: int
    hang: bool = False
    once: str = ""

    def run(self, storage, input_n: str = "n"):
        table = storage.read()
        if table[input_n].isin(self.numbers).any() and os.getpid() != self.parent:
            first = not self.once or not os.path.exists(self.once)
            if first and self.once:
                open(self.once, "w").close()
            if first and self.hang:
                time.sleep(600)
            elif first:
                os.kill(os.getpid(), signal.SIGKILL)
        storage.write(table)

class Failing(Refiner):
    """Fail on some rows by raising, on others by a value, or as a whole."""

    parent: int | None = None

    def run(self, storage, input_n: str = "n"):
        if self.parent not in (None, os.getpid()):
            raise OperatorError("step 'failing': all is lost")
        table = storage.read()
        if (table[input_n] == 77).any():
            raise ValueError("no sevens")
        table["text"] = [
            RowFailure("eight", "no eights") if n == 88 else t
            for n, t in zip(table[input_n], table["text"])
        ]
        storage.write(table)

class Where(Refiner):
    """Write down which process sees a row."""

    def run(self, storage, output_pid: str = "pid"):
        table = storage.read()
        table[output_pid] = os.getpid()
        time.sleep(0.01)
        storage.write(table)

class Unwritable(Refiner):
    """Let no worker write files of more than a few bytes."""

    parent: int

    def run(self, storage):
        if os.getpid() != self.parent:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))

class Unfinished(Refiner):
    """Let one worker die when its files are written, before it has said so."""

    parent: int
    once: str

    def run(self, storage):
        if os.getpid() != self.parent and not os.path.exists(self.once):
            from dataflow_core.engine.journal import Commit

            def die(commit):
                open(self.once, "w").close()
                os.kill(os.getpid(), signal.SIGKILL)

            Commit.as_dict = die

class Longest(DatasetEvaluator):
    """Find the largest number, as rows flow by."""

    def run(self, storage, input_n: str = "n"):
        self.run_phases(storage, input_n=input_n)

    def sketch(self, storage, input_n):
        return storage.read([input_n])

    def findings(self, sketches):
        return {"largest": int(sketches["n"].max()), "rows": len(sketches)}
'''


@pytest.fixture
def odd(tmp_path, monkeypatch):
    """Operators that misbehave, in a module of their own."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "odd_operators.py").write_text(OPERATORS)
    monkeypatch.syspath_prepend(str(tmp_path / "code"))
    import odd_operators

    yield odd_operators
    sys.modules.pop("odd_operators")


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Have workers do all but the first batch."""
    ready = crew.Crew.is_ready
    monkeypatch.setattr(doing, "ALONE_SECONDS", 0.0)
    monkeypatch.setattr(crew.Crew, "is_ready", lambda self, *_: ready(self, 60.0))


def source(tmp_path, files=1):
    folder = tmp_path / f"in-{files}"
    folder.mkdir(exist_ok=True)
    size = -(-len(ROWS) // files)
    for number in range(files):
        rows = ROWS[number * size : (number + 1) * size]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{number:03d}.jsonl").write_text(text)
    return FileStorage(folder)


def run(tmp_path, *steps, name="run", files=1, **options):
    options = {"workers": 2, "batch_size": 20, **options}
    pipeline = Steps(source(tmp_path, files), *steps)
    return pipeline.run(output=tmp_path / f"{name}.jsonl", run_dir=tmp_path / name, **options)


def output(tmp_path, name="run"):
    return [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()]


def quarantined(report):
    ledger = pd.read_parquet(report.run_dir / "ledger.parquet")
    rows = ledger[ledger["fate"] == "quarantined"]
    return sorted(zip(rows["step"], rows["reason"], strict=True))


def test_workers_batches_and_files_never_change_a_byte(tmp_path):
    steps = [
        (Explode(keep_empty=True), {"input_list": "tags", "output_item": "tag"}),
        (FilterRows(where="n % 5 > 0 OR tag = 'a'"), {}),
        (DeduplicateExact(), {"input_columns": ["text", "tag"]}),
        (Sample(fraction=0.7), {"input_group": "tag"}),
    ]
    found = set()
    for workers, batch_size, files in ((1, 1000, 1), (2, 7, 1), (3, 50, 7), (1, 20, 400)):
        name = f"run-{workers}-{batch_size}-{files}"
        report = run(
            tmp_path, *steps, name=name, workers=workers, batch_size=batch_size, files=files
        )
        ledger = (report.run_dir / "ledger.parquet").read_bytes()
        sums = [(s.rows_in, s.rows_out, s.dropped, s.made) for s in report.steps]
        found.add(((tmp_path / f"{name}.jsonl").read_bytes(), ledger, str(sums)))
    assert len(found) == 1


def test_several_processes_share_the_batches_and_the_order_stays(odd, tmp_path):
    report = run(tmp_path, (odd.Where(), {}))
    rows = output(tmp_path)
    assert [row["n"] for row in rows] == list(range(400))
    assert len({row["pid"] for row in rows}) == 3  # the first batch is done here
    assert report.steps[0].rows_out == 400


def test_rows_fail_in_workers_as_they_do_here(odd, tmp_path):
    reports = [
        run(tmp_path, (odd.Failing(), {}), name=f"run{workers}", workers=workers)
        for workers in (1, 2)
    ]
    assert quarantined(reports[0]) == quarantined(reports[1]) == [
        ("failing", "ValueError"), ("failing", "eight"),
    ]  # fmt: skip
    assert output(tmp_path, "run1") == output(tmp_path, "run2")


def test_a_step_that_fails_as_a_whole_in_a_worker_fails_the_run(odd, tmp_path):
    with pytest.raises(OperatorError, match="all is lost"):
        run(tmp_path, (odd.Failing(parent=os.getpid()), {}))
    assert json.loads((tmp_path / "run" / "run.json").read_text())["state"] == "failed"


def test_what_a_step_finds_as_rows_flow_by_comes_from_all_workers(odd, tmp_path):
    report = run(tmp_path, (odd.Longest(), {}))
    assert report.steps[0].findings == {"largest": 399, "rows": 400}


def test_a_worker_that_dies_costs_nothing(odd, tmp_path):
    fatal = odd.Fatal(numbers=[150], parent=os.getpid(), once=str(tmp_path / "died"))
    report = run(tmp_path, (fatal, {}))
    assert (tmp_path / "died").exists()
    assert [row["n"] for row in output(tmp_path)] == list(range(400))
    assert quarantined(report) == []
    assert report.steps[0].rows_in == 400


def test_rows_on_which_workers_die_are_found_and_set_aside(odd, tmp_path):
    fatal = odd.Fatal(numbers=[150, 151, 390], parent=os.getpid())
    report = run(tmp_path, (FilterRows(where="n < 395"), {}), (fatal, {}))
    assert quarantined(report) == [("fatal", "worker_died")] * 3
    wanted = [n for n in range(395) if n not in (150, 151, 390)]
    assert [row["n"] for row in output(tmp_path)] == wanted
    assert [(s.rows_in, s.rows_out, s.quarantined) for s in report.steps] == [
        (400, 395, 0), (395, 392, 3),
    ]  # fmt: skip


def test_rows_on_which_workers_died_are_done_again_by_workers_in_their_places(odd, tmp_path):
    def steps(numbers):
        fatal = odd.Fatal(numbers=numbers, parent=os.getpid())
        explode = (Explode(), {"input_list": "tags", "output_item": "tag"})
        return [(FilterRows(where="n < 395"), {}), explode, (fatal, {}), (odd.Failing(), {})]

    run(tmp_path, *steps([150, 151, 389]))
    again = run(tmp_path, *steps([151]), retry_failed=True)
    assert quarantined(again).count(("fatal", "worker_died")) == 1
    again = run(tmp_path, *steps([]), retry_failed=True)
    clean = run(tmp_path, *steps([]), name="clean", fresh=True)
    assert output(tmp_path) == output(tmp_path, "clean")
    ledgers = [(one.run_dir / "ledger.parquet").read_bytes() for one in (again, clean)]
    assert ledgers[0] == ledgers[1]
    for one, other in zip(again.steps, clean.steps, strict=True):
        assert (one.rows_in, one.rows_out, one.made, one.reasons) == (
            other.rows_in, other.rows_out, other.made, other.reasons,
        )  # fmt: skip


def test_a_row_on_which_a_worker_hangs_is_found_and_set_aside(odd, tmp_path):
    fatal = odd.Fatal(numbers=[150], parent=os.getpid(), hang=True)
    started = time.monotonic()
    report = run(tmp_path, (fatal, {}), step_timeout=0.4, batch_size=8)
    assert quarantined(report) == [("fatal", "step_timeout")]
    assert len(output(tmp_path)) == 399
    assert time.monotonic() - started < 60


def test_the_first_row_may_hang_and_a_small_input_too(odd, tmp_path, monkeypatch):
    monkeypatch.setattr(doing, "ALONE_SECONDS", 60.0)
    fatal = odd.Fatal(numbers=[0], parent=os.getpid(), hang=True)
    report = run(tmp_path, (fatal, {}), step_timeout=0.4, batch_size=1000)
    assert quarantined(report) == [("fatal", "step_timeout")]


def test_a_row_that_ends_the_process_ends_it_once(odd, tmp_path):
    program = (
        "import os, sys\n"
        "from dataflow_core import FileStorage\n"
        "from engine.pipelines import Steps\n"
        "import odd_operators\n"
        "fatal = odd_operators.Fatal(numbers=[5], parent=0)\n"
        "Steps(FileStorage(sys.argv[1]), (fatal, {})).run(\n"
        "    output=sys.argv[2], run_dir=sys.argv[3], workers=2)\n"
    )
    source(tmp_path)
    places = [str(tmp_path / name) for name in ("in-1", "out.jsonl", "run")]
    path = os.pathsep.join([str(tmp_path / "code"), str(Path(__file__).parents[1]), *sys.path])
    command = [sys.executable, "-c", program, *places]
    status = [
        subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=False).returncode
        for _ in range(2)
    ]
    assert status == [-signal.SIGKILL, 0]
    rows = [json.loads(line) for line in Path(places[1]).read_text().splitlines()]
    assert [row["n"] for row in rows] == [n for n in range(400) if n != 5]


def test_where_a_time_limit_does_not_hold_it_is_said(tmp_path):
    step = (Apply(func=lambda table: table), {})
    with pytest.raises(ConfigurationError, match="step_timeout needs worker processes"):
        run(tmp_path, step, step_timeout=5, workers=1)
    with pytest.warns(RuntimeWarning, match="apply: runs in the process of the run"):
        run(tmp_path, step, step_timeout=5)


def test_another_process_makes_workers_where_that_one_was_killed(odd, tmp_path, monkeypatch):
    fatal = odd.Fatal(numbers=[150], parent=os.getpid(), once=str(tmp_path / "died"))
    asked = crew.WorkerMaker.make
    killed = []

    def make(self):
        if not killed:
            killed.append(self._process.pid)
            os.kill(self._process.pid, signal.SIGKILL)
            time.sleep(0.2)
        return asked(self)

    monkeypatch.setattr(crew.WorkerMaker, "make", make)
    report = run(tmp_path, (fatal, {}))
    assert killed
    assert (report.rows_out, quarantined(report)) == (400, [])


def test_workers_that_all_die_end_the_run(odd, tmp_path):
    fatal = odd.Fatal(numbers=list(range(20, 400)), parent=os.getpid())
    with pytest.raises(
        RunError, match=r"20 worker processes died one after the other.*--workers 1"
    ):
        run(tmp_path, (fatal, {}), batch_size=20)


def test_runs_with_workers_that_are_stopped_again_and_again_lose_nothing(odd, tmp_path):
    from dataflow_core.errors import RunStopped

    stops = 0
    steps = [(odd.Where(), {}), (FilterRows(where="n % 3 > 0"), {}), (DeduplicateExact(), {})]
    while True:
        seen = []

        def notify(event, seen=seen, **told):
            if event == "on_progress":
                seen.append(told["update"].rows)
                if len(seen) > 8:
                    os.kill(os.getpid(), signal.SIGINT)

        try:
            report = run(tmp_path, *steps, notify=notify, commit_seconds=0, batch_size=7)
        except RunStopped:
            stops += 1
            continue
        break
    assert stops > 3
    assert [row["n"] for row in output(tmp_path)] == [n for n in range(400) if n % 3]
    assert report.steps[0].rows_in == 400


def test_a_worker_that_cannot_write_ends_the_run_with_the_reason(odd, tmp_path):
    with pytest.raises(StorageError, match="File too large"):
        run(tmp_path, (odd.Unwritable(parent=os.getpid()), {}))
    report = run(tmp_path, (odd.Unwritable(parent=os.getpid()), {}), workers=1)
    assert [row["n"] for row in output(tmp_path)] == list(range(400))
    assert report.steps[0].rows_in == 400


def test_files_of_a_worker_that_died_before_it_told_of_them_do_not_count(odd, tmp_path):
    step = odd.Unfinished(parent=os.getpid(), once=str(tmp_path / "died"))
    report = run(tmp_path, (FilterRows(where="n % 2 = 0"), {}), (step, {}))
    assert (tmp_path / "died").exists()
    assert [row["n"] for row in output(tmp_path)] == list(range(0, 400, 2))
    assert len(pd.read_parquet(report.run_dir / "ledger.parquet")) == 400


def test_a_function_of_ones_own_stays_in_this_process(tmp_path):
    report = run(tmp_path, (Apply(func=lambda table: table.assign(pid=os.getpid())), {}))
    assert {row["pid"] for row in output(tmp_path)} == {os.getpid()}
    assert report.rows_out == 400


@pytest.mark.parametrize("forked", [False, True])
def test_no_process_is_left_when_a_run_with_workers_is_killed(forked, odd, tmp_path):
    program = (
        "import os, sys\n"
        "from dataflow_core import FileStorage\n"
        "from dataflow_core.engine import crew, doing, local\n"
        "from engine.pipelines import Steps\n"
        "import odd_operators\n"
        f"doing.ALONE_SECONDS, local._WORTH_A_FORK = 0, {0 if forked else 1 << 30}\n"
        f"crew.{'_spawn' if forked else '_fork'} = None\n"
        "ready = crew.Crew.is_ready\n"
        "crew.Crew.is_ready = lambda self, seconds=0: ready(self, 60)\n"
        "fatal = odd_operators.Fatal(numbers=[200], parent=os.getpid(), hang=True)\n"
        "Steps(FileStorage(sys.argv[1]), (odd_operators.Where(), {}), (fatal, {})).run(\n"
        "    output=sys.argv[2], run_dir=sys.argv[3], workers=2, batch_size=20,\n"
        f"    commit_seconds=0.1, may_fork={forked})\n"
    )
    source(tmp_path)
    places = [str(tmp_path / name) for name in ("in-1", "out.jsonl", "run")]
    path = os.pathsep.join([str(tmp_path / "code"), str(Path(__file__).parents[1]), *sys.path])
    process = subprocess.Popen(
        [sys.executable, "-c", program, *places], env={**os.environ, "PYTHONPATH": path}
    )
    journal = tmp_path / "run" / "journals" / "fatal.jsonl"
    deadline = time.monotonic() + 60
    while not journal.exists() or len(journal.read_text().splitlines()) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    steps = [(odd.Where(), {}), (odd.Fatal(parent=os.getpid(), hang=True), {})]
    report = Steps(FileStorage(places[0]), *steps).run(
        output=places[1], run_dir=places[2], batch_size=50
    )  # whose lock would be held by workers that were left
    rows = [json.loads(line) for line in Path(places[1]).read_text().splitlines()]
    assert [row["n"] for row in rows] == list(range(400))
    assert report.rows_out == 400
