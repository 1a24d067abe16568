"""What servers answer that is of the wrong kind, and requests that are no JSON."""

import json

import pytest

from dataflow_core.serving import OpenAIServing
from dataflow_core.serving.backend import ReplyError
from dataflow_core.serving.backends import gemini_answers, openai_answers
from dataflow_core.serving.backends.bodies import Unsound, body_of, sound_reply, sound_vectors
from dataflow_core.serving.completion import Usage
from dataflow_core.serving.wire import Answer

from .scripted_http import scripted_http


def answer_of(content):
    return Answer(200, {}, json.dumps(content).encode())


@pytest.mark.parametrize(
    ("choice", "why"),
    [
        ({"message": {"content": {"a": 1}}}, "content is a dict"),
        ({"message": {"content": 7}}, "content is a int"),
        ({"message": {"content": [{"type": "text", "text": {"a": 1}}]}}, "part of its content"),
        ({"message": {"content": "x"}, "finish_reason": {"x": 1}}, "finish_reason is a dict"),
        ({"message": {"content": "x"}, "finish_reason": 7}, "finish_reason is a int"),
        ({"message": {"content": "", "refusal": ["no"]}}, "text is a list"),
        ({"message": "x"}, "no choices"),
    ],
)
def test_chat_answers_of_the_wrong_kind_are_broken(choice, why):
    with pytest.raises(ReplyError, match=why) as caught:
        openai_answers.reply_of(answer_of({"choices": [choice]}))
    assert (caught.value.kind, caught.value.reason) == ("server", "broken_answer")


@pytest.mark.parametrize("told", ["12", 1.5, -3, True, 2**70, None, {}])
def test_counts_of_tokens_that_are_none_are_unknown(told):
    usage = {"prompt_tokens": told, "completion_tokens": 3}
    reply = openai_answers.reply_of(
        answer_of({"choices": [{"message": {"content": "x"}}], "usage": usage})
    )
    assert reply.usage == Usage(0, 3)
    assert gemini_answers.usage_of({"promptTokenCount": told}) == Usage()


@pytest.mark.parametrize("vector", [None, "AACAPw==", [], [1.0, None], [1.0, "2"], [[1.0]], {}])
def test_vectors_that_are_no_lists_of_numbers_are_broken(vector):
    openai = answer_of({"data": [{"index": 0, "embedding": vector}]})
    gemini = answer_of({"embeddings": [{"values": vector}]})
    for read, answer in ((openai_answers, openai), (gemini_answers, gemini)):
        with pytest.raises(ReplyError, match="its vector 0") as caught:
            read.vectors_of(answer, 1)
        assert caught.value.reason == "broken_answer"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 10**400])
def test_vectors_of_engines_hold_finite_numbers_only(number):
    with pytest.raises(Unsound, match="no finite number"):
        sound_vectors([[1.0, number]], 1)
    with pytest.raises(Unsound, match="1 vectors for 2 texts"):
        sound_vectors([[1.0]], 2)


def test_half_a_surrogate_pair_in_an_answer_is_broken():
    assert sound_reply("smile 😀", "stop", Usage()).text == "smile 😀"
    with pytest.raises(Unsound, match="surrogate"):
        sound_reply("half \ud83d", "stop", Usage())


@pytest.mark.parametrize(
    "content",
    [
        {"candidates": [{"content": {"parts": [{"text": 7}]}}]},
        {"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": {"a": 1}}]},
        {"candidates": {"a": 1}},
        {"promptFeedback": ["no"]},
    ],
)
def test_answers_of_gemini_of_the_wrong_kind_are_broken(content):
    with pytest.raises(ReplyError) as caught:
        gemini_answers.reply_of(answer_of(content))
    assert caught.value.reason == "broken_answer"


def test_errors_of_gemini_of_the_wrong_kind_are_still_told():
    for details in (7, {"a": 1}, [{"violations": 7, "retryDelay": "infs"}]):
        body = json.dumps({"error": {"status": "RESOURCE_EXHAUSTED", "details": details}})
        error = gemini_answers.error_of(Answer(429, {}, body.encode()), with_schema=False)
        assert (error.kind, error.retry_after) == ("rate_limit", None)


@pytest.mark.parametrize("content", ["half \ud83d", 2**70])
def test_requests_that_are_no_json_are_refused(content):
    with pytest.raises(ReplyError, match="cannot be written as JSON") as caught:
        body_of({"content": content})
    assert caught.value.kind == "request"


def test_a_request_that_is_no_json_fails_its_row_alone():
    answer = {"choices": [{"message": {"content": "ok"}}]}
    with (
        scripted_http(lambda _: (200, answer)) as server,
        OpenAIServing(model="m", base_url=server.url) as serving,
    ):
        good, bad = serving.generate_from_input(["good", "bad \ud83d"])
    assert good.text == "ok"
    assert bad.error.reason == "invalid_request"
