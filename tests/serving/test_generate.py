"""Calls of a serving, whatever the backend: order, failures, samples, equal questions, schemas."""

import asyncio
import copy
import json
import pickle
import re
import threading
import time

import pandas as pd
import pytest
from pydantic import BaseModel

from dataflow_core import Generator, MemoryStorage
from dataflow_core.errors import ConfigurationError, RunStopped, ServingError, StoreError
from dataflow_core.serving import OpenAIServing, Serving
from dataflow_core.serving.asking import Asking
from dataflow_core.serving.backend import Backend, Reply, ReplyError, Vectors
from dataflow_core.serving.completion import Usage
from dataflow_core.serving.scope import Scope, scoped
from dataflow_core.serving.spec import serving_from_spec
from dataflow_core.serving.store import RequestStore, Reuse
from dataflow_core.table.failures import RowFailure
from dataflow_core.testing import FaultServer, ScriptedServing


def texts(completions):
    return [one.text for one in completions]


def test_answers_come_in_the_order_of_the_inputs_however_long_each_takes():
    def script(text):
        time.sleep(0.001 * (int(text) % 3))
        return f"answer {text}"

    with ScriptedServing(script) as serving:
        answers = serving.generate_from_input([str(n) for n in range(50)])
    assert texts(answers) == [f"answer {n}" for n in range(50)]
    assert all(answer.ok and answer.attempts == 1 for answer in answers)


def test_an_input_is_a_text_or_a_conversation_and_the_system_prompt_goes_before_it():
    with ScriptedServing(lambda text: text) as serving:
        serving.generate_from_input(
            ["hello", [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
                       {"role": "user", "content": "c"}]],
            system_prompt="Be brief.",
        )  # fmt: skip
    first, second = (list(request.messages) for request in serving.requests)
    assert first == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hello"},
    ]
    assert [message["role"] for message in second] == ["system", "user", "assistant", "user"]


@pytest.mark.parametrize("null", [None, float("nan"), pd.NA])
def test_a_null_input_fails_in_its_place_and_is_not_sent(null):
    with ScriptedServing(lambda text: text) as serving:
        before, failed, behind = serving.generate_from_input(["a", null, "b"])
    assert texts([before, behind]) == ["a", "b"]
    assert failed.error.reason == "null_input"
    assert isinstance(failed.cell(), RowFailure)
    assert len(serving.requests) == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "the input is of type int"),
        ([], r"the input is \[\]"),
        ([{"role": "robot", "content": "x"}], "role 'robot'"),
        ([{"role": "user", "content": 3}], "content is of type int"),
    ],
)
def test_an_input_that_is_none_fails_in_its_place_and_is_not_sent(given, message):
    with ScriptedServing(lambda text: text) as serving:
        before, failed, behind = serving.generate_from_input(["a", given, "b"])
    assert texts([before, behind]) == ["a", "b"]
    assert failed.error.reason == "invalid_input"
    assert re.search(message, failed.error.message)
    assert len(serving.requests) == 2


@pytest.mark.parametrize("number", [0, 2.5])
def test_a_number_of_samples_is_a_whole_one(number):
    with pytest.raises(ConfigurationError, match="it takes a whole number from 1 on"):
        ScriptedServing(lambda text: text).generate_from_input(["a"], n=number)


def test_a_name_with_an_at_sign_is_no_address():
    assert serving_from_spec("openai:claude-3@20240620").model == "claude-3@20240620"


def test_one_text_is_no_list_of_inputs():
    with pytest.raises(ConfigurationError, match="found one text"):
        ScriptedServing(lambda text: text).generate_from_input("a text")


def test_sampling_parameters_hold_for_all_calls_and_change_for_one():
    with ScriptedServing(lambda text: text, max_tokens=50, stop="\n") as serving:
        serving.generate_from_input(["a"])
        serving.generate_from_input(["b"], temperature=0.7, max_tokens=9, extra={"best_of": 2})
    first, second = (request.sampling for request in serving.requests)
    assert first == {"temperature": 0.0, "max_tokens": 50, "stop": ("\n",)}
    assert second == {
        "temperature": 0.7, "max_tokens": 9, "stop": ("\n",), "extra": {"best_of": 2},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("parameter", "message"),
    [({"temprature": 1}, "Did you mean 'temperature'"), ({"top_p": 3}, "top_p=3: ")],
)
def test_wrong_sampling_parameters_are_refused(parameter, message):
    with pytest.raises(ConfigurationError, match=message):
        ScriptedServing(lambda text: text).generate_from_input(["a"], **parameter)


def test_equal_questions_are_sent_once_and_count_once():
    with ScriptedServing(lambda text: text) as serving:
        scope = Scope()
        with scoped(scope):
            answers = serving.generate_from_input(["a", "b", "a", "a"])
    assert texts(answers) == ["a", "b", "a", "a"]
    assert [answer.reused for answer in answers] == [False, False, True, True]
    assert len(serving.requests) == 2
    assert (scope.tally.asked, scope.tally.answered, scope.tally.reused) == (4, 2, 2)
    assert scope.tally.requests == 2


def test_equal_questions_of_several_threads_are_sent_once(tmp_path):
    serving = ScriptedServing(lambda text: text, delay=0.05)
    answers = {}
    with RequestStore(tmp_path / "requests.sqlite") as store:

        def ask(number):
            with scoped(Scope(store=store)):
                answers[number] = serving.generate_from_input([f"q{n}" for n in range(20)])

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        serving.close()
    assert all(texts(found) == [f"q{n}" for n in range(20)] for found in answers.values())
    assert len(serving.requests) == 20


def test_a_question_is_not_sent_again_while_its_answer_is_being_stored(tmp_path, monkeypatch):
    coming, others_asked = threading.Event(), threading.Event()
    answered = Asking._answered

    def slowly(*arguments):
        coming.set()
        others_asked.wait(0.3)  # another thread asks the same meanwhile
        return answered(*arguments)

    monkeypatch.setattr(Asking, "_answered", slowly)
    serving = ScriptedServing(lambda text: text)
    with RequestStore(tmp_path / "requests.sqlite") as store:

        def ask():
            with scoped(Scope(store=store)):
                assert texts(serving.generate_from_input(["q"])) == ["q"]

        first = threading.Thread(target=ask)
        first.start()
        assert coming.wait(10)
        ask()
        others_asked.set()
        first.join()
        serving.close()
    assert len(serving.requests) == 1


def test_words_chosen_at_random_are_asked_for_once_for_each_input():
    with ScriptedServing(lambda text: text) as serving:
        serving.generate_from_input(["a", "a", "a"], temperature=1.0)
        assert len(serving.requests) == 3
        serving.generate_from_input(["a", "a", "a"], temperature=1.0, distinct=["x", "x", "y"])
        assert len(serving.requests) == 5


def test_a_seed_gives_each_sample_its_own():
    with ScriptedServing(lambda request: str(request.sampling.get("seed"))) as serving:
        first = serving.generate_from_input(["a", "b"], n=3, temperature=1.0, seed=7)
        again = serving.generate_from_input(["a", "b"], n=3, temperature=1.0, seed=7)
    assert all(len({sample.text for sample in one.samples}) == 3 for one in first)
    assert first[0].text == "7"
    assert [texts(one.samples) for one in first] == [texts(one.samples) for one in again]


def test_samples_that_are_there_are_not_asked_for_again(tmp_path):
    with ScriptedServing(lambda text: text, cache=tmp_path / "answers.sqlite") as serving:
        serving.generate_from_input(["a", "b"], n=2, temperature=0.9)
        assert len(serving.requests) == 4
        more = serving.generate_from_input(["a", "b"], n=5, temperature=0.9)
    assert len(serving.requests) == 10
    assert [[sample.reused for sample in one.samples] for one in more] == [
        [True, True, False, False, False]
    ] * 2


def test_a_failure_is_a_value_in_its_place():
    def script(text):
        return ReplyError("request", "too rude", status=400) if text == "b" else text

    with ScriptedServing(script) as serving:
        answers = serving.generate_from_input(["a", "b", "c"])
    assert texts(answers) == ["a", None, "c"]
    assert (answers[1].error.reason, answers[1].error.status) == ("invalid_request", 400)
    assert answers[1].cell() == RowFailure("invalid_request", "too rude", None)


@pytest.mark.parametrize("kind", ["connection", "timeout", "server", "rate_limit"])
def test_what_can_succeed_is_tried_again(kind):
    failed = []

    def script(text):
        if text not in failed:
            failed.append(text)
            return ReplyError(kind, "not now", retry_after=0.01)
        return text

    with ScriptedServing(script) as serving:
        scope = Scope()
        with scoped(scope):
            answers = serving.generate_from_input(["a", "b", "c", "d"])
    assert texts(answers) == ["a", "b", "c", "d"]
    assert {answer.attempts for answer in answers} == {2}
    tally = scope.tally
    retries = tally.rate_limit_retries if kind == "rate_limit" else tally.transport_retries
    assert (retries, tally.requests) == (4, 8)


def test_retries_end_and_the_last_error_is_told():
    serving = ScriptedServing(
        lambda text: ReplyError("server", "boom", retry_after=0.0), transport_retries=2
    )
    with serving:
        (answer,) = serving.generate_from_input(["a"])
    assert answer.error.reason == "server_error"
    assert answer.error.message == "boom"
    assert len(serving.requests) == 3


def test_a_refusal_of_all_ends_the_call_at_once_with_one_message():
    serving = ScriptedServing(
        lambda text: ReplyError("fatal", "the API key is wrong"), max_concurrency=4
    )
    with serving, pytest.raises(ServingError, match="the API key is wrong"):
        serving.generate_from_input([str(n) for n in range(500)])
    assert len(serving.requests) <= 8


def test_an_empty_answer_is_asked_for_once_more_and_then_fails():
    with ScriptedServing(["", "now"], max_concurrency=1) as serving:
        assert texts(serving.generate_from_input(["a"])) == ["now"]
    scope = Scope()
    with ScriptedServing(lambda text: Reply("  ", "stop", Usage(5, 2))) as serving, scoped(scope):
        (answer,) = serving.generate_from_input(["a"])
    assert answer.error.reason == "empty_answer"
    assert len(serving.requests) == 2
    assert scope.tally.discarded_tokens == 4
    assert scope.tally.failed == 1


def test_a_truncated_answer_is_a_failure_that_keeps_its_text_unless_it_is_accepted():
    script = {"a": Reply("the first half", "length", Usage(3, 9))}
    with ScriptedServing(script) as serving:
        (answer,) = serving.generate_from_input(["a"], max_tokens=9)
    assert answer.error.reason == "truncated"
    assert answer.error.raw == "the first half"
    assert "max_tokens=9" in answer.error.message
    with ScriptedServing(script, accept_truncated=True) as serving:
        (answer,) = serving.generate_from_input(["a"])
    assert (answer.text, answer.finish_reason) == ("the first half", "length")


@pytest.mark.parametrize("reason", ["content_filter", "refusal"])
def test_an_answer_that_was_refused_is_a_failure(reason):
    with ScriptedServing({"a": Reply("I cannot", reason)}) as serving:
        (answer,) = serving.generate_from_input(["a"])
    assert (answer.error.reason, answer.error.raw) == (reason, "I cannot")


class Person(BaseModel):
    name: str
    age: int


def test_a_schema_gives_objects_and_the_prompt_asks_for_them_where_the_server_cannot():
    with ScriptedServing(lambda text: '{"name": "Ada", "age": 36}') as serving:
        (answer,) = serving.generate_from_input(["Who?"], json_schema=Person)
    assert answer.parsed == Person(name="Ada", age=36)
    assert answer.value == answer.parsed
    assert answer.cell() == {"name": "Ada", "age": 36}
    asked = serving.requests[0].messages[-1]["content"]
    assert asked.startswith("Who?")
    assert '"age"' in asked


def test_one_bad_field_alone_is_asked_for_again_and_what_is_good_is_kept():
    def script(request):
        if len(request.messages) == 1:
            return Reply('{"name": "Ada", "age": "unknown"}', "stop", Usage(20, 12))
        return Reply('{"age": 36}', "stop", Usage(40, 5))

    scope = Scope()
    with ScriptedServing(script) as serving, scoped(scope):
        (answer,) = serving.generate_from_input(["Who?"], json_schema=Person)
    assert answer.parsed == Person(name="Ada", age=36)
    assert answer.usage == Usage(60, 17)
    assert answer.attempts == 2
    follow_up = [message["role"] for message in serving.requests[1].messages]
    assert follow_up == ["user", "assistant", "user"]
    assert scope.tally.corrections == 1
    assert 0 < scope.tally.discarded_tokens < 12


def test_an_answer_that_never_fits_fails_with_its_problems_and_its_text():
    with ScriptedServing(lambda text: "I do not know.") as serving:
        (answer,) = serving.generate_from_input(["Who?"], json_schema=Person)
    assert answer.error.reason == "unparsable_answer"
    assert answer.error.raw == "I do not know."
    assert len(serving.requests) == 2


def test_no_correction_is_asked_for_where_none_is_allowed():
    with ScriptedServing(lambda text: "nothing", corrections=0) as serving:
        (answer,) = serving.generate_from_input(["Who?"], json_schema=Person)
    assert not answer.ok
    assert len(serving.requests) == 1


class NativeServing(ScriptedServing):
    """A serving that says it can enforce schemas."""

    prefix = "native"
    capabilities = frozenset({"chat", "schema"})


def test_a_server_that_cannot_enforce_schemas_after_all_is_asked_by_the_prompt():
    def script(request):
        if request.schema is not None:
            return ReplyError("schema", "response_format is not supported", status=400)
        return '{"name": "Ada", "age": 36}'

    with NativeServing(script) as serving:
        answers = serving.generate_from_input(["Who?", "And?"], json_schema=Person)
        assert [answer.parsed.age for answer in answers] == [36, 36]
        sent = len(serving.requests)
        serving.generate_from_input(["Again?"], json_schema=Person)
    assert serving.requests[-1].schema is None
    assert len(serving.requests) == sent + 1


def needing(*names):
    """Return the schema of an object of integers."""
    return {
        "type": "object",
        "properties": {name: {"type": "integer"} for name in names},
        "required": list(names),
    }


def test_corrections_of_all_kinds_go_side_by_side():
    def script(request):
        if len(request.messages) == 1:
            wrong = "abc"[int(request.messages[0]["content"]) % 3]
            return json.dumps({name: "?" if name == wrong else 1 for name in "abc"})
        return '{"a": 2, "b": 2, "c": 2}'

    scope = Scope()
    serving = ScriptedServing(script, delay=0.1, max_concurrency=64, structured="native")
    with serving, scoped(scope):
        began = time.monotonic()
        answers = serving.generate_from_input(
            [str(number) for number in range(40)], json_schema=needing("a", "b", "c")
        )
        seconds = time.monotonic() - began
    assert [sorted(answer.parsed.values()) for answer in answers] == [[1, 1, 2]] * 40
    assert scope.tally.corrections == 40
    assert {tuple(one.schema["required"]) for one in serving.requests[40:]} == {*zip("abc")}
    assert seconds < 0.8


def test_a_schema_that_the_server_refuses_says_nothing_of_others():
    def script(request):
        if request.schema is not None and "b" in request.schema["properties"]:
            return ReplyError("schema", "this schema is not supported", status=400)
        return '{"a": 1, "b": 2}'

    scope = Scope()
    with NativeServing(script) as serving, scoped(scope):
        for name in "baba":
            (answer,) = serving.generate_from_input([f"{name}?"], json_schema=needing(name))
            assert answer.ok
            (answer,) = serving.generate_from_input([f"{name}!"], json_schema=needing(name))
            assert answer.ok
    native = [one.schema and list(one.schema["properties"]) for one in serving.requests]
    assert native == [["b"], None, None, ["a"], ["a"], None, None, ["a"], ["a"]]
    assert (scope.tally.asked, scope.tally.answered, scope.tally.failed) == (8, 8, 0)


def test_a_part_of_a_schema_that_the_server_refuses_is_asked_for_by_the_prompt():
    def script(request):
        if len(request.messages) == 1:
            return '{"a": 1, "b": "?"}'
        if request.schema is not None:
            return ReplyError("schema", "this schema is not supported", status=400)
        return '{"b": 2}'

    scope = Scope()
    with NativeServing(script) as serving, scoped(scope):
        (answer,) = serving.generate_from_input(["x"], json_schema=needing("a", "b"))
    assert answer.parsed == {"a": 1, "b": 2}
    assert [one.schema is None for one in serving.requests] == [False, False, True]
    assert (scope.tally.asked, scope.tally.corrections, scope.tally.failed) == (1, 1, 0)


def test_a_later_process_knows_what_the_server_refused_and_pays_for_nothing_twice(tmp_path):
    cache = tmp_path / "answers.sqlite"

    def script(request):
        if request.schema is not None and "b" in request.schema["properties"]:
            return ReplyError("schema", "this schema is not supported", status=400)
        return '{"a": 1, "b": 2}'

    def ask_all(serving):
        for name in "bab":
            yield from serving.generate_from_input(["x", "y"], json_schema=needing(name))

    with NativeServing(script, cache=cache) as serving:
        assert all(answer.ok for answer in ask_all(serving))
    with NativeServing(script, cache=cache) as serving:
        assert all(answer.reused for answer in ask_all(serving))
        assert not serving.requests
    again = NativeServing(script, cache=cache)
    with again, scoped(Scope(reuse=Reuse.NONE)):  # who asks again finds out again
        list(ask_all(again))
    assert again.requests[0].schema is not None


def test_native_schemas_go_with_the_request_and_are_checked_nevertheless():
    answers = iter(['{"name": "Ada", "age": -1.5}', '{"age": 3}'])
    with NativeServing(lambda text: next(answers)) as serving:
        (answer,) = serving.generate_from_input(["Who?"], json_schema=Person)
    assert serving.requests[0].schema["properties"].keys() == {"name", "age"}
    assert answer.parsed == Person(name="Ada", age=3)


def test_a_stored_answer_costs_nothing_and_a_changed_reader_reads_it_again(tmp_path):
    cache = tmp_path / "answers.sqlite"
    with ScriptedServing(lambda text: '{"name": "Ada", "age": 36}', cache=cache) as serving:
        serving.generate_from_input(["Who?"], json_schema=Person)
    with ScriptedServing(lambda text: "not asked", cache=cache) as serving:
        (answer,) = serving.generate_from_input(["Who?"], json_schema=Person)
    assert answer.parsed.age == 36
    assert answer.reused
    assert not serving.requests


def test_answers_that_were_of_no_use_are_asked_for_again_where_that_is_wanted(tmp_path):
    cache = tmp_path / "answers.sqlite"
    with ScriptedServing(lambda text: "prose", cache=cache) as serving:
        serving.generate_from_input(["Who?"], json_schema=Person)
    with ScriptedServing(lambda text: '{"name": "A", "age": 1}', cache=cache) as serving:
        (answer,) = serving.generate_from_input(["Who?"], json_schema=Person)
        assert not answer.ok
        assert not serving.requests
        with scoped(Scope(reuse=Reuse.GOOD)):
            (answer,) = serving.generate_from_input(["Who?"], json_schema=Person)
    assert answer.parsed.age == 1


def test_a_stop_waits_for_what_is_on_its_way_and_keeps_it(tmp_path):
    serving = ScriptedServing(lambda text: text, delay=0.2, max_concurrency=5)
    stop = threading.Event()
    with RequestStore(tmp_path / "requests.sqlite") as store:
        threading.Timer(0.1, stop.set).start()
        with scoped(Scope(store=store, stop=stop.is_set)), pytest.raises(RunStopped):
            serving.generate_from_input([str(n) for n in range(100)])
        sent = len(serving.requests)
        assert sent <= 10
        with scoped(Scope(store=store)):
            answers = serving.generate_from_input([str(n) for n in range(sent)])
        assert all(answer.reused for answer in answers)
        serving.close()


def test_a_thread_without_a_scope_has_that_of_the_run_unless_there_are_two(tmp_path):
    def ask(text):
        told = []

        def work():
            try:
                told.extend(serving.generate_from_input([text]))
            except ConfigurationError as error:
                told.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return told[0]

    one, other = (RequestStore(tmp_path / f"{name}.sqlite") for name in ("one", "other"))
    with ScriptedServing(str.upper) as serving, one, other:
        mine = Scope(store=one)
        with serving.lent(mine), serving.lent(Scope(store=one)):
            assert ask("a").text == "A"
            with serving.lent(Scope(store=other)):
                assert "belongs to no step" in str(ask("b"))
                with scoped(mine):  # who has a scope has it
                    assert texts(serving.generate_from_input(["a"])) == ["A"]
        assert ask("c").text == "C"
        assert (one.spent().answers, other.spent().answers) == (1, 0)


def test_vectors_come_in_order_and_are_asked_for_once(tmp_path):
    with ScriptedServing({}, cache=tmp_path / "answers.sqlite") as serving:
        first = serving.embed(["a", None, "b", "", "a", 3])
        again = serving.embed(["b", "a"])
    assert first[0].vector == first[4].vector == again[1].vector
    assert first[2].vector == again[0].vector != first[0].vector
    reasons = [one.error.reason for one in (first[1], first[3], first[5])]
    assert reasons == ["null_input", "empty_text", "invalid_input"]
    assert sorted(serving.embedded) == ["a", "b"]


def test_a_serving_without_vectors_says_what_it_can_do():
    class Mute(ScriptedServing):
        capabilities = frozenset({"chat"})

    with pytest.raises(ConfigurationError, match=r"cannot do 'embed'; it can do: chat"):
        Mute({}).embed(["a"])


def test_servings_are_equal_by_configuration_and_travel_without_what_they_opened():
    serving = ScriptedServing({"a": "1"}, max_concurrency=3)
    serving.generate_from_input(["a"])
    for other in (pickle.loads(pickle.dumps(serving)), copy.deepcopy(serving)):
        assert other == serving
        assert not other.is_open
        assert texts(other.generate_from_input(["a"])) == ["1"]
        other.close()
    serving.close()


def test_a_closed_serving_opens_again():
    serving = ScriptedServing({"a": "1"})
    for _ in range(2):
        assert texts(serving.generate_from_input(["a"])) == ["1"]
        serving.close()
        assert not serving.is_open


@pytest.mark.parametrize(
    "spec",
    [
        "openai:gpt-4o-mini",
        "openai:Qwen/Qwen2.5-7B@http://localhost:8000/v1",
        "openai:m@https://h.example/v1#max_concurrency=8&temperature=0.7&stop=[\"\\n\"]",
        "openai:m#extra={\"a\":{\"b\":[1,2]},\"c\":\"x%26y\"}&api_key_env=MY_KEY",
    ],
)  # fmt: skip
def test_specifications_and_servings_are_the_same(spec):
    serving = serving_from_spec(spec)
    assert serving_from_spec(serving.spec) == serving


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("gpt-4o", "KIND:MODEL is wanted"),
        ("opneai:gpt-4o", "Did you mean 'openai'"),
        ("openai:gpt-4o#max_concurency=3", "Did you mean 'max_concurrency'"),
        ("openai:gpt-4o#timeout", "no NAME=VALUE"),
        ("openai:", "names no model"),
        ("openai:m@localhost:8000/v1", "Write openai:m@http://localhost:8000/v1"),
        ("openai:m@models.example", "Write openai:m@http://models.example"),
        ("openai:m@ftp://models.example/v1", "Write openai:m@http://models.example/v1"),
    ],
)
def test_wrong_specifications_say_what_is_wanted(spec, message):
    with pytest.raises(ConfigurationError, match=message):
        serving_from_spec(spec)


def test_no_secret_is_in_what_is_written_of_a_serving():
    serving = serving_from_spec("openai:m@http://me:pass@localhost:1/v1", api_key="sk-very-secret")
    for told in (
        serving.spec,
        repr(serving),
        str(serving.fingerprint()),
        str(serving.model_dump()),
    ):
        assert "secret" not in told
        assert "pass" not in told


def test_one_request_that_the_server_always_hangs_up_on_fails_alone():
    with FaultServer() as server:
        serving = OpenAIServing(model="m", base_url=server.url, transport_retries=2, timeout=0.3)
        with serving:
            answers = serving.generate_from_input(["a", "[[drop]] b", "[[hang]] c", "d"])
    assert [answer.ok for answer in answers] == [True, False, False, True]
    assert [answers[n].error.reason for n in (1, 2)] == ["connection_lost", "timeout"]


class Odd(Backend):
    """A backend with a defect, for some prompts or for all."""

    def __init__(self, serving):
        self.serving = serving

    async def chat(self, request):
        if request.messages[-1]["content"] in self.serving.odd:
            raise KeyError("oops")
        return Reply("fine")

    async def embed(self, texts):
        return Vectors([None for _ in texts])


class OddServing(Serving):
    model: str = "odd"
    odd: tuple[str, ...] = ()
    capabilities = frozenset({"chat", "embed"})

    def open_backend(self):
        return Odd(self)


def test_an_error_that_no_backend_foresaw_fails_its_row_and_many_in_a_row_the_call():
    with OddServing(odd=("b",)) as serving:
        answers = serving.generate_from_input(["a", "b", "c"])
    assert [answer.ok for answer in answers] == [True, False, True]
    assert "oops" in answers[1].error.message
    prompts = tuple(str(n) for n in range(50))
    with OddServing(odd=prompts) as serving, pytest.raises(ServingError, match="oops"):
        serving.generate_from_input(prompts)


def test_vectors_that_are_none_fail_and_can_be_asked_for_again():
    with OddServing() as serving:
        for _ in range(2):
            (vector,) = serving.embed(["a"])
            assert vector.error.reason == "broken_answer"


def test_closing_a_serving_ends_the_calls_that_are_on():
    serving = ScriptedServing(lambda text: text, delay=30)
    threading.Timer(0.2, serving.close).start()
    begun = time.monotonic()
    with pytest.raises(ServingError, match="was closed"):
        serving.generate_from_input(["a", "b"])
    assert time.monotonic() - begun < 5


def test_a_refusal_of_all_waits_for_the_answers_on_their_way_and_keeps_them(tmp_path):
    def script(text):
        if text == "bad":
            return ReplyError("fatal", "no credit")
        return text

    class Slow(ScriptedServing):
        def open_backend(self):
            player = super().open_backend()
            chat = player.chat

            async def slowly(request):
                if request.messages[-1]["content"] != "bad":
                    await asyncio.sleep(0.3)
                return await chat(request)

            player.chat = slowly
            return player

    with RequestStore(tmp_path / "requests.sqlite") as store:
        with Slow(script) as serving, scoped(Scope(store=store)), pytest.raises(ServingError):
            serving.generate_from_input(["a", "b", "bad"])
        assert store.spent().answers == 2


def test_a_store_that_fails_ends_the_call_before_all_is_paid_for(tmp_path):
    store = RequestStore(tmp_path / "requests.sqlite")
    serving = ScriptedServing(lambda text: text, delay=0.01, max_concurrency=4)
    with serving, scoped(Scope(store=store)):
        serving.generate_from_input(["first"])
        store.close()
        with pytest.raises(StoreError):
            serving.generate_from_input([str(n) for n in range(400)])
    assert len(serving.requests) < 50


def test_a_server_that_asks_to_come_back_tomorrow_ends_the_call():
    serving = ScriptedServing(lambda text: ReplyError("rate_limit", "quota", retry_after=86_400))
    with serving, pytest.raises(ServingError, match="come back in 1,440 minutes"):
        serving.generate_from_input(["a"])


def test_answers_of_a_model_go_into_a_table_as_plain_data():
    class Describe(Generator):
        serving: Serving

        def run(self, storage, input_text="text", output_person="person"):
            table = storage.read()
            answers = self.serving.generate_from_input(
                table[input_text].tolist(), json_schema=Person
            )
            table[output_person] = [answer.cell() for answer in answers]
            storage.write(table)

    table = MemoryStorage([{"text": "a"}, {"text": None}])
    with ScriptedServing(lambda text: '{"name": "Ada", "age": 36}') as serving:
        Describe(serving=serving).run(table)
    assert table.rows() == [{"text": "a", "person": {"name": "Ada", "age": 36}}]
    assert table.quarantined()["reason"].tolist() == ["null_input"]
