"""Summaries by a model; what all operators that ask have in common is tested for all of them."""

from __future__ import annotations

import pytest

from dataflow_core import MemoryStorage
from dataflow_core.errors import ConfigurationError
from dataflow_core.operators.general import Summarize
from dataflow_core.testing import ScriptedServing


def test_the_model_is_told_how_many_words():
    table = MemoryStorage([{"text": "A long story."}, {"text": ""}])
    serving = ScriptedServing(lambda _: "A story.")
    Summarize(serving=serving, max_words=7).run(table)
    assert [row["summary"] for row in table.rows()] == ["A story.", None]
    (request,) = serving.requests
    assert "at most\n7 words" in request.messages[0]["content"]
    assert "A long story." in request.messages[1]["content"]


@pytest.mark.parametrize("words", [0, -3, 2.5])
def test_a_number_of_words_is_wanted(words):
    with pytest.raises(ConfigurationError, match="max_words"):
        Summarize(serving=ScriptedServing({}), max_words=words)
