"""Syllables, which a package counts that comes with the extra ``metre``."""

from dataflow_core import Evaluator, Storage
from dataflow_core.operators import IntegerColumn, TextColumn


class MetreEvaluator(Evaluator):
    """Count the syllables of a poem; null for null. English."""

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_syllables: IntegerColumn = "syllables",
    ) -> None:
        """Add the number of syllables.

        Args:
            storage: The table.
            input_text: The column of poems.
            output_syllables: The column for the numbers.
        """
        import dataflow_poems_syllables

        table = storage.read([input_text])
        table[output_syllables] = table[input_text].map(dataflow_poems_syllables.count)
        storage.write(table)
