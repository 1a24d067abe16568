"""{{ cookiecutter.summary }}."""

from __future__ import annotations

from dataflow_core import Pipeline, Storage
from dataflow_core.operators.general import DeduplicateExact
{% if cookiecutter.llm %}
from dataflow_core.serving import Serving
{% endif %}

{{ ("from " ~ cookiecutter.step_module ~ " import " ~ cookiecutter.step_cls) | statement }}


class {{ cookiecutter.cls }}(Pipeline):
    """{{ cookiecutter.summary }}.

    Args:
        storage: The table.
{% if cookiecutter.llm %}
        serving: The model that is asked, once for each text.
{% endif %}
        text_column: The column of texts.
    """

    def __init__(
        self,
        storage: Storage | None = None,
        *,
{% if cookiecutter.llm %}
        serving: Serving,
{% endif %}
        text_column: str = "text",
    ) -> None:
        super().__init__(storage)
        self.text_column = text_column
        self.unique = DeduplicateExact()
        self.{{ cookiecutter.step }} = {{ cookiecutter.step_cls }}({{ "serving=serving" if cookiecutter.llm }})

    def forward(self) -> None:
        """Apply the operators."""
        self.unique.run(self.storage, input_columns=(self.text_column,))
        self.{{ cookiecutter.step }}.run(self.storage, {{ cookiecutter.column }}=self.text_column)
