"""Have a model sum up texts."""

from pydantic import PositiveInt

from dataflow_core.operators.base import Generator
from dataflow_core.operators.columns import TextColumn
from dataflow_core.operators.prompted import Prompted
from dataflow_core.prompts import Prompt
from dataflow_core.storage.base import Storage


class Summarize(Prompted, Generator):
    """Have a model sum up each text in about ``max_words``; null and blank texts get null.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_core.testing import ScriptedServing
        >>> table = MemoryStorage([{"text": "A long story."}])
        >>> Summarize(serving=ScriptedServing(lambda text: "A story.")).run(table)
        >>> table.rows()
        [{'text': 'A long story.', 'summary': 'A story.'}]
    """

    max_words: PositiveInt = 100
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
