"""What is no configuration and no input of a serving is refused in words, not as a TypeError."""

import pytest

from dataflow_core.errors import ConfigurationError
from dataflow_core.serving import (
    EmbeddedServing,
    GeminiServing,
    LiteLLMServing,
    OpenAIServing,
    SGLangServerServing,
    SGLangServing,
    VLLMServerServing,
    VLLMServing,
    image,
    serving_from_spec,
)
from dataflow_core.testing import CassetteServing, ScriptedServing

NAMED = (
    OpenAIServing,
    GeminiServing,
    LiteLLMServing,
    VLLMServing,
    SGLangServing,
    VLLMServerServing,
    SGLangServerServing,
)


@pytest.mark.parametrize("cls", [*NAMED, EmbeddedServing, CassetteServing])
def test_a_field_without_its_name_is_refused_with_how_to_write_it(cls):
    first = "path" if cls is CassetteServing else "model"
    with pytest.raises(ConfigurationError) as caught:
        cls("small")
    assert f"Write {cls.__name__}({first}='small')" in str(caught.value)


def test_a_field_that_follows_a_script_is_refused_without_its_name():
    with pytest.raises(ConfigurationError, match=r"Write ScriptedServing\(script, model=…\)"):
        ScriptedServing({}, "small")


@pytest.mark.parametrize("cls", NAMED)
@pytest.mark.parametrize("model", ["", " "])
def test_a_serving_without_a_model_is_refused(cls, model):
    with pytest.raises(ConfigurationError, match="names no model"):
        cls(model=model)
    with pytest.raises(ConfigurationError, match="names no model"):
        serving_from_spec(f"{cls.prefix}:{model}")


def test_an_embedded_serving_without_a_model_has_the_usual_one():
    assert serving_from_spec("embedded:") == EmbeddedServing(model="")


def test_a_cassette_without_a_file_is_refused():
    for make in (lambda: CassetteServing(path=""), lambda: serving_from_spec("cassette:")):
        with pytest.raises(ConfigurationError, match="cassette:FILE"):
            make()


@pytest.mark.parametrize("given", [5, None, ["a.png"]])
def test_an_image_that_is_none_is_refused_with_what_one_is(given):
    with pytest.raises(ConfigurationError, match=r"a path, bytes or an address is wanted"):
        image(given)


def test_a_specification_that_is_no_text_is_refused():
    with pytest.raises(ConfigurationError, match="5 is no serving: KIND:MODEL is wanted"):
        serving_from_spec(5)


@pytest.mark.parametrize("given", [5, None, "text", b"text", {"role": "user", "content": "text"}])
def test_inputs_that_are_no_list_are_refused(given):
    serving = ScriptedServing(str.upper)
    with pytest.raises(ConfigurationError, match="generate_from_input takes a list of inputs, "):
        serving.generate_from_input(given)
    with pytest.raises(ConfigurationError, match="embed takes a list of texts, "):
        serving.embed(given)


def test_what_tells_inputs_apart_is_a_list():
    with pytest.raises(ConfigurationError, match="distinct takes a list of values, found 5"):
        ScriptedServing(str.upper).generate_from_input(["a"], distinct=5)


@pytest.mark.parametrize("script", [5, "text"])
def test_a_script_that_is_none_is_refused(script):
    with pytest.raises(ConfigurationError, match="a function, a dict or a list of answers"):
        ScriptedServing(script)


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ("openai:m#model=n", "model"),
        ("openai:m@http://h/v1#base_url=http://i/v1", "base_url"),
        ("cassette:f#path=g", "path"),
    ],
)
def test_a_field_that_a_specification_tells_twice_is_refused(spec, field):
    with pytest.raises(ConfigurationError, match=f"tells {field} twice"):
        serving_from_spec(spec)
