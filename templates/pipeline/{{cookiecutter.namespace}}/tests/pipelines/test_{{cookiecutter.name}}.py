"""{{ cookiecutter.name }}: from rows to rows, and what became of each."""

from __future__ import annotations

{% set asks = cookiecutter.asking != "0" %}
{% set runs = cookiecutter.answer or not asks %}
{% if runs %}
import pandas as pd
{% endif %}
from dataflow_core import MemoryStorage
{% if asks %}
from dataflow_core.testing import ScriptedServing
{% endif %}

{{ ("from " ~ cookiecutter.package ~ ".pipelines." ~ cookiecutter.name ~ " import " ~ cookiecutter.cls) | statement }}

TEXTS = ["Bees dance.", "Bees dance.", "蜜蜂跳舞。"]
{% if cookiecutter._columns %}
OTHERS = {
{% for name, cell in cookiecutter._columns.items() %}
    {{ name | python }}: {{ cell | cell }},
{% endfor %}
}
{% endif %}
{% if asks and runs %}
ANSWER = {{ cookiecutter.answer | python }}
{% endif %}


def pipeline(column="text"):
    table = MemoryStorage([{ {{- "**OTHERS, " if cookiecutter._columns }}column: text} for text in TEXTS])
{% if asks %}
    serving = ScriptedServing(lambda _: {{ "ANSWER" if runs else '""' }})
    return {{ cookiecutter.cls }}(table, serving=serving, text_column=column)
{% else %}
    return {{ cookiecutter.cls }}(table, text_column=column)
{% endif %}


def test_the_plan_has_all_steps_in_order_and_no_problem():
    steps = [step.name for step in pipeline().compile().steps]
{% if cookiecutter._steps | length == 1 %}
    assert steps == ["unique", "{{ cookiecutter._steps | first }}"]
{% else %}
    assert steps == [
        "unique",
{% for name in cookiecutter._steps %}
        "{{ name }}",
{% endfor %}
    ]
{% endif %}


def test_the_column_can_be_named():
    steps = pipeline("body").compile().steps
    assert steps[0].bindings["input_columns"] == ("body",)
{% for step in cookiecutter._steps.values() %}
{% set place = loop.index %}
{% for parameter in step.bound %}
    assert steps[{{ place }}].bindings["{{ parameter }}"] == "body"
{% endfor %}
{% endfor %}
{% if runs %}


def test_every_row_is_accounted_for_and_repeated_ones_are_dropped(tmp_path):
    report = pipeline().run(tmp_path / "out.jsonl", run_dir=tmp_path / "run")
    ledger = pd.read_parquet(tmp_path / "run" / "ledger.parquet")
    assert len(ledger) == report.rows_in == len(TEXTS)
    assert report.steps[0].reasons == {"duplicate": 1}
    assert (ledger["fate"] == "output").sum() == report.rows_out
{% endif %}
