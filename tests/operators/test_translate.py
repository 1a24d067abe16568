"""Translations by a model; what all operators that ask have in common is tested for all of them."""

from __future__ import annotations

import pytest

from dataflow_core import MemoryStorage
from dataflow_core.errors import ConfigurationError
from dataflow_core.operators.general import (
    ChunkedGenerator,
    PairwiseJudge,
    PromptedEvaluator,
    PromptedRefiner,
    Translate,
)
from dataflow_core.testing import ScriptedServing


@pytest.mark.parametrize(
    ("fields", "language"), [({}, "English"), ({"language": "日本語"}, "日本語")]
)
def test_the_model_is_asked_for_the_language(fields, language):
    table = MemoryStorage([{"text": "Guten Tag"}, {"text": None}, {"text": " "}])
    serving = ScriptedServing(lambda _: "done")
    Translate(serving=serving, **fields).run(table, output_translation="there")
    assert [row["there"] for row in table.rows()] == ["done", None, None]
    (request,) = serving.requests
    system, user = (message["content"] for message in request.messages)
    assert f"translate into {language}." in system
    assert "Guten Tag" in user


@pytest.mark.parametrize(
    "make",
    [
        lambda serving: Translate(serving=serving, language=""),
        lambda serving: PromptedRefiner(serving=serving, instruction=" \n"),
        lambda serving: ChunkedGenerator(serving=serving, instruction=""),
        lambda serving: PromptedEvaluator(serving=serving, criteria=" "),
        lambda serving: PairwiseJudge(serving=serving, criteria=""),
    ],
)
def test_what_the_model_has_to_be_told_is_not_blank(make):
    with pytest.raises(ConfigurationError, match=r"(language|instruction|criteria): it is blank"):
        make(ScriptedServing({}))
