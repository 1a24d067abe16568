"""The mood of a poem, as a model reads it."""

from dataflow_core import Evaluator, Storage
from dataflow_core.operators import TextColumn
from dataflow_core.operators.prompted import Prompted
from dataflow_core.prompts import Prompt


class MoodEvaluator(Prompted, Evaluator):
    """Say of what mood a poem is; null for null. Any language that the model knows."""

    answers = ("json",)
    prompt: Prompt = Prompt("poems/mood_evaluator")

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_mood: TextColumn = "mood",
    ) -> None:
        """Add the mood.

        Args:
            storage: The table.
            input_text: The column of poems.
            output_mood: The column for the moods: merry, sad or neither.
        """
        asked = self.ask(storage, {"text": input_text})
        asked.write(storage, {output_mood: asked.column(lambda answer: answer["mood"])})
