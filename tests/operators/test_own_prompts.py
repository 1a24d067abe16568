"""Prompts of one's own with operators of the core: what fails of them, and what is told of it."""

from __future__ import annotations

import pytest

from dataflow_core import MemoryStorage
from dataflow_core.errors import ConfigurationError
from dataflow_core.operators.general import (
    Classify,
    PromptedEvaluator,
    PromptedGenerator,
    PromptedRefiner,
    Summarize,
    TemplateGenerator,
    Translate,
)
from dataflow_core.pipeline.checks import check_plan
from dataflow_core.testing import ScriptedServing

from .vectors import Steps


def test_rows_with_which_a_prompt_cannot_be_rendered_are_set_aside_alone():
    serving = ScriptedServing(lambda text: text.upper())
    prompt = {"system": "Say {{ 6 / n }}.", "user": "{{ word[n] }}"}
    table = MemoryStorage([{"n": n, "word": "abc"} for n in (1, 0, 2, 5)])
    TemplateGenerator(serving=serving, prompt=prompt).run(table)
    assert [(row["n"], row["generated"]) for row in table.rows()] == [(1, "B"), (2, "C")]
    gone = table.quarantined()
    assert gone["reason"].tolist() == ["template_failed"] * 2
    assert "ZeroDivisionError" in gone["message"].tolist()[0]
    assert len(serving.requests) == 2


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda s: PromptedRefiner(serving=s, instruction="Mend.", prompt="Do {{ text }}"),
         "instruction"),
        (lambda s: Summarize(serving=s, max_words=9, prompt="Briefly: {{ text }}"), "max_words"),
        (lambda s: Classify(serving=s, labels=["a", "b"], criteria="Tone.", prompt={
            "user": "Sort {{ text }}", "answer": "json"}), "criteria"),
        (lambda s: Summarize(serving=s, prompt="Briefly: {{ text }}"), None),
        (lambda s: PromptedGenerator(serving=s, instruction="", prompt="Do {{ text }}"), None),
        (lambda s: PromptedEvaluator(serving=s, maximum=9, prompt={
            "user": "Rate 1 to 9: {{ text }}", "answer": "score"}), None),
        (lambda s: Translate(serving=s, language="French"), None),
    ],
)  # fmt: skip
def test_a_field_that_the_prompt_never_tells_is_a_warning(make, told):
    table = MemoryStorage([{"text": "a"}])
    plan = Steps(table, (make(ScriptedServing({})), {})).compile()
    found = check_plan(plan, table.columns())
    assert [(one.level, one.code) for one in found] == [("warning", "doubtful")] * bool(told)
    assert all(f"{told} is given, and" in one.message for one in found)


@pytest.mark.parametrize(
    "schema", [{"type": "objekt"}, {"properties": {"a": {"type": 3}}}, {"a": "integer"}]
)
def test_what_is_no_json_schema_is_refused_where_it_is_given(schema):
    with pytest.raises(ConfigurationError, match="json_schema: ") as caught:
        PromptedGenerator(serving=ScriptedServing({}), instruction="x", json_schema=schema)
    assert "validation error" not in str(caught.value)
    if schema.get("type") == "objekt":
        assert "'objekt' is no type. There are: array, boolean," in str(caught.value)
