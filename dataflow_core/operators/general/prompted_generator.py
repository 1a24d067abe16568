"""Have a model make a text from each text, as an instruction says."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any

from pydantic import AfterValidator

from dataflow_core.errors import ConfigurationError
from dataflow_core.operators.base import Generator
from dataflow_core.operators.columns import AnyColumn, TextColumn
from dataflow_core.operators.prompted import Prompted, is_blank
from dataflow_core.prompts import AnswerForm, JsonAnswer, Prompt, PromptTemplate
from dataflow_core.serving.structured import AnswerSchema
from dataflow_core.storage.base import Storage

_DEFAULT = Prompt("core/prompted_generator")


def _sound(schema: dict[str, Any]) -> dict[str, Any]:
    """Refuse what is no JSON schema."""
    try:
        AnswerSchema.of(schema)
    except ConfigurationError as error:
        raise ValueError(str(error).removeprefix("json_schema: ")) from None
    return schema


class PromptedGenerator(Prompted, Generator):
    """Have a model do with each text what an instruction says.

    The answer goes into a column of its own: a text, or, with ``json_schema``, a value of the
    schema. Rows without text get null; rows whose answer fails go to quarantine.

    Attributes:
        instruction: What to do, such as ``"Write a title for this article."``; empty only where a
            prompt of one's own says it.
        json_schema: A JSON schema that answers have to fit; None for texts.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_core.testing import ScriptedServing
        >>> table = MemoryStorage([{"text": "a long story"}])
        >>> serving = ScriptedServing(lambda text: "A Long Story")
        >>> PromptedGenerator(serving=serving, instruction="Write a title.").run(table)
        >>> table.rows()
        [{'text': 'a long story', 'generated': 'A Long Story'}]
    """

    answers = ("text", "json", "tags", "boxed", "code", "list", "score")

    instruction: str = ""
    json_schema: Annotated[dict[str, Any], AfterValidator(_sound)] | None = None
    prompt: Prompt = _DEFAULT

    @property
    def form(self) -> AnswerForm:
        """The form of the answers: that of the schema, where one is given."""
        if self.json_schema is None:
            return self.template.answer
        return JsonAnswer(fields=self.json_schema)

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_generated: AnyColumn = "generated",
    ) -> None:
        """Add the answers.

        Args:
            storage: The table.
            input_text: The column of texts.
            output_generated: The column for the answers.
        """
        asked = self.ask(storage, {"text": input_text})
        asked.write(storage, {output_generated: asked.column()})

    def _unfit_variables(self, template: PromptTemplate, given: Collection[str]) -> list[str]:
        unfit = super()._unfit_variables(template, given)
        if is_blank(self.instruction) and self.prompt == _DEFAULT:
            unfit.append("instruction is empty: say what to do, or give a prompt that says it.")
        return unfit
