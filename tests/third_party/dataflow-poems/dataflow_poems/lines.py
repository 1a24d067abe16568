"""The number of lines of a poem, and the filter on it."""

from typing import ClassVar

from dataflow_core import Evaluator, Storage
from dataflow_core.operators import BoundsFilter, IntegerColumn, TextColumn


class LineEvaluator(Evaluator):
    """Count the lines of a poem that are not blank; null for null. Any language.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "The rose is red\\nThe violet's blue"}])
        >>> LineEvaluator().run(table)
        >>> table.rows()[0]["lines"]
        2
    """

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_lines: IntegerColumn = "lines",
    ) -> None:
        """Add the number of lines.

        Args:
            storage: The table.
            input_text: The column of poems.
            output_lines: The column for the numbers.
        """
        table = storage.read([input_text])
        table[output_lines] = table[input_text].str.count(r"(?m)^.*\S")
        storage.write(table)


class LineFilter(BoundsFilter):
    """Keep poems of ``min_value`` to ``max_value`` lines."""

    evaluator: ClassVar = LineEvaluator

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_lines: IntegerColumn = "lines",
    ) -> None:
        """Add the number of lines, and drop the poems out of bounds.

        Args:
            storage: The table.
            input_text: The column of poems.
            output_lines: The column for the numbers.
        """
        self.keep_within_bounds(
            storage, output_lines, input_text=input_text, output_lines=output_lines
        )
