"""Embedded models: a real one, in real processes."""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import json
import math
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dataflow_core.errors import ConfigurationError, ServingError
from dataflow_core.serving.backend import ChatRequest, ReplyError
from dataflow_core.serving.backends.embedded import EmbeddedServing
from dataflow_core.serving.backends.llama_schema import enforceable
from dataflow_core.serving.fetching import fetch_model
from dataflow_core.serving.models import DEFAULT_MODEL, resolve_model

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 12},
        "age": {"type": "integer", "minimum": 0, "maximum": 99},
        "code": {"type": "string", "pattern": r"^\d{3}-[A-Z]$"},
        "mood": {"enum": ["glad", "sad"]},
    },
    "required": ["name", "age", "code", "mood"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module", autouse=True)
def model():
    """The default model: the user's, or fetched into the user's cache."""
    try:
        return resolve_model("")
    except ConfigurationError:
        return fetch_model(DEFAULT_MODEL)


@pytest.fixture(scope="module")
def serving():
    with EmbeddedServing(context=512, slots=2, threads=1, accept_truncated=True) as serving:
        yield serving


@pytest.fixture(scope="module")
def loop():
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def backend(loop, request):
    """An open backend of its own, with one slot or as the test says."""
    options = {"context": 512, "slots": 1, "threads": 1} | getattr(request, "param", {})
    backend = EmbeddedServing(**options).open_backend()
    loop.run(backend.open())
    yield backend
    loop.run(backend.close())


def ask(text: str, **sampling: object) -> ChatRequest:
    schema = sampling.pop("schema", None)
    messages = ({"role": "user", "content": text},)
    return ChatRequest(messages, {"temperature": 0.0, **sampling}, schema)


def test_an_answer_has_its_text_usage_and_reason(serving):
    (answer,) = serving.generate_from_input(["Say hello."], max_tokens=24, stop="!")
    assert answer.text.startswith("Hello")
    assert "!" not in answer.text
    assert answer.finish_reason == "stop"
    assert answer.usage.prompt_tokens > 10
    assert 1 <= answer.usage.completion_tokens <= 24
    assert answer.cost == 0


def test_an_answer_ends_at_max_tokens(serving):
    (answer,) = serving.generate_from_input(["Tell a story."], max_tokens=4)
    assert answer.finish_reason == "length"
    assert answer.usage.completion_tokens == 4


@pytest.mark.parametrize("backend", [{"context": 256}], indirect=True)
def test_an_answer_ends_where_the_context_does(loop, backend):
    told = loop.run(backend.chat(ask("la " * 200, extra={"ignore_eos": True})))
    assert told.finish_reason == "length"
    assert told.usage.total_tokens == 256


def test_greedy_answers_are_the_same_whatever_the_slots_and_the_order(serving):
    shared = "You are a careful editor who reads slowly. " * 2
    prompts = [
        f"{shared if number % 3 else ''}Write about {thing}.{' Please.' * 4 * number}"
        for number, thing in enumerate(["cats", "rivers", "bread", "the moon", "tea", "Rome"])
    ]
    options = {"max_tokens": 10, "accept_truncated": True}
    with EmbeddedServing(context=512, slots=1, threads=2, **options) as alone:
        expected = [answer.text for answer in alone.generate_from_input(prompts)]
    assert all(expected)
    order = random.Random(7).sample(range(6), 6)
    with EmbeddedServing(context=512, slots=3, threads=1, **options) as together:
        answers = together.generate_from_input([prompts[at] for at in order])
    assert [answer.text for answer in answers] == [expected[at] for at in order]


def test_sampling_follows_its_seed(loop, backend):
    def words(seed: int, **more: object) -> str:
        request = ask("Write a poem.", temperature=1.5, seed=seed, max_tokens=6, **more)
        return loop.run(backend.chat(request)).text

    assert words(1) == words(1)
    assert len({words(seed) for seed in range(3)}) > 1
    assert words(1, top_k=1) == words(2, top_k=1)
    assert words(1, min_p=1.0) == words(2, min_p=1.0)


def test_penalties_are_heeded(loop, backend):
    def words(**more: object) -> list[str]:
        request = ask("Repeat the word tea.", max_tokens=12, **more)
        return loop.run(backend.chat(request)).text.lower().split()

    plain = words()
    assert words(repetition_penalty=1.8) != plain
    assert words(frequency_penalty=2.0) != plain
    assert words(presence_penalty=2.0) != plain


@pytest.mark.parametrize("backend", [{}, {"prefix_cache": True}], indirect=True)
def test_what_was_kept_of_a_prompt_is_used_only_when_asked_for(loop, backend):
    shared = "You are a careful editor who reads slowly. " * 3
    loop.run(backend.chat(ask(f"{shared} One.", max_tokens=1)))
    told = loop.run(backend.chat(ask(f"{shared} Two.", max_tokens=1)))
    assert (told.usage.cached_tokens > 20) == backend._serving.prefix_cache


def test_answers_fit_their_schema(serving, capfd):
    answers = serving.generate_from_input(
        [f"Describe person {number}." for number in range(3)], json_schema=PERSON, max_tokens=64
    )
    assert [answer.error for answer in answers] == [None] * 3
    assert [answer.attempts for answer in answers] == [1] * 3
    for answer in answers:
        assert set(answer.parsed) == {"name", "age", "code", "mood"}
        assert answer.parsed["code"][3] == "-"
        assert answer.parsed["mood"] in ("glad", "sad")
    assert capfd.readouterr() == ("", "")


def test_a_schema_that_cannot_be_enforced_is_told(loop, backend):
    remote = {"$ref": "https://example.org/schema.json"}
    with pytest.raises(ReplyError, match="only references into the same document") as caught:
        loop.run(backend.chat(ask("Go.", schema=remote)))
    assert caught.value.kind == "schema"


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        (r"^\d{3}-\d{4}$", "^[0-9]{3}-[0-9]{4}$"),
        (r"^[\w.]+@\w+\.com$", r"^[A-Za-z0-9_.]+@[A-Za-z0-9_]+\.com$"),
        ("^(yes|no)$", "^(yes|no)$"),
        ("yes", None),
        (r"^costs \$", None),
        (r"^(?=.*a)b$", None),
        (r"^\bword$", None),
        (r"^\S+$", None),
        ("^a+?b$", None),
    ],
)
def test_patterns_are_given_to_llama_cpp_as_it_knows_them(pattern, kept, capfd):
    from xllamacpp import json_schema_to_grammar

    schema = {"type": "array", "items": {"type": "string", "pattern": pattern}}
    told = enforceable(schema)
    assert told["items"].get("pattern") == kept
    assert json_schema_to_grammar(told)
    assert capfd.readouterr().err == ""


def test_names_and_values_that_are_called_pattern_stay():
    schema = {"properties": {"pattern": {"enum": [{"pattern": "x"}]}}, "required": ["pattern"]}
    assert enforceable(schema) == schema


def test_a_prompt_that_is_too_long_fails_alone(serving):
    answers = serving.generate_from_input(["la " * 600, "Hi."], max_tokens=2)
    assert answers[0].error.reason == "context_length"
    assert "does not fit the context of 512 tokens" in answers[0].error.message
    assert "embedded:#context=1024" in answers[0].error.message
    assert answers[1].ok


def test_images_are_refused(loop, backend):
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    request = ChatRequest(({"role": "user", "content": [part]},), {"max_tokens": 1})
    with pytest.raises(ReplyError, match="image input is not supported") as caught:
        loop.run(backend.chat(request))
    assert caught.value.kind == "request"


def test_vectors_are_normalised_and_depend_on_their_text_alone(serving):
    texts = ["a cat on a mat", "a kitten on a rug", "revenue of the third quarter", "la " * 120]
    together = serving.embed(texts)
    assert [embedding.error for embedding in together] == [None] * 4
    for embedding in together:
        assert math.isclose(math.hypot(*embedding.vector), 1, rel_tol=1e-5)
    (alone,) = serving.embed(texts[1:2])
    assert alone.vector == together[1].vector
    cat, kitten, revenue = (embedding.vector for embedding in together[:3])
    assert _product(cat, kitten) > _product(cat, revenue)
    assert alone.usage.prompt_tokens == serving.count_tokens(texts[1])


def _product(one, other):
    return sum(left * right for left, right in zip(one, other, strict=True))


def test_a_text_that_is_too_long_has_no_vector(serving):
    long, short = serving.embed(["la " * 600, "la"])
    assert long.error.reason == "context_length"
    assert short.ok


def test_tokens_are_those_of_the_model(serving):
    assert serving.count_tokens("") == 0
    assert serving.count_tokens("<|im_start|>") == 1
    assert serving.count_tokens("Hello wörld, 你好") > 4


def test_the_loop_and_other_threads_go_on(loop):
    async def beats_while(work: object) -> float:
        task = asyncio.ensure_future(work)
        beats = [time.monotonic()]
        while not task.done():
            await asyncio.sleep(0.005)
            beats.append(time.monotonic())
        await task
        return max(after - before for before, after in itertools.pairwise(beats))

    async def loading_and_answering() -> list[float]:
        backend = EmbeddedServing(context=512, slots=1, threads=1).open_backend()
        try:
            await backend.open()
            request = ask("Tell a story.", max_tokens=30)
            return [await beats_while(backend.chat(request)) for _ in range(2)]
        finally:
            await backend.close()

    assert max(loop.run(loading_and_answering())) < 0.5


def test_an_answer_that_nobody_waits_for_is_not_made(loop, backend):
    async def cancelled_then_next() -> tuple[float, float]:
        await backend.chat(ask("Hi.", max_tokens=1))
        began = time.monotonic()
        await backend.chat(ask("Count.", max_tokens=20, extra={"ignore_eos": True}))
        each = (time.monotonic() - began) / 20
        long = asyncio.create_task(backend.chat(ask("Go.", extra={"ignore_eos": True})))
        await asyncio.sleep(0.3)
        long.cancel()
        with pytest.raises(asyncio.CancelledError):
            await long
        began = time.monotonic()
        await backend.chat(ask("Hi.", max_tokens=1))
        return time.monotonic() - began, each

    wait, each = loop.run(cancelled_then_next())
    assert wait < 200 * each  # the answer would have had 480 tokens


def test_a_process_that_dies_is_started_again(loop, backend):
    async def killed_while_answering() -> ReplyError:
        (llama,) = (await backend._slots(None))._all
        answer = asyncio.create_task(backend.chat(ask("Go.", extra={"ignore_eos": True})))
        await asyncio.sleep(0.2)
        os.kill(llama._process.pid, signal.SIGKILL)
        with pytest.raises(ReplyError) as caught:
            await answer
        return caught.value

    error = loop.run(killed_while_answering())
    assert error.kind == "server"
    assert "ended while it answered. Its process ended with SIGKILL." in error.message
    assert loop.run(backend.chat(ask("Say hello.", max_tokens=4))).text


@pytest.mark.parametrize("damaged", ["truncated", "nonsense"])
def test_a_file_that_is_no_model_is_told(model, tmp_path, damaged):
    path = tmp_path / "bad.gguf"
    with model.open("rb") as whole:
        path.write_bytes(whole.read(3_000_000) if damaged == "truncated" else b"GGUF" + b"?" * 99)
    with EmbeddedServing(model=str(path)) as serving, pytest.raises(ServingError) as caught:
        serving.generate_from_input(["Hi."])
    assert f"llama.cpp cannot load {path}" in str(caught.value)
    assert "error loading model" in str(caught.value) or "failed to load model" in str(caught.value)


def test_a_model_that_is_not_here_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("DATAFLOW_MODELS", str(tmp_path))
    with EmbeddedServing() as serving:
        with pytest.raises(ServingError, match=r"dataflow models fetch$"):
            serving.generate_from_input(["Hi."])
        with pytest.raises(ServingError):
            serving.count_tokens("Hi.")


def test_without_llama_cpp_it_is_said_how_to_get_it(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "xllamacpp" else found(name)
    )
    with EmbeddedServing() as serving, pytest.raises(ServingError, match=r"llm-core\[embedded\]"):
        serving.generate_from_input(["Hi."])


def test_close_ends_the_processes_and_the_next_call_starts_others(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    of_others = _llamas()
    serving = EmbeddedServing(context=512, slots=2, threads=1, accept_truncated=True)
    first = serving.generate_from_input(["Hi."], max_tokens=3)
    children = _children(os.getpid()) & _llamas() - of_others
    (folder,) = tmp_path.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(list(folder.glob("*.sock"))) == 2
    serving.close()
    assert not children & _llamas()
    assert list(tmp_path.iterdir()) == []
    again = serving.generate_from_input(["Hi."], max_tokens=3)
    serving.close()
    assert [answer.text for answer in again] == [answer.text for answer in first]


PROGRAM = """
import os, signal, sys, time
from dataflow_core.serving.backends.embedded import EmbeddedServing
serving = EmbeddedServing(context=512, slots=1, threads=1, accept_truncated=True)
print(serving.generate_from_input(["Hi."], max_tokens=2)[0].text is not None, flush=True)
"""


@pytest.mark.parametrize("end", ["by itself", "SIGINT", "SIGKILL"])
def test_however_a_program_ends_its_models_go(tmp_path, end):
    waiting = "" if end == "by itself" else "time.sleep(60)\n"
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM + waiting],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "True\n"
    children = _children(process.pid)
    if end != "by itself":
        os.kill(process.pid, signal.Signals[end])
    _, errors = process.communicate(timeout=20)
    deadline = time.monotonic() + 5
    while children & _llamas() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not children & _llamas()
    if end != "SIGKILL":
        assert list(tmp_path.iterdir()) == []
        assert errors == "" if end == "by itself" else "KeyboardInterrupt" in errors


def _llamas() -> set[int]:
    """Return the processes that are models."""
    listed = subprocess.check_output(["ps", "-eo", "pid=,args="], text=True).splitlines()
    return {int(line.split()[0]) for line in listed if "llama_child.py" in line}


def _children(parent: int) -> set[int]:
    listed = subprocess.check_output(["ps", "-eo", "pid=,ppid="], text=True).splitlines()
    pairs = (map(int, line.split()) for line in listed)
    return {pid for pid, its_parent in pairs if its_parent == parent}


def test_it_is_a_string_and_travels(tmp_path):
    assert EmbeddedServing().spec == "embedded:"
    serving = EmbeddedServing(model=str(tmp_path / "my.gguf"), context=4096, slots=2)
    assert serving.spec == f"embedded:{tmp_path}/my.gguf#context=4096&slots=2"
    assert pickle.loads(pickle.dumps(serving)) == serving
    assert json.loads(json.dumps(serving.fingerprint()))["context"] == 4096


def test_its_identity_is_the_model_and_not_how_it_is_run():
    plain = EmbeddedServing()
    same = EmbeddedServing(model="SmolLM2-135M-Instruct", slots=3, threads=2)
    assert plain.fingerprint() == same.fingerprint()
    assert plain.fingerprint() != EmbeddedServing(context=4096).fingerprint()
    assert plain.fingerprint() != EmbeddedServing(model="other.gguf").fingerprint()


def test_a_file_is_known_by_its_content(tmp_path):
    def of(path: Path, content: bytes) -> dict:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return EmbeddedServing(model=str(path)).fingerprint()

    content = bytes(3_000_000)
    here = of(tmp_path / "here" / "my.gguf", content)
    assert of(tmp_path / "there" / "my.gguf", content) == here
    assert of(tmp_path / "here" / "my.gguf", content[:-1] + b"!") != here
    assert of(tmp_path / "here" / "my.gguf", content[:-1]) != here


def test_slots_share_the_cores():
    cores = len(os.sched_getaffinity(0))
    slots, threads = EmbeddedServing().layout()
    assert 1 <= slots <= 8
    assert slots * threads <= cores
    assert EmbeddedServing(slots=3, threads=2).layout() == (3, 2)


def test_the_script_of_a_slot_needs_nothing_of_the_project():
    script = Path(importlib.util.find_spec("dataflow_core.serving.backends.llama_child").origin)
    done = subprocess.run(
        [sys.executable, "-I", script], input="", capture_output=True, text=True, check=False
    )
    assert "JSONDecodeError" in done.stderr  # it came as far as to read what to load
