"""Have a model sum up texts."""

from pydantic import Field

from dataflow_core.operators.base import Generator
from dataflow_core.operators.columns import TextColumn
from dataflow_core.operators.prompted import Prompted
from dataflow_core.prompts import Prompt
from dataflow_core.storage.base import Storage


class Summarize(Prompted, Generator):
    """Have a model sum up each text in about ``max_words``; null and blank texts get null.

    Example:
        >>> from dataflow_core import MemoryStorage, testing
        >>> table = MemoryStorage([{"text": "A long story."}])
        >>> Summarize(serving=testing.ScriptedServing(lambda text: "A story.")).run(table)
        >>> table.rows()[0]["summary"]
        'A story.'
    """

    max_words: int = Field(100, ge=1, description="About the most words of a summary.")
    prompt: Prompt = Prompt("core/summarize")

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_summary: TextColumn = "summary",
    ) -> None:
        """Add the summaries."""
        asked = self.ask(storage, {"text": input_text})
        asked.write(storage, {output_summary: asked.column()})
