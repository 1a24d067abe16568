"""Completion in real shells; a test is skipped where its shell is not installed."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time

import pytest

from dataflow_core.cli.completion import VARIABLE

HEAVY = {"numpy", "pandas", "pyarrow", "pydantic", "rich", "sqlglot", "jinja2", "yaml", "httpx"}
FRUIT = """
    @hookimpl
    def dataflow_register_operators():
        return [OperatorSpec(name="peel", target="dataflow_fruit.peel:Peel", summary="Peel: well.",
                             function="refine")]

    @hookimpl
    def dataflow_register_pipelines():
        return [PipelineSpec(name="juice", target="dataflow_fruit.juice:Juice", summary="Press.")]

    @hookimpl
    def dataflow_register_commands():
        return [CommandSpec(name="sell", target="dataflow_fruit.sell:sell", summary="Sell it."),
                CommandSpec(name="lost", target="dataflow_fruit.gone:lost", summary="Lose it.")]
"""
MODULES = {
    "dataflow_fruit/juice.py": """
        import pandas
        from dataflow_core import Pipeline

        class Juice(Pipeline):
            def __init__(self, storage=None, *, pulp: bool = True, sugar: float = 0.0):
                super().__init__(storage)
                self.press = Press(force=2)

        class Base(Refiner):
            sieve: str = "fine"

        class Press(Base):
            force: int = 1
            kind: ClassVar = "screw"
    """,
    "dataflow_fruit/sell.py": """
        import click

        print("importing")

        @click.command()
        @click.option("--price", help="For how much.")
        def sell():
            pass
    """,
}
RUN = """
    {"plan": {"steps": [{"name": "few", "operator": "dataflow_core.operators.general.want:Want"}]}}
"""
RECIPE = """
    steps:
    - name: keep
      operator: core/filter_rows
    - operator: core/summarize
"""
PROJECT = """
    [project]
    name = "dataflow-fruit"
    [project.entry-points."dataflow.plugins"]
    fruit = "dataflow_fruit._plugin"
"""
PROGRAM = """
import sys
from dataflow_core.cli.main import main

main()
print(*sys.modules, file=sys.stderr)
"""
BASH = """
source "$1"
COMP_LINE=$2 COMP_POINT=${#2}
_dataflow_completion
printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = 'source $argv[1]; complete -C "$argv[2]"'


@pytest.fixture
def fruit(site):
    site.add("dataflow-fruit", "fruit", FRUIT, modules=MODULES)
    for run in ("20260101-100000-first", "20260102-100000-second"):
        site.write(f"work/dataflow-runs/{run}/run.json", RUN)
    site.write("work/clean.yaml", RECIPE)
    site.write("work/plugin/pyproject.toml", PROJECT)
    site.write("work/plugin/dataflow_fruit/_plugin.py", "")
    return site


def asked(site, *words, folder=None, **environment):
    """Ask as a script does; return the words, what is not to happen being checked."""
    done = subprocess.run(
        [sys.executable, "-m", "dataflow_core", *words],
        env=site.environment(**{VARIABLE: "zsh"}, **environment),
        cwd=folder or site.folder / "work",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    return [value or kind for kind, value, _ in lines]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("operators show fr", ["fruit/peel"]),
        ("prompts show core/summ", ["core/summarize"]),
        ("servings show core/emb", ["core/embedded"]),
        ("storages show core/", ["core/file", "core/memory"]),
        ("plugins show fr", ["fruit"]),
        ("plugins check fr", ["fruit"]),
        ("operators list --namespace fr", ["fruit"]),
        ("operators list --function gen", ["generate"]),
        ("operators list --function=gen", ["--function=generate"]),
        ("plan fruit/juice --format js", ["json"]),
        ("run fr", ["fruit/juice"]),
        ("run cl", ["clean.yaml"]),
        ("run other/folder/re", ["file"]),
        ("run fruit/juice -i ", ["file"]),
        ("run fruit/juice --input fil", ["file:"]),
        ("run fruit/juice --serving vl", ["vllm:", "vllm-server:"]),
        ("run fruit/juice --serving embedded:", ["embedded:smollm2-135m-instruct"]),
        ("run fruit/juice --param ", ["pulp=", "sugar=", "press.sieve=", "press.force="]),
        ("run fruit/juice --param press.f", ["press.force="]),
        ("run clean.yaml --param k", ["keep.where=", "keep.reason="]),
        ("run clean.yaml -p summarize.pr", ["summarize.prompt="]),
        ("runs retry last --param few.w", ["few.where="]),
        ("export la", ["last"]),
        ("export some", ["file"]),
        ("export last --output ", ["file"]),
        ("migrate ", ["file"]),
        ("new-operator x --function gen", ["generate"]),
        ("new-plugin x --license M", ["MIT"]),
        ("new-plugin x --function gen", ["generate"]),
        ("new-plugin x --template ", ["dir"]),
        ("new-pipeline x --operator ", []),
        ("run fruit/juice --param pulp=1 --param s", ["sugar="]),
        ("run fruit/juice --run-dir d", [
            "dataflow-runs/20260102-100000-second", "dataflow-runs/20260101-100000-first",
        ]),
        ("runs show ", ["last", "20260102-100000-second", "20260101-100000-first"]),
        ("runs diff last 20260101", ["20260101-100000-first"]),
        ("runs show /", ["dir"]),
        ("cache why la", ["last"]),
        ("models fetch smol", ["smollm2-135m-instruct"]),
        ("completion z", ["zsh"]),
        ("plug", ["plugins"]),
        ("lo", ["lost"]),
        ("sell --pr", ["--price"]),
        ("lost --", []),
    ],
)  # fmt: skip
def test_names_are_completed(fruit, line, wanted):
    folders = sorted((fruit.folder / "work" / "dataflow-runs").iterdir())
    for number, folder in enumerate(folders):
        os.utime(folder / "run.json", (number, number))
    assert asked(fruit, *line.split(" ")) == wanted


def test_new_pipeline_completes_the_operators_of_the_plugin_in_this_folder(fruit):
    folder = fruit.folder / "work" / "plugin"
    assert asked(fruit, "new-pipeline", "x", "--operator", "", folder=folder) == ["peel"]


def test_completion_imports_nothing_heavy(fruit):
    for line in ("", "run fr", "run fruit/juice --param p", "run x --serving o", "runs show "):
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                PROGRAM,
                *line.split(" "),
            ],
            env=fruit.environment(**{VARIABLE: "zsh", "DATAFLOW_DISABLE_PLUGINS": "text"}),
            cwd=fruit.folder / "work",
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout
        assert not HEAVY & set(done.stderr.split())


@pytest.mark.parametrize("strict", ["", "1"])
@pytest.mark.parametrize(
    "hooks",
    ["print('hello'); raise ValueError('mouldy')", "import sys; sys.exit(9)", "import no_such_one"],
)
def test_broken_plugins_are_passed_over_in_silence(fruit, strict, hooks):
    fruit.add("dataflow-rotten", "rotten", hooks)
    environment = {"DATAFLOW_STRICT_PLUGINS": strict}
    assert asked(fruit, "operators", "show", "fr", **environment) == ["fruit/peel"]
    assert asked(fruit, "plugins", "doctor", "ro", **environment) == ["rotten"]


def test_a_failure_while_completing_writes_nothing(fruit):
    fruit.write("dataflow_fruit/juice.py", "class Juice(:")
    assert asked(fruit, "run", "fruit/juice", "--param", "") == []


@pytest.fixture
def script(fruit):
    """Write the script of a shell, of a name that is certainly ours, and return its path."""

    def write(shell, *arguments):
        if shutil.which(shell) is None:
            pytest.skip(f"{shell} is not installed")
        done = fruit.run("completion", shell, *arguments)
        assert done.stderr == ""
        fruit.write(f"completion.{shell}", done.stdout)
        return fruit.folder / f"completion.{shell}"

    return write


def in_shell(site, *command):
    done = subprocess.run(
        command,
        env=site.environment(),
        cwd=site.folder / "work",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("dataflow operators show fr", ["fruit/peel"]),
        ("dataflow run fruit/juice --serving embedded:s", ["smollm2-135m-instruct"]),
        ("dataflow run fruit/juice --serving=vllm", ["vllm:", "vllm-server:"]),
        ("dataflow run fruit/juice --input ", []),
        ("dataflow runs show 20260101", ["20260101-100000-first"]),
        ("dataflow run 'cl", ["clean.yaml"]),
    ],
)
def test_bash_completes(fruit, script, line, wanted):
    assert in_shell(fruit, "bash", "--norc", "-c", BASH, "-", script("bash"), line) == wanted


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("dataflow operators show fr", ["fruit/peel\tPeel: well."]),
        ("dataflow runs show las", ["last\tthe newest run"]),
        ("dataflow plan fruit/juice --format=j", ["--format=json"]),
        ("dataflow run fruit/juice --input cl", ["clean.yaml"]),
    ],
)
def test_fish_completes(fruit, script, line, wanted):
    found = in_shell(fruit, "fish", "--no-config", "-c", FISH, script("fish"), line)
    assert [item.rstrip("\t") for item in found] == wanted


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(
    ("shell", "begin"),
    [
        (["bash", "--norc", "--noprofile", "-i"], ""),
        (["zsh", "-f", "-i"], "autoload -U compinit; compinit -D -u\n"),
    ],
    ids=["bash", "zsh"],
)
def test_a_person_completes_with_the_tab_key(fruit, script, shell, begin):
    path = script(shell[0], "--name", "dfl")
    terminal, far = pty.openpty()
    process = subprocess.Popen(
        shell,
        env=fruit.environment(TERM="dumb", PS1="> "),
        cwd=fruit.folder / "work",
        stdin=far,
        stdout=far,
        stderr=far,
        start_new_session=True,
    )
    try:
        os.write(terminal, f"{begin}source {path}; echo re''ady\n".encode())
        # Not before the prompt: until then the terminal itself would take the keys.
        read_until(terminal, r"ready\s[^>]*> ")
        for typed, completed in (
            ("dfl operators show fr\t\x15", "show fruit/peel "),
            ("dfl run fruit/ju\t--serving embedded:smo\t\x15", "embedded:smollm2-135m-instruct "),
            ("dfl run fruit/juice -i cle\t\x15", "-i clean.yaml "),
            ("dfl run fruit/juice -p pu\t1 \x15", "-p pulp=1"),
            ("dfl --vers\t\n", "dataflow 0."),
        ):
            os.write(terminal, typed.encode())
            seen = read_until(terminal, re.escape(completed))
            assert "Traceback" not in seen
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
        os.close(far)


def read_until(terminal, wanted, seconds=20):
    """Return what a terminal shows, once it shows what a pattern wants."""
    seen, until = "", time.monotonic() + seconds
    while not re.search(wanted, seen):
        ready, _, _ = select.select([terminal], [], [], max(0, until - time.monotonic()))
        if not ready:
            pytest.fail(f"wanted {wanted!r}, the terminal shows {seen!r}")
        seen += os.read(terminal, 4096).decode(errors="replace")
    return seen


def test_a_name_that_is_none_is_refused(fruit):
    done = fruit.run("completion", "bash", "--name", "x; rm y")
    assert done.returncode == 2
    assert "'x; rm y' is no name of a command." in done.stderr
