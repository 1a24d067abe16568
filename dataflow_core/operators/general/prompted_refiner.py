"""Have a model rewrite texts."""

from __future__ import annotations

from dataflow_core.operators.base import Refiner
from dataflow_core.operators.columns import TextColumn
from dataflow_core.operators.prompted import Prompted, Told, cells
from dataflow_core.prompts import Prompt
from dataflow_core.storage.base import Storage


class PromptedRefiner(Prompted, Refiner):
    """Have a model rewrite each text as an instruction says.

    Null and blank texts stay as they are. A text that could not be rewritten is not replaced by
    anything: its row goes to quarantine.

    Attributes:
        instruction: How to rewrite, such as ``"Correct the spelling."``

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_core.testing import ScriptedServing
        >>> table = MemoryStorage([{"text": "teh cat"}, {"text": ""}])
        >>> serving = ScriptedServing(lambda text: "the cat")
        >>> PromptedRefiner(serving=serving, instruction="Correct the spelling.").run(table)
        >>> table.rows()
        [{'text': 'the cat'}, {'text': ''}]
    """

    instruction: Told
    prompt: Prompt = Prompt("core/prompted_refiner")

    def run(
        self, storage: Storage, input_text: TextColumn = "text", output_text: TextColumn = "text"
    ) -> None:
        """Rewrite the texts.

        Args:
            storage: The table.
            input_text: The column of texts.
            output_text: The column for the rewritten texts.
        """
        asked = self.ask(storage, {"text": input_text})
        before = cells(asked.table[input_text])
        asked.write(storage, {output_text: asked.column(otherwise=before)})
