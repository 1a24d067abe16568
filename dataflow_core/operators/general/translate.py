"""Have a model translate texts."""

from pydantic import Field

from dataflow_core.operators.base import Generator
from dataflow_core.operators.columns import TextColumn
from dataflow_core.operators.prompted import Prompted, Told
from dataflow_core.prompts import Prompt
from dataflow_core.storage.base import Storage


class Translate(Prompted, Generator):
    """Have a model translate each text into ``language``; null and blank texts get null.

    Example:
        >>> from dataflow_core import MemoryStorage, testing
        >>> table = MemoryStorage([{"text": "Guten Tag"}])
        >>> Translate(serving=testing.ScriptedServing(lambda text: "Good day")).run(table)
        >>> table.rows()[0]["translation"]
        'Good day'
    """

    language: Told = Field("English", description="The language to translate into.")
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
