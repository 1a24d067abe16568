"""What a serving needs and this machine lacks is told without opening anything."""

import importlib.util
import sys

import pytest

from dataflow_core.serving import (
    EmbeddedServing,
    GeminiServing,
    LiteLLMServing,
    OpenAIServing,
    SGLangServerServing,
    SGLangServing,
    VLLMServerServing,
    VLLMServing,
)
from dataflow_core.serving.models import DEFAULT_MODEL, kept_file
from dataflow_core.testing import CassetteServing, ScriptedServing

KEYS = ("OPENAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_BASE_URL", "GEMINI_BASE_URL")
ENGINES = ("vllm", "sglang", "litellm", "xllamacpp")


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """Leave this machine without keys, models and engines."""
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATAFLOW_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr("dataflow_core.serving.models.installed_file", lambda _: None)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in ENGINES else find(name)
    )


@pytest.fixture
def engines(monkeypatch):
    """Let the engines' packages be found; to import them would fail."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())


def lack(serving):
    """Return the one thing that a serving lacks."""
    (found,) = serving.lacks()
    assert found.startswith(f"{serving.name}: ") or isinstance(serving, CassetteServing)
    assert not serving.is_open
    return found


@pytest.mark.parametrize(
    ("cls", "variable"), [(OpenAIServing, "OPENAI_API_KEY"), (GeminiServing, "GEMINI_API_KEY")]
)
def test_the_vendors_key_is_lacking_until_it_is_set(cls, variable, monkeypatch):
    assert f"(export {variable}=…)" in lack(cls(model="m"))
    monkeypatch.setenv(variable, "a-key")
    assert cls(model="m").lacks() == []


@pytest.mark.parametrize("url", ["http://localhost:8000/v1", "https://models.example/v1"])
def test_a_server_of_ones_own_lacks_no_key_unless_one_is_named(url, tmp_path):
    assert OpenAIServing(model="m", base_url=url).lacks() == []
    named = OpenAIServing(model="m", base_url=url, api_key_env="NOPE")
    assert "export NOPE=…" in lack(named)
    file = OpenAIServing(model="m", base_url=url, api_key_file=tmp_path / "none")
    assert "cannot read api_key_file" in lack(file)


@pytest.mark.parametrize(
    ("serving", "cure"),
    [
        (VLLMServing(model="m"), "pip install 'dataflow-llm-core[vllm]'"),
        (SGLangServing(model="m"), "pip install 'dataflow-llm-core[sglang]'"),
        (VLLMServerServing(model="m"), "pip install 'dataflow-llm-core[vllm]'"),
        (SGLangServerServing(model="m"), "pip install 'dataflow-llm-core[sglang]'"),
        (LiteLLMServing(model="p/m"), "pip install 'dataflow-llm-core[litellm]'"),
    ],
)
def test_an_engine_that_is_not_installed_is_lacking(serving, cure):
    assert cure in lack(serving)


def test_an_engine_is_found_without_importing_it(engines):
    for cls in (VLLMServing, SGLangServing, VLLMServerServing, SGLangServerServing, LiteLLMServing):
        assert cls(model="m").lacks() == []
    assert not {"vllm", "sglang", "litellm"} & set(sys.modules)


def test_a_server_lacks_the_program_that_is_to_start_it():
    assert "python begins with /no/python" in lack(
        VLLMServerServing(model="m", python="/no/python")
    )
    started = VLLMServerServing(model="m", command=("no-such-launcher", "{model}"))
    assert "command begins with no-such-launcher" in lack(started)
    assert VLLMServerServing(model="m", command=("sh", "-c", "vllm")).lacks() == []


def test_an_embedded_model_lacks_its_package_and_its_file():
    package, model = EmbeddedServing().lacks()
    assert "pip install 'dataflow-llm-core[embedded]'" in package
    assert model.endswith(": dataflow models fetch")


def test_an_embedded_model_is_there_without_being_read(engines, tmp_path):
    assert "there is no model 'none.gguf'" in lack(EmbeddedServing(model="none.gguf"))
    file = kept_file(DEFAULT_MODEL)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"")
    (tmp_path / "own.gguf").write_bytes(b"GGUF")
    assert EmbeddedServing().lacks() == []
    assert EmbeddedServing(model=str(tmp_path / "own.gguf")).lacks() == []


def test_a_cassette_is_lacking_unless_it_is_recorded(tmp_path):
    path = tmp_path / "none.jsonl"
    assert "there is no cassette" in lack(CassetteServing(path=path))
    scripted = ScriptedServing({})
    assert CassetteServing(path=path, serving=scripted, mode="record").lacks() == []
    keyless = CassetteServing(path=path, serving=OpenAIServing(model="m"), mode="record")
    assert "export OPENAI_API_KEY=…" in lack(keyless)
