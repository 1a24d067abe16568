"""{{ cookiecutter.summary | sentence }}"""

from __future__ import annotations
{% set asks = cookiecutter.asking != "0" %}

from dataflow_core import Pipeline, Storage
from dataflow_core.operators.general import DeduplicateExact
{% if asks %}
from dataflow_core.serving import Serving
{% endif %}

{% for module, classes in cookiecutter._imports.items() %}
{{ ("from " ~ module ~ " import " ~ classes) | statement }}
{% endfor %}


class {{ cookiecutter.cls }}(Pipeline):
    """{{ cookiecutter.summary | sentence }}

    Args:
        storage: The table.
{% if asks %}
        serving: The model that is asked{{ ", once for each text" if cookiecutter.asking == "1" }}.
{% endif %}
        text_column: The column of texts.
    """

    def __init__(
        self,
        storage: Storage | None = None,
        *,
{% if asks %}
        serving: Serving,
{% endif %}
        text_column: str = "text",
    ) -> None:
        super().__init__(storage)
        self.text_column = text_column
        self.unique = DeduplicateExact()
{% for name, step in cookiecutter._steps.items() %}
        self.{{ name }} = {{ step.cls }}({{ "serving=serving" if step.llm }})
{% endfor %}

    def forward(self) -> None:
        """Apply the operators."""
        self.unique.run(self.storage, input_columns=(self.text_column,))
{% for step in cookiecutter._steps.values() %}
{{ step.call }}
{% endfor %}
