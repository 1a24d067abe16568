"""Servings that nobody closes end their threads when they are forgotten."""

import gc
import threading
import time

import pytest

from dataflow_core.serving import OpenAIServing
from dataflow_core.testing import FaultServer, ScriptedServing


def texts(completions):
    return [one.text for one in completions]


def dataflow_threads():
    return {one for one in threading.enumerate() if one.name.startswith("dataflow-")}


@pytest.fixture
def threads():
    """Return what tells the threads that a test has started; those of other tests may go on."""
    before = dataflow_threads()
    return lambda: dataflow_threads() - before


def wait_for_none(threads, seconds=10.0):
    deadline = time.monotonic() + seconds
    while threads():
        assert time.monotonic() < deadline, threads()
        gc.collect()
        time.sleep(0.01)


def test_a_serving_that_nobody_closes_ends_its_threads_when_it_is_forgotten(tmp_path, threads):
    cache = tmp_path / "answers.sqlite"
    serving = ScriptedServing(str.upper, cache=cache)
    assert texts(serving.generate_from_input(["a"])) == ["A"]
    assert texts(serving.generate_from_input(["b"])) == ["B"]
    assert [request.messages[0]["content"] for request in serving.requests] == ["a", "b"]
    assert len(threads()) == 2
    del serving
    wait_for_none(threads)
    with ScriptedServing({}, cache=cache) as again:
        assert texts(again.generate_from_input(["a", "b"])) == ["A", "B"]


def test_a_serving_that_is_forgotten_in_its_own_thread_ends(threads):
    with FaultServer() as server:
        serving = OpenAIServing(model="m", base_url=server.url)
        serving.generate_from_input(["a"])
        loop = serving.asking().dispatcher._loop
        held = [serving]
        del serving
        loop.call_soon_threadsafe(held.clear)
        wait_for_none(threads)


def test_a_serving_that_is_closed_and_used_again_ends_once_more_when_forgotten(threads):
    serving = ScriptedServing(str.upper)
    for _ in range(3):
        serving.generate_from_input(["a"])
        serving.close()
    serving.generate_from_input(["a"])
    assert len(threads()) == 1
    del serving
    wait_for_none(threads)
