"""`cache list`, `why` and `prune`, as a user calls them."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time

import pytest

from dataflow_core.cli.main import main
from dataflow_core.serving.completion import Usage
from dataflow_core.serving.store import RequestStore, Reuse, Settings, Stored, prompt_digest

ENDPOINT = "https://api.example.org/v1"
BEFORE = {"model": "small", "sampling": {"max_tokens": 8192}, "system": "You are terse. Be brief."}


def stops(_):
    return "stop"


def asked(place, prompts, *, reuse=Reuse.ALL, also=(), sample="", finish=stops, **settings):
    """Ask as a run does: what is not there is paid for."""
    with RequestStore(place, also=also, run=place.parent.name, command="dataflow run x") as store:
        one = Settings(ENDPOINT, **{**BEFORE, **settings})
        questions = {prompt: one.question(prompt_digest(prompt), sample) for prompt in prompts}
        found = store.find(questions.values(), reuse)
        for prompt, question in questions.items():
            if question.key not in found:
                answer = Stored(
                    prompt * 100, finish_reason=finish(prompt), usage=Usage(10, 5), cost=0.01
                )
                store.put(question, answer)
        return one


def prompts(count, start=0):
    return [f"prompt {number}" for number in range(start, start + count)]


def odd_are_cut(prompt):
    return "length" if int(prompt.split()[1]) % 2 else "stop"


@pytest.fixture
def store(tmp_path):
    return tmp_path / "dataflow-runs" / "one" / "requests.sqlite"


@pytest.fixture
def as_json(tmp_path, monkeypatch, capsys):
    """Ask in this process, which is faster than in one of its own."""

    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        assert main(["cache", *arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def causes(told):
    return [(cause["kind"], cause["answers"], cause["detail"]) for cause in told["causes"]]


def test_stores_are_listed_by_endpoint_and_model(dataflow, as_json, tmp_path, store):
    asked(store, prompts(6), finish=odd_are_cut)
    large = asked(store, prompts(2), model="large")
    with RequestStore(store) as opened:
        opened.judge([large.question(prompt_digest("prompt 0")).key], "schema_mismatch")
        opened.put_failure(large.question(bytes(16)), "rate_limited", "too often", 4)
        opened.add_waste(Usage(1_000, 500), 0.02)
    asked(tmp_path / "dataflow-runs" / "requests.sqlite", prompts(1), also=[store])
    shown = dataflow(tmp_path, "cache", "list").stdout
    for line in [
        f"  small at {ENDPOINT}\n    6 answers, 60 tokens in, 30 out, $0.0600",
        "    ended: length 3, stop 3",
        "    2 answers, 20 tokens in, 10 out, $0.0200",
        "    problems: schema_mismatch 1\n    failures: rate_limited 1",
        "  paid in all: 8 answers of 13 requests, $0.1000",
        "  spent in vain: 1,500 tokens of it, $0.0200",
        "    1 answer, 1 of them copied",
        "dataflow-runs/one/requests.sqlite  ",
        "KiB, 3 sessions",
    ]:
        assert line in shown
    shared, own = as_json("list")
    assert shared["path"] == "dataflow-runs/requests.sqlite"
    assert shared["spent"]["answers"] == 0
    assert [portion["model"] for portion in own["portions"]] == ["small", "large"]
    assert own["portions"][0]["finish_reasons"] == {"stop": 3, "length": 3}
    assert own["portions"][0]["oldest"] <= own["portions"][0]["newest"] <= time.time()
    assert own["size"] == store.stat().st_size
    assert [one["path"] for one in as_json("list", "dataflow-runs/one")] == [own["path"]]


def test_what_is_no_store_is_told_of_and_hides_no_other(dataflow, tmp_path, store):
    done = dataflow(tmp_path, "cache", "list")
    assert (done.stdout, done.stderr) == ("", "No request stores found in dataflow-runs.\n")
    asked(store, prompts(1))
    bad = tmp_path / "dataflow-runs" / "bad" / "requests.sqlite"
    bad.parent.mkdir()
    bad.write_text("no database" * 100)
    done = dataflow(tmp_path, "cache", "list")
    assert "small at" in done.stdout
    assert "bad/requests.sqlite is something else" in done.stderr
    for arguments, code, said in [
        (["list", str(bad)], 1, "is something else"),
        (["list", "nowhere"], 2, "there is no request store nowhere"),
        (["list", "."], 2, "holds no request store: there is no requests.sqlite in it"),
        (["why", "onne"], 2, "no request store of a run 'onne'. Did you mean 'one'?"),
        (["prune", str(bad), "--all", "--yes"], 1, "is something else"),
    ]:
        assert said in dataflow(tmp_path, "cache", *arguments, code=code).stderr
    assert bad.read_text() == "no database" * 100


def test_why_tells_what_changed_since_the_nearest_question(dataflow, as_json, tmp_path, store):
    asked(store, prompts(6), finish=odd_are_cut)
    asked(store, prompts(6), model="large", sampling={"max_tokens": 1, "top_p": 0.5})
    asked(store, prompts(8), sampling={"max_tokens": 16384})
    told = as_json("why", "one")
    assert told["answers"] == 8
    assert causes(told) == [("settings", 6, ""), ("new_prompt", 2, "")]
    first = told["causes"][0]
    assert first["changes"] == [{"path": "sampling.max_tokens", "before": "8192", "after": "16384"}]
    assert first["cut_short_before"] == 3
    shown = dataflow(tmp_path, "cache", "why", "last").stdout
    assert (
        "8 answers paid for:\n"
        "  6 × same prompt, other settings: max_tokens 8192 -> 16384 "
        "(of their earlier answers, 3 were cut short)\n"
        "  2 × new prompt: nothing asked before\n"
    ) in shown
    every = dataflow(tmp_path, "cache", "why", str(store), "--all").stdout
    assert "20 answers paid for" in every
    assert (
        "      model small -> large\n      max_tokens 8192 -> 1\n      top_p (not set) -> 0.5\n"
        in every
    )


def test_why_shows_where_system_prompts_and_schemas_begin_to_differ(dataflow, tmp_path):
    def schema(**fields):
        return {"type": "object", "properties": fields}

    before = schema(x={"type": "integer"}, y={})
    for change, said in [
        (
            {"schema": schema(x={"type": "number"}, y={})},
            "JSON schema changed: properties.x.type integer -> number",
        ),
        (
            {"schema": schema(y={}, x={"type": "integer"})},
            "JSON schema changed: properties order x, y -> y, x",
        ),
        (
            {"schema": before, "system": "You are terse. Be thorough."},
            "system prompt changed: '…e terse. Be brief.' -> '…e terse. Be thorough.'",
        ),
    ]:
        store = tmp_path / str(len(said)) / "requests.sqlite"
        asked(store, prompts(1), schema=before)
        asked(store, prompts(1), **change)
        shown = dataflow(tmp_path, "cache", "why", str(store)).stdout
        assert f"  1 × same prompt, other settings: {said}\n" in shown


def test_why_tells_of_answers_that_were_there_but_did_not_serve(as_json, tmp_path, store):
    settings = asked(store, prompts(4), finish=odd_are_cut)
    keys = [settings.question(prompt_digest(prompt)).key for prompt in prompts(1)]
    with RequestStore(store) as opened:
        opened.judge(keys, "schema_mismatch")
        opened.put_failure(settings.question(prompt_digest("prompt 9")), "timeout", "…", 3)
    asked(store, [*prompts(4), "prompt 9"], reuse=Reuse.GOOD)
    assert sorted(causes(as_json("why", "one"))) == [
        ("failed_before", 1, "timeout"),
        ("not_reused", 1, "judged schema_mismatch, --ask-again failed"),
        ("not_reused", 2, "finish reason length, --ask-again failed"),
    ]
    asked(store, prompts(4), reuse=Reuse.NONE)
    assert causes(as_json("why", "one")) == [("not_reused", 4, "--ask-again all")]
    asked(store, prompts(2), sample="2")
    assert causes(as_json("why", "one")) == [("sample", 2, "")]
    asked(store, prompts(2), sample="2")
    assert as_json("why", "one")["answers"] == 0


def test_why_tells_what_was_asked_twice_in_one_session(as_json, store):
    asked(store, prompts(1))
    with RequestStore(store) as opened:
        question = Settings(ENDPOINT, "other").question(prompt_digest("prompt 0"))
        opened.find([question])
        for _ in range(3):
            opened.put(question, Stored("x"))
    told = as_json("why", "one")
    assert sorted(causes(told)) == [("asked_twice", 2, ""), ("settings", 1, "")]
    paths = [change["path"] for cause in told["causes"] for change in cause["changes"]]
    assert paths == ["model", "sampling.max_tokens", "system"]


def test_why_looks_into_the_stores_of_runs_beside_it_and_others(as_json, dataflow, tmp_path, store):
    asked(store, prompts(2))
    two = tmp_path / "dataflow-runs" / "two" / "requests.sqlite"
    asked(two, prompts(3))
    told = as_json("why", "two")
    assert causes(told) == [("not_read", 2, str(store)), ("new_prompt", 1, "")]
    assert (
        "  2 × answered before in dataflow-runs/one/requests.sqlite, which was not looked into\n"
        in dataflow(tmp_path, "cache", "why", "two").stdout
    )
    three = tmp_path / "elsewhere" / "requests.sqlite"
    asked(three, prompts(5), also=[store])
    assert causes(as_json("why", "elsewhere")) == [("new_prompt", 3, "")]
    assert causes(as_json("why", "elsewhere", "--also", "dataflow-runs/two")) == [
        ("new_prompt", 2, ""),
        ("not_read", 1, str(two)),
    ]


def test_why_finds_a_run_in_the_store_that_runs_share(as_json, tmp_path):
    shared = tmp_path / "dataflow-runs" / "requests.sqlite"
    for run, count in [("a", 3), ("b", 5), ("c", 5)]:
        with RequestStore(shared, run=run) as store:
            for prompt in prompts(count):
                question = Settings(ENDPOINT, run).question(prompt_digest(prompt))
                store.put(question, Stored("x"))
    told = as_json("why", "b")
    assert [session["run"] for session in told["sessions"]] == ["b"]
    assert causes(told) == [("settings", 3, ""), ("new_prompt", 2, "")]
    assert causes(as_json("why", "last")) == [("settings", 5, "")]


def test_why_tells_that_prompts_may_read_otherwise(dataflow, tmp_path, store):
    asked(store, prompts(3))
    assert "Nothing was there before.\n" in dataflow(tmp_path, "cache", "why", "one").stdout
    asked(store, prompts(3, start=10))
    shown = dataflow(tmp_path, "cache", "why", "one").stdout
    assert "  3 × new prompt: nothing asked before\nIf these are rows of before" in shown


def left(store):
    with RequestStore(store) as opened:
        found = opened.find(
            Settings(ENDPOINT, **{**BEFORE, "model": model}).question(prompt_digest(prompt))
            for model in ("small", "large")
            for prompt in prompts(300)
        )
    return len(found)


def test_prune_removes_what_is_chosen_and_gives_room_back(dataflow, as_json, tmp_path, store):
    asked(store, prompts(300))
    asked(store, prompts(10), model="large")
    before = store.stat().st_size
    dry = dataflow(tmp_path, "cache", "prune", "--model", "small", "--dry-run")
    assert "300 answers that cost $3.00 to remove" in dry.stdout
    assert left(store) == 310
    assert "Aborted." in dataflow(tmp_path, "cache", "prune", "--model", "small", code=1).stderr
    assert left(store) == 310
    (told,) = as_json("prune", "--model", "small", "--yes")
    assert (told["answers"], told["freed"] > 100_000) == (300, True)
    assert store.stat().st_size <= before - told["freed"] + 4096
    assert left(store) == 10
    (contents,) = as_json("list")
    assert [portion["model"] for portion in contents["portions"]] == ["large"]
    assert contents["spent"]["answers"] == 310
    unknown = dataflow(tmp_path, "cache", "prune", "--model", "smal", "--yes").stderr
    assert "No answer is of a model 'smal'; there are: large." in unknown


def test_prune_takes_several_conditions(dataflow, tmp_path, store):
    settings = asked(store, prompts(4))
    old = [settings.question(prompt_digest(prompt)).key for prompt in prompts(2)]
    with RequestStore(store) as opened:
        opened.judge(old[:1], "truncated")
    connection = sqlite3.connect(store)
    connection.execute("UPDATE answers SET written = written - 40 * 86400 WHERE key IN (?, ?)", old)
    connection.commit()
    connection.close()

    def prune(*conditions):
        return dataflow(tmp_path, "cache", "prune", "--yes", *conditions).stdout

    assert prune("--older-than", "41d") == ""
    assert "1 answer that cost" in prune("--older-than", "30d", "--problem-only")
    assert "1 answer that cost" in prune("--older-than", "720h")
    asked(store, prompts(2, start=2), reuse=Reuse.NONE)
    assert "2 answers that cost" in prune("--superseded")
    assert left(store) == 2
    assert "2 answers that cost" in prune("--all")


def test_prune_wants_to_be_told_what(dataflow, tmp_path):
    for conditions, said in [
        ([], "say which answers to remove"),
        (["--all", "--superseded"], "say which answers to remove"),
        (["--older-than", "soon"], "such as 30d; found 'soon'"),
    ]:
        assert said in dataflow(tmp_path, "cache", "prune", *conditions, code=2).stderr


def test_prune_refuses_a_store_that_a_run_has_open(dataflow, tmp_path, store):
    with RequestStore(store) as opened:
        question = Settings(ENDPOINT, "small").question(bytes(16))
        opened.put(question, Stored("x"))
        opened.flush()
        done = dataflow(tmp_path, "cache", "prune", "--all", "--yes", code=1)
        assert "in use by another process. Wait for its run to end" in done.stderr
        opened.put(Settings(ENDPOINT, "large").question(bytes(16)), Stored("y"))
        assert opened.find([question])[question.key].text == "x"
    assert "2 answers" in dataflow(tmp_path, "cache", "prune", "--all", "--yes").stdout
    asked(store, prompts(1))
    assert left(store) == 1


def test_asking_for_help_imports_nothing_heavy(tmp_path):
    code = (
        "import sys\n"
        "from dataflow_core.cli.main import main\n"
        "main(['cache', 'prune', '--help'])\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert "--older-than" in done.stdout
    heavy = {"pandas", "pyarrow", "pydantic", "sqlite3", "dataflow_core.serving"}
    assert not heavy & set(done.stderr.split())
