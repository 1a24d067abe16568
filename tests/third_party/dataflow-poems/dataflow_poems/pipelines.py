"""Pipelines for poems."""

from dataflow_core import Pipeline, Storage
from dataflow_core.serving import Serving
from dataflow_poems.lines import LineFilter
from dataflow_poems.mood import MoodEvaluator


class ShortPoems(Pipeline):
    """Keep short poems, and say of what mood they are.

    Args:
        storage: The table.
        serving: The model that reads them.
        most: The most lines.
    """

    def __init__(self, storage: Storage | None = None, *, serving: Serving, most: int = 14) -> None:
        super().__init__(storage)
        self.short = LineFilter(max_value=most)
        self.mood = MoodEvaluator(serving=serving)

    def forward(self) -> None:
        self.short.run(self.storage)
        self.mood.run(self.storage)
