"""Have a model translate texts."""

from dataflow_core.operators.base import Generator
from dataflow_core.operators.columns import TextColumn
from dataflow_core.operators.prompted import Prompted
from dataflow_core.prompts import Prompt
from dataflow_core.storage.base import Storage


class Translate(Prompted, Generator):
    """Have a model translate each text into ``language``; null and blank texts get null.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_core.testing import ScriptedServing
        >>> table = MemoryStorage([{"text": "Guten Tag"}])
        >>> Translate(serving=ScriptedServing(lambda text: "Good day")).run(table)
        >>> table.rows()
        [{'text': 'Guten Tag', 'translation': 'Good day'}]
    """

    language: str = "English"
    prompt: Prompt = Prompt("core/translate")

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_translation: TextColumn = "translation",
    ) -> None:
        """Add the translations."""
        asked = self.ask(storage, {"text": input_text})
        asked.write(storage, {output_translation: asked.column()})
