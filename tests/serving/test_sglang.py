"""SGLang in this process, against a stand-in for its engine.

The real one runs on GPUs only. The stand-in has the signatures, and answers in the form, of
`sglang.Engine` 0.5.23; it shows that we call it so, not that it answers.
"""

import json
import sys
import threading
import types
from typing import ClassVar

import pytest

from dataflow_core.errors import ConfigurationError, ServingError
from dataflow_core.serving import SGLangServing, image
from dataflow_core.serving.completion import Usage

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}


class Tokenizer:
    """One token for each word; a template that shows roles and options."""

    chat_template = "{{ messages }}"

    def apply_chat_template(self, messages, *, tokenize, add_generation_prompt, **options):
        assert not tokenize
        assert add_generation_prompt
        if messages[-1]["content"] == "refuse":
            raise ValueError("roles must alternate")
        told = [f"{one['role']}: {one['content']}" for one in messages]
        return " ".join([*told, *(f"{k}={v}" for k, v in options.items())])

    def encode(self, text, *, add_special_tokens=True):
        assert not add_special_tokens
        return [hash(word) for word in text.split()]


class Engine:
    """What `sglang.Engine` is called with, and how it answers."""

    made: ClassVar[list] = []

    def __init__(self, **arguments):
        if "nonsense" in arguments:
            raise TypeError("unexpected keyword argument 'nonsense'")
        if arguments["model_path"] == "too/big":
            raise RuntimeError("CUDA out of memory")
        self.arguments = arguments
        self.thread = threading.current_thread()
        self.tokenizer_manager = types.SimpleNamespace(tokenizer=Tokenizer())
        self.asked = []
        self.is_shut = False
        Engine.made.append(self)

    async def async_generate(self, prompt=None, sampling_params=None, input_ids=None):
        assert prompt is None
        self.asked.append((input_ids, sampling_params))
        if len(input_ids) > 50:
            raise ValueError("The input (60 tokens) is longer than the model's context length (50)")
        text = '{"n": 4}' if "json_schema" in sampling_params else "<think>\nhm\n</think>\n\nfine"
        if sampling_params.get("regex") == "(":
            raise ValueError("Failed to compile regex grammar")
        about = {
            "id": "r1",
            "finish_reason": {"type": "stop", "matched": 2},
            "prompt_tokens": len(input_ids),
            "completion_tokens": 6,
            "cached_tokens": 3,
        }
        return {"text": text, "output_ids": [1], "meta_info": about}

    async def async_encode(self, prompt):
        return [
            {"embedding": [float(len(one)), 1.0], "meta_info": {"prompt_tokens": 2}}
            for one in prompt
        ]

    def shutdown(self):
        self.is_shut = True


@pytest.fixture
def engine(monkeypatch):
    """Put the stand-in where SGLang is imported from; return the engines that are made."""
    made: ClassVar[list] = []
    monkeypatch.setattr(Engine, "made", made)
    monkeypatch.setitem(sys.modules, "sglang", types.SimpleNamespace(Engine=Engine))
    return made


def test_that_sglang_is_not_installed_is_told_with_the_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "sglang", None)
    cure = r"sglang is not installed.*dataflow-llm-core\[sglang\].*sglang-server:MODEL"
    with SGLangServing(model="m") as serving, pytest.raises(ServingError, match=cure):
        serving.generate_from_input(["hello"])


def test_it_is_loaded_by_the_first_call_with_its_arguments_and_shut_down_on_close(engine):
    with SGLangServing(model="m", engine_args={"tp_size": 2}) as serving:
        assert engine == []
        (answer,) = serving.generate_from_input(["hello you"], "Be kind.")
        assert answer.text == "fine"
        assert answer.reasoning == "hm"
        assert answer.usage == Usage(6, 6, 3)
        (only,) = engine
        assert only.arguments == {"model_path": "m", "tp_size": 2}
        assert only.thread is not threading.main_thread()
        assert not only.is_shut
    assert only.is_shut


def test_parameters_go_by_sglangs_names(engine):
    told = {"temperature": 0.5, "top_k": 3, "seed": 1, "stop": "END", "max_tokens": 9}
    with SGLangServing(model="m", extra={"min_new_tokens": 2}, **told) as serving:
        serving.generate_from_input(["hello"], reasoning_effort="none")
    ((ids, parameters),) = engine[0].asked
    assert parameters == {
        "temperature": 0.5,
        "top_k": 3,
        "sampling_seed": 1,
        "stop": ["END"],
        "max_new_tokens": 9,
        "min_new_tokens": 2,
    }
    assert ids[2:] == [hash("reasoning_effort=none"), hash("enable_thinking=False")]


def test_answers_are_as_long_as_the_model_likes_where_nobody_says(engine):
    with SGLangServing(model="m") as serving:
        serving.generate_from_input(["hello"])
    assert engine[0].asked[0][1]["max_new_tokens"] is None


def test_a_schema_goes_to_the_engine(engine):
    with SGLangServing(model="m") as serving:
        (answer,) = serving.generate_from_input(["hello"], json_schema=SCHEMA)
    assert answer.parsed == {"n": 4}
    assert json.loads(engine[0].asked[0][1]["json_schema"])["required"] == ["n"]


def test_what_the_engine_or_the_template_refuses_fails_alone(engine):
    with SGLangServing(model="m") as serving:
        long, refused, good = serving.generate_from_input(["word " * 60, "refuse", "hello"])
    assert long.error.reason == "context_length"
    assert "roles must alternate" in refused.error.message
    assert good.ok


def test_images_are_refused_before_anything_is_loaded(engine):
    with SGLangServing(model="m") as serving:
        with pytest.raises(ConfigurationError, match="images"):
            serving.generate_from_input([[{"role": "user", "content": [image(b"\x89PNG")]}]])
        assert engine == []


def test_texts_become_vectors(engine):
    with SGLangServing(model="m", engine_args={"is_embedding": True}) as serving:
        vectors = serving.embed(["a", "bcd"])
    assert [one.vector for one in vectors] == [[1.0, 1.0], [3.0, 1.0]]


def test_tokens_are_counted_by_the_models_tokenizer(engine):
    with SGLangServing(model="m") as serving:
        assert serving.count_tokens("so it goes") == 3


@pytest.mark.parametrize(
    ("model", "args", "told"),
    [
        ("m", {"nonsense": 1}, "engine_args: unexpected keyword argument 'nonsense'"),
        ("too/big", {}, "cannot be loaded: RuntimeError: CUDA out of memory"),
    ],
)
def test_a_model_that_cannot_be_loaded_says_why(engine, model, args, told):
    with (
        SGLangServing(model=model, engine_args=args) as serving,
        pytest.raises(ServingError, match=told),
    ):
        serving.generate_from_input(["hello"])


def test_a_model_without_a_chat_template_is_no_chat_model(engine, monkeypatch):
    monkeypatch.setattr(Tokenizer, "chat_template", None)
    with (
        SGLangServing(model="m") as serving,
        pytest.raises(ServingError, match="no chat template"),
    ):
        serving.generate_from_input(["hello"])


def test_the_engine_is_given_twice_what_it_works_on_at_a_time():
    assert SGLangServing(model="m")._terms().max_concurrency == 2_048
    few = SGLangServing(model="m", engine_args={"max_running_requests": 8})
    assert few._terms().max_concurrency == 16
    assert SGLangServing(model="m", max_concurrency=3)._terms().max_concurrency == 3
