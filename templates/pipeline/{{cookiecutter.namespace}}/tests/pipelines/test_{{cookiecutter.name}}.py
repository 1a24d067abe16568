"""{{ cookiecutter.name }}: from rows to rows, and what became of each."""

from __future__ import annotations

{% set runs = cookiecutter.answer or not cookiecutter.llm %}
{% if runs %}
import pandas as pd
{% endif %}
from dataflow_core import MemoryStorage
{% if cookiecutter.llm %}
from dataflow_core.testing import ScriptedServing
{% endif %}

{{ ("from " ~ cookiecutter.package ~ ".pipelines." ~ cookiecutter.name ~ " import " ~ cookiecutter.cls) | statement }}

TEXTS = ["Bees dance.", "Bees dance.", "蜜蜂跳舞。"]
{% if cookiecutter.llm and runs %}
ANSWER = {{ cookiecutter.answer | python }}
{% endif %}


def pipeline(column="text"):
    table = MemoryStorage([{column: text} for text in TEXTS])
{% if cookiecutter.llm %}
    serving = ScriptedServing(lambda _: {{ "ANSWER" if runs else '""' }})
    return {{ cookiecutter.cls }}(table, serving=serving, text_column=column)
{% else %}
    return {{ cookiecutter.cls }}(table, text_column=column)
{% endif %}


def test_the_plan_has_both_steps_and_no_problem():
    steps = [step.name for step in pipeline().compile().steps]
    assert steps == ["unique", "{{ cookiecutter.step }}"]


def test_the_column_can_be_named():
    assert pipeline("body").compile().steps[1].bindings["{{ cookiecutter.column }}"] == "body"
{% if runs %}


def test_every_row_is_accounted_for_and_repeated_ones_are_dropped(tmp_path):
    report = pipeline().run(tmp_path / "out.jsonl", run_dir=tmp_path / "run")
    ledger = pd.read_parquet(tmp_path / "run" / "ledger.parquet")
    assert len(ledger) == report.rows_in == len(TEXTS)
    assert report.steps[0].reasons == {"duplicate": 1}
    assert (ledger["fate"] == "output").sum() == report.rows_out
{% endif %}
