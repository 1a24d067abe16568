"""Where keys go, and that what servers say never shows them."""

import base64
import re

import pytest

from dataflow_core.errors import ConfigurationError, ServingRefused
from dataflow_core.pipeline.secrets import _is_hidden
from dataflow_core.secrets import HIDDEN, masked
from dataflow_core.serving import (
    GeminiServing,
    LiteLLMServing,
    OpenAIServing,
    VLLMServerServing,
    VLLMServing,
    serving_from_spec,
)
from dataflow_core.serving.backends.litellm import NO_KEY, LiteLLMBackend

from .scripted_http import scripted_http

VENDORS, OWN = "sk-of-the-vendor", "sk-very-own-key"
FOREIGN = "https://models.example/v1"
ANSWER = {"choices": [{"message": {"content": "ok"}}]}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("OPENAI_BASE_URL", "GEMINI_BASE_URL", "OPENAI_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("OPENAI_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(name, VENDORS)


@pytest.mark.parametrize(
    ("cls", "url", "key"),
    [
        (OpenAIServing, None, VENDORS),
        (OpenAIServing, "https://api.openai.com/v1", VENDORS),
        (OpenAIServing, "http://localhost:8000/v1", VENDORS),
        (OpenAIServing, "http://127.0.0.2:8000/v1", VENDORS),
        (OpenAIServing, "http://[::1]:8000/v1", VENDORS),
        (OpenAIServing, FOREIGN, None),
        (OpenAIServing, "http://10.0.0.7:8000/v1", None),
        (OpenAIServing, "http://me:pass@localhost:8000/v1", None),
        (GeminiServing, None, VENDORS),
        (GeminiServing, FOREIGN, None),
    ],
)
def test_the_vendors_key_goes_to_the_vendor_and_to_this_machine_alone(cls, url, key):
    assert cls(model="m", base_url=url).key() == key


def test_the_vendors_key_goes_to_the_address_of_the_environment(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "https://models.example/v1/")
    assert OpenAIServing(model="m").key() == VENDORS
    assert OpenAIServing(model="m", base_url=FOREIGN).key() == VENDORS
    assert OpenAIServing(model="m", base_url="http://models.example/v1").key() is None


def test_another_server_gets_a_key_that_is_named():
    assert OpenAIServing(model="m", base_url=FOREIGN, api_key=OWN).key() == OWN
    named = OpenAIServing(model="m", base_url=FOREIGN, api_key_env="OPENAI_API_KEY")
    assert named.key() == VENDORS


def test_the_vendors_key_does_not_go_to_the_vendor_in_clear_text():
    with pytest.raises(ConfigurationError, match="with https: in base_url"):
        OpenAIServing(model="m", base_url="http://api.openai.com/v1").key()


def test_litellm_is_kept_from_sending_openais_key_elsewhere():
    def sent(**configuration):
        return LiteLLMBackend(LiteLLMServing(**configuration))._base.get("api_key")

    assert sent(model="openai/m", base_url=FOREIGN) == NO_KEY
    assert sent(model="openai/m", base_url=FOREIGN, api_key=OWN) == OWN
    assert sent(model="openai/m", base_url="http://localhost:8000/v1") is None
    assert sent(model="azure/m", base_url=FOREIGN) is None


@pytest.mark.parametrize("cls", [OpenAIServing, GeminiServing])
def test_a_user_in_the_address_goes_before_the_environment(cls):
    with scripted_http(lambda _: (500, {})) as server:
        url = server.url.replace("://", "://me:pass@")
        with cls(model="m", base_url=url, transport_retries=0) as serving:
            serving.generate_from_input(["x"])
        headers = server.heard[0].headers
    assert headers["authorization"] == f"Basic {base64.b64encode(b'me:pass').decode()}"
    assert VENDORS not in str(headers)


def refused(cls, status=401, content=None, user="", path="/v1", **configuration):
    """Return how a serving tells that a server refuses its key."""
    content = content or {"error": "who are you?"}
    with scripted_http(lambda _: (status, content)) as server:
        url = server.url.replace("://", f"://{user}") + path
        serving = cls(model="m", base_url=url, **configuration)
        with serving, pytest.raises(ServingRefused) as caught:
            serving.generate_from_input(["x"])
    return str(caught.value)


@pytest.mark.parametrize(
    ("cls", "variable"), [(OpenAIServing, "OPENAI_API_KEY"), (GeminiServing, "GEMINI_API_KEY")]
)
def test_a_server_that_refuses_a_key_is_told_with_where_the_key_came_from(cls, variable, tmp_path):
    told = refused(cls)
    assert told.endswith(f": the key that was sent is that in the variable {variable}")
    assert VENDORS not in told


def test_a_key_that_was_named_is_told_by_its_name(monkeypatch, tmp_path):
    monkeypatch.setenv("MY_KEY", OWN)
    file = tmp_path / "key"
    file.write_text(OWN)
    told = [
        refused(OpenAIServing, api_key_env="MY_KEY"),
        refused(OpenAIServing, 403, api_key_file=file),
        refused(OpenAIServing, api_key=OWN),
    ]
    assert told[0].endswith("is that in the variable MY_KEY (api_key_env)")
    assert told[1].endswith(f"is that in api_key_file {file}")
    assert told[2].endswith("is the one given as api_key")
    assert OWN not in "".join(told)


def test_gemini_tells_of_a_wrong_key_with_status_400():
    error = {"message": "bad", "details": [{"reason": "API_KEY_INVALID"}]}
    assert "in the variable GEMINI_API_KEY" in refused(GeminiServing, 400, {"error": error})


def test_where_no_key_was_set_the_variable_that_was_looked_at_is_told(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    told = refused(OpenAIServing)
    assert "no key was sent, for OPENAI_API_KEY is not set. export OPENAI_API_KEY=…" in told
    told = refused(OpenAIServing, user="me:pass-word@")
    assert told.endswith("no key was sent, but the user and password in base_url")
    assert "pass-word" not in told


def test_another_server_that_wants_a_key_is_told_how_to_name_one():
    assert "api_key_env=OPENAI_API_KEY" in OpenAIServing(model="m", base_url=FOREIGN).lacking_key()


@pytest.mark.parametrize("cls", [OpenAIServing, GeminiServing, LiteLLMServing])
@pytest.mark.parametrize(("value", "state"), [(None, "not set"), (" ", "empty")])
def test_a_named_variable_without_a_key_is_told_before_anything_is_sent(
    cls, value, state, monkeypatch
):
    if value is not None:
        monkeypatch.setenv("NOPE", value)
    with scripted_http(lambda _: (200, ANSWER)) as server:
        serving = cls(model="openai/m", base_url=server.url, api_key_env="NOPE")
        with serving, pytest.raises(ConfigurationError) as caught:
            serving.generate_from_input(["x"])
    (line,) = str(caught.value).splitlines()
    assert f"api_key_env=NOPE, and the variable NOPE is {state}. export NOPE=…" in line
    assert not server.heard


@pytest.mark.parametrize("key", ["sk-proj-1234", "AIzaSyA1234567890abcdefghij"])
def test_a_key_in_place_of_its_variable_is_refused_and_not_shown(key):
    for make in (
        lambda: OpenAIServing(model="m", api_key_env=key),
        lambda: serving_from_spec(f"openai:m#api_key_env={key}"),
    ):
        with pytest.raises(ConfigurationError, match="name of an environment variable") as caught:
            make()
        assert key not in str(caught.value)


def test_an_address_without_a_path_that_is_not_found_is_told_what_it_may_lack():
    told = refused(OpenAIServing, 404, path="")
    assert re.search(r"(http://127\.0\.0\.1:\d+) has no path, .*: try \1/v1$", told)
    assert "has no path" not in refused(OpenAIServing, 404)


@pytest.mark.parametrize("cls", [OpenAIServing, GeminiServing])
@pytest.mark.parametrize("user", ["", "someone:hunter2-hunter2@"])
@pytest.mark.parametrize("status", [200, 400, 401, 500])
def test_what_a_server_repeats_of_a_key_is_masked(cls, user, status):
    key = None if user else OWN

    def repeating(heard):
        told = heard.headers.get("authorization") or heard.headers["x-goog-api-key"]
        told = told.rpartition(" ")[2]
        if user:
            told += " " + base64.b64decode(told).decode()
        return status, {"error": {"message": f"bad key: {told}"}}

    with scripted_http(repeating) as server:
        url = server.url.replace("://", f"://{user}")
        with cls(model="m", base_url=url, api_key=key, transport_retries=0) as serving:
            try:
                message = serving.generate_from_input(["x"])[0].error.message
            except ServingRefused as error:
                message = str(error)
    assert "bad key: ***" in message
    for secret in (OWN, "hunter2", base64.b64encode(user[:-1].encode()).decode() or OWN):
        assert secret not in message


def test_secrets_are_masked_even_where_the_text_is_cut():
    assert masked("the key sk-12345678 is bad", ["sk-12345678"]) == "the key *** is bad"
    assert masked("begins 'the key sk-1234'", ["sk-12345678"]) == "begins 'the key ***'"
    assert masked("some one, me", ["me"]) == "some one, ***"
    assert masked("nothing", ["", "sk-12345678"]) == "nothing"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://h/v1?api-key=hidden-here", "query="),
        ("http://me:hidden-here@h:abc/v1", "it takes an address"),
        ("http://h:99999/v1", "it takes an address"),
    ],
)
def test_addresses_that_are_none_are_refused_without_showing_secrets(url, why):
    with pytest.raises(ConfigurationError, match=why) as caught:
        OpenAIServing(model="m", base_url=url)
    assert "hidden-here" not in str(caught.value)


COMMAND = (
    *("env", "HF_TOKEN=SECRET-1", "launch", "--api-key", "SECRET-2", "--hf-token=SECRET-3"),
    *("-H", "Authorization: Bearer SECRET-4", "--url", "https://me:SECRET-5@host/"),
    *("sh", "-c", "MY_TOKEN='SECRET-6' serve --password SECRET-7 --port {port}"),
    *("--max-num-tokens", "5", "--api-key-file", "kept", "--token", "$TOKEN"),
)


def test_secrets_in_a_command_are_hidden_and_nothing_else_is():
    serving = VLLMServerServing(model="m", command=COMMAND)
    for told in (serving.spec, repr(serving), str(serving.identity()), str(serving.fingerprint())):
        assert "SECRET" not in told
        assert HIDDEN in told
        for shown in ("HF_TOKEN=", "5", "kept", "$TOKEN", "serve --password", "{port}"):
            assert shown in told
    again = serving_from_spec(serving.spec)
    assert again.spec == serving.spec
    assert _is_hidden(again, "serving")
    assert not _is_hidden(serving, "serving")
    plain = VLLMServerServing(model="m", command=("vllm", "serve", "{model}", "--seed", "3"))
    assert serving_from_spec(plain.spec) == plain


@pytest.mark.parametrize(
    "wrong",
    [
        {"command": "vllm serve --api-key SECRET-1"},
        {"engine_args": "api_key=SECRET-1"},
        {"timeout": {"api_key": "SECRET-1"}},
    ],
)
def test_what_is_refused_is_shown_without_secrets(wrong):
    with pytest.raises(ConfigurationError) as caught:
        VLLMServerServing(model="m", **wrong)
    assert "SECRET" not in str(caught.value)
    assert HIDDEN in str(caught.value)


def test_what_is_written_of_a_serving_has_no_secrets():
    serving = OpenAIServing(
        model="m",
        base_url="http://me:pass-word@localhost:1/v1",
        query={"api-version": "3", "subscription-key": "SECRET-S", "sig": "SECRET-T"},
        extra={"user_api_key": "SECRET-E", "deep": [{"password": "SECRET-P"}]},
    )
    engine = VLLMServing(model="m", engine_args={"hf_token": "SECRET-H", "dtype": "half"})
    shown = [serving.spec, serving.name, repr(serving), str(serving.identity()), engine.spec]
    shown += [repr(engine), str(engine.identity())]
    assert "SECRET" not in " ".join(shown)
    assert "pass-word" not in " ".join(shown)
    assert HIDDEN in serving.spec
    assert "api-version" in serving.spec
    assert serving_from_spec(serving.spec).spec == serving.spec
    assert _is_hidden(serving_from_spec(serving.spec), "serving")
    assert not _is_hidden(serving, "serving")


@pytest.mark.parametrize(
    "spec",
    [
        "openai:m@http://me:hidden@h/v1?key=hidden#api_key=hidden&oops",
        "openai:m#api_key=hidden: [",
        "opnai:m@http://me:hidden@h/v1#api_key=hidden",
        "no serving#api_key=hidden",
    ],
)
def test_errors_of_specifications_show_no_secrets(spec):
    with pytest.raises(ConfigurationError) as caught:
        serving_from_spec(spec)
    assert "hidden" not in str(caught.value)
