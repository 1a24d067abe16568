{% include "module/head.py" %}

from dataflow_core import Refiner, Storage
from dataflow_core.operators import Prompted, TextColumn
from dataflow_core.prompts import Prompt


class {{ cookiecutter.cls }}(Prompted, Refiner):
    """{{ cookiecutter.summary | sentence }}

{% if cookiecutter.does %}
    As generated, it does this: {{ cookiecutter.does }}.
    Put what it is to do into ``prompts/{{ cookiecutter.name }}.jinja``.

{% endif %}
    Null and blank texts stay as they are. A row that is not answered, or whose answer is cut short,
    goes to quarantine. Texts may be in all languages that the model knows.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_core.testing import ScriptedServing
        >>> table = MemoryStorage([{"text": "Teh bees dance."}, {"text": ""}])
        >>> serving = ScriptedServing(lambda text: "The bees dance.")
        >>> {{ cookiecutter.cls }}(serving=serving).run(table)
        >>> [row["text"] for row in table.rows()]
        ['The bees dance.', '']
    """

    prompt: Prompt = Prompt("{{ cookiecutter.namespace }}/{{ cookiecutter.name }}")

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_text: TextColumn = "text",
    ) -> None:
        """Rewrite the texts.

        Args:
            storage: The table.
            input_text: The column of texts.
            output_text: The column for the rewritten texts.
        """
        asked = self.ask(storage, {"text": input_text})
        before = [text if isinstance(text, str) else None for text in asked.table[input_text]]
        asked.write(storage, {output_text: asked.column(otherwise=before)})
