{% include "module/head.py" %}

from dataflow_core import Generator, Storage
from dataflow_core.operators import Prompted, TextColumn
from dataflow_core.prompts import Prompt


class {{ cookiecutter.cls }}(Prompted, Generator):
    """{{ cookiecutter.summary | sentence }}

{% if cookiecutter.does %}
    As generated, it does this: {{ cookiecutter.does }}.
    Put what it is to do into ``prompts/{{ cookiecutter.name }}.jinja``.

{% endif %}
    Null and blank texts get null. A row that is not answered, or whose answer is cut short, goes to
    quarantine. Texts may be in all languages that the model knows.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_core.testing import ScriptedServing
        >>> table = MemoryStorage([{"text": "Bees dance."}, {"text": None}])
        >>> serving = ScriptedServing(lambda text: "What do bees do?")
        >>> {{ cookiecutter.cls }}(serving=serving).run(table)
        >>> [row["question"] for row in table.rows()]
        ['What do bees do?', None]
    """

    prompt: Prompt = Prompt("{{ cookiecutter.namespace }}/{{ cookiecutter.name }}")

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_question: TextColumn = "question",
    ) -> None:
        """Add the questions.

        Args:
            storage: The table.
            input_text: The column of texts.
            output_question: The column for the questions.
        """
        asked = self.ask(storage, {"text": input_text})
        asked.write(storage, {output_question: asked.column()})
