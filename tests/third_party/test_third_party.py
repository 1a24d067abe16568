"""A plugin of somebody else, installed as a wheel: used in all ways, then broken in ten.

`dataflow-poems` lies beside this file, outside of the workspace, and is written by the author's
guide alone. Its wheel is unpacked into a folder of its own, which is all that commands see of it;
each breakage is a change to a copy of that folder.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from dataflow_core.testing import FaultServer

PROJECT = Path(__file__).parent / "dataflow-poems"
REPOSITORY = Path(__file__).parents[2]
POEMS = "The rose is red,\nthe violet's blue.\n\n静夜\n\nOne\ntwo\nthree\n"
RECIPE = """\
dataflow: 1
name: recited
steps:
  - operator: poems/line_filter
    config: {max_value: 2}
"""


@dataclass(frozen=True)
class Program:
    """The command line, as it is with a folder of installed packages.

    Attributes:
        site: The folder.
        folder: The working directory.
    """

    site: Path
    folder: Path

    def __call__(self, *words, code=0, **variables):
        """Run a command, which must end with a code; return what it wrote."""
        done = self.result(*words, **variables)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def result(self, *words, program=("-m", "dataflow_core"), **variables):
        kept = {name: text for name, text in os.environ.items() if "DATAFLOW" not in name}
        path = os.pathsep.join(map(str, [self.site, REPOSITORY]))
        return subprocess.run(
            [sys.executable, *program, *map(str, words)],
            cwd=self.folder,
            env={**kept, "PYTHONPATH": path, "NO_COLOR": "1", **variables},
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=120,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Build the wheel and install it into a folder, as pip does for others."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(PROJECT, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([*pip, "wheel", *options, str(source)], check=True)
    (wheel,) = folder.glob("dataflow_poems-*.whl")
    site = folder / "site"
    subprocess.run([*pip, "install", "--no-deps", "--target", str(site), str(wheel)], check=True)
    return site


@pytest.fixture
def program(installed, tmp_path):
    """The command line with a copy of the plugin, in a folder with poems and a recipe."""
    site = tmp_path / "site"
    shutil.copytree(installed, site)
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "all.poems").write_text(POEMS, encoding="utf-8")
    (folder / "recited.yaml").write_text(RECIPE, encoding="utf-8")
    return Program(site, folder)


def rows_in(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# Used


def test_it_is_listed_with_what_it_has(program):
    listed = program("plugins", "list")
    assert re.search(
        r"^poems +dataflow-poems +0\.3\.0 +loaded +"
        r"4 operators, 1 pipeline, 1 prompt, 1 storage, 1 command",
        listed,
        re.MULTILINE,
    )
    assert "poems/line_filter" in program("operators", "list", "--namespace", "poems")
    assert "The column of poems." in program("operators", "show", "poems/line_evaluator")
    told = program("plugins", "doctor", "poems")
    assert re.search(r"metre_evaluator: it needs dataflow-poems-syllables.*\n.*\n1 note\n", told)


def test_its_commands_are_a_group_of_the_program(program):
    assert re.search(r"^ +poems +Look at poems in files", program("--help"), re.MULTILINE)
    assert program("poems", "count", "all.poems") == "3 poems\n"


def test_a_recipe_runs_over_its_storage_and_its_observer_is_told(program):
    program("run", "recited.yaml", "--input", "poem:all.poems", "--output", "out.jsonl",
            "--run-dir", "run", "--quiet")  # fmt: skip
    assert [row["lines"] for row in rows_in(program.folder / "out.jsonl")] == [2, 1]
    assert (program.folder / "run" / "poems.txt").read_text() == "2 poems\n"


def test_its_pipeline_asks_a_model_by_its_prompt(program):
    with FaultServer() as server:
        program("run", "poems/short_poems", "--input", "poem:all.poems", "--output", "out.jsonl",
                "--serving", f"openai:any@{server.url}", "-p", "most=2", "--quiet")  # fmt: skip
        assert server.stats().requests == 2
    moods = [row["mood"] for row in rows_in(program.folder / "out.jsonl")]
    assert len(moods) == 2
    assert set(moods) <= {"merry", "sad", "neither"}


def test_it_is_used_from_python(program):
    code = (
        "from dataflow_core.testing import ScriptedServing\n"
        "from dataflow_poems.mood import MoodEvaluator\n"
        "from dataflow_poems.storage import PoemStorage\n"
        "answers = lambda text: '{\"mood\": \"sad\"}' if 'rose' in text else 'Who can say?'\n"
        "table = PoemStorage('poem:all.poems')\n"
        "MoodEvaluator(serving=ScriptedServing(answers, corrections=0)).run(table)\n"
        "print(table.read()['mood'].tolist())\n"
    )
    done = program.result(program=("-W", "error", "-c", code))
    assert (done.stdout, done.stderr) == ("['sad']\n", "")


def test_a_file_of_its_kind_is_told_to_need_its_scheme(program):
    told = program("check", "recited.yaml", "--input", "all.poems", code=1)
    assert "poem:all.poems" in told


# Broken


@dataclass(frozen=True)
class Breakage:
    """A mistake in the plugin.

    Attributes:
        file: The file to change.
        old: What stands there.
        new: What stands there then.
        line: A pattern for the one line that other commands say; None where they have no reason.
        doctor: Patterns for cause and cure, as `plugins doctor` says.
        code: The doctor's exit code.
    """

    file: str
    old: str
    new: str
    line: str | None
    doctor: tuple[str, ...]
    code: int = 2


HOOKS = "dataflow_poems/_plugin.py"
METADATA = "dataflow_poems-0.3.0.dist-info/METADATA"
TOP = '"""What this plugin registers."""\n'
BREAKAGES = {
    "import error": Breakage(
        HOOKS, TOP, f"{TOP}import no_such_module\n",
        r"poems \(ModuleNotFoundError: No module named 'no_such_module'\)",
        (r"No module named 'no_such_module'", r"pip install no_such_module"),
    ),
    "exit": Breakage(
        HOOKS, TOP, f"{TOP}raise SystemExit(7)\n",
        r"poems \(SystemExit: 7\)",
        (r"SystemExit: 7", r"pip install --upgrade dataflow-poems"),
    ),
    "wrong signature": Breakage(
        HOOKS, "dataflow_after_pipeline(run_dir, report)", "dataflow_after_pipeline(run_folder)",
        r"poems \(.*dataflow_after_pipeline.*run_folder",
        (r"run_folder", r"run_dir"),
    ),
    "wrong core bound": Breakage(
        METADATA, "dataflow-llm-core<0.2,>=0.1", "dataflow-llm-core>=9",
        None,
        (r"dataflow-llm-core>=9", r"pip install"),
    ),
    "missing extra": Breakage(
        METADATA, "Provides-Extra: metre", "X-Nothing: metre",
        None,
        (r"metre_evaluator: it needs the extra 'metre'", r"Declare the extra"),
    ),
    "bad target": Breakage(
        HOOKS, "dataflow_poems.lines:LineFilter", "dataflow_poems.lines:LinesFilter",
        None,
        (r"lines\.py defines no 'LinesFilter'.*Did you mean 'LineFilter'", r"Correct the target"),
    ),
    "slow import": Breakage(
        HOOKS, TOP, f"{TOP}sum(range(20_000_000))\n",
        None,
        (r"importing it takes \d{3,} ms", r"Import only from"),
        code=0,
    ),
    "taken name": Breakage(
        HOOKS, 'name="poems",\n            target="dataflow_poems.commands:poems"',
        'name="run",\n            target="dataflow_poems.commands:poems"',
        None,
        (r"`dataflow run` is a command of the program", r"`dataflow poems/run`"),
        code=0,
    ),
}  # fmt: skip


def break_it(program, breakage):
    path = program.site / breakage.file
    text = path.read_text(encoding="utf-8")
    assert text.count(breakage.old) == 1
    path.write_text(text.replace(breakage.old, breakage.new), encoding="utf-8")
    shutil.rmtree(program.site / "dataflow_poems" / "__pycache__", ignore_errors=True)


@pytest.mark.parametrize("name", BREAKAGES)
def test_the_program_keeps_working_whatever_is_wrong_with_it(program, name):
    breakage = BREAKAGES[name]
    break_it(program, breakage)

    listed = program.result("operators", "list")
    assert listed.returncode == 0
    assert "core/filter_rows" in listed.stdout
    assert len(listed.stderr.splitlines()) == (breakage.line is not None)
    if breakage.line:
        assert re.search(breakage.line, listed.stderr)
    (program.folder / "rows.jsonl").write_text('{"n": 1}\n{"n": 2}\n')
    (program.folder / "few.yaml").write_text(
        "dataflow: 1\nsteps: [{operator: core/filter_rows, config: {where: n > 1}}]\n"
    )
    program("run", "few.yaml", "--input", "rows.jsonl", "--output", "few.jsonl", "--quiet")
    assert rows_in(program.folder / "few.jsonl") == [{"n": 2}]

    told = program("plugins", "doctor", "poems", code=breakage.code)
    for pattern in breakage.doctor:
        assert re.search(pattern, told), told


def test_of_a_namespace_that_two_claim_neither_is_loaded(program):
    other = program.site / "poems_too-1.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.4\nName: poems-too\nVersion: 1.0\n")
    (other / "entry_points.txt").write_text("[dataflow.plugins]\npoems = poems_too\n")
    listed = program.result("operators", "list")
    assert (listed.returncode, "poems/" in listed.stdout) == (0, False)
    (line,) = listed.stderr.splitlines()
    assert re.search(r"poems \(.*dataflow-poems.*poems-too", line)
    told = program("plugins", "doctor", "poems", code=2)
    assert re.search(r"dataflow-poems.*poems-too", told)
    assert "pip uninstall" in told


def test_an_observer_that_raises_is_reported_once_and_the_run_goes_on(program):
    break_it(
        program,
        Breakage(HOOKS, '(run_dir / "poems.txt")', '1 / 0\n    (run_dir / "poems.txt")', None, ()),
    )
    words = ["run", "recited.yaml", "--input", "poem:all.poems", "--output", "out.jsonl"]
    told = program(*words, "--quiet")
    assert len(rows_in(program.folder / "out.jsonl")) == 2
    (line,) = [line for line in told.splitlines() if "ZeroDivisionError" in line]
    assert "poems" in line
    assert "dataflow_after_pipeline" in line


def test_an_operator_without_its_package_names_the_extra(program):
    (program.folder / "metre.yaml").write_text(
        "dataflow: 1\nsteps: [{operator: poems/metre_evaluator}]\n"
    )
    told = program("run", "metre.yaml", "--input", "poem:all.poems", code=2)
    assert "pip install 'dataflow-poems[metre]'" in told


def test_what_needs_a_package_that_is_not_here_is_skipped_by_the_conformance_checks(program):
    done = program.result("plugins", "check", "poems", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    told = {one["operator"]: one for one in json.loads(done.stdout)["operators"]}
    assert all(one["failed"] == {} for one in told.values())
    skipped = told["poems/metre_evaluator"]["skipped"]
    assert {"check_example", "check_row_identity", "check_one_row"} <= skipped.keys()
    assert "pip install 'dataflow-poems[metre]'" in skipped["check_row_identity"]
    assert told["poems/line_filter"]["skipped"] == {}


def test_a_broken_plugin_can_be_left_out(program):
    break_it(program, BREAKAGES["exit"])
    listed = program.result("operators", "list", DATAFLOW_DISABLE_PLUGINS="poems")
    assert (listed.returncode, listed.stderr) == (0, "")
    strict = program.result("operators", "list", DATAFLOW_STRICT_PLUGINS="1")
    assert strict.returncode == 1
    assert "SystemExit: 7" in strict.stderr
