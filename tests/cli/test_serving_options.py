"""Servings on the command line: against a real server, with the money that they take."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from dataflow_core.cli.main import main
from dataflow_core.testing import FaultServer

KEY = "-".join(["sk", "abcdef"])
MODULE = '''
from typing import ClassVar

from dataflow_core import Generator, Pipeline, Storage
from dataflow_core.serving.base import Serving


class Draft(Generator):
    """Write."""

    needs: ClassVar = frozenset({"chat"})
    serving: Serving

    def run(self, storage: Storage, input_q: str = "q", output_a: str = "a") -> None:
        table = storage.read([input_q])
        found = self.serving.generate_from_input(table[input_q].tolist(), max_tokens=200)
        table[output_a] = [one.cell() for one in found]
        storage.write(table)


class Drafting(Pipeline):
    def __init__(self, storage, serving: Serving) -> None:
        super().__init__(storage)
        self.draft = Draft(serving=serving)

    def forward(self) -> None:
        self.draft.run(self.storage)


class Hopeful(Drafting):
    def __init__(self, storage, serving: Serving | None = None) -> None:
        super().__init__(storage, serving)


class Fixed(Pipeline):
    """Has a serving of its own, and no argument for another."""

    def __init__(self, storage, words: int = 5) -> None:
        super().__init__(storage)
        self.draft = Draft(serving="openai:own@http://127.0.0.1:9/v1#patience=0&transport_retries=0")

    def forward(self) -> None:
        self.draft.run(self.storage)
'''
RECIPE = """\
dataflow: 1
name: drafting
steps:
- name: first
  operator: drafts:Draft
- name: second
  operator: drafts:Draft
  columns:
    input_q: a
    output_a: b
"""
PLAIN = "dataflow: 1\nname: plain\nsteps:\n- operator: core/filter_rows\n  config: {where: n > 1}\n"
PRICED = "&price={input: 1000.0, output: 1000.0}"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "drafts.py").write_text(MODULE)
    (tmp_path / "drafting.yaml").write_text(RECIPE)
    (tmp_path / "plain.yaml").write_text(PLAIN)
    lines = (json.dumps({"n": n, "q": f"what is {n}?"}) + "\n" for n in range(30))
    (tmp_path / "in.jsonl").write_text("".join(lines))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("drafts", None)


@pytest.fixture
def server():
    with FaultServer() as running:
        yield running


@pytest.fixture
def call(folder, capsys):
    """Run the program in this process: ``call("run", …, code=0)`` returns what it printed."""

    def run(*arguments, code=0):
        found = main([*arguments])
        printed = capsys.readouterr()
        assert found == code, printed.err
        return printed

    return run


def spec(server, options=""):
    return f"openai:small@{server.url}#max_concurrency=4{options}"


def files_of(folder):
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "drafts.py"]


def test_a_serving_goes_to_every_step_of_a_recipe_and_its_key_nowhere(call, folder, server):
    done = call(
        "run", "drafting.yaml", "-i", "in.jsonl", "-o", "out.jsonl", "--run-dir", "run",
        "--serving", spec(server),
    )  # fmt: skip
    assert server.stats().requests == 60
    assert "step    asked  reused  failed  requests" in done.out
    assert "60 requests" in done.out
    told = json.loads((folder / "run" / "run.json").read_text())
    assert [step["config"]["serving"] for step in told["plan"]["steps"]] == [spec(server)] * 2
    assert KEY not in done.out + done.err
    assert not [path for path in files_of(folder) if KEY.encode() in path.read_bytes()]

    call("run", "run/run.lock", "-o", "again.jsonl", "--run-dir", "again")
    assert (folder / "again.jsonl").read_bytes() == (folder / "out.jsonl").read_bytes()
    assert server.stats().requests == 60  # the run beside it has all answers
    refused = call("run", "run/run.lock", "--serving", spec(server), code=2)
    assert "--serving would make another run of a lock" in refused.err


def test_a_serving_is_the_argument_of_a_pipeline_that_takes_one(call, server):
    done = call("run", "drafts:Drafting", "-i", "in.jsonl", "--serving", spec(server), "-q")
    assert server.stats().requests == 30
    assert not done.out
    named = f"serving={spec(server)}"
    call("check", "drafts:Drafting", "-i", "in.jsonl", "--param", named)


def test_a_serving_replaces_that_of_a_pipeline_without_such_an_argument(call, server):
    call("run", "drafts:Fixed", "-i", "in.jsonl", "--serving", spec(server), "-q")
    named = f"draft.serving={spec(server)}"
    call("run", "drafts:Fixed", "-i", "in.jsonl", "--param", named, "-q", "--fresh")
    assert server.stats().requests == 30


@pytest.mark.parametrize("pipeline", ["drafting.yaml", "drafts:Drafting", "drafts:Hopeful"])
@pytest.mark.parametrize("command", ["run", "check", "plan", "preview", "estimate"])
def test_who_gives_no_serving_learns_which_to_give(command, pipeline, call):
    done = call(command, pipeline, "-i", "in.jsonl", code=2)
    assert "needs a serving: give --serving openai:gpt-4o-mini, or --serving embedded:" in done.err


@pytest.mark.parametrize("pipeline", ["drafts:Drafting", "drafts:Hopeful"])
def test_no_serving_for_all_is_needed_where_each_step_has_its_own(call, server, pipeline):
    own = f"draft.serving={spec(server)}"
    call("check", pipeline, "-i", "in.jsonl", "--param", own)
    call("run", pipeline, "-i", "in.jsonl", "--param", own, "-q")
    assert server.stats().requests == 30


def test_each_step_of_a_recipe_may_have_its_own_serving(call, folder, server):
    asked = ("run", "drafting.yaml", "-i", "in.jsonl", "--run-dir", "run", "-q")
    one, other = spec(server), spec(server).replace("small", "large")
    done = call(*asked, "--param", f"first.serving={one}", code=2)
    assert "step 'second' needs a serving: give --serving" in done.err
    call(*asked, "--param", f"first.serving={one}", "--param", f"second.serving={other}")
    told = json.loads((folder / "run" / "run.json").read_text())
    assert [step["config"]["serving"] for step in told["plan"]["steps"]] == [one, other]


@pytest.mark.parametrize("pipeline", ["drafting.yaml", "drafts:Drafting", "drafts:Hopeful"])
def test_a_step_without_serving_is_named_though_other_settings_are_given(call, pipeline):
    step = "first" if pipeline == "drafting.yaml" else "draft"
    for setting in (f"{step}.words=3", f"{step}.serving=null"):
        done = call("check", pipeline, "-i", "in.jsonl", "--param", setting, code=2)
        assert "serving" in done.err
        assert "none:" not in done.err


def test_a_serving_that_nobody_takes_is_refused(call, server):
    done = call("check", "plain.yaml", "--serving", spec(server), code=2)
    assert "no step of plain.yaml takes a serving" in done.err


def test_a_kind_of_serving_that_is_not_there_is_told(call):
    done = call("check", "drafting.yaml", "--serving", "opnai:small", code=2)
    assert "no kind of serving is called 'opnai'. Did you mean 'openai'?" in done.err


def test_the_plan_shows_the_serving_and_is_a_recipe_again(call, folder, server):
    done = call("plan", "drafts:Drafting", "--serving", spec(server), "--format", "yaml")
    assert f"serving: {spec(server)}" in done.out
    (folder / "written.yaml").write_text(done.out)
    call("check", "written.yaml", "-i", "in.jsonl")


def test_a_budget_ends_a_run_with_the_code_of_those_that_go_on(call, folder, server):
    asked = ("run", "drafting.yaml", "-i", "in.jsonl", "--run-dir", "run", "--quiet")
    asked += ("--serving", spec(server, PRICED))
    done = call(*asked, "--budget", "$2", code=3)
    assert "the budget of $2 is reached: $" in done.err
    assert "of about 30 rows are done; run." in done.err
    few = server.stats().requests
    assert 0 < few < 60
    call(*asked, "--budget", "100")
    assert server.stats().requests == 60
    told = json.loads((folder / "run" / "run.json").read_text())
    assert told["options"]["budget"] == "100"
    assert told["spent"]["answered"] == 60


def test_a_budget_of_dollars_for_a_model_without_price_is_refused(call, server):
    asked = ("run", "drafting.yaml", "-i", "in.jsonl", "--serving", spec(server))
    done = call(*asked, "--budget", "5", code=2)
    assert "needs the price of 'small'" in done.err
    assert "the budget 'five' is not understood" in call(*asked, "--budget", "five", code=2).err
    assert server.stats().requests == 0


def test_an_answer_that_a_preview_paid_for_is_none_of_the_run(call, folder, server):
    asked = ("drafting.yaml", "-i", "in.jsonl", "--serving", spec(server, PRICED))
    done = call("preview", *asked, "-n", "3")
    assert "? 3 answers asked for: $" in done.out
    assert server.stats().requests == 6
    assert "3 of which were there" in call("preview", *asked, "-n", "3").out
    (first, _) = json.loads(call("preview", *asked, "-n", "3", "--json").out)
    assert first["calls"]["reused"] == 3
    call("run", *asked, "-q")
    assert server.stats().requests == 60


def test_an_estimate_tells_calls_tokens_and_cost_and_what_it_cost_itself(call, folder, server):
    asked = ("drafting.yaml", "-i", "in.jsonl", "--serving", spec(server, PRICED))
    found = json.loads(call("estimate", *asked, "-n", "10", "--json").out)
    assert 10 <= server.stats().requests <= 30
    received = server.stats().requests
    calls = found["calls"]["first"]
    assert calls["asked"]["low"] <= 30 <= calls["asked"]["high"]
    assert calls["asked"] == found["steps"][0]["rows_in"]
    low, high = calls["cost"]["low"], calls["cost"]["high"]
    call("run", *asked, "-q", "--run-dir", "dataflow-runs/run")
    assert server.stats().requests == 60 > received
    report = json.loads((folder / "dataflow-runs" / "run" / "report.json").read_text())
    spent = report["steps"][0]["calls"]
    assert low <= spent["cost"] + spent["saved_cost"] <= high
    text = call("estimate", *asked, "-n", "10").out
    assert "step    asked  tokens in" in text
    assert "note: the sample itself took" in text
    assert "note: some answers of the sample were there from before" in text


def test_rows_that_failed_are_asked_again_by_a_retry(call, folder, server):
    asked = ("run", "drafting.yaml", "-i", "in.jsonl", "--run-dir", "run", "--quiet")
    server.set(length_share=0.3)
    call(*asked, "--serving", spec(server), "--max-failures", "100%")
    before = json.loads((folder / "run" / "report.json").read_text())
    failed = before["steps"][0]["quarantined"]
    assert failed > 0
    server.set(length_share=0.0)
    received = server.stats().requests
    call("runs", "retry", "run", "-q")
    after = json.loads((folder / "run" / "report.json").read_text())
    assert after["rows_out"] == 30
    assert server.stats().requests >= received + failed


def test_a_row_is_taken_through_the_steps_again_without_asking_a_model(call, server):
    asked = ("-i", "in.jsonl", "--run-dir", "dataflow-runs/run", "--serving", spec(server))
    call("run", "drafts:Drafting", *asked, "-q")
    done = call("runs", "why", "run", "--where", "n=3", "--replay")
    assert "+ a: " in done.out
    assert server.stats().requests == 30


def test_ctrl_c_waits_for_answers_on_their_way_which_no_later_run_asks_for(call, folder, server):
    server.set(latency=0.1)
    asked = ("run", "drafting.yaml", "-i", "in.jsonl", "-o", "out.jsonl", "--run-dir", "run")
    asked += ("--serving", spec(server))
    program = subprocess.Popen(
        [sys.executable, "-m", "dataflow_core", *asked], stderr=subprocess.PIPE, text=True
    )
    while server.stats().answered < 8:
        assert program.poll() is None, program.stderr.read()
        time.sleep(0.01)
    program.send_signal(signal.SIGINT)
    printed = program.communicate(timeout=30)[1]
    assert program.returncode == 3, printed
    assert "Interrupted. What was done is kept" in printed
    stopped = server.stats()
    assert stopped.abandoned == 0
    assert stopped.answered < 60
    server.set(latency=0.0)
    call(*asked)
    done = server.stats()
    assert (done.answered, done.answers_repeated) == (60, 0)
    report = json.loads((folder / "run" / "report.json").read_text())
    assert report["spent"]["answered"] == 60
    assert sum(step["calls"]["completion_tokens"] for step in report["steps"]) == (
        done.completion_tokens
    )


def test_a_log_tells_of_answers_tokens_and_cost(call, server, monkeypatch):
    from dataflow_core.cli import progress

    monkeypatch.setattr(progress, "_LOG_SECONDS", 0.2)
    server.set(latency=0.3)
    done = call("run", "drafts:Drafting", "-i", "in.jsonl", "--serving", spec(server, PRICED))
    lines = [line for line in done.err.splitlines() if "answers" in line]
    pattern = r"draft: .* answers, [\d.,]+ answers/s, [\d.,]+ tokens/s, \$[\d.,]+ so far"
    assert any(re.match(pattern, line) for line in lines), done.err


def test_a_server_that_is_not_there_ends_the_run_in_a_line(call):
    done = call("run", "drafts:Fixed", "-i", "in.jsonl", "--quiet", code=1)
    assert "step 'draft': openai:own at http://127.0.0.1:9/v1 does not answer" in done.err


def test_retry_says_of_a_run_whose_server_was_gone_how_it_goes_on(call, folder, server):
    gone = "openai:small@http://127.0.0.1:9/v1#patience=0&transport_retries=0"
    asked = ("run", "drafting.yaml", "-i", "in.jsonl", "--run-dir", "run", "--quiet")
    call(*asked, "--serving", gone, code=1)
    done = call("runs", "retry", "run", code=1)
    assert "no row of run failed in a step so far, but the run is not done" in done.err
    assert "it was ended by an error (step 'first': openai:small at" in done.err
    assert "The same `dataflow run` command goes on with it; name it with" in done.err
    assert "nothing to do again" not in done.out


def test_the_store_that_a_run_was_given_is_listed_and_explained(call, folder, server):
    call("run", "drafting.yaml", "-i", "in.jsonl", "-q", "--serving", spec(server))
    asked = ("run", "drafts:Drafting", "-i", "in.jsonl", "-q", "--cache", "kept/shared.sqlite")
    warm = spec(server, "&temperature=0.5")
    call(*asked, "--serving", warm, "--run-dir", "dataflow-runs/warm")
    (listed,) = [
        one for one in json.loads(call("cache", "list", "--json").out) if "shared" in one["path"]
    ]
    assert listed["spent"]["answers"] == 30
    for run in ("last", "warm", "dataflow-runs/warm"):
        told = json.loads(call("cache", "why", run, "--json").out)
        assert (told["path"], told["answers"]) == (str(folder / "kept" / "shared.sqlite"), 30)
    cold = call(
        "run", "drafting.yaml", "-i", "in.jsonl", "-q", "--serving", spec(server, "&seed=1")
    )
    assert not cold.out
    assert json.loads(call("cache", "why", "last", "--json").out)["answers"] == 60


def test_a_place_for_answers_that_takes_none_is_told_before_anything_is_done(call, folder):
    (folder / "notes.txt").write_text("no database" * 100)
    (folder / "shut").mkdir()
    (folder / "shut").chmod(0o500)
    asked = ("run", "plain.yaml", "-i", "in.jsonl", "-q", "--run-dir", "run", "--cache")
    for place, said in (
        (".", "the request store . would be a folder; name a file, such as requests.sqlite"),
        ("notes.txt", "the request store notes.txt is something else"),
        ("notes.txt/kept.sqlite", "notes.txt is no folder. Name another place."),
        ("shut/deep/kept.sqlite", "shut is not to be written to. Look at its rights"),
    ):
        if place.startswith("shut") and os.geteuid() == 0:
            continue  # who may do everything
        assert said in call(*asked, place, code=1).err
    assert not (folder / "run").exists()
    call(*asked, "kept.sqlite")
    assert not (folder / "kept.sqlite").exists()


def test_a_check_tells_what_servings_lack_on_this_machine_once(call, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    told = json.loads(
        call("check", "drafting.yaml", "--serving", "openai:m", "--json", code=2).out
    )["problems"]
    assert [(one["level"], one["code"], one["step"]) for one in told] == [
        ("error", "not_ready", "first")
    ]
    assert "(export OPENAI_API_KEY=…)" in told[0]["message"]
    local = "openai:m@http://localhost:9/v1"
    assert "no problems" in call("check", "drafting.yaml", "--serving", local).out


@pytest.mark.parametrize("command", ["run", "preview", "estimate"])
def test_nothing_begins_without_the_key_that_a_serving_needs(call, folder, monkeypatch, command):
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    told = call(command, "drafting.yaml", "-i", "in.jsonl", "--serving", "openai:m", code=2).err
    assert "cannot run, 1 problem:" in told
    assert "(export OPENAI_API_KEY=…)" in told
    assert not (folder / "dataflow-runs").exists()


def test_a_run_whose_answers_are_all_kept_goes_without_a_key(call, server, monkeypatch):
    monkeypatch.setenv("NAMED", KEY)
    asked = (
        "run",
        "drafting.yaml",
        "-i",
        "in.jsonl",
        "--serving",
        spec(server, "&api_key_env=NAMED"),
    )
    call(*asked, "--run-dir", "first")
    monkeypatch.delenv("NAMED")
    done = call(*asked, "--run-dir", "second")
    assert "warning: step 'first', serving: " in done.err
    assert "the variable NAMED is not set" in done.err
    assert server.stats().requests == 60
