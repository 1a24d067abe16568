"""Secrets stand in no file of a run, and a run is not repeated with what hides them."""

from __future__ import annotations

import json

import pytest

OWN = """
from pydantic import SecretStr
from dataflow_core import Pipeline, Refiner

class Sign(Refiner):
    api_key: str
    other: SecretStr
    url: str = "https://user:pa55word@example.org/x"
    headers: dict[str, str] = {}

    def run(self, storage, input_text: str = "text"):
        table = storage.read([input_text])
        table[input_text] += f" {len(self.api_key)} {len(self.other.get_secret_value())}"
        storage.write(table)

class Own(Pipeline):
    def __init__(self, storage=None, *, key: str = "k3y1234", other: str = "s3cr3t"):
        super().__init__(storage)
        self.sign = Sign(api_key=key, other=other, headers={"auth_token": "t0ken"})

    def forward(self):
        self.sign.run(self.storage)
"""
SECRETS = ("k3y1234", "s3cr3t", "pa55word", "t0ken", "new-key")


@pytest.fixture
def folder(dataflow, tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n')
    dataflow(tmp_path, "run", "own:Own", "-i", "in.jsonl", "-o", "out.jsonl", "--run-dir", "run")
    return tmp_path


def test_no_file_of_a_run_and_no_message_tells_a_secret(dataflow, folder):
    asked = ("-i", "in.jsonl", "-o", "out.jsonl", "--run-dir", "run")
    again = dataflow(folder, "run", "own:Own", *asked, "--param", "key=new-key")
    assert "changed" not in again.stdout  # a key decides who may ask, not what the answer is
    recipe = dataflow(folder, "plan", "own:Own", "-i", "in.jsonl", "--format", "yaml").stdout
    shown = dataflow(folder, "runs", "show", "run", "--json").stdout
    texts = [again.stdout, again.stderr, recipe, shown]
    texts += [p.read_text("utf-8", "replace") for p in (folder / "run").rglob("*") if p.is_file()]
    assert not [secret for secret in SECRETS for text in texts if secret in text]


def test_a_lock_wants_the_secrets_that_it_does_not_tell(dataflow, folder):
    repeat = ("run", "run/run.lock", "-o", "again.jsonl")
    refused = dataflow(folder, *repeat, code=2).stderr
    assert "sign', api_key: its secret was hidden when it was written down" in refused
    assert "--param sign.other=…" in refused
    given = ("--param", "sign.api_key=k3y1234", "--param", "sign.other=s3cr3t")
    given += ("--param", 'sign.headers={"auth_token": "t0ken"}')
    dataflow(folder, *repeat, *given)
    assert json.loads((folder / "again.jsonl").read_text()) == {"text": "a 7 6"}
    other = dataflow(folder, *repeat, *given, "--param", "sign.name=x", code=2).stderr
    assert "would make another run of a lock" in other


def test_rows_are_not_taken_through_steps_whose_secret_is_hidden(dataflow, folder):
    message = dataflow(folder, "runs", "why", "run", "0", "--replay", code=1).stderr
    assert "step 'sign' of run has a secret, api_key, that run.json does not tell" in message


WORDS = """
from dataflow_core import Refiner

class Weigh(Refiner):
    stop_token: str = "x"
    weights: dict[str, int] = {}
    rule: str = "**********"

    def run(self, storage, input_text: str = "text"):
        table = storage.read([input_text])
        table[input_text] = [f"{self.stop_token} {self.weights}" for _ in table[input_text]]
        storage.write(table)
"""


def test_what_is_only_named_like_a_secret_counts_and_what_looks_hidden_runs(dataflow, tmp_path):
    (tmp_path / "words.py").write_text(WORDS)
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n')
    recipe = {"dataflow": 1, "name": "w", "steps": [{"name": "w", "operator": "words:Weigh"}]}
    (tmp_path / "w.yaml").write_text(json.dumps(recipe))

    def run(*params):
        given = [text for param in params for text in ("--param", param)]
        asked = ("-i", "in.jsonl", "-o", "out.jsonl", "--run-dir", "run")
        shown = dataflow(tmp_path, "run", "w.yaml", *asked, *given).stdout
        return json.loads((tmp_path / "out.jsonl").read_text())["text"], shown

    assert run()[0] == "x {}"
    assert run("w.stop_token=y")[0] == "y {}"
    assert run("w.weights={secret: 1}")[0] == "x {'secret': 1}"
    text, shown = run("w.weights={secret: 2}")
    assert text == "x {'secret': 2}"
    assert "changed since then: w: weights.secret '********** " in shown
