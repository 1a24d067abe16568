{% include "module/head.py" %}

from typing import ClassVar

from dataflow_core import Evaluator, Storage
from dataflow_core.operators import NumberColumn, Prompted, TextColumn
from dataflow_core.prompts import Prompt


class {{ cookiecutter.cls }}(Prompted, Evaluator):
    """{{ cookiecutter.summary | sentence }}

{% if cookiecutter.does %}
    As generated, it does this: {{ cookiecutter.does }}.
    Put what it is to do into ``prompts/{{ cookiecutter.name }}.jinja``.

{% endif %}
    The score is 1 to 5. Null and blank texts get null. A row whose answer has no score on that
    scale goes to quarantine, with the answer. Texts may be in all languages that the model knows.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_core.testing import ScriptedServing
        >>> table = MemoryStorage([{"text": "Bees dance."}, {"text": None}])
        >>> serving = ScriptedServing(lambda text: "Short and plain. Score: 5")
        >>> {{ cookiecutter.cls }}(serving=serving).run(table)
        >>> [row["clarity"] for row in table.rows()]
        [5.0, None]
    """

    answers: ClassVar = ("score",)

    prompt: Prompt = Prompt("{{ cookiecutter.namespace }}/{{ cookiecutter.name }}")

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_score: NumberColumn = "clarity",
    ) -> None:
        """Add the scores.

        Args:
            storage: The table.
            input_text: The column of texts.
            output_score: The column for the scores.
        """
        asked = self.ask(storage, {"text": input_text})
        asked.write(storage, {output_score: asked.column()})
