"""The fault server, seen through HTTP: answers, faults, limits, and what it counts."""

import asyncio
import json
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib

import httpx
import pytest

from dataflow_core.errors import ConfigurationError
from dataflow_core.testing import Faults, FaultServer
from dataflow_core.testing.server import checksum, vector_of


@pytest.fixture(scope="module")
def client():
    with httpx.Client(trust_env=False, timeout=5) as client:
        yield client


@pytest.fixture
def server():
    with FaultServer() as server:
        yield server


def body_of(text, **parameters):
    return {"model": "m", "messages": [{"role": "user", "content": text}], **parameters}


def ask(client, server, text, **parameters):
    return client.post(f"{server.url}/chat/completions", json=body_of(text, **parameters))


def content(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]["message"]["content"]


def test_an_answer_has_the_checksum_of_the_last_user_message_and_its_length(client, server):
    text = content(ask(client, server, "how much is 2+2? ü"))
    assert text.startswith(f"ok:{zlib.crc32('how much is 2+2? ü'.encode())} ")
    assert text.startswith(checksum("how much is 2+2? ü"))
    assert len(text) == 32 * 4


def test_the_last_user_message_counts_and_its_parts_are_read(client, server):
    messages = [
        {"role": "system", "content": "be brief"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "x"}],
        },
        {"role": "assistant", "content": "two"},
    ]
    asked = {"model": "m", "messages": messages}
    answer = client.post(f"{server.url}/chat/completions", json=asked)
    assert content(answer).startswith(checksum("onex"))


def test_usage_counts_tokens_of_four_characters(client, server):
    server.set(answer_tokens=10)
    usage = ask(client, server, "x" * 40).json()["usage"]
    assert usage["prompt_tokens"] == (40 + len("user: ")) // 4 + 1
    assert usage["completion_tokens"] == 10
    assert usage["total_tokens"] == usage["prompt_tokens"] + 10


def test_a_prefix_seen_before_is_told_as_cached(client, server):
    first = ask(client, server, "x" * 600 + "a").json()["usage"]
    second = ask(client, server, "x" * 600 + "b").json()["usage"]
    other = ask(client, server, "y" * 600).json()["usage"]
    cached = [one["prompt_tokens_details"]["cached_tokens"] for one in (first, second, other)]
    assert cached == [0, 128, 0]


def test_max_tokens_cuts_an_answer_and_stop_ends_it(client, server):
    cut = ask(client, server, "q", max_tokens=3).json()
    assert len(cut["choices"][0]["message"]["content"]) == 12
    assert cut["choices"][0]["finish_reason"] == "length"
    assert cut["usage"]["completion_tokens"] == 3
    stopped = ask(client, server, "q", stop=[" row"]).json()["choices"][0]
    assert stopped["message"]["content"].endswith(" the")
    assert stopped["finish_reason"] == "stop"


def test_seeds_bring_other_texts_unless_the_temperature_is_0(client, server):
    warm = [content(ask(client, server, "q", seed=s, temperature=1)) for s in (1, 2, 1)]
    cold = [content(ask(client, server, "q", seed=s, temperature=0)) for s in (1, 2)]
    assert warm[0] == warm[2] != warm[1]
    assert cold[0] == cold[1]
    assert all(text.startswith(checksum("q")) for text in warm + cold)


def test_several_answers_differ(client, server):
    choices = ask(client, server, "q", n=3).json()["choices"]
    assert [choice["index"] for choice in choices] == [0, 1, 2]
    assert len({choice["message"]["content"] for choice in choices}) == 3


@pytest.mark.parametrize(
    ("marker", "status", "name"),
    [
        ("[[fail:429]]", 429, "rate_limit"),
        ("[[fail:500]]", 500, "server_error"),
        ("[[fail:400]]", 400, "bad_request"),
        ("[[fail:503]]", 503, "status"),
    ],
)
def test_a_marker_forces_a_status(client, server, marker, status, name):
    answer = ask(client, server, f"q {marker}")
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
    assert server.stats().by_fault == {name: 1}
    assert server.stats().by_status == {status: 1}
    assert server.stats().answered == 0


def test_429_says_when_to_try_again(client, server):
    answer = ask(client, server, "[[fail:429]]")
    assert (answer.headers["retry-after"], answer.headers["retry-after-ms"]) == ("1", "1000")
    server.set(retry_after=0.25)
    answer = ask(client, server, "[[fail:429]]")
    assert (answer.headers["retry-after"], answer.headers["retry-after-ms"]) == ("0.25", "250")
    server.set(retry_after_form="date")
    assert re.search(r"\d\d:\d\d GMT$", ask(client, server, "[[fail:429]]").headers["retry-after"])
    server.set(retry_after=None)
    assert "retry-after" not in ask(client, server, "[[fail:429]]").headers


def test_a_dropped_connection_gives_no_answer(client, server):
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        ask(client, server, "[[drop]]")
    assert server.stats().by_fault == {"drop": 1}
    assert server.stats().by_status == {}


def test_a_cut_connection_gives_half_a_body(client, server):
    with pytest.raises(httpx.RemoteProtocolError, match=r"incomplete|without sending complete"):
        ask(client, server, "[[cut]]")
    assert server.stats().answered == 0


def test_a_hanging_request_is_never_answered_and_counts_as_abandoned(client, server):
    with pytest.raises(httpx.ReadTimeout):
        client.post(f"{server.url}/chat/completions", json=body_of("[[hang]]"), timeout=0.2)
    wait_until(lambda: server.stats().abandoned == 1)
    assert server.stats().by_status == {}


def test_a_truncated_body_is_whole_for_http_and_no_json(client, server):
    answer = ask(client, server, "[[truncate]]")
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert server.stats().answered == 0


def test_faults_of_the_content(client, server):
    def choice(text, **parameters):
        return ask(client, server, text, **parameters).json()["choices"][0]

    assert choice("[[empty]]")["message"]["content"] == ""
    assert choice("[[length]]")["finish_reason"] == "length"
    assert len(choice("[[length]]")["message"]["content"]) == 64
    assert choice("[[filter]]")["finish_reason"] == "content_filter"
    assert choice("[[filter]]")["message"]["content"] == ""
    assert choice("[[refuse]]")["message"]["content"] is None
    assert "can't" in choice("[[refuse]]")["message"]["refusal"]
    prose = choice("[[prose]]")["message"]["content"]
    fenced = re.search(r"```json\n(.*)\n```", prose)[1]
    assert json.loads(fenced) == {"answer": checksum("[[prose]]")}
    assert server.stats().answered == 8
    assert server.stats().sound == 0


def test_reasoning_comes_in_each_spelling(client, server):
    def message(text):
        return ask(client, server, text).json()["choices"][0]["message"]

    tagged = message("[[think]]")["content"]
    assert re.fullmatch(r"<think>\n.+\n</think>\n\nok:\d+ .+", tagged)
    for name in ("reasoning_content", "reasoning"):
        told = message(f"[[think:{name}]]")
        assert told[name]
        assert told["content"].startswith(checksum(f"[[think:{name}]]"))
    server.set(think="reasoning")
    assert message("plain")["reasoning"]
    assert ask(client, server, "x").json()["usage"]["completion_tokens_details"]["reasoning_tokens"]


def test_a_marker_with_once_counts_the_first_time_only(client, server):
    statuses = [ask(client, server, "[[once:fail:500]]").status_code for _ in range(3)]
    assert statuses == [500, 200, 200]


def test_a_marker_says_the_answer(client, server):
    assert content(ask(client, server, 'x [[say:{"a": [[1]]}]]')) == '{"a": [[1]]}'


def test_a_slow_marker_and_latency_take_their_time(client, server):
    server.set(latency=0.05)
    began = time.monotonic()
    ask(client, server, "[[slow:0.1]]")
    assert time.monotonic() - began >= 0.15


SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "kind": {"enum": ["a", "b"]},
        "size": {"type": "integer", "minimum": 3, "maximum": 9},
    },
    "required": ["name", "kind", "size"],
    "additionalProperties": False,
}


def wanted(schema):
    return {"type": "json_schema", "json_schema": {"name": "it", "strict": True, "schema": schema}}


def test_a_schema_is_answered_by_an_instance_that_tells_the_checksum(client, server):
    found = json.loads(content(ask(client, server, "q", response_format=wanted(SCHEMA))))
    assert found["name"].startswith(checksum("q"))
    assert found["kind"] in ("a", "b")
    assert 3 <= found["size"] <= 9
    assert set(found) == {"name", "kind", "size"}
    free = json.loads(content(ask(client, server, "q", response_format={"type": "json_object"})))
    assert free == {"answer": checksum("q")}


def test_a_wrong_schema_lacks_a_required_property(client, server):
    answer = ask(client, server, "[[wrong-schema]]", response_format=wanted(SCHEMA))
    assert set(json.loads(content(answer))) == {"kind", "size"}


def test_a_schema_without_instances_or_a_server_without_schemas_refuses(client, server):
    endless = {"$ref": "#/$defs/n", "$defs": {"n": {"type": "object", "required": ["n"]}}}
    endless["$defs"]["n"]["properties"] = {"n": {"$ref": "#/$defs/n"}}
    refused = ask(client, server, "q", response_format=wanted(endless))
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "invalid_json_schema"
    server.set(schemas=False)
    refused = ask(client, server, "q", response_format=wanted(SCHEMA))
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "response_format")


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"model": None}, "model"),
        ({"n": 0}, "n"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"logprobs": True}, "logprobs"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema.schema"),
    ],
)
def test_a_wrong_parameter_is_refused_by_its_name(client, server, change, param):
    answer = client.post(f"{server.url}/chat/completions", json=body_of("q") | change)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


def test_what_is_no_request_is_refused(client, server):
    chat = f"{server.url}/chat/completions"
    assert client.post(chat, content=b"{").status_code == 400
    assert client.post(chat, content=b"[]").status_code == 400
    assert client.get(chat).status_code == 405
    assert client.post(f"{server.url}/nothing", json={}).status_code == 404
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(b"this is no HTTP\r\n\r\n")
        assert raw.recv(1000).startswith(b"HTTP/1.1 400 ")
        assert raw.recv(1000) == b""


def test_key_model_and_context_length_are_checked(client):
    with FaultServer(api_key="s3cret", models=["a"], context_length=20) as server:
        bearer = {"authorization": "Bearer s3cret"}

        def status(text="q", headers=bearer, **parameters):
            body = body_of(text) | {"model": "a"} | parameters
            answer = client.post(f"{server.url}/chat/completions", json=body, headers=headers)
            code = answer.json().get("error", {}).get("code")
            return answer.status_code, code

        assert status() == (200, None)
        assert status(headers={}) == (401, "invalid_api_key")
        assert status(headers={"authorization": "Bearer other"}) == (401, "invalid_api_key")
        assert status(model="b") == (404, "model_not_found")
        assert status("x" * 100) == (400, "context_length_exceeded")
        assert status(max_tokens=30) == (400, "context_length_exceeded")
        server.set(context_status=413)
        assert status("x" * 100) == (413, "context_length_exceeded")
        assert "s3cret" not in repr(server.faults) + repr(server.requests)


def outcomes(faults, prompts, times=3):
    """Ask each prompt some times, many at once, and return what came of it, by the prompt."""

    async def ask_all(server):
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:

            async def ask_one(prompt):
                found = []
                for _ in range(times):
                    answer = await client.post(
                        f"{server.url}/chat/completions", json=body_of(prompt)
                    )
                    found.append(answer.status_code)
                return prompt, found

            return dict(await asyncio.gather(*map(ask_one, prompts)))

    with FaultServer(**faults) as server:
        return asyncio.run(ask_all(server))


def test_faults_do_not_depend_on_the_order_of_requests():
    faults = {"rate_limit_share": 0.2, "server_error_share": 0.2, "bad_request_share": 0.1}
    prompts = [f"question {number}" for number in range(60)]
    first = outcomes({**faults, "seed": 1}, prompts)
    random.Random(4).shuffle(prompts)
    assert outcomes({**faults, "seed": 1, "jitter": 0.01}, prompts) == first
    assert outcomes({**faults, "seed": 2}, prompts) != first
    met = [status for found in first.values() for status in found]
    assert 15 <= met.count(429) <= 55
    assert 15 <= met.count(500) <= 55
    assert {len(set(found)) for found in first.values() if 400 in found} == {1}  # it lasts
    assert any(len(set(found)) > 1 for found in first.values())  # others pass


def test_shares_of_more_than_all_and_unknown_faults_are_refused():
    with pytest.raises(ConfigurationError, match=r"add up to 1\.2"):
        Faults(drop_share=0.6, hang_share=0.6)
    with pytest.raises(ConfigurationError, match="Did you mean 'drop_share'"):
        FaultServer(drop_shares=0.6)
    with FaultServer() as server, pytest.raises(ConfigurationError, match="latency"):
        server.set(latency=-1)


def test_requests_over_the_limit_get_429_until_the_bucket_fills(client):
    with FaultServer(requests_per_minute=60, burst_seconds=3) as server:  # 3 at once, 1 a second
        answers = [ask(client, server, f"q {number}") for number in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[0].headers["x-ratelimit-limit-requests"] == "60"
        assert answers[0].headers["x-ratelimit-remaining-requests"] == "2"
        assert re.fullmatch(r"\d+ms", answers[0].headers["x-ratelimit-reset-requests"])
        wait = float(answers[3].headers["retry-after"])
        assert 0 < wait <= 1
        time.sleep(wait + 0.005)
        assert ask(client, server, "q 3").status_code == 200
        assert server.stats().by_fault == {"over_limit": 1}


def test_tokens_over_the_limit_get_429_and_too_large_ones_always(client):
    with FaultServer(tokens_per_minute=6000, burst_seconds=1, answer_tokens=30) as server:
        answers = [ask(client, server, "x" * 114) for _ in range(2)]  # 30 tokens read, 30 written
        assert [answer.status_code for answer in answers] == [200, 429]
        assert answers[0].headers["x-ratelimit-remaining-tokens"] == "40"
        assert answers[1].headers["retry-after"]
        large = ask(client, server, "x" * 1000)
        assert large.status_code == 429
        assert "too large" in large.json()["error"]["message"]
        assert "retry-after" not in large.headers


def test_answers_are_held_back_while_paused(client, server):
    server.pause()
    answers = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(ask(client, server, "q", n=n)))
        for n in range(3)
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: server.stats().requests == 3)
    assert answers == []
    server.resume()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200, 200, 400]  # n=0 is refused
    assert server.stats().most_at_once == 3


def test_a_server_that_is_gone_comes_back_on_the_same_port(client, server):
    ask(client, server, "q")
    port = server.port
    server.stop()
    with pytest.raises(httpx.ConnectError):
        ask(client, server, "q")
    server.start()
    assert server.port == port
    assert ask(client, server, "q").status_code == 200
    assert server.stats().answers_repeated == 1  # it remembers


def test_stopping_closes_connections_that_wait(server):
    server.set(latency=30)
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        content = json.dumps(body_of("q")).encode()
        raw.sendall(request(content))
        wait_until(lambda: server.stats().requests == 1)
        server.stop()
        assert raw.recv(100) == b""
    assert server.stats().abandoned == 1


def test_a_port_that_is_taken_is_told(server):
    with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1:{server.port}"):
        FaultServer(port=server.port).start()


def test_connections_are_kept_and_pipelined_requests_answered_in_order(server):
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        texts = ["[[slow:0.1]] one", "two", "three"]
        raw.sendall(b"".join(request(json.dumps(body_of(text)).encode()) for text in texts))
        received = b""
        while received.count(b"HTTP/1.1 200") < 3 or not received.endswith(b"}"):
            received += raw.recv(65_536)
    found = re.findall(rb"ok:\d+", received)
    assert [one.decode() for one in found] == [checksum(text) for text in texts]
    assert server.stats().connections == 1


def test_every_nth_answer_closes_its_connection(client):
    with FaultServer(close_every=2) as server:
        answers = [ask(client, server, f"q {n}") for n in range(4)]
        closed = [answer.headers.get("connection") == "close" for answer in answers]
        assert closed == [False, True, False, True]
        assert server.stats().connections == 2


def test_a_body_drips(server):
    server.set(drip=0.02)
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(request(json.dumps(body_of("q")).encode()))
        began, pieces = time.monotonic(), []
        while not (pieces and pieces[-1].endswith(b"}")):
            pieces.append(raw.recv(65_536))
    assert len(pieces) >= 6
    assert time.monotonic() - began >= 7 * 0.02


def test_large_bodies_in_both_directions_are_whole(client, server):
    server.set(answer_tokens=1_000_000)
    text = "x" * 5_000_000
    found = content(ask(client, server, text))
    assert len(found) == 4_000_000
    assert found.startswith(checksum(text))
    assert server.stats().sound == 1


def test_an_answer_counts_only_when_it_was_wholly_written(server):
    server.set(answer_tokens=5_000_000)
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(request(json.dumps(body_of("q")).encode()))
        assert raw.recv(1000)
        time.sleep(0.1)  # it has written what the socket takes, which is not all
        assert server.stats().answered == 0
    wait_until(lambda: server.stats().abandoned == 1)
    assert server.stats().answered == 0


def test_answers_paid_twice_are_counted_and_faults_are_not(client, server):
    for text in ["a", "a", "a", "b", "[[once:empty]]", "[[once:empty]]", "[[once:truncate]]"]:
        ask(client, server, text)
    ask(client, server, "b", seed=7)
    stats = server.stats()
    assert (stats.requests, stats.answered, stats.sound) == (8, 7, 6)
    assert (stats.bodies, stats.bodies_repeated, stats.answers_repeated) == (4, 1, 2)
    assert (stats.prompts, stats.prompts_repeated) == (5, 1)
    told = client.get(f"{server.root}/stats").json()
    assert told["answers_repeated"] == 2
    assert told["by_status"] == {"200": 8}
    assert told["by_fault"] == {"empty": 1, "truncate": 1}
    client.post(f"{server.root}/reset")
    assert server.stats().requests == 0
    assert content(ask(client, server, "[[once:empty]]")) == ""  # what was asked is forgotten too


def test_requests_are_remembered_without_keys(client, server):
    headers = {"authorization": "Bearer s3cret", "x-goog-api-key": "s3cret", "x-mine": "yes"}
    client.post(f"{server.url}/chat/completions?key=s3cret", json=body_of("q"), headers=headers)
    (found,) = server.requests
    assert found.path == "/v1/chat/completions"
    assert found.body == body_of("q")
    assert found.headers["x-mine"] == "yes"
    assert "s3cret" not in repr(found)


def test_models_and_health_are_told(client):
    with FaultServer(models="a,b") as server:
        models = client.get(f"{server.url}/models").json()["data"]
        assert [model["id"] for model in models] == ["a", "b"]
        assert client.get(f"{server.root}/health").json() == {"status": "ok"}
        assert server.stats().requests == 0


def test_a_marker_in_any_input_of_embeddings_counts_and_empty_inputs_are_refused(client, server):
    def status(*texts):
        asked = {"model": "m", "input": texts}
        return client.post(f"{server.url}/embeddings", json=asked).status_code

    assert status("a", "b") == 200
    assert status("a", "b [[fail:400]]") == 400
    assert status("a", "") == 400
    assert status() == 400


def gemini(client, server, method, body, model="g", **headers):
    address = f"{server.root}/v1beta/models/{model}:{method}"
    return client.post(address, json=body, headers=headers)


def gemini_body(text, **config):
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], "generationConfig": config}


def test_gemini_answers_in_its_own_form(client, server):
    body = gemini_body("q", maxOutputTokens=3) | {"systemInstruction": {"parts": [{"text": "s"}]}}
    found = gemini(client, server, "generateContent", body).json()
    (candidate,) = found["candidates"]
    assert candidate["content"] == {"role": "model", "parts": [{"text": checksum("q")[:12]}]}
    assert candidate["finishReason"] == "MAX_TOKENS"
    usage = found["usageMetadata"]
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + usage["candidatesTokenCount"]
    thought = gemini(client, server, "generateContent", gemini_body("[[think:reasoning]]")).json()
    parts = thought["candidates"][0]["content"]["parts"]
    assert [part.get("thought", False) for part in parts] == [True, False]
    assert thought["usageMetadata"]["thoughtsTokenCount"] > 0


def test_gemini_fits_schemas_in_its_spelling(client, server):
    schema = {
        "type": "OBJECT",
        "properties": {
            "n": {"type": "INTEGER"},
            "t": {"type": "ARRAY", "items": {"type": "STRING"}},
        },
        "required": ["n", "t"],
    }
    config = {"responseMimeType": "application/json", "responseSchema": schema}
    found = gemini(client, server, "generateContent", gemini_body("q", **config)).json()
    value = json.loads(found["candidates"][0]["content"]["parts"][0]["text"])
    assert isinstance(value["n"], int)
    assert value["t"][0].startswith(checksum("q"))


def test_gemini_blocks_and_filters(client, server):
    blocked = gemini(client, server, "generateContent", gemini_body("[[refuse]]")).json()
    assert blocked["promptFeedback"]["blockReason"] == "SAFETY"
    assert "candidates" not in blocked
    filtered = gemini(client, server, "generateContent", gemini_body("[[filter]]")).json()
    assert filtered["candidates"][0]["finishReason"] == "SAFETY"


def test_gemini_tells_errors_in_googles_form(client, server):
    server.set(retry_after=1.5)
    refused = gemini(client, server, "generateContent", gemini_body("[[fail:429]]"))
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["status"]) == (429, 429, "RESOURCE_EXHAUSTED")
    details = {detail["@type"].rpartition(".")[2]: detail for detail in error["details"]}
    assert details["RetryInfo"]["retryDelay"] == "1.5s"
    missing = gemini(client, server, "noSuchMethod", {})
    assert (missing.status_code, missing.json()["error"]["status"]) == (404, "NOT_FOUND")
    assert gemini(client, server, "generateContent", {"contents": []}).status_code == 400
    server.set(api_key="s3cret")
    body = gemini_body("q")
    denied = gemini(client, server, "generateContent", body, **{"x-goog-api-key": "other"})
    assert denied.json()["error"]["status"] == "UNAUTHENTICATED"
    headers = {"x-goog-api-key": "s3cret"}
    assert gemini(client, server, "generateContent", body, **headers).status_code == 200
    assert gemini(client, server, "generateContent?key=s3cret", body).status_code == 200


def test_gemini_embeds_and_counts(client, server):
    content_of = {text: {"parts": [{"text": text}]} for text in ("a", "b")}
    asked = {
        "requests": [
            {"model": "models/g", "content": one, "outputDimensionality": 5}
            for one in content_of.values()
        ]
    }
    found = gemini(client, server, "batchEmbedContents", asked).json()["embeddings"]
    assert [one["values"] for one in found] == [
        pytest.approx(vector_of(text, 5), abs=1e-6) for text in "ab"
    ]
    one = gemini(client, server, "embedContent", {"content": content_of["a"]}).json()
    assert len(one["embedding"]["values"]) == 64
    counted = gemini(client, server, "countTokens", gemini_body("x" * 40)).json()
    assert counted == {"totalTokens": 10}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_until_it_is_told_to_end(client, number):
    process = start("--rate-limit-share", "1", "--retry-after", "2", "--models", "a,b")
    try:
        address = re.fullmatch(
            r"listening on (http://127\.0\.0\.1:\d+/v1)\n", process.stdout.readline()
        )[1]
        body = body_of("q") | {"model": "a"}
        answer = client.post(f"{address}/chat/completions", json=body)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
        process.send_signal(number)
        out, err = process.communicate(timeout=5)
    finally:
        process.kill()
    assert (process.returncode, out, err) == (0, "", "")


def test_the_command_refuses_wrong_options():
    process = start("--drop-share", "2", "--api-key", "s3cret")
    _, err = process.communicate(timeout=10)
    assert process.returncode == 2
    assert "drop_share" in err
    assert "s3cret" not in err


def start(*options):
    command = [sys.executable, "-m", "dataflow_core.testing.server", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def request(content):
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    return head % len(content) + content


def wait_until(reached):
    deadline = time.monotonic() + 5
    while not reached():
        assert time.monotonic() < deadline, "it did not come to that in 5 s"
        time.sleep(0.005)
