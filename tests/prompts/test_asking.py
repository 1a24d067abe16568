"""Operators that ask with prompts: what is sent, and what becomes of rows that cannot be asked."""

from dataflow_core import MemoryStorage, Pipeline
from dataflow_core.operators.general import TemplateGenerator
from dataflow_core.testing import ScriptedServing


def sent(prompt, rows):
    """Return the conversations that a prompt makes of rows."""
    serving = ScriptedServing(lambda text: "ok", max_concurrency=1)
    TemplateGenerator(serving=serving, prompt=prompt).run(MemoryStorage(rows))
    return [
        [(turn["role"], turn["content"]) for turn in request.messages]
        for request in serving.requests
    ]


def test_a_system_message_without_variables_is_the_same_for_all():
    prompt = {"system": "Be brief.", "user": "{{ text }}"}
    assert sent(prompt, [{"text": "a"}, {"text": "b"}]) == [
        [("system", "Be brief."), ("user", "a")],
        [("system", "Be brief."), ("user", "b")],
    ]


def test_a_system_message_with_a_row_s_variables_is_that_row_s():
    system = "{% if tone != 'plain' %}Be {{ tone }}.{% endif %}"
    rows = [{"tone": "kind", "text": "{{ x }}"}, {"tone": "plain", "text": "b"}]
    assert sent({"system": system, "user": "{{ text }}"}, rows) == [
        [("system", "Be kind."), ("user", "{{ x }}")],
        [("user", "b")],
    ]


def test_a_row_whose_prompt_cannot_be_rendered_is_set_aside_alone(tmp_path):
    class Asks(Pipeline):
        def forward(self):
            serving = ScriptedServing(lambda text: f"answer to {text}")
            prompt = "Per head: {{ total / heads }}"
            TemplateGenerator(serving=serving, prompt=prompt).run(self.storage)

    rows = [{"total": 6, "heads": heads} for heads in (2, 0, 3)]
    report = Asks(MemoryStorage(rows)).run(tmp_path / "out.jsonl", run_dir=tmp_path / "run")
    assert (report.rows_out, report.steps[0].quarantined) == (2, 1)
    assert "template_failed" in str(report)
