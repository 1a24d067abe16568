"""Have a model answer a prompt made of any columns."""

from __future__ import annotations

from collections.abc import Collection

from pydantic import Field

from dataflow_core.operators.base import Generator
from dataflow_core.operators.columns import AnyColumn
from dataflow_core.operators.prompted import Prompted
from dataflow_core.prompts import PromptTemplate
from dataflow_core.storage.base import Bindings, Storage


class TemplateGenerator(Prompted, Generator):
    """Have a model answer a prompt of one's own, made of any columns of a row.

    The variables of the prompt are columns. A row in which one of them is null or blank is not
    asked about, and gets null, unless the column is among ``optional``. The form of the answer, as
    the prompt's header says it, determines the column: a text, a list, an object.

    Attributes:
        columns: The columns of variables that are called otherwise.
        optional: Variables that may be null or blank; let the prompt ask with
            ``{% if context %}``.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_core.testing import ScriptedServing
        >>> table = MemoryStorage([{"city": "Lima", "year": 1900}])
        >>> serving = ScriptedServing(lambda text: f"A letter. {text}")
        >>> prompt = "Write from {{ city }} in {{ year }}."
        >>> TemplateGenerator(serving=serving, prompt=prompt).run(table)
        >>> table.rows()[0]["generated"]
        'A letter. Write from Lima in 1900.'
    """

    answers = ("text", "json", "tags", "boxed", "code", "list", "score")

    columns: dict[str, str] = Field(default_factory=dict)
    optional: frozenset[str] = frozenset()

    def reads(self, bindings: Bindings) -> dict[str, tuple[str, ...]]:
        """Return the columns of the prompt's variables."""
        return {"prompt": tuple(self._columns().values())}

    def run(self, storage: Storage, output_generated: AnyColumn = "generated") -> None:
        """Add the answers.

        Args:
            storage: The table.
            output_generated: The column for the answers.
        """
        asked = self.ask(storage, self._columns())
        asked.write(storage, {output_generated: asked.column()})

    def _columns(self) -> dict[str, str]:
        return {name: self.columns.get(name, name) for name in sorted(self.template.used)}

    def _may_be_blank(self) -> Collection[str]:
        return self.optional

    def _unfit_variables(self, template: PromptTemplate, given: Collection[str]) -> list[str]:
        spare = sorted({*self.columns, *self.optional} - template.used)
        return [f"{template.name} has no variable {name!r}." for name in spare]
