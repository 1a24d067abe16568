"""The serving for OpenAI-compatible servers, against one that fails as it is told."""

import json
import logging
import socket
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import httpx
import pytest

from dataflow_core.errors import ConfigurationError, ServingGone, ServingRefused
from dataflow_core.serving import OpenAIServing, image
from dataflow_core.serving.backend import ReplyError
from dataflow_core.serving.backends.openai import response_format
from dataflow_core.serving.backends.openai_answers import error_of, reply_of, split_thoughts
from dataflow_core.serving.scope import Scope, scoped
from dataflow_core.serving.wire import Answer
from dataflow_core.testing import FaultServer

PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)


@pytest.fixture
def server():
    with FaultServer(retry_after=0.02) as running:
        yield running


def serving_of(server, **configuration):
    return OpenAIServing(model="small", base_url=server.url, **configuration)


def is_answer(prompt, text):
    return text.startswith(f"ok:{zlib.crc32(prompt.encode())}")


def test_every_answer_goes_to_its_own_prompt(server):
    server.set(jitter=0.02)
    prompts = [f"prompt {n}" for n in range(500)]
    with serving_of(server) as serving:
        answers = serving.generate_from_input(prompts)
    assert all(is_answer(p, a.text) for p, a in zip(prompts, answers, strict=True))
    assert all(a.usage.prompt_tokens and a.usage.completion_tokens for a in answers)
    assert server.stats().requests == 500


def test_what_is_sent_is_what_was_asked_for(server):
    with serving_of(server, temperature=0.5, seed=3) as serving:
        serving.generate_from_input(
            ["hello"], "be brief", max_tokens=7, top_k=5, stop=("a", "b"), extra={"logit_bias": {}}
        )
    (request,) = server.requests
    assert request.body == {
        "model": "small", "temperature": 0.5, "top_k": 5, "seed": 3, "stop": ["a", "b"],
        "max_tokens": 7, "logit_bias": {},
        "messages": [
            {"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"},
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    "marker", ["fail:429", "fail:500", "fail:503", "drop", "cut", "truncate", "empty"]
)
def test_faults_that_pass_cost_a_retry_and_no_row(server, marker):
    prompts = [f"[[once:{marker}]] {n}" for n in range(20)]
    with serving_of(server) as serving, scoped(Scope()) as scope:
        answers = serving.generate_from_input(prompts)
    assert [is_answer(p, a.text) for p, a in zip(prompts, answers, strict=True)] == [True] * 20
    tally = scope.tally
    again = tally.transport_retries + tally.rate_limit_retries + tally.corrections
    assert again >= 20 or marker == "drop"  # which may be taken for a kept connection's end
    assert (tally.rate_limit_retries > 0) == (marker == "fail:429")
    assert (tally.corrections > 0) == (marker == "empty")


def test_a_server_that_never_answers_is_given_up_after_the_timeout(server):
    with serving_of(server, timeout=0.1, transport_retries=1) as serving:
        hung, well = serving.generate_from_input(["[[hang]] a", "b"])
    assert (hung.error.reason, hung.attempts) == ("timeout", 2)
    assert is_answer("b", well.text)


@pytest.mark.parametrize(
    ("marker", "reason"),
    [
        ("fail:400", "invalid_request"),
        ("length", "truncated"),
        ("filter", "content_filter"),
        ("refuse", "refusal"),
    ],
)
def test_faults_that_stay_fail_their_row_alone(server, marker, reason):
    with serving_of(server) as serving:
        bad, good = serving.generate_from_input([f"[[{marker}]] a", "b"])
    assert bad.error.reason == reason
    assert is_answer("b", good.text)


def test_a_prompt_that_is_too_long_says_so(server):
    server.set(context_length=50)
    with serving_of(server) as serving:
        (answer,) = serving.generate_from_input(["word " * 500])
    assert answer.error.reason == "context_length"


def test_a_wrong_key_stops_at_once_with_one_message_and_without_the_key(server, caplog):
    server.set(api_key="right")
    caplog.set_level(logging.DEBUG)
    serving = serving_of(server, api_key="sk-wrong-and-secret", max_concurrency=8)
    with serving, pytest.raises(ServingRefused) as caught:
        serving.generate_from_input([str(n) for n in range(300)])
    assert "API key is missing or wrong" in str(caught.value)
    assert "secret" not in str(caught.value) + caplog.text
    assert server.stats().requests <= 16


def test_an_unknown_model_stops_at_once(server):
    server.set(models=("other",))
    with serving_of(server) as serving, pytest.raises(ServingRefused, match="no such model"):
        serving.generate_from_input(["a"] * 3)


def test_a_server_that_was_never_there_is_told_soon():
    serving = OpenAIServing(model="m", base_url="http://127.0.0.1:9/v1", patience=1)
    begun = time.monotonic()
    with serving, pytest.raises(ServingGone, match=r"cannot connect to 127\.0\.0\.1:9"):
        serving.generate_from_input([str(n) for n in range(100)])
    assert time.monotonic() - begun < 4


def test_a_server_that_goes_and_comes_back_costs_nothing(server):
    server.set(latency=0.02)
    prompts = [f"prompt {n}" for n in range(400)]

    def outage():
        time.sleep(0.15)
        server.stop()
        time.sleep(0.8)
        server.start()

    thread = threading.Thread(target=outage)
    with serving_of(server, max_concurrency=16, transport_retries=1) as serving:
        thread.start()
        answers = serving.generate_from_input(prompts)
        thread.join()
    assert all(is_answer(p, a.text or "") for p, a in zip(prompts, answers, strict=True))


def test_the_key_comes_from_argument_variable_or_file(server, monkeypatch, tmp_path):
    server.set(api_key="right")
    monkeypatch.setenv("MINE", "right")
    (tmp_path / "key").write_text("right\n")
    ways = ({"api_key": "right"}, {"api_key_env": "MINE"}, {"api_key_file": tmp_path / "key"})
    for way in ways:
        with serving_of(server, **way) as serving:
            assert serving.generate_from_input(["a"])[0].ok
    with pytest.raises(ConfigurationError, match="cannot read api_key_file"):
        serving_of(server, api_key_file=tmp_path / "none").generate_from_input(["a"])


def test_openai_itself_without_a_key_says_where_to_put_it(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigurationError, match="Set OPENAI_API_KEY"):
        OpenAIServing(model="gpt-4o-mini").generate_from_input(["a"])


@pytest.mark.parametrize("spelling", ["tag", "reasoning_content", "reasoning"])
def test_reasoning_is_told_apart_however_it_is_spelled(server, spelling):
    marker = "[[think]]" if spelling == "tag" else f"[[think:{spelling}]]"
    prompt = f"{marker} why?"
    with serving_of(server) as serving:
        (answer,) = serving.generate_from_input([prompt])
    assert is_answer(prompt, answer.text)
    assert answer.reasoning
    assert "<think>" not in answer.text + answer.reasoning


@pytest.mark.parametrize(
    ("message", "text", "reasoning"),
    [
        ({"content": "a", "reasoning_content": ""}, "a", None),
        ({"content": "thoughts</think>\n\na"}, "a", "thoughts"),
        ({"content": "Write </think> after <think>."}, "Write </think> after <think>.", None),
        (
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "t"}]},
                         {"type": "text", "text": "a"}]}, "a", "t",
        ),
        ({"content": "a", "reasoning_details": [{"text": "t1"}, {"summary": "t2"}]}, "a", "t1\nt2"),
        ({"content": None, "tool_calls": [{"id": "x"}]}, '[{"id":"x"}]', None),
    ],
)  # fmt: skip
def test_answers_of_other_servers_are_understood(message, text, reasoning):
    body = json.dumps({"choices": [{"message": message, "finish_reason": None}]})
    reply = reply_of(Answer(200, {}, body.encode()))
    assert (reply.text, reply.reasoning, reply.finish_reason) == (text, reasoning, "stop")


def test_thoughts_within_an_answer_stay_where_they_are():
    assert split_thoughts("x <think>y</think> z") == ("x <think>y</think> z", None)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<html>busy</html>", "no JSON"),
        (b'{"choices": []}', "no choices"),
        (b'{"choices": [{"message"', "no JSON"),
        (b"null", "no choices"),
    ],
)
def test_answers_that_are_none_are_failures_of_the_server(body, why):
    with pytest.raises(ReplyError, match=why) as caught:
        reply_of(Answer(200, {}, body))
    assert caught.value.kind == "server"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, {"error": {"code": "rate_limit_exceeded"}}, "rate_limit"),
        (429, {"error": {"code": "insufficient_quota", "message": "pay"}}, "fatal"),
        (402, {"error": "Insufficient Balance"}, "fatal"),
        (403, {"detail": "no"}, "fatal"),
        (302, {}, "fatal"),
        (529, {}, "rate_limit"),
        (502, {}, "server"),
        (408, {}, "server"),
        (422, {"message": "bad"}, "request"),
        (400, {"error": {"message": "response_format json_schema is not supported"}}, "schema"),
    ],
)
def test_statuses_mean_what_they_mean(status, body, kind):
    error = error_of(Answer(status, {}, json.dumps(body).encode()), with_schema=True)
    assert error.kind == kind


def test_a_schema_is_enforced_by_the_server_and_checked(server):
    schema = {
        "type": "object",
        "properties": {"label": {"enum": ["a", "b"]}, "score": {"type": "integer", "minimum": 1}},
        "required": ["label", "score"],
    }
    with serving_of(server) as serving:
        answers = serving.generate_from_input(
            ["one", "[[once:wrong-schema]] two", "[[once:prose]] three"], json_schema=schema
        )
    assert all(answer.parsed["label"] in ("a", "b") for answer in answers)
    assert server.requests[0].body["response_format"]["type"] == "json_schema"


def test_a_server_without_schemas_is_asked_in_the_prompt(server):
    server.set(schemas=False)
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    with serving_of(server) as serving:
        (answer,) = serving.generate_from_input(['[[say:{"a": 3}]]'], json_schema=schema)
    assert answer.parsed == {"a": 3}


def test_openai_gets_schemas_in_strict_mode_and_others_as_they_are():
    schema = {"title": "My thing!", "type": "object", "properties": {"a": {"type": "string"}}}
    strict = response_format(schema, strictly=True)["json_schema"]
    assert strict["strict"] is True
    assert strict["schema"]["additionalProperties"] is False
    plain = response_format(schema, strictly=False)["json_schema"]
    assert plain == {"name": "My_thing_", "schema": schema}


def test_images_go_as_parts_of_a_message(server, tmp_path):
    (tmp_path / "dot.png").write_bytes(PNG)
    content = [{"type": "text", "text": "What is it?"}, image(tmp_path / "dot.png")]
    with serving_of(server) as serving:
        (answer,) = serving.generate_from_input([[{"role": "user", "content": content}]])
    assert answer.ok
    sent = server.requests[0].body["messages"][0]["content"]
    assert sent[1]["image_url"]["url"].startswith("data:image/png;base64,iVBOR")


def test_vectors_of_many_texts_go_in_few_requests(server):
    texts = [f"text {n}" for n in range(150)]
    with serving_of(server, embed_batch=64, dimensions=8) as serving:
        vectors = serving.embed([*texts, texts[0]])
    assert [len(one.vector) for one in vectors] == [8] * 151
    assert vectors[0].vector == vectors[150].vector
    assert len({tuple(one.vector) for one in vectors}) == 150
    assert server.stats().requests == 3


def test_one_text_that_is_refused_fails_alone(server):
    with serving_of(server) as serving:
        vectors = serving.embed(["a", "[[fail:400]] b", "c"])
    assert [one.ok for one in vectors] == [True, False, True]


def test_limits_that_a_server_tells_are_kept(server):
    server.set(requests_per_minute=3000, burst_seconds=2.0)
    prompts = [f"prompt {n}" for n in range(200)]
    with serving_of(server, max_concurrency=64) as serving, scoped(Scope()) as scope:
        answers = serving.generate_from_input(prompts)
    assert all(answer.ok for answer in answers)
    assert scope.tally.rate_limit_retries < 100


def test_explicit_limits_space_requests_out(server):
    with serving_of(server, requests_per_minute=1200) as serving:
        begun = time.monotonic()
        serving.generate_from_input([str(n) for n in range(40)])
        seconds = time.monotonic() - begun
    assert seconds > 0.8  # 20 of them are a burst, the rest come one every 50 ms


def test_a_redirect_is_not_followed_and_no_key_goes_elsewhere():
    import http.server

    seen = []

    class Moved(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            seen.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(307)
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Moved) as moved:
        thread = threading.Thread(target=moved.serve_forever)
        thread.start()
        serving = OpenAIServing(
            model="m", base_url=f"http://127.0.0.1:{moved.server_port}/v1", api_key="k"
        )
        with serving, pytest.raises(ServingRefused, match=r"redirects to .*elsewhere"):
            serving.generate_from_input(["a"])
        moved.shutdown()
        thread.join()
    assert seen == ["/v1/chat/completions"]


def test_an_independent_server_is_asked_as_it_wants_to_be():
    pytest.importorskip("llmock", reason="llmock, the independent test server, is not installed")
    program = Path(sys.executable).with_name("llmock")
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    faults = [f"--error-rate={status}=0.07" for status in (429, 500, 503)]
    command = [program, "serve", "--port", str(port), "--log-level", "error", *faults]
    process = subprocess.Popen([*command, "--latency-ms", "5"], stdout=subprocess.DEVNULL)
    try:
        _wait_for(f"{url}/v1/models")
        with OpenAIServing(model="gpt-4o", base_url=f"{url}/v1", api_key="any") as serving:
            answers = serving.generate_from_input([f"Say {n}" for n in range(100)])
            vectors = serving.embed(["a", "b"])
            schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
            (fitting,) = serving.generate_from_input(["x"], json_schema=schema)
        verdict = subprocess.run(
            [program, "report", "--url", url], capture_output=True, text=True, check=False
        )
    finally:
        process.terminate()
        process.wait()
    assert all(answer.ok and answer.usage.completion_tokens for answer in answers)
    assert all(one.ok for one in vectors)
    assert fitting.parsed["a"] == int(fitting.parsed["a"])
    assert verdict.returncode == 0, verdict.stdout  # its verdict on how a client heeds errors


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def _wait_for(url):
    for _ in range(100):
        try:
            httpx.get(url, timeout=1)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(url)
