"""`dataflow servings`: what is listed, shown, and found out by asking."""

import json
import re
import sys
from typing import ClassVar

import pytest

from dataflow_core.cli.main import main
from dataflow_core.serving import Backend, Reply, ReplyError, Serving
from dataflow_core.serving.checking import check_serving
from dataflow_core.testing import CassetteServing, FaultServer, ScriptedServing

KEY = "sk-very-secret"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with FaultServer() as server:
        yield server


def run(capsys, *arguments, code=0):
    assert main(arguments) == code, capsys.readouterr().err
    shown = capsys.readouterr()
    assert KEY not in shown.out + shown.err
    return shown.out


def checked(capsys, spec, code=0):
    """Return what a check found, by part."""
    told = json.loads(run(capsys, "servings", "check", spec, "--json", code=code))
    assert told["works"] is (code == 0)
    return {part["part"]: part for part in told["parts"]}


def test_all_servings_are_listed_with_their_prefixes(capsys):
    listed = json.loads(run(capsys, "servings", "list", "--json"))
    prefixes = {prefix for one in listed for prefix in one["prefixes"]}
    assert prefixes >= {
        *("openai", "gemini", "litellm", "embedded"),
        *("vllm", "vllm-server", "sglang", "sglang-server"),
    }


@pytest.mark.parametrize("name", ["vllm-server", "core/vllm_server"])
def test_a_serving_is_shown_by_its_prefix_or_its_name(capsys, name):
    shown = run(capsys, "servings", "show", name)
    assert re.search(r"can do +chat, embed, images, schema", shown)
    assert "engine_args: dict[str, Any], default {}" in shown
    assert "max_tokens: int, >= 1 | None, default None" in shown
    assert "The most tokens of an answer" in shown


def test_a_serving_that_is_none_is_told_with_its_neighbour(capsys):
    assert main(["servings", "show", "core/opanai"]) == 2
    assert "core/openai" in capsys.readouterr().err


def test_a_serving_that_works_shows_answers_speed_and_vectors(capsys, server):
    shown = run(capsys, "servings", "check", f"openai:m@{server.url}")
    chat, schema, embedding = shown.splitlines()[1:]
    assert re.match(r"  chat      works \d+\.\d\d s, \d+ tokens/s: ok:\d+", chat)
    assert re.match(r"  schema    works .*: the server enforces it: \{'name': '", schema)
    assert re.match(r"  embedding works \d+\.\d\d s: \d+ numbers", embedding)
    assert server.stats().requests == 3


def test_long_answers_are_cut_to_a_glance(capsys, server):
    server.set(answer_tokens=800)
    chat = checked(capsys, f"openai:m@{server.url}")["chat"]
    assert len(chat["told"]) == 200
    assert chat["told"].endswith("…")


def test_an_answer_of_as_many_tokens_as_are_allowed_is_one(capsys, server):
    chat = checked(capsys, f"openai:m@{server.url}#max_tokens=10")["chat"]
    assert chat["works"]


def test_a_wrong_key_is_told_and_the_exit_code_is_1(capsys, server):
    server.set(api_key="another")
    parts = checked(capsys, f"openai:m@{server.url}", code=1)
    assert "the API key is missing or wrong" in parts["chat"]["told"]


def test_a_missing_key_is_told_with_the_cure(capsys, monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    parts = checked(capsys, "openai:m", code=1)
    assert parts["chat"]["told"].startswith("there is no API key. Set OPENAI_API_KEY")
    assert parts["schema"]["told"] == parts["embedding"]["told"] == "likewise"


def test_a_server_that_is_not_there_is_asked_once(capsys):
    parts = checked(capsys, "openai:m@http://127.0.0.1:9/v1#patience=0", code=1)
    assert parts["chat"]["told"] == (
        "the server does not answer: cannot connect to 127.0.0.1:9: Connection refused"
    )
    assert parts["chat"]["cure"] == "Start the server, or correct its address."
    assert parts["embedding"]["told"] == "not asked: the server does not answer"


def test_a_model_that_answers_no_json_to_a_prompt_is_told_with_the_cure(capsys, server):
    part = checked(capsys, f"openai:m@{server.url}#structured=prompt")["schema"]
    assert not part["works"]
    assert part["told"].startswith("the prompt asks for it, and the answer does not fit: ")
    assert part["cure"].startswith("Take a larger model")


def test_a_server_that_takes_no_schemas_is_told_so(capsys, server):
    server.set(schemas=False)
    told = checked(capsys, f"openai:m@{server.url}")["schema"]["told"]
    assert told.startswith("the server takes no schema, so the prompt asks for it, and the answer")


def test_a_server_that_does_not_keep_to_the_schema_is_told_so(capsys, server):
    server.set(wrong_schema_share=1.0)
    part = checked(capsys, f"openai:m@{server.url}")["schema"]
    assert part["told"].startswith("the server took the schema, and its answer does not fit: ")
    assert part["cure"] == "Try structured=prompt, or a server that enforces it."


def test_what_fails_alike_is_told_once(capsys, server):
    server.set(server_error_share=1.0)
    parts = checked(capsys, f"openai:m@{server.url}#transport_retries=0", code=1)
    assert parts["chat"]["cure"] == "See the server's log."
    assert parts["schema"] == parts["embedding"] | {"part": "schema"}
    assert (parts["schema"]["told"], parts["schema"]["cure"]) == ("likewise", None)


class Chatting(Backend):
    async def chat(self, request):
        return Reply('{"name": "Rome", "population": 1}')

    async def embed(self, texts):
        raise ReplyError("request", "no embeddings here")


class ChattingServing(Serving):
    prefix: ClassVar = "chatting"
    capabilities: ClassVar = frozenset({"chat", "embed"})

    def open_backend(self):
        return Chatting()


def test_a_server_without_vectors_is_told_with_the_cure():
    with ChattingServing(model="m") as serving:
        chat, schema, embedding = check_serving(serving)
    assert [chat.works, schema.works, embedding.works] == [True, True, False]
    assert embedding.told == "no embeddings here"
    assert embedding.cure.startswith("Take another model or server for vectors")


def test_a_cassette_tells_what_it_has_and_is_asked_nothing(capsys, tmp_path):
    path = tmp_path / "said.jsonl"
    scripted = ScriptedServing({"a": "A", "b": "B"})
    with CassetteServing(path=path, serving=scripted, mode="record") as recorder:
        recorder.generate_from_input(["a", "b"])
        recorder.embed(["a"])
    shown = run(capsys, "servings", "check", f"cassette:{path}")
    assert shown.splitlines() == [
        f"cassette:{path}",
        "  chat      works 2 answers recorded; nothing was asked",
        "  schema    -     nothing was recorded",
        "  embedding works 1 answer recorded; nothing was asked",
    ]


def test_a_cassette_that_is_not_there_is_told_once(capsys, tmp_path):
    shown = run(capsys, "servings", "check", f"cassette:{tmp_path}/none.jsonl", code=1)
    assert len(shown.splitlines()) == 2
    assert "there is no cassette" in shown


def test_a_kept_answer_proves_nothing_and_is_not_taken(capsys, server, tmp_path):
    spec = f"openai:m@{server.url}#cache={tmp_path / 'answers.sqlite'}"
    checked(capsys, spec)
    checked(capsys, spec)
    assert server.stats().requests == 6


def test_what_lacks_its_extra_is_told_with_the_cure(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    parts = checked(capsys, "vllm:org/m", code=1)
    assert "pip install 'dataflow-llm-core[vllm]'" in parts["chat"]["told"]
    assert parts["embedding"]["works"] is None


def test_a_server_that_limits_is_told_with_the_cure(capsys, server):
    server.set(rate_limit_share=1.0, retry_after=0)
    parts = checked(capsys, f"openai:m@{server.url}#rate_limit_retries=0", code=1)
    assert parts["chat"]["cure"].startswith("Wait, or set requests_per_minute")


def test_a_specification_that_is_none_is_wrong_usage(capsys):
    assert main(["servings", "check", "opanai:m"]) == 2
    assert "Did you mean 'openai'" in capsys.readouterr().err
