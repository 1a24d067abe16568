"""Have a model rate texts on a scale, and keep those with the scores wanted."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import model_validator

from dataflow_core.operators.base import Evaluator
from dataflow_core.operators.columns import NumberColumn, TextColumn
from dataflow_core.operators.filters import BoundsFilter
from dataflow_core.operators.prompted import Prompted
from dataflow_core.prompts import Prompt, PromptTemplate, ScoreAnswer
from dataflow_core.storage.base import Storage


class Scoring(Prompted):
    """What evaluator and filter share: the criteria, and the scale.

    Attributes:
        criteria: What the score is to say; a rubric, best with what each score means.
        minimum: The lowest score.
        maximum: The highest score.
        step: How far scores lie apart: 1 for whole numbers; None for any number.
    """

    answers = ("score",)

    criteria: str = "How good is this text, for whoever is to learn from it?"
    minimum: float = 1
    maximum: float = 5
    step: float | None = None
    prompt: Prompt = Prompt("core/prompted_evaluator")

    @model_validator(mode="after")
    def _has_scale(self) -> Self:
        ScoreAnswer(minimum=self.minimum, maximum=self.maximum, step=self.step)
        return self

    @property
    def settings(self) -> dict[str, Any]:
        """The criteria, and the scale with its numbers as people write them."""
        scale = {name: getattr(self, name) for name in ("minimum", "maximum", "step")}
        shown = {name: None if one is None else f"{one:g}" for name, one in scale.items()}
        return {"criteria": self.criteria, **shown}

    @property
    def form(self) -> ScoreAnswer:
        """A score on the scale."""
        answer = self.template.answer
        label = answer.label if isinstance(answer, ScoreAnswer) else "score"
        return ScoreAnswer(label=label, minimum=self.minimum, maximum=self.maximum, step=self.step)

    def _unfit_answer(self, template: PromptTemplate) -> list[str]:
        answer = template.answer
        if not isinstance(answer, ScoreAnswer):
            return super()._unfit_answer(template)
        return [
            f"{template.name} has {name} {told:g}, and {self.step_name()} {own:g}: say {name} once."
            for name in ("minimum", "maximum")
            if (told := getattr(answer, name)) is not None and told != (own := getattr(self, name))
        ]


class PromptedEvaluator(Scoring, Evaluator):
    """Have a model rate each text by criteria, on any scale.

    The score is the number after the label ``Score:`` in the answer. One that is missing, or not on
    the scale, is a failure (``unparsable_answer``, ``score_out_of_range``,
    ``score_on_other_scale``, ``score_off_step``): never a 0, never cut to fit. Texts that are null
    or blank get null.

    Attributes:
        criteria: What the score is to say; a rubric, best with what each score means.
        minimum: The lowest score.
        maximum: The highest score.
        step: How far scores lie apart: 1 for whole numbers; None for any number.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_core.testing import ScriptedServing
        >>> table = MemoryStorage([{"text": "Water boils at 100 °C."}, {"text": None}])
        >>> serving = ScriptedServing(lambda text: "Short, but right. **Score:** 8/10")
        >>> PromptedEvaluator(serving=serving, criteria="Is it right?", maximum=10).run(table)
        >>> [row["score"] for row in table.rows()]
        [8.0, None]
    """

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_score: NumberColumn = "score",
        output_explanation: TextColumn | None = None,
    ) -> None:
        """Add the scores.

        Args:
            storage: The table.
            input_text: The column of texts.
            output_score: The column for the scores.
            output_explanation: The column for all that the model says; None for none.
        """
        asked = self.ask(storage, {"text": input_text})
        columns = {output_score: asked.column()}
        if output_explanation is not None:
            columns[output_explanation] = asked.cells(one and one.text for one in asked.completions)
        asked.write(storage, columns)


class PromptedFilter(Scoring, BoundsFilter):
    """Have a model rate each text, and keep those whose score lies within bounds.

    The scores stay as a column. A text without score, since it is null or blank, is dropped with
    reason ``no_value``; a row whose answer fails goes to quarantine, and counts as neither.

    Attributes:
        criteria: What the score is to say; a rubric, best with what each score means.
        minimum: The lowest score.
        maximum: The highest score.
        step: How far scores lie apart: 1 for whole numbers; None for any number.
        min_value: The lowest score kept; None for no bound.
        max_value: The highest score kept; None for no bound.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_core.testing import ScriptedServing
        >>> table = MemoryStorage([{"text": "good"}, {"text": "poor"}])
        >>> serving = ScriptedServing(lambda text: f"Score: {5 if 'good' in text else 2}")
        >>> PromptedFilter(serving=serving, criteria="Is it clear?", min_value=4).run(table)
        >>> table.rows()
        [{'text': 'good', 'score': 5.0}]
    """

    evaluator: ClassVar[type[Evaluator]] = PromptedEvaluator

    @model_validator(mode="after")
    def _within_scale(self) -> Self:
        for name in ("min_value", "max_value"):
            bound = getattr(self, name)
            if bound is not None and not self.minimum <= bound <= self.maximum:
                raise ValueError(
                    f"{name} is {bound:g}, which is not on the scale, "
                    f"{self.minimum:g} to {self.maximum:g}"
                )
        return self

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_score: NumberColumn = "score",
    ) -> None:
        """Add the scores, and drop the rows outside the bounds.

        Args:
            storage: The table.
            input_text: The column of texts.
            output_score: The column for the scores.
        """
        self.keep_within_bounds(
            storage, output_score, input_text=input_text, output_score=output_score
        )
