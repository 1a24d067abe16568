"""Cassettes that are opened again, and cut-off ones."""

import logging

import pytest

from dataflow_core.errors import ConfigurationError
from dataflow_core.serving import OpenAIServing
from dataflow_core.testing import CassetteServing, FaultServer, ScriptedServing


def recorder(path, mode="record"):
    return CassetteServing(path=path, serving=ScriptedServing(str.upper), mode=mode)


def asked(serving, *texts):
    with serving:
        return [answer.text for answer in serving.generate_from_input(list(texts))]


def test_a_recording_begins_anew_once_and_then_goes_on(tmp_path):
    path = tmp_path / "c.jsonl"
    asked(recorder(path), "old")
    serving = recorder(path)
    assert asked(serving, "a") == ["A"]
    assert asked(serving, "b") == ["B"]  # opened again
    assert asked(CassetteServing(path=path), "a", "b") == ["A", "B"]
    assert b"old" not in path.read_bytes()


def test_a_last_line_that_is_cut_off_is_dropped_where_it_is_extended(tmp_path, caplog):
    path = tmp_path / "c.jsonl"
    asked(recorder(path), "a", "b")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ConfigurationError, match="line 3: it is cut off"):
        asked(CassetteServing(path=path), "a")
    with caplog.at_level(logging.WARNING):
        assert asked(recorder(path, "extend"), "a", "b", "c") == ["A", "B", "C"]
    assert "line 3: it is cut off" in caplog.text
    assert asked(CassetteServing(path=path), "a", "b", "c") == ["A", "B", "C"]


def test_a_last_line_without_its_line_break_counts(tmp_path):
    path = tmp_path / "c.jsonl"
    asked(recorder(path), "a")
    path.write_bytes(path.read_bytes().rstrip())
    assert asked(recorder(path, "extend"), "a", "b") == ["A", "B"]
    assert asked(CassetteServing(path=path), "a", "b") == ["A", "B"]


def test_all_doubles_make_the_same_vector_of_a_text():
    scripted = ScriptedServing({}, dimensions=16)
    with FaultServer() as server, OpenAIServing(model="m", base_url=server.url) as serving:
        server.set(dimensions=16)
        assert serving.embed(["a"])[0].vector == scripted.embed(["a"])[0].vector
