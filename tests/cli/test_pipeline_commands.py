"""run, check, plan, preview and demo, as a user calls them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
TEXTS = [
    {"id": 1, "text": "<p>One two three four.</p>"},
    {"id": 2, "text": "short"},
    {"id": 3, "text": None},
    {"id": 4, "text": "One  two three\tfour."},
]
RECIPE = """\
dataflow: 1
name: long_texts
steps:
- name: long
  operator: core/filter_rows
  config:
    where: len(text) > 6
"""


@pytest.fixture
def folder(tmp_path):
    lines = "".join(json.dumps(row) + "\n" for row in TEXTS)
    (tmp_path / "in.jsonl").write_text(lines, "utf-8")
    (tmp_path / "clean.yaml").write_text(RECIPE, "utf-8")
    return tmp_path


SHORT = ("--param", "preset=basic", "--param", "min_words=3")


def test_run_cleans_a_file_and_prints_the_table(dataflow, folder):
    done = dataflow(
        folder, "run", "text/pretrain_filter", "-i", "in.jsonl", "-o", "out.jsonl",
        "--run-dir", "run", *SHORT,
    )  # fmt: skip

    rows = [json.loads(line) for line in (folder / "out.jsonl").read_text("utf-8").splitlines()]
    assert [(row["id"], row["text"]) for row in rows] == [(1, "One two three four.")]
    assert "deduplicate" in done.stdout
    assert "4 rows in, 1 out" in done.stdout
    assert sorted(p.name for p in (folder / "run").iterdir()) == [
        ".lock", "decisions", "dropped", "journals", "ledger.parquet", "report.html",
        "report.json", "run.json", "run.lock", "tables",
    ]  # fmt: skip


def test_quiet_prints_nothing(dataflow, folder):
    done = dataflow(folder, "run", "clean.yaml", "-i", "in.jsonl", "-o", "o.csv", "-q")
    assert (done.stdout, done.stderr) == ("", "")
    assert (folder / "o.csv").read_text().startswith('"id","text"\n1,')


def test_a_recipe_takes_parameters_by_step(dataflow, folder):
    options = ["-i", "in.jsonl", "-o", "o.jsonl", "-p", "long.where=id = 2"]
    dataflow(folder, "run", "clean.yaml", *options)
    assert json.loads((folder / "o.jsonl").read_text())["id"] == 2


def test_a_class_in_the_working_directory_runs(dataflow, folder):
    (folder / "mine.py").write_text(
        "from dataflow_core import Pipeline\n"
        "from dataflow_core.operators.general import FilterRows\n"
        "class Mine(Pipeline):\n"
        "    def __init__(self, storage=None, *, least: int = 2):\n"
        "        super().__init__(storage)\n"
        "        self.large = FilterRows(where=f'id >= {least}')\n"
        "    def forward(self):\n"
        "        self.large.run(self.storage)\n"
    )
    dataflow(folder, "run", "mine:Mine", "-i", "in.jsonl", "-o", "o.jsonl", "-p", "least=4")
    assert json.loads((folder / "o.jsonl").read_text())["id"] == 4


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("class Mine(:\n", "SyntaxError: invalid syntax (mine.py, line 1)"),
        ("import nosuchlib\n", "No module named 'nosuchlib'"),
        ("1 / 0\n", "ZeroDivisionError: division by zero. Its own code raises this; see where"),
    ],
)
def test_a_module_of_ones_own_that_is_broken_is_told_in_a_line(code, message, dataflow, folder):
    (folder / "mine.py").write_text(code)
    told = dataflow(folder, "run", "mine:Mine", "-i", "in.jsonl", code=2).stderr
    assert told.startswith(f"Error: cannot import 'mine:Mine': {message}")
    assert len(told.splitlines()) == 1


def test_a_pipeline_takes_its_own_parameters_and_those_of_its_steps(dataflow, folder):
    (folder / "mine.py").write_text(
        "from dataflow_core import Pipeline\n"
        "from dataflow_core.operators.general import FilterRows\n"
        "class Mine(Pipeline):\n"
        "    def __init__(self, storage=None, *, least: int = 9):\n"
        "        super().__init__(storage)\n"
        "        self.large = FilterRows(where=f'id >= {least}')\n"
        "        self.small = FilterRows(where='id < 1')\n"
        "    def forward(self):\n"
        "        self.large.run(self.storage)\n"
        "        self.small.run(self.storage)\n"
    )
    for name, given in {
        "mine:Mine": ["least=2", "small.where=id < 3"],
        "text/pretrain_filter": [
            "preset=basic",
            "word_count_filter.min_value=1",
            "word_count_filter.max_value=1",
        ],
    }.items():
        options = [part for one in given for part in ("-p", one)]
        dataflow(folder, "run", name, "-i", "in.jsonl", "-o", "o.jsonl", *options)
        assert json.loads((folder / "o.jsonl").read_text())["id"] == 2


def test_a_text_given_to_a_step_stays_one(dataflow, folder):
    options = ["-i", "in.jsonl", "-o", "o.jsonl", "-p", "long.where=true"]
    dataflow(folder, "run", "clean.yaml", *options)
    assert len((folder / "o.jsonl").read_text().splitlines()) == 4


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run", "text/pretrain_filtr", "-i", "in.jsonl"], 2, "mean 'text/pretrain_filter'?"),
        (["run", "nosuch/thing", "-i", "in.jsonl"], 2, "the plugin 'nosuch' is not installed"),
        (["run", "mine:Mine", "-i", "in.jsonl"], 2, "cannot import 'mine:Mine'"),
        (["run", "nope.yaml", "-i", "in.jsonl"], 2, "cannot read the recipe nope.yaml"),
        (["run", "clean.yaml"], 2, "--input is missing"),
        (["run", "clean.yaml", "-i", "in.jsnl"], 2, "Did you mean 'in.jsonl'?"),
        (["run", "clean.yaml", "-i", "s4://bucket/x"], 2, "no plugin opens the scheme s4://"),
        (["run", "clean.yaml", "-i", "in.jsonl", "-o", "out.jsn"], 2, "'.jsn'"),
        (["run", "clean.yaml", "-i", "in.jsonl", "-p", "lng.where=1"], 2, "Did you mean 'long'?"),
        (["run", "clean.yaml", "-i", "in.jsonl", "-p", "where=1"], 2,
         "'where': a step's parameter is STEP.FIELD. The steps of 'long_texts': long."),
        (["run", "clean.yaml", "-i", "in.jsonl", "-p", "long.wher=1"], 2,
         "step 'long': FilterRows got a wrong configuration:\n  wher: no such parameter. Did you"),
        (["run", "clean.yaml", "-i", "in.jsonl", "-p", "where"], 2, "takes NAME=VALUE"),
        (["run", "text/dedup", "-i", "in.jsonl", "-p", "nears.threshold=1"], 2,
         "'nears.threshold': there is no step 'nears'. Did you mean 'near'? The"),
        (["run", "text/dedup", "-i", "in.jsonl", "-p", "near.threshol=1"], 2,
         "step 'near': DeduplicateMinhash got a wrong configuration:\n  threshol: no such"),
        (["run", "text/dedup", "-i", "in.jsonl", "-p", "near.threshold=x"], 2,
         "step 'near': DeduplicateMinhash got a wrong configuration:\n  threshold: "),
        (["run", "clean.yaml", "-i", "in.jsonl", "--limit", "0"], 2, "--limit"),
        (["estimate", "clean.yaml"], 2, "--input is missing"),
        (["estimate", "clean.yaml", "-i", "in.jsnl"], 2, "Did you mean 'in.jsonl'?"),
        (["estimate", "clean.yaml", "-i", "in.jsonl", "-n", "0"], 2, "-n"),
        (["estimate", "clean.yaml", "-i", "in.jsonl", "-p", "long.where=txt = 1"], 2,
         "no column 'txt'. Did you mean 'text'?"),
        (
            ["run", "text/pretrain_filter", "-i", "in.jsonl", "-p", "min_word=3"],
            2, "no parameter 'min_word'. Did you mean 'min_words'?",
        ),
        (
            ["run", "text/pretrain_filter", "-i", "in.jsonl", "-p", "min_words=x"],
            2, "min_words='x'",
        ),
        (
            ["run", "text/pretrain_filter", "-i", "in.jsonl", "-p", "languages=en"],
            2, "Input should be a valid tuple. Write a list: --param 'languages=[en]'.",
        ),
        (
            ["run", "text/pretrain_filter", "-i", "in.jsonl", "-p", "near_duplicates=1.5"],
            2, "='1.5': Input should be less than or equal to 1. For none, write null.",
        ),
        (
            ["run", "text/pretrain_filter", "-i", "in.jsonl", "-p", "text_column=txt"],
            2, "no column 'txt'. Did you mean 'text'?",
        ),
    ],
)  # fmt: skip
def test_wrong_input_gets_one_clear_message(dataflow, arguments, code, message, folder):
    before = set(folder.iterdir())
    done = dataflow(folder, *arguments, code=code)
    assert message in done.stderr
    assert done.stdout == ""
    assert set(folder.iterdir()) - before <= {folder / "dataflow-runs"}


def test_check_reports_every_problem_and_fails(dataflow, folder):
    arguments = ["check", "text/pretrain_filter", "-i", "in.jsonl", "-p", "preset=basic"]
    arguments += ["-p", "text_column=txt"]
    done = dataflow(folder, *arguments, code=2)
    assert "6 steps, 1 error, 0 warnings" in done.stdout
    told = json.loads(dataflow(folder, *arguments, "--json", code=2).stdout)
    assert [(p["step"], p["parameter"], p["nearest"]) for p in told["problems"]] == [
        ("remove_markup", "input_text", "text")
    ]
    assert "no problems" in dataflow(folder, "check", "clean.yaml", "-i", "in.jsonl").stdout


def test_a_plan_is_drawn_and_its_recipe_runs(dataflow, folder):
    for form, expected in {
        "text": "stage 1 · rows", "mermaid": "flowchart TD", "html": "<svg", "json": '"steps"',
        "python": "class PretrainFilter(Pipeline):", "yaml": "operator: text/word_count_filter",
    }.items():  # fmt: skip
        done = dataflow(folder, "plan", "text/pretrain_filter", "--format", form)
        assert expected in done.stdout
    dataflow(folder, "plan", "text/pretrain_filter", "--format", "yaml", "-o", "plan.yaml",
             *SHORT)  # fmt: skip
    for name in ("plan.yaml", "text/pretrain_filter"):
        options = [] if name.endswith("yaml") else SHORT
        dataflow(folder, "run", name, "-i", "in.jsonl", "-o", f"{Path(name).stem}.jsonl", *options)
    assert (folder / "plan.jsonl").read_bytes() == (folder / "pretrain_filter.jsonl").read_bytes()


def test_preview_shows_each_steps_effect(dataflow, folder):
    arguments = ["preview", "text/pretrain_filter", "-i", "in.jsonl", *SHORT]
    done = dataflow(folder, *arguments)
    assert "~ text: 1 changed" in done.stdout
    assert "below_minimum (1)" in done.stdout
    assert "duplicate" in done.stdout
    steps = json.loads(dataflow(folder, *arguments, "--json", "-n", "2").stdout)
    assert [step["rows_in"] for step in steps] == [2, 2, 2, 1, 1, 1]
    assert not (folder / "dataflow-runs").exists()


def test_estimate_tells_what_a_run_will_do(dataflow, folder):
    rows = [{"id": n, "text": "long enough" if n % 4 else "short"} for n in range(6_000)]
    (folder / "many.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = ["estimate", "clean.yaml", "-i", "many.jsonl", "--workers", "2"]
    told = json.loads(dataflow(folder, *arguments, "--json").stdout)
    assert told["rows_out"]["low"] <= 4_500 <= told["rows_out"]["high"]
    assert told["steps"][0]["dropped"]["low"] <= 1_500 <= told["steps"][0]["dropped"]["high"]
    for measure in ("rows", "seconds", "seconds_with_workers", "memory", "disk", "output"):
        assert 0 < told[measure]["low"] <= told[measure]["value"] <= told[measure]["high"]
    assert not (folder / "dataflow-runs").exists()

    text = dataflow(folder, *arguments, "-n", "500").stdout
    assert text.splitlines()[0].split() == ["step", "in", "out", "dropped", "failed", "time"]
    assert "from 16 places of the source" in text
    assert "with one process" in text


def test_estimate_of_few_rows_is_exact_and_dataset_steps_give_bounds(dataflow, folder):
    arguments = ["estimate", "text/pretrain_filter", "-i", "in.jsonl", *SHORT]
    done = dataflow(folder, *arguments)
    assert "All 4 rows were run: their counts are exact." in done.stdout
    assert "rows    4 in, 1 out" in done.stdout
    done = dataflow(folder, "estimate", "text/dedup", "-i", "in.jsonl", "-n", "2", "--workers", "1")
    assert "or more" in done.stdout
    assert "or less" in done.stdout
    assert "lower bound" in done.stdout


def test_demo_cleans_the_bundled_sample(dataflow, folder):
    started = time.monotonic()
    done = dataflow(folder, "demo", "--output", "demo.jsonl")
    assert time.monotonic() - started < 30
    assert "Some of what was dropped, and why:" in done.stdout
    assert "duplicate" in done.stdout
    kept = [json.loads(line) for line in (folder / "demo.jsonl").read_text("utf-8").splitlines()]
    assert 150 < len(kept) < 200
    assert len({row["text"] for row in kept}) == len(kept)


def test_csv_columns_get_types_where_asked(dataflow, folder):
    (folder / "in.csv").write_text("id,score\n007,1.50\n008,\n")
    options = ["-i", "in.csv", "-o", "o.jsonl", "-p", "long.where=score > 1"]
    dataflow(folder, "run", "clean.yaml", *options, "--column-type", "score=float64")
    assert json.loads((folder / "o.jsonl").read_text()) == {"id": "007", "score": 1.5}
    assert "score" in dataflow(folder, "run", "clean.yaml", *options, code=2).stderr
    options[1] = (folder / "in.csv").as_uri()
    dataflow(folder, "run", "clean.yaml", *options, "--column-type", "score=float64")


@pytest.mark.parametrize(("presses", "seconds"), [(1, 2), (2, 60)])
def test_ctrl_c_stops_in_good_order_and_a_second_one_at_once(presses, seconds, folder):
    (folder / "slow.py").write_text(
        "import time\n"
        "from dataflow_core import Pipeline\n"
        "from dataflow_core.operators.general import Apply\n"
        "def wait(table):\n"
        "    print('waiting', flush=True)\n"
        f"    time.sleep({seconds})\n"
        "    return table\n"
        "class Slow(Pipeline):\n"
        "    def forward(self):\n"
        "        Apply(func=wait).run(self.storage)\n"
    )
    command = ["run", "slow:Slow", "-i", "in.jsonl", "--run-dir", "r", "--batch-size", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "dataflow_core", *command],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # A test run in the background of a shell has the signal ignored, and so would this process.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )  # fmt: skip
    assert process.stdout.readline() == "waiting\n"
    for _ in range(presses):
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 3
    assert "Stopping after this batch" in errors
    assert "the same command goes on" in errors
    assert json.loads((folder / "r" / "run.json").read_text())["state"] == "interrupted"
    journal = (folder / "r" / "journals" / "apply.jsonl").read_text().splitlines()
    assert len(journal) == (2 if presses == 1 else 1)  # the first batch is kept, or nothing


PRESSED_AGAIN = """
import atexit, os, signal, sys
from subprocess import DEVNULL, PIPE, Popen
from dataflow_core import Pipeline
from dataflow_core.operators.general import Apply

def press():
    os.kill(os.getpid(), signal.SIGINT)

def press_until_it_is_gone():
    keys = f"echo; for i in $(seq 9999); do kill -{number} {{os.getpid()}} || exit; done"
    pressing = Popen(["sh", "-c", keys], stdout=PIPE, stderr=DEVNULL)
    pressing.stdout.readline()

class Errors:
    "An error stream, at whose last message somebody presses Ctrl-C again."
    def write(self, text, whole=sys.stderr):
        whole.write(text)
        if "the same command goes on" in text and {when!r} == "telling":
            press()
    def flush(self, whole=sys.stderr):
        whole.flush()

def interrupt(table):
    press()
    sys.stderr = Errors()
    return table

class Slow(Pipeline):
    def forward(self):
        Apply(func=interrupt).run(self.storage)

if {when!r} == "ended":
    atexit.register(press_until_it_is_gone)  # it is the last to be called
"""


@pytest.mark.parametrize(
    ("when", "number"), [("telling", "INT"), ("ended", "INT"), ("ended", "TERM")]
)
def test_ctrl_c_pressed_again_while_the_program_ends_leaves_its_exit_code(when, number, folder):
    (folder / "slow.py").write_text(PRESSED_AGAIN.format(when=when, number=number))
    command = ["run", "slow:Slow", "-i", "in.jsonl", "--run-dir", "r", "--batch-size", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "dataflow_core", *command],
        cwd=folder, capture_output=True, text=True, check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert "the same command goes on" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 3
