{% include "module/head.py" %}

from typing import ClassVar

import pandas as pd
from dataflow_core import Filter, Storage
from dataflow_core.operators import BooleanColumn, Prompted, TextColumn
from dataflow_core.prompts import Prompt


class {{ cookiecutter.cls }}(Prompted, Filter):
    """{{ cookiecutter.summary | sentence }}

{% if cookiecutter.does %}
    As generated, it does this: {{ cookiecutter.does }}.
    Put what it is to do into ``prompts/{{ cookiecutter.name }}.jinja``,
    and name the reason in `run`.

{% endif %}
    Dropped rows have the reason ``unclear``, or ``no_text`` where the text is null or blank. A row
    whose answer is of another form than asked for goes to quarantine, with the answer: it is
    neither clear nor unclear. Texts may be in all languages that the model knows.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_core.testing import ScriptedServing
        >>> table = MemoryStorage([{"text": "Bees dance."}, {"text": None}])
        >>> told = '{"explanation": "Short.", "is_clear": true}'
        >>> {{ cookiecutter.cls }}(serving=ScriptedServing(lambda text: told)).run(table)
        >>> [row["text"] for row in table.rows()], table.dropped()["reason"].tolist()
        (['Bees dance.'], ['no_text'])
    """

    answers: ClassVar = ("json",)

    prompt: Prompt = Prompt("{{ cookiecutter.namespace }}/{{ cookiecutter.name }}")

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_verdict: BooleanColumn = "is_clear",
    ) -> None:
        """Drop the other rows.

        Args:
            storage: The table.
            input_text: The column of texts.
            output_verdict: The column for the verdict, which is true of all that is kept.
        """
        asked = self.ask(storage, {"text": input_text})
        asked.write(storage, {output_verdict: asked.column(lambda told: told["is_clear"])})
        verdict = storage.read([output_verdict])[output_verdict]
        reason = pd.Series("unclear", verdict.index).mask(verdict.isna(), "no_text")
        self.keep(storage, verdict, reason=reason)
