"""vLLM for real, its engine and its server; `nox -s vllm` installs what this needs.

Without a model in DATAFLOW_TEST_VLLM_MODEL, only that is tested which needs no vLLM.
"""

import os
import signal
import statistics
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from dataflow_core.errors import ConfigurationError, ServingError
from dataflow_core.serving import VLLMServerServing, VLLMServing, serving_from_spec

from .processes import is_alive, wait_until_gone

REPOSITORY = Path(__file__).parents[2]
MODEL = os.environ.get("DATAFLOW_TEST_VLLM_MODEL", "")
ENGINE = {"max_model_len": 1024, "dtype": "float32", "enforce_eager": True}
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "age": {"type": "integer", "minimum": 0, "maximum": 99},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}
for_real = pytest.mark.skipif(not MODEL, reason="DATAFLOW_TEST_VLLM_MODEL names no model")
pytestmark = pytest.mark.filterwarnings("ignore")  # vLLM's own are none of ours


def test_that_vllm_is_not_installed_is_told_with_the_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    cure = r"vllm is not installed.*dataflow-llm-core\[vllm\].*vllm-server:MODEL"
    with VLLMServing(model="m") as serving, pytest.raises(ServingError, match=cure):
        serving.generate_from_input(["hello"])


def test_an_engine_for_texts_makes_no_vectors_and_says_what_does():
    with pytest.raises(ConfigurationError, match="runner=pooling can"):
        VLLMServing(model="m").embed(["hello"])
    with pytest.raises(ConfigurationError, match="runner=generate can"):
        VLLMServing(model="m", runner="pooling").generate_from_input(["hello"])


def test_its_identity_is_what_changes_answers():
    args = {"tensor_parallel_size": 8, "max_num_seqs": 4, "quantization": "fp8"}
    serving = VLLMServing(model="m", engine_args=args)
    assert serving.identity() == {"model": "m", "engine_args": {"quantization": "fp8"}}
    assert serving._terms().max_concurrency == 8
    assert serving_from_spec(serving.spec) == serving


@pytest.fixture(scope="module")
def engine():
    with VLLMServing(model=MODEL, max_tokens=24, engine_args=ENGINE) as serving:
        yield serving


@pytest.fixture(scope="module")
def server():
    options = {"max_tokens": 24, "engine_args": ENGINE}
    with VLLMServerServing(model=MODEL, **options) as serving:
        yield serving


def both(test):
    return for_real(pytest.mark.parametrize("kind", ["engine", "server"])(test))


def answers(serving, prompts, **sampling):
    """Return the texts of answers, cut or not."""
    made = serving.generate_from_input(prompts, **sampling)
    return [one.text if one.ok else one.error.raw for one in made]


@both
def test_it_answers_and_twice_the_same(kind, request):
    serving = request.getfixturevalue(kind)
    prompts = [f"Name {n} rivers." for n in range(2, 8)]
    first = answers(serving, prompts)
    assert all(first)
    assert answers(serving, prompts) == first


@both
def test_answers_keep_to_a_schema(kind, request):
    serving = request.getfixturevalue(kind)
    prompts = [f"Invent person {n}, with name and age." for n in range(4)]
    made = serving.generate_from_input(prompts, json_schema=SCHEMA, max_tokens=80)
    assert serving.enforces_schemas
    for one in made:
        assert one.ok, one.error
        assert 0 <= one.parsed["age"] <= 99


@both
def test_parameters_are_heeded(kind, request):
    serving = request.getfixturevalue(kind)
    (whole,) = answers(serving, ["Count from one to ten."], stop="5", max_tokens=60)
    assert "5" not in whole
    (one,) = serving.generate_from_input(["Tell a story."], max_tokens=5)
    assert (one.error.reason, one.usage.completion_tokens) == ("truncated", 5)
    told = {"temperature": 1.5, "max_tokens": 12}
    some = [answers(serving, ["Tell a story."], seed=seed, **told) for seed in (1, 1, 2)]
    assert some[0] == some[1] != some[2]


@both
def test_a_prompt_that_is_too_long_fails_alone(kind, request):
    serving = request.getfixturevalue(kind)
    long, good = serving.generate_from_input(["word " * 3000, "Say yes."], max_tokens=8)
    assert long.error.reason == "context_length"
    assert good.usage.completion_tokens


@for_real  # the server tells of it only if it is asked to
def test_prompts_that_begin_alike_share_what_was_made_of_it(engine):
    system = "You are asked about a long story. " * 20
    made = engine.generate_from_input([f"Question {n}?" for n in range(12)], system)
    assert sum(one.usage.cached_tokens for one in made) > 1_000


@for_real
def test_tokens_are_counted_by_the_models_tokenizer(engine):
    assert engine.count_tokens("hello world") == 2


@for_real
def test_what_sampling_parameters_lack_is_told(engine):
    with pytest.raises(ServingError, match="nonsense"):
        engine.generate_from_input(["hello"], extra={"nonsense": 1})


@for_real
def test_texts_become_vectors():
    with VLLMServing(model=MODEL, runner="pooling", engine_args=ENGINE) as serving:
        cat, cats, law = (one.vector for one in serving.embed(["a cat", "a cat", "tax law"]))
    assert len(cat) == 576
    assert cat == cats != law


@for_real
def test_a_model_that_is_not_there_is_told():
    with VLLMServing(model="/no/such/model") as serving, pytest.raises(ServingError) as caught:
        serving.generate_from_input(["hello"])
    assert "/no/such/model" in str(caught.value)


PROGRAM = textwrap.dedent(f"""
    import os, time
    from dataflow_core.serving import VLLMServing
    from dataflow_core.serving.backends.guardian import descendants

    if __name__ == "__main__":
        serving = VLLMServing(model={MODEL!r}, max_tokens=4, engine_args={ENGINE!r})
        serving.generate_from_input(["hello"])
        print(*descendants(os.getpid()), flush=True)
        if END == "close":
            serving.close()
            print(*descendants(os.getpid()), flush=True)
        time.sleep(60)
""")


@for_real
@pytest.mark.parametrize("end", ["close", "kill"])
def test_nothing_of_the_engine_is_left(end, tmp_path):
    script = tmp_path / "program.py"  # the engine's process imports it
    script.write_text(PROGRAM.replace("END", repr(end)))
    program = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    with program:
        engine = {int(one) for one in program.stdout.readline().split()}
        assert engine
        if end == "close":
            left = {int(one) for one in program.stdout.readline().split()}
            assert sum(map(is_alive, left)) <= 1, "at most Python's tracker of resources"
        program.send_signal(signal.SIGKILL)
    wait_until_gone(*engine, seconds=30)


@for_real
def test_it_is_as_fast_as_the_engine_alone(engine):
    from vllm import LLM, SamplingParams

    prompts, tokens, rounds = 64, 32, 3
    alone = LLM(model=MODEL, **ENGINE)
    parameters = SamplingParams(temperature=0, max_tokens=tokens, ignore_eos=True)

    def ours(texts):
        made = engine.generate_from_input(texts, max_tokens=tokens, extra={"ignore_eos": True})
        assert sum(one.usage.completion_tokens for one in made) == prompts * tokens

    def theirs(texts):
        made = alone.chat(
            [[{"role": "user", "content": text}] for text in texts], parameters, use_tqdm=False
        )
        assert sum(len(one.outputs[0].token_ids) for one in made) == prompts * tokens

    def seconds(call, texts):
        began = time.perf_counter()
        call(texts)
        return time.perf_counter() - began

    both = {ours: [], theirs: []}
    for number in range(rounds):
        texts = [f"Round {number}: say what is remarkable about {n}." for n in range(prompts)]
        for call in (ours, theirs) if number % 2 else (theirs, ours):
            both[call].append(seconds(call, texts))
    ratio = statistics.median(both[theirs]) / statistics.median(both[ours])
    took = {call.__name__: [round(one, 2) for one in seconds] for call, seconds in both.items()}
    print(f"seconds: {took}; ours / theirs: {ratio:.3f}")  # noqa: T201  what one runs it for
    assert ratio >= 0.97
