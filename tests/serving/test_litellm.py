"""LiteLLM for real, against the fault server; its errors, as they are, become ours."""

import json
import os
import subprocess
import sys

import pytest

from dataflow_core.errors import ServingError
from dataflow_core.serving import LiteLLMServing, serving_from_spec
from dataflow_core.testing import FaultServer

KEY = "sk-very-secret"
SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 5}},
    "required": ["n"],
    "additionalProperties": False,
}


def without_litellm(monkeypatch):
    monkeypatch.setitem(sys.modules, "litellm", None)


def test_that_litellm_is_not_installed_is_told_with_the_cure(monkeypatch):
    without_litellm(monkeypatch)
    cure = r"pip install 'dataflow-llm-core\[litellm\]'"
    with LiteLLMServing(model="openai/m") as serving, pytest.raises(ServingError, match=cure):
        serving.generate_from_input(["hello"])


def test_a_specification_makes_it_again_and_has_no_key():
    serving = LiteLLMServing(model="groq/llama", api_key=KEY, base_url="http://localhost:1/v1")
    assert serving.spec == "litellm:groq/llama@http://localhost:1/v1"
    assert KEY not in repr(serving)
    assert serving_from_spec(serving.spec).url == "http://localhost:1/v1"


def test_its_identity_is_the_endpoint_or_the_provider():
    assert LiteLLMServing(model="groq/llama").identity()["endpoint"] == "groq"
    at = LiteLLMServing(model="openai/m", base_url="http://user:word@localhost:1/v1/")
    assert at.identity()["endpoint"] == "http://localhost:1/v1"


@pytest.fixture
def asked():
    """Return a function that makes servings on a fault server of their own."""
    pytest.importorskip("litellm")
    with FaultServer() as server:
        opened = []

        def make(**options):
            faults = {name: options.pop(name) for name in list(options) if name.endswith("_share")}
            if faults:
                server.set(**faults)
            told = {"model": "openai/m", "base_url": server.url, "api_key": KEY, **options}
            opened.append(LiteLLMServing(**told))
            return opened[-1], server

        yield make
        for serving in opened:
            serving.close()


@pytest.mark.filterwarnings("ignore")  # LiteLLM's own are none of ours
class TestForReal:
    def test_answers_come_in_order_with_their_tokens(self, asked):
        serving, server = asked(max_tokens=200)
        answers = serving.generate_from_input([f"question {n}" for n in range(10)], "Be kind.")
        assert all(answer.ok and answer.text.startswith("ok:") for answer in answers)
        assert len({answer.text for answer in answers}) == 10
        assert all(answer.usage.completion_tokens for answer in answers)
        assert server.stats().requests == 10

    def test_a_schema_is_enforced(self, asked):
        serving, _ = asked()
        (answer,) = serving.generate_from_input(["a number"], json_schema=SCHEMA)
        assert 1 <= answer.parsed["n"] <= 5

    def test_vectors_come_in_order(self, asked):
        serving, _ = asked(dimensions=8)
        vectors = serving.embed(["a", "b", "a"])
        assert [len(one.vector) for one in vectors] == [8, 8, 8]
        assert vectors[0].vector == vectors[2].vector != vectors[1].vector

    def test_its_own_retries_are_off_and_ours_wait_as_the_server_says(self, asked):
        serving, server = asked()
        (answer,) = serving.generate_from_input(["[[once:fail:429]] hello"])
        assert answer.ok
        assert answer.attempts == 2
        assert server.stats().requests == 2

    def test_a_failing_server_is_asked_as_often_as_is_configured(self, asked):
        serving, server = asked(transport_retries=1)
        (answer,) = serving.generate_from_input(["[[fail:500]]"])
        assert answer.error.reason == "server_error"
        assert server.stats().requests == 2

    def test_a_lost_connection_is_tried_again(self, asked):
        serving, _ = asked()
        (answer,) = serving.generate_from_input(["[[once:drop]] hello"])
        assert answer.ok

    def test_a_refused_request_fails_alone(self, asked):
        serving, _ = asked()
        bad, good = serving.generate_from_input(["[[fail:400]]", "hello"])
        assert bad.error.reason == "invalid_request"
        assert good.ok

    @pytest.mark.parametrize("status", [401, 403, 404])
    def test_what_refuses_all_requests_ends_the_call(self, asked, status):
        serving, _ = asked()
        with pytest.raises(ServingError) as caught:
            serving.generate_from_input([f"[[fail:{status}]]"])
        assert KEY not in str(caught.value)

    def test_an_unknown_provider_ends_the_call(self, asked):
        serving, _ = asked(model="nosuch/m", base_url=None)
        with pytest.raises(ServingError, match="nosuch"):
            serving.generate_from_input(["hello"])

    def test_a_truncated_answer_is_told(self, asked):
        serving, _ = asked()
        (answer,) = serving.generate_from_input(["[[length]]"])
        assert answer.error.reason == "truncated"

    def test_reasoning_is_told_apart(self, asked):
        serving, _ = asked()
        (answer,) = serving.generate_from_input(["[[think]] hello"])
        assert answer.text.startswith("ok:")
        assert answer.reasoning


def test_nothing_is_imported_written_or_asked_beyond_the_request():
    pytest.importorskip("litellm")
    program = """
import json, socket, sys
from dataflow_core.serving import LiteLLMServing
from dataflow_core.testing import FaultServer
assert "litellm" not in sys.modules
found, resolve = [], socket.getaddrinfo
def noted(host, *rest, **more):
    found.append(host)
    return resolve(host, *rest, **more)
socket.getaddrinfo = noted
with FaultServer() as server:
    with LiteLLMServing(model="openai/m", base_url=server.url, api_key="k") as serving:
        answers = serving.generate_from_input(["[[fail:400]]", "hello"])
print(json.dumps([found, [a.ok for a in answers]]))
"""
    told = {k: v for k, v in os.environ.items() if not k.startswith("LITELLM")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=told,
    )
    hosts, answered = json.loads(done.stdout)
    assert answered == [False, True]
    assert {host if isinstance(host, str) else host.decode() for host in hosts} <= {"127.0.0.1"}
    assert "Give Feedback" not in done.stderr
    assert "Traceback" not in done.stderr
