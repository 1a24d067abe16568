"""Quality rules alone: to decide by, or to measure with."""

from __future__ import annotations

from dataflow_core import Operator, Pipeline, Storage
from dataflow_text.quality.presets import Preset, rules_of
from dataflow_text.quality.rule_set import RuleSet


class QualityRules(Pipeline):
    """Drop texts of low quality by rules alone; texts and other columns stay as they are.

    The presets are rule sets: ``gopher`` (quality and repetition), ``c4``, ``fineweb`` (all of
    these, as FineWeb was made), ``default``: the rules of this package, each with its measure as a
    column, made for English prose of 100 words or more, and ``basic``, for texts of any language.
    How well they do on pages that people have judged, the package's README says.

    The report of a run says how each measure is distributed and where its bounds cut. To try
    others, set them by step (on the command line, ``--param stop_word_filter.min_value=0.1``), and
    to measure only once, let `QualityMeasures` do it and decide with ``measured``.

    Args:
        storage: The table.
        text_column: The column of texts.
        preset: The rules.
        measured: Whether the table has the measures already, from `QualityMeasures`.
    """

    def __init__(
        self,
        storage: Storage | None = None,
        *,
        text_column: str = "text",
        preset: Preset = "default",
        measured: bool = False,
    ) -> None:
        super().__init__(storage)
        self.text_column = text_column
        self.measured = measured
        self.rules = rules_of(preset)

    def forward(self) -> None:
        """Apply one rule after the other."""
        for rule in self.rules:
            if not self.measured:
                rule.run(self.storage, input_text=self.text_column)
            elif isinstance(rule, RuleSet):
                rule.run(self.storage, input_text=self.text_column, input_measures=rule.step_name())
            else:
                rule.run(
                    self.storage, input_text=self.text_column, input_measure=rule.default_output()
                )


class QualityMeasures(Pipeline):
    """Add what quality rules measure as columns, and drop nothing.

    `QualityRules` decides on such a table with ``measured``, as often as other bounds are to be
    tried. A rule of this package has a column of its own, such as ``word_count``; a rule set one
    for all of its measures, such as ``gopher_quality``.

    Args:
        storage: The table.
        text_column: The column of texts.
        preset: The rules; see `QualityRules`.
    """

    def __init__(
        self,
        storage: Storage | None = None,
        *,
        text_column: str = "text",
        preset: Preset = "default",
    ) -> None:
        super().__init__(storage)
        self.text_column = text_column
        self.measures: list[Operator] = [
            rule.model_copy(update={"drop": False})
            if isinstance(rule, RuleSet)
            else rule.make_evaluator()
            for rule in rules_of(preset)
        ]

    def forward(self) -> None:
        """Take one measure after the other."""
        for measure in self.measures:
            if isinstance(measure, RuleSet):
                column = measure.step_name()
                measure.run(self.storage, input_text=self.text_column, output_measures=column)
            else:
                measure.run(self.storage, input_text=self.text_column)
