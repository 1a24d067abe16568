"""The fault server as OpenAI's own client sees it."""

import math
import time

import pytest
from pydantic import BaseModel, Field

from dataflow_core.testing import Faults, FaultServer
from dataflow_core.testing.server import checksum, vector_of

openai = pytest.importorskip("openai")


USUAL = Faults(retry_after=0.05)


@pytest.fixture(scope="module")
def running():
    with FaultServer() as server:
        yield server


@pytest.fixture
def server(running):
    running.reset()
    running.set(**dict(USUAL))
    return running


@pytest.fixture(scope="module")
def connected(running):
    with openai.OpenAI(base_url=running.url, api_key="any", max_retries=0, timeout=5) as client:
        yield client


@pytest.fixture
def client(server, connected):
    return connected


def ask(client, text, **parameters):
    messages = [{"role": "user", "content": text}]
    return client.chat.completions.create(model="m", messages=messages, **parameters)


def test_chat(client):
    found = ask(client, "q", n=2, seed=3, temperature=1)
    assert [choice.finish_reason for choice in found.choices] == ["stop", "stop"]
    assert all(choice.message.content.startswith(checksum("q")) for choice in found.choices)
    assert found.usage.completion_tokens == 64
    assert found.usage.prompt_tokens_details.cached_tokens == 0


def test_a_stream_adds_up_to_the_answer_and_tells_usage_when_asked(client):
    whole = ask(client, "q")
    chunks = list(ask(client, "q", stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage == whole.usage
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert ask(client, "q", stream=True).__next__().usage is None


def test_a_stream_of_several_answers_and_of_reasoning(client):
    chunks = [c.choices[0] for c in ask(client, "q [[think:reasoning]]", n=2, stream=True)]
    for index in (0, 1):
        deltas = [chunk.delta for chunk in chunks if chunk.index == index]
        assert "".join(delta.model_extra.get("reasoning") or "" for delta in deltas)
        assert "".join(delta.content or "" for delta in deltas).startswith("ok:")


def test_a_stream_that_is_cut_is_an_error_and_one_that_is_truncated_breaks(client):
    with pytest.raises(openai.APIError):
        list(ask(client, "[[cut]]", stream=True))
    chunks = []
    with pytest.raises(ValueError):  # noqa: PT011  of the JSON in the last event
        chunks.extend(ask(client, "[[truncate]]", stream=True))
    assert all(chunk.choices[0].finish_reason is None for chunk in chunks)


class Part(BaseModel):
    name: str = Field(min_length=20, max_length=40)
    weight: float | None


class Machine(BaseModel):
    title: str
    parts: list[Part] = Field(min_length=2)
    size: int = Field(ge=3, le=5)


def test_a_schema_is_parsed_into_its_model(client):
    messages = [{"role": "user", "content": "q"}]
    found = client.chat.completions.parse(model="m", messages=messages, response_format=Machine)
    parsed = found.choices[0].message.parsed
    assert isinstance(parsed, Machine)
    assert parsed.title.startswith(checksum("q"))
    refused = [{"role": "user", "content": "[[refuse]]"}]
    found = client.chat.completions.parse(model="m", messages=refused, response_format=Machine)
    assert found.choices[0].message.parsed is None
    assert found.choices[0].message.refusal


def test_a_completion_of_several_prompts(client):
    found = client.completions.create(model="m", prompt=["a", "b"])
    assert [choice.text.split()[0] for choice in found.choices] == [checksum("a"), checksum("b")]
    chunks = client.completions.create(model="m", prompt="a", stream=True)
    assert "".join(chunk.choices[0].text for chunk in chunks) == found.choices[0].text


@pytest.mark.parametrize("encoding", ["float", "base64", None])
def test_embeddings_are_unit_vectors_of_the_text(client, encoding):
    options = {"encoding_format": encoding} if encoding else {}
    found = client.embeddings.create(model="m", input=["a", "b"], dimensions=6, **options)
    if encoding == "base64":
        assert all(isinstance(one.embedding, str) for one in found.data)
        return
    assert [one.index for one in found.data] == [0, 1]
    for text, one in zip("ab", found.data, strict=True):
        assert one.embedding == pytest.approx(vector_of(text, 6), abs=1e-6)
        assert math.hypot(*one.embedding) == pytest.approx(1, abs=1e-5)
    assert found.usage.prompt_tokens == 1


def test_errors_are_of_the_client_s_classes(client, server):
    expected = {
        "[[fail:429]]": openai.RateLimitError,
        "[[fail:401]]": openai.AuthenticationError,
        "[[fail:403]]": openai.PermissionDeniedError,
        "[[fail:404]]": openai.NotFoundError,
        "[[fail:400]]": openai.BadRequestError,
        "[[fail:422]]": openai.UnprocessableEntityError,
        "[[fail:500]]": openai.InternalServerError,
        "[[fail:503]]": openai.InternalServerError,
        "[[drop]]": openai.APIConnectionError,
    }
    for marker, kind in expected.items():
        with pytest.raises(kind):
            ask(client, marker)
    with pytest.raises(openai.APITimeoutError):
        ask(client.with_options(timeout=0.2), "[[hang]]")
    server.set(api_key="right", models=("other",))
    with pytest.raises(openai.AuthenticationError):
        ask(client, "q")
    with pytest.raises(openai.NotFoundError) as told:
        ask(client.with_options(api_key="right"), "q")
    assert told.value.code == "model_not_found"


def test_its_retries_wait_as_long_as_they_are_told(client, server):
    server.set(retry_after=0.3)
    began = time.monotonic()
    found = ask(client.with_options(max_retries=2), "[[once:fail:429]]")
    assert found.choices[0].message.content.startswith("ok:")
    assert 0.3 <= time.monotonic() - began < 2
    assert server.stats().by_status == {200: 1, 429: 1}
    first, second = server.requests
    assert second.at - first.at >= 0.29


def test_all_is_answered_in_the_end_in_spite_of_faults(client, server):
    server.set(rate_limit_share=0.5)
    patient = client.with_options(max_retries=20)
    texts = [f"question {number}" for number in range(39)] + ["[[once:drop]]"]
    found = [ask(patient, text).choices[0].message.content for text in texts]
    assert [text.split()[0] for text in found] == [checksum(text) for text in texts]
    stats = server.stats()
    assert stats.sound == 40
    assert stats.answers_repeated == 0
    assert sum(stats.by_fault.values()) == stats.requests - 40
    assert set(stats.by_fault) == {"rate_limit", "drop"}


def test_models(client, server):
    server.set(models=("a", "b"))
    assert [model.id for model in client.models.list()] == ["a", "b"]
