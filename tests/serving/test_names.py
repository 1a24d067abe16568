"""The names of `dataflow_core.serving`, which are imported when they are used."""

import subprocess
import sys

import pytest

from dataflow_core import serving

NAMES = [
    "Backend",
    "BudgetReached",
    "ChatRequest",
    "Completion",
    "EmbeddedServing",
    "Embedding",
    "Failure",
    "GeminiServing",
    "LiteLLMServing",
    "OpenAIServing",
    "Price",
    "Reply",
    "ReplyError",
    "RequestStore",
    "SGLangServerServing",
    "SGLangServing",
    "Sampling",
    "Serving",
    "ServingError",
    "ServingGone",
    "ServingRefused",
    "Usage",
    "VLLMServerServing",
    "VLLMServing",
    "Vectors",
    "image",
    "serving_from_spec",
]
ENGINES = ("vllm", "sglang", "litellm", "torch", "transformers", "xllamacpp", "openai")


def loaded_after(program):
    """Return the modules that a fresh interpreter has loaded after some statements."""
    shown = subprocess.run(
        [sys.executable, "-c", f"{program}; import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(shown.stdout.split())


def test_the_public_names_are_these():
    assert serving.__all__ == NAMES == dir(serving)


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_there_without_what_an_extra_brings(name):
    assert getattr(serving, name).__name__ == name


def test_a_name_that_is_none_is_told_so():
    with pytest.raises(AttributeError, match="no attribute 'OpenAiServing'"):
        _ = serving.OpenAiServing


def test_importing_the_package_imports_nothing_else():
    heavy = {"pydantic", "pandas", "orjson", "httpx", "dataflow_core.serving.base"}
    assert not loaded_after("import dataflow_core.serving") & heavy


def test_importing_the_servings_imports_no_engine():
    servings = ", ".join(name for name in NAMES if name.endswith("Serving"))
    loaded = loaded_after(f"from dataflow_core.serving import {servings}")
    assert "dataflow_core.serving.backends.vllm" in loaded
    assert not loaded & set(ENGINES)


def test_all_servings_are_registered_by_their_prefix():
    from dataflow_core.plugins import PluginManager

    registered = {
        prefix: PluginManager().load(item)
        for item in PluginManager().servings()
        for prefix in item.spec.prefixes
    }
    named = [getattr(serving, name) for name in NAMES if name.endswith("Serving")]
    for cls in named:
        if cls is not serving.Serving:
            assert registered[cls.prefix] is cls
