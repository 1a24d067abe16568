"""Prompts and sampling of a run: from the command line and from recipes, and when they change."""

import json

import pytest

from dataflow_core.cli.main import main
from dataflow_core.testing import FaultServer

RECIPE = """\
dataflow: 1
name: sums
steps:
- name: given
  operator: core/filter_rows
  config: {where: text IS NOT NULL}
- name: sum
  operator: core/template_generator
  config: {prompt: my.jinja, sampling: {temperature: 0.7}}
"""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0")
    with FaultServer() as server:
        yield server


@pytest.fixture
def run(server, tmp_path, monkeypatch, capsys):
    """Run the recipe, and return what is told and sent."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sums.yaml").write_text(RECIPE, encoding="utf-8")
    (tmp_path / "my.jinja").write_text("Sum up {{ text }}", encoding="utf-8")
    (tmp_path / "other.jinja").write_text("Say {{ text }} in short", encoding="utf-8")
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n{"text": "b"}\n', encoding="utf-8")

    def run(*params, code=0, pipeline="sums.yaml"):
        before = len(server.requests)
        options = [part for param in params for part in ("--param", param)]
        places = ["--input", "in.jsonl", "--output", "out.jsonl", "--run-dir", "run"]
        serving = ["--serving", f"openai:m@{server.url}"]
        assert main(["run", pipeline, *places, *serving, *options]) == code
        shown = capsys.readouterr()
        return shown.out + shown.err, [one.body for one in server.requests[before:]]

    return run


def asked(requests):
    return sorted(request["messages"][-1]["content"] for request in requests)


def test_a_recipe_has_the_prompt_and_the_sampling(run):
    _, requests = run()
    assert asked(requests) == ["Sum up a", "Sum up b"]
    assert {request["temperature"] for request in requests} == {0.7}


def test_the_command_line_has_other_ones(run):
    _, requests = run("sum.prompt=other.jinja", "sum.sampling={temperature: 0.2, top_p: 0.5}")
    assert asked(requests) == ["Say a in short", "Say b in short"]
    assert {(request["temperature"], request["top_p"]) for request in requests} == {(0.2, 0.5)}


@pytest.mark.parametrize(
    ("prompt", "first"),
    [
        ("Tell: a word on {{ text }}", "Tell: a word on a"),
        ("# {{ text }}", "# a"),
        ("{{ text }}, please", "a, please"),
        ("{% if text %}{{ text }}{% endif %}", "a"),
        ("{user: 'On {{ text }}', system: Be brief.}", "On a"),
    ],
)
def test_a_prompt_can_be_written_on_the_command_line(run, prompt, first):
    _, requests = run(f"sum.prompt={prompt}")
    assert asked(requests)[0] == first


def test_a_changed_prompt_file_is_asked_with_from_its_step_on(run, tmp_path):
    run()
    told, requests = run()
    assert requests == []
    assert "done before in this run: sum 2 rows" in told
    (tmp_path / "my.jinja").write_text("Sum up well {{ text }}", encoding="utf-8")
    told, requests = run()
    assert asked(requests) == ["Sum up well a", "Sum up well b"]
    assert "changed since then: sum: prompt.fingerprint.user 'Sum up {{ text }}' -> " in told
    assert len((tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()) == 2


def test_the_same_prompt_in_another_file_is_the_same(run, tmp_path):
    run()
    header = "---\ndescription: The same.\n---\n"
    (tmp_path / "same.jinja").write_text(f"{header}Sum up {{{{ text }}}}\n", encoding="utf-8")
    told, requests = run("sum.prompt=same.jinja")
    assert requests == []
    assert "done before in this run: sum 2 rows" in told


def test_a_lock_finds_the_prompt_from_any_folder(run, tmp_path, monkeypatch, capsys):
    run()
    lock = json.loads((tmp_path / "run" / "run.lock").read_text(encoding="utf-8"))
    assert lock["recipe"]["steps"][1]["config"]["prompt"] == str(tmp_path / "my.jinja")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    repeat = ["run", str(tmp_path / "run" / "run.lock"), "--output", "again.jsonl"]
    assert main([*repeat, "--run-dir", "again"]) == 0, capsys.readouterr().err
    (tmp_path / "my.jinja").write_text("Sum up better {{ text }}", encoding="utf-8")
    assert main([*repeat, "--run-dir", "third"]) != 0
    assert "prompt" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("param", "told"),
    [
        ("sum.prompt=gone.jinja", "cannot read the prompt gone.jinja"),
        ("sum.prompt=my.txt", "'my.txt' is no prompt"),
        ("sum.prompt=core/prompted_refinery", "Did you mean 'core/prompted_refiner'?"),
        ("sum.prompt=Say {{ txt }}", "no column 'txt'. Did you mean 'text'?"),
        ("sum.sampling={temperatur: 1}", "Did you mean 'temperature'?"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_asked(run, param, told):
    shown, requests = run(param, code=2)
    assert told in shown
    assert requests == []
