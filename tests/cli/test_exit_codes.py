"""Exit codes of all commands, and that what they write into a pipe is plain text."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import click
import pytest

from dataflow_core.cli.main import main, program
from dataflow_core.plugins import PluginManager

DONE, FAILED, REFUSED, RESUMABLE = 0, 1, 2, 3
FEW = "dataflow: 1\nname: few\nsteps:\n- name: keep\n  operator: core/filter_rows\n"
SLOW = """
import pathlib
import time
from dataflow_core import Pipeline, Refiner


class Wait(Refiner):
    "Wait."

    def run(self, storage, input_text="text", output_text="text"):
        begun = pathlib.Path("begun")
        if not begun.exists():
            begun.touch()
            time.sleep(2)
        storage.write(storage.read())


class Slow(Pipeline):
    def __init__(self, storage=None):
        super().__init__(storage)
        self.wait = Wait()

    def forward(self):
        self.wait.run(self.storage)
"""


def commands(group, path=()):
    """Yield the words that call each built-in command, those of groups too."""
    with click.Context(group, obj=PluginManager(discover=False)) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            yield (*path, name)
            if isinstance(command, click.Group):
                yield from commands(command, (*path, name))


@pytest.mark.parametrize("words", sorted(commands(program)), ids=" ".join)
def test_every_command_has_help_and_refuses_options_that_it_does_not_know(words, capsys):
    assert main([*words, "--help"]) == DONE
    captured = capsys.readouterr()
    assert captured.out.startswith(f"Usage: dataflow {' '.join(words)} ")
    assert main([*words, "--no-such-option"]) == REFUSED
    error = capsys.readouterr().err
    assert "No such option" in error
    assert "\x1b" not in captured.out + captured.err + error


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with an input, a recipe, and a finished run."""
    folder = tmp_path_factory.mktemp("work")
    texts = [json.dumps({"text": "ab" * number}) for number in range(1, 9)]
    (folder / "texts.jsonl").write_text("\n".join(texts) + "\n")
    (folder / "few.yaml").write_text(f"{FEW}  config:\n    where: length(text) > 4\n")
    (folder / "wrong.yaml").write_text(f"{FEW}  config:\n    where: length(no_such) > 4\n")
    (folder / "empty.jsonl").touch()
    (folder / "slow.py").write_text(SLOW)
    ran = piped(folder, "run few.yaml -i texts.jsonl")
    assert ran.returncode == DONE, ran.stderr
    return folder


def piped(folder, line):
    return subprocess.run(
        [sys.executable, "-m", "dataflow_core", *line.split(" ")],
        cwd=folder,
        env={**plain_environment(), "TERM": "xterm-256color"},
        capture_output=True,
        text=True,
        check=False,
    )


def plain_environment():
    unwanted = ("DATAFLOW", "NO_COLOR", "FORCE_COLOR", "COLUMNS")
    return {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("run few.yaml -i texts.jsonl --output out.jsonl", DONE),
        ("check few.yaml -i texts.jsonl", DONE),
        ("plan few.yaml -i texts.jsonl", DONE),
        ("preview few.yaml -i texts.jsonl", DONE),
        ("estimate few.yaml -i texts.jsonl", DONE),
        ("runs list", DONE),
        ("runs show last", DONE),
        ("runs why last 0", DONE),
        ("runs retry last", DONE),
        ("runs diff last last", DONE),
        ("cache list", DONE),
        ("operators show core/sort", DONE),
        ("pipelines list", DONE),
        ("prompts show core/summarize", DONE),
        ("servings show openai", DONE),
        ("storages list", DONE),
        ("models list", DONE),
        ("plugins list", DONE),
        ("plugins doctor core", DONE),
        ("completion fish", DONE),
        ("--version", DONE),
        ("run few.yaml -i empty.jsonl", FAILED),
        ("servings check openai:small@http://127.0.0.1:9/v1#timeout=1", FAILED),
        ("run few.yaml", REFUSED),
        ("run wrong.yaml -i texts.jsonl", REFUSED),
        ("check wrong.yaml -i texts.jsonl", REFUSED),
        ("models fetch no-such-model", REFUSED),
        ("completion tcsh", REFUSED),
        ("no-such-command", REFUSED),
        ("run few.yaml -i texts.jsonl --want 100", RESUMABLE),
    ],
)
def test_exit_codes_and_plain_text_in_pipes(folder, line, code, monkeypatch, capfd):
    monkeypatch.chdir(folder)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    found = main(line.split(" "))
    out, err = capfd.readouterr()
    assert found == code, err
    assert out or err
    assert not {"\x1b", "\r"} & set(out + err)
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "line",
    [
        "operators show core/none", "pipelines show core/none", "prompts show core/none",
        "prompts render core/none", "servings show none", "servings check none:",
        "storages show x/y",
        "operators list --namespace none", "plugins show none", "plugins doctor none",
        "plugins check none", "models fetch none", "runs show none", "runs why none 1",
        "runs why last 99", "runs why last zz", "runs why last --where text=none",
        "runs retry none",
        "runs diff none last", "cache why none",
        "export none --format text --output none.txt",
        "run core/none -i texts.jsonl", "run none:None -i texts.jsonl",
        "run none.yaml -i texts.jsonl",
        "check core/none -i texts.jsonl", "plan core/none", "run few.yaml -i none.jsonl",
        "check few.yaml -i none.jsonl", "run few.yaml -i none://x", "run few.yaml -i texts.none",
        "run few.yaml -i texts.jsonl -o out.none", "run few.yaml -i texts.jsonl --param none.x=1",
        "run few.yaml -i texts.jsonl --serving none:x", "migrate none.py",
        "new-plugin good --template core/none --no-input",
        "new-plugin good --template ./none --no-input",
    ],
)  # fmt: skip
def test_a_name_of_what_is_not_there_is_wrong_usage_in_every_command(
    folder, line, monkeypatch, capsys
):
    monkeypatch.chdir(folder)
    (folder / "texts.none").touch()
    assert main(line.split(" ")) == REFUSED
    error = capsys.readouterr().err
    assert "Error: " in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    "line",
    [
        "runs list", "runs show last", "cache list", "operators list", "pipelines list",
        "prompts list", "servings list", "storages list", "models list", "plugins list",
        "plugins doctor core", "check few.yaml -i texts.jsonl", "doctor", "doctor --offline",
    ],
)  # fmt: skip
def test_listings_are_json_where_that_is_asked_for(folder, line, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DATAFLOW_DISABLE_PLUGINS", "math,text")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert main([*line.split(" "), "--json"]) in (DONE, REFUSED)
    assert isinstance(json.loads(capsys.readouterr().out), (list, dict))


def test_an_interrupted_run_exits_with_3_and_goes_on(folder):
    command = [sys.executable, "-m", "dataflow_core", "run", "slow:Slow", "-i", "texts.jsonl"]
    options = ["--run-dir", "slow", "--batch-size", "1", "--workers", "1"]
    process = subprocess.Popen(
        [*command, *options], cwd=folder, env=plain_environment(), stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 60
    while not (folder / "begun").exists() and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == RESUMABLE
    assert "Traceback" not in error
    again = piped(folder, " ".join(["run", "slow:Slow", "-i", "texts.jsonl", *options]))
    assert again.returncode == DONE, again.stderr


@pytest.mark.parametrize("line", ["operators list", "operators list --json", "--help", "doctor"])
def test_a_closed_pipe_is_quiet(line):
    process = subprocess.Popen(
        [sys.executable, "-m", "dataflow_core", *line.split(" ")],
        env={**plain_environment(), "DATAFLOW_DISABLE_PLUGINS": "math,text"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode in (DONE, FAILED)
