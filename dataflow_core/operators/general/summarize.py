"""Have a model sum up texts."""

from pydantic import PositiveInt

from dataflow_core.operators.base import Generator
from dataflow_core.operators.columns import TextColumn
from dataflow_core.operators.prompted import Prompted
from dataflow_core.prompts import Prompt
from dataflow_core.storage.base import Storage


class Summarize(Prompted, Generator):
    """Have a model sum up each text in about ``max_words``; null and blank texts get null.

    Attributes:
        max_words: The most words of a summary.

    Example:
        >>> from dataflow_core import MemoryStorage, testing
        >>> table = MemoryStorage([{"text": "A long story."}])
        >>> Summarize(serving=testing.ScriptedServing(lambda text: "A story.")).run(table)
        >>> table.rows()[0]["summary"]
        'A story.'
    """

    max_words: PositiveInt = 100
    prompt: Prompt = Prompt("core/summarize")

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_summary: TextColumn = "summary",
    ) -> None:
        """Add the summaries.

        Args:
            storage: The table.
            input_text: The column of texts.
            output_summary: The column for the summaries.
        """
        asked = self.ask(storage, {"text": input_text})
        asked.write(storage, {output_summary: asked.column()})
