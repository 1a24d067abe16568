"""Gemini over Google's own API, against a server that answers as the API's reference says."""

import base64
import contextlib

import pytest

from dataflow_core.errors import ConfigurationError, ServingError
from dataflow_core.serving import GeminiServing, image, serving_from_spec
from dataflow_core.serving.completion import Usage
from dataflow_core.testing import FaultServer

from .scripted_http import scripted_http

KEY = "AIza-very-secret"
SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}


def answered(*parts, finish="STOP", **usage):
    usage = {"promptTokenCount": 7, "candidatesTokenCount": 3, "totalTokenCount": 10, **usage}
    content = {"role": "model", "parts": list(parts)} if parts else {}
    candidate = {"content": content, "finishReason": finish, "index": 0}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-3.5-flash"}


def refused(status, name, message="no", *details):
    return status, {
        "error": {"code": status, "message": message, "status": name, "details": list(details)}
    }


def quota(quota_id, value="20"):
    violation = {
        "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
        "quotaId": quota_id,
        "quotaDimensions": {"model": "gemini-3.5-flash", "location": "global"},
        "quotaValue": value,
    }
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]}


def retry_after(delay):
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


@contextlib.contextmanager
def gemini(script, **configuration):
    with scripted_http(script) as server:
        options = {"model": "gemini-3.5-flash", "api_key": KEY, **configuration}
        with GeminiServing(base_url=f"{server.url}/v1beta", **options) as serving:
            yield serving, server.heard


def ask(reply, prompts=("hello",), *, system=None, schema=None, **configuration):
    """Return the completions, and the requests, of one call to a server that always says one."""
    script = reply if callable(reply) else lambda _: reply
    with gemini(script, **configuration) as (serving, heard):
        return serving.generate_from_input(list(prompts), system, schema), heard


def test_a_prompt_goes_as_contents_and_the_text_of_the_answer_comes_back():
    (answer,), (heard,) = ask(
        (200, answered({"text": "Hi "}, {"text": "there"})), system="Be kind."
    )
    assert answer.text == "Hi there"
    assert (answer.finish_reason, answer.usage) == ("stop", Usage(7, 3))
    assert heard.path == "/v1beta/models/gemini-3.5-flash:generateContent"
    assert heard.body == {
        "systemInstruction": {"parts": [{"text": "Be kind."}]},
        "contents": [{"role": "user", "parts": [{"text": "hello"}]}],
        "generationConfig": {"temperature": 0.0},
    }


def test_the_key_goes_in_a_header_and_is_shown_nowhere():
    with gemini(lambda _: (200, answered({"text": "x"}))) as (serving, heard):
        serving.generate_from_input(["hello"])
        shown = repr(serving) + str(serving) + serving.spec + serving.name
        shown += repr(serving.fingerprint()) + repr(serving.asking().dispatcher.__dict__)
    assert heard[0].headers["x-goog-api-key"] == KEY
    assert KEY not in heard[0].path
    assert KEY not in shown


@pytest.mark.parametrize("variable", ["GEMINI_API_KEY", "GOOGLE_API_KEY"])
def test_the_key_is_read_from_the_usual_variables(monkeypatch, variable):
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, f" {KEY}\n")
    _, heard = ask((200, answered({"text": "x"})), api_key=None)
    assert heard[0].headers["x-goog-api-key"] == KEY


def test_the_key_is_read_from_a_file_which_may_not_be_empty(tmp_path):
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    _, heard = ask((200, answered({"text": "x"})), api_key=None, api_key_file=file)
    assert heard[0].headers["x-goog-api-key"] == KEY
    file.write_text("\n")
    with pytest.raises(ConfigurationError, match=r"api_key_file .*key is empty"):
        ask((200, answered({"text": "x"})), api_key=None, api_key_file=file)


def test_without_a_key_google_is_not_asked_at_all(monkeypatch):
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY", "GEMINI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigurationError, match="Set GEMINI_API_KEY or GOOGLE_API_KEY"):
        GeminiServing(model="gemini-3.5-flash").generate_from_input(["hello"])


def test_sampling_parameters_go_by_googles_names():
    sampling = {
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "max_tokens": 64,
        "seed": 3,
        "stop": ("END",),
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
    }
    _, (heard,) = ask((200, answered({"text": "x"})), **sampling)
    assert heard.body["generationConfig"] == {
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 40,
        "maxOutputTokens": 64,
        "seed": 3,
        "stopSequences": ["END"],
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
    }


def test_extra_goes_into_the_configuration_and_what_stands_beside_it_there():
    thinking = {"thinkingConfig": {"thinkingBudget": 0}}
    safety = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    extra = {**thinking, "safetySettings": safety, "generationConfig": {"candidateCount": 1}}
    _, (heard,) = ask((200, answered({"text": "x"})), temperature=None, extra=extra)
    assert heard.body["generationConfig"] == {**thinking, "candidateCount": 1}
    assert heard.body["safetySettings"] == safety


@pytest.mark.parametrize("name", ["min_p", "repetition_penalty"])
def test_a_parameter_that_gemini_lacks_is_refused_before_anything_is_sent(name):
    def never(_):
        raise AssertionError("nothing is to be sent")

    with gemini(never) as (serving, heard):
        with pytest.raises(ConfigurationError, match=f"Gemini has no {name}"):
            serving.generate_from_input(["hello"], **{name: 0.5})
        assert heard == []


@pytest.mark.parametrize(
    ("model", "effort", "thinking"),
    [
        ("gemini-3.5-flash", "low", {"thinkingLevel": "LOW", "includeThoughts": True}),
        ("gemini-2.5-flash", "low", {"thinkingBudget": 1024, "includeThoughts": True}),
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0, "includeThoughts": False}),
    ],
)
def test_reasoning_effort_is_a_level_or_a_budget_as_the_model_has_it(model, effort, thinking):
    _, (heard,) = ask((200, answered({"text": "x"})), model=model, reasoning_effort=effort)
    assert heard.body["generationConfig"]["thinkingConfig"] == thinking


def test_thoughts_are_reasoning_and_their_tokens_count_as_written():
    parts = ({"text": "Let me see. ", "thought": True}, {"text": "42", "thoughtSignature": "AbC="})
    told = answered(*parts, thoughtsTokenCount=50, cachedContentTokenCount=5)
    (answer,), _ = ask((200, told))
    assert (answer.text, answer.reasoning) == ("42", "Let me see. ")
    assert answer.usage == Usage(7, 53, 5, 50)


def test_images_and_turns_of_the_assistant_have_their_own_forms():
    picture = b"\x89PNG not really"
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "What is it?"}, image(picture)]},
        {"role": "assistant", "content": "A picture."},
        {"role": "user", "content": [image("https://example.org/a.jpg")]},
    ]
    _, (heard,) = ask((200, answered({"text": "x"})), prompts=[messages])
    data = base64.b64encode(picture).decode()
    assert heard.body["contents"] == [
        {
            "role": "user",
            "parts": [
                {"text": "What is it?"},
                {"inlineData": {"mimeType": "image/png", "data": data}},
            ],
        },
        {"role": "model", "parts": [{"text": "A picture."}]},
        {
            "role": "user",
            "parts": [
                {"fileData": {"fileUri": "https://example.org/a.jpg", "mimeType": "image/jpeg"}}
            ],
        },
    ]


def test_calls_of_functions_and_their_results_keep_their_names():
    call = {"id": "c1", "type": "function", "function": {"name": "sum", "arguments": '{"a": 1}'}}
    messages = [
        {"role": "user", "content": "add"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "3"},
    ]
    _, (heard,) = ask((200, answered({"text": "x"})), prompts=[messages])
    _, model, result = heard.body["contents"]
    assert model == {
        "role": "model",
        "parts": [{"functionCall": {"name": "sum", "args": {"a": 1}}}],
    }
    response = {"name": "sum", "response": {"result": 3}}
    assert result == {"role": "user", "parts": [{"functionResponse": response}]}


def test_a_part_without_a_form_fails_alone():
    strange = [{"role": "user", "content": [{"type": "video", "url": "x"}]}]
    (bad, good), heard = ask((200, answered({"text": "x"})), prompts=[strange, "hello"])
    assert "part of type 'video'" in bad.error.message
    assert good.ok
    assert len(heard) == 1


def test_a_schema_is_enforced_by_the_server():
    (answer,), (heard,) = ask((200, answered({"text": '{"n": 5}'})), schema=SCHEMA)
    assert answer.parsed == {"n": 5}
    config = heard.body["generationConfig"]
    assert config["responseMimeType"] == "application/json"
    assert config["responseJsonSchema"]["properties"] == SCHEMA["properties"]


def test_a_schema_that_the_model_refuses_is_asked_for_in_the_prompt_instead():
    def script(heard):
        if "responseJsonSchema" in heard.body["generationConfig"]:
            return refused(400, "INVALID_ARGUMENT", "A schema in GenerationConfig is too complex.")
        return 200, answered({"text": '{"n": 5}'})

    (answer,), heard = ask(script, schema=SCHEMA)
    assert answer.parsed == {"n": 5}
    assert "JSON" in heard[-1].body["contents"][0]["parts"][0]["text"]


def test_an_answer_cut_at_its_limit_is_a_failure_that_keeps_its_text():
    (answer,), _ = ask((200, answered({"text": "Once upon"}, finish="MAX_TOKENS")), max_tokens=2)
    assert (answer.error.reason, answer.error.raw) == ("truncated", "Once upon")


@pytest.mark.parametrize(
    "finish", ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"]
)
def test_an_answer_that_is_filtered_is_a_failure_and_is_not_asked_for_again(finish):
    (answer,), heard = ask((200, answered(finish=finish)))
    assert answer.error.reason == "content_filter"
    assert len(heard) == 1


def test_a_prompt_that_is_blocked_fails_with_the_reason():
    told = {
        "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
        "usageMetadata": {"promptTokenCount": 7, "totalTokenCount": 7},
    }
    (answer,), heard = ask((200, told))
    assert answer.error.reason == "content_filter"
    assert "PROHIBITED_CONTENT" in answer.error.message
    assert len(heard) == 1


def test_too_many_requests_a_minute_are_sent_again_when_the_server_says():
    told = refused(
        429,
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota.",
        quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"),
        retry_after("0.05s"),
    )
    replies = [told, told, (200, answered({"text": "x"}))]
    (answer,), heard = ask(lambda _: replies.pop(0))
    assert (answer.text, answer.attempts, len(heard)) == ("x", 3, 3)


@pytest.mark.parametrize(
    ("details", "told"),
    [
        (quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), "this day is used up"),
        (quota("GenerateContentInputTokensPerModelPerMinute-FreeTier", "0"), "no quota for this"),
    ],
)
def test_a_quota_that_waiting_does_not_bring_back_ends_the_call(details, told):
    reply = refused(429, "RESOURCE_EXHAUSTED", "quota", details, retry_after("30s"))
    with gemini(lambda _: reply) as (serving, heard):
        with pytest.raises(ServingError, match=told):
            serving.generate_from_input(["a"])
        assert len(heard) == 1


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (
            refused(
                400,
                "INVALID_ARGUMENT",
                "API key not valid. Please pass a valid API key.",
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "API_KEY_INVALID",
                    "domain": "googleapis.com",
                },
            ),
            "the API key is missing or wrong",
        ),
        (refused(403, "PERMISSION_DENIED"), "access is denied"),
        (refused(404, "NOT_FOUND", "models/x is not found"), "no such model"),
        (refused(400, "FAILED_PRECONDITION", "User location is not supported"), "may not use"),
        ((403, b"<html>blocked by a proxy</html>"), "access is denied"),
    ],
)
def test_what_refuses_all_requests_ends_the_call_at_once(reply, told):
    with gemini(lambda _: reply) as (serving, heard):
        with pytest.raises(ServingError, match=told) as caught:
            serving.generate_from_input(["a"])
        assert KEY not in str(caught.value)
        assert len(heard) == 1


def test_a_request_that_is_refused_fails_alone():
    def script(heard):
        if heard.body["contents"][0]["parts"][0]["text"] == "bad":
            return refused(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
        return 200, answered({"text": "x"})

    (bad, good), heard = ask(script, prompts=["bad", "good"])
    assert (bad.error.reason, bad.error.status) == ("invalid_request", 400)
    assert good.ok
    assert len(heard) == 2


def test_a_prompt_that_is_too_long_says_so():
    message = "The input token count (70000) exceeds the maximum number of tokens allowed (65536)."
    (answer,), _ = ask(refused(400, "INVALID_ARGUMENT", message))
    assert answer.error.reason == "context_length"


@pytest.mark.parametrize(
    "reply",
    [
        refused(500, "INTERNAL"),
        refused(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
        refused(504, "DEADLINE_EXCEEDED"),
        (502, b"<html>bad gateway</html>"),
        (200, b'{"candidates": [{"cont'),
        (200, {"usageMetadata": {}}),
    ],
)
def test_what_may_succeed_another_time_is_sent_again(reply):
    replies = [reply, (200, answered({"text": "x"}))]
    (answer,), heard = ask(lambda _: replies.pop(0))
    assert (answer.text, len(heard)) == ("x", 2)


def test_texts_become_vectors_in_one_request():
    def script(heard):
        told = [{"values": [float(n), 0.5]} for n in range(len(heard.body["requests"]))]
        return 200, {"embeddings": told, "usageMetadata": {"promptTokenCount": 9}}

    options = {"model": "gemini-embedding-001", "task_type": "CLUSTERING", "dimensions": 2}
    with gemini(script, **options) as (serving, heard):
        vectors = serving.embed(["a", "b", "c"])
    assert [one.vector for one in vectors] == [[0.0, 0.5], [1.0, 0.5], [2.0, 0.5]]
    assert heard[0].path == "/v1beta/models/gemini-embedding-001:batchEmbedContents"
    assert heard[0].body["requests"][1] == {
        "model": "models/gemini-embedding-001",
        "content": {"parts": [{"text": "b"}]},
        "taskType": "CLUSTERING",
        "outputDimensionality": 2,
    }


def test_a_vector_too_few_is_no_answer():
    with gemini(lambda _: (200, {"embeddings": []}), transport_retries=0) as (serving, _):
        (vector,) = serving.embed(["a"])
    assert vector.error.reason == "broken_answer"


def test_tokens_are_counted_by_the_server_and_its_refusal_is_told():
    replies = [(200, {"totalTokens": 31}), refused(404, "NOT_FOUND")]
    with gemini(lambda _: replies.pop(0)) as (serving, heard):
        assert serving.count_tokens("some text") == 31
        assert heard[0].path.endswith(":countTokens")
        with pytest.raises(ServingError, match="no such model"):
            serving.count_tokens("some text")


def test_a_specification_makes_it_again():
    serving = GeminiServing(model="gemini-3.5-flash", task_type="CLUSTERING", api_key=KEY)
    assert serving.spec == "gemini:gemini-3.5-flash#task_type=CLUSTERING"
    again = serving_from_spec(serving.spec)
    assert (again.model, again.task_type) == ("gemini-3.5-flash", "CLUSTERING")
    assert serving_from_spec("gemini:m@http://localhost:1/v1beta").base_url.endswith("/v1beta")


def test_what_a_vector_is_for_tells_it_from_others():
    one, other = (GeminiServing(model="m", task_type=kind) for kind in ("CLUSTERING", None))
    assert one.embedding_parameters() != other.embedding_parameters()


def test_faults_of_a_whole_run_are_survived_and_nothing_is_asked_twice():
    faults = {"rate_limit_share": 0.1, "server_error_share": 0.1, "drop_share": 0.1}
    with FaultServer(retry_after=0.02, latency=0.005, seed=5, api_key=KEY, **faults) as server:
        url = f"{server.root}/v1beta"
        with GeminiServing(model="m", base_url=url, api_key=KEY) as serving:
            answers = serving.generate_from_input([f"question {n}" for n in range(200)])
            vectors = serving.embed(["a", "b", "a"])
        stats = server.stats()
    assert all(one.ok and one.text.startswith("ok:") for one in answers)
    assert len({one.text for one in answers}) == 200
    assert vectors[0].vector == vectors[2].vector
    assert stats.requests > 240
    assert stats.answers_repeated == 0
