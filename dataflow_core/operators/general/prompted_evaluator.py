"""Have a model rate texts on a scale, and keep those with the scores wanted."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import FiniteFloat, ValidationError, model_validator

from dataflow_core.errors import PromptError
from dataflow_core.operators.base import Evaluator
from dataflow_core.operators.columns import NumberColumn, TextColumn
from dataflow_core.operators.filters import BoundsFilter
from dataflow_core.operators.prompted import Prompted, Told
from dataflow_core.prompts import Prompt, PromptTemplate, ScoreAnswer
from dataflow_core.prompts.answers.score import number_text
from dataflow_core.storage.base import Storage

_SCALE = ("minimum", "maximum", "step")


class Scoring(Prompted):
    """What evaluator and filter share: the criteria, and the scale.

    Attributes:
        criteria: What the score is to say; a rubric, best with what each score means.
        minimum: The lowest score. Where this is not given, the prompt's header may say it.
        maximum: The highest score; likewise.
        step: How far scores lie apart: 1 for whole numbers; None for any number. Likewise.
    """

    answers = ("score",)
    beyond_prompt = frozenset(_SCALE)

    criteria: Told = "How good is this text, for whoever is to learn from it?"
    minimum: FiniteFloat = 1
    maximum: FiniteFloat = 5
    step: FiniteFloat | None = None
    prompt: Prompt = Prompt("core/prompted_evaluator")

    @model_validator(mode="after")
    def _has_scale(self) -> Self:
        if self._knows_scale():
            ScoreAnswer(**{name: getattr(self, name) for name in _SCALE})
        return self

    def _knows_scale(self) -> bool:
        """Tell whether the scale is known before a prompt of one's own is read."""
        given = self.model_fields_set
        return "prompt" not in given or {"minimum", "maximum"} <= given

    @property
    def scale(self) -> dict[str, float | None]:
        """The scale: the fields that are given, then the prompt's header, then the defaults."""
        told = self._told_by_header(self.template)
        return {
            name: told[name] if name in told and not self._gives(name) else getattr(self, name)
            for name in _SCALE
        }

    def _gives(self, name: str) -> bool:
        return name in self.model_fields_set

    @staticmethod
    def _told_by_header(template: PromptTemplate) -> dict[str, float]:
        answer = template.answer
        told = {name: getattr(answer, name, None) for name in _SCALE}
        return {name: one for name, one in told.items() if one is not None}

    @property
    def settings(self) -> dict[str, Any]:
        """The criteria, and the scale with its numbers as people write them."""
        shown = {name: _shown(one) for name, one in self.scale.items()}
        return {"criteria": self.criteria, **shown}

    @property
    def form(self) -> ScoreAnswer:
        """A score on the scale."""
        answer = self.template.answer
        label = answer.label if isinstance(answer, ScoreAnswer) else "score"
        try:
            return ScoreAnswer(label=label, **self.scale)
        except ValidationError as error:
            raise PromptError(self._wrong_scale(error)) from None

    def _wrong_scale(self, error: ValidationError) -> str:
        told = error.errors()[0]["msg"].removeprefix("Value error, ")
        return (
            f"{self.template.name} and {self.step_name()} make no scale together: {told}. Give "
            "minimum and maximum both in the header, or both as fields."
        )

    def _unfit_answer(self, template: PromptTemplate) -> list[str]:
        if not isinstance(template.answer, ScoreAnswer):
            return super()._unfit_answer(template)
        unlike = [
            f"{template.name} has {name} {_shown(told)} in its header, and {self.step_name()} "
            f"{name} {_shown(getattr(self, name))}: say it once. Take it out of the header, or "
            f"set -p STEP.{name}={_shown(told)}."
            for name, told in self._told_by_header(template).items()
            if self._gives(name) and told != getattr(self, name)
        ]
        return unlike or self._unfit_scale()

    def _unfit_scale(self) -> list[str]:
        try:
            _ = self.form
        except PromptError as error:
            return [str(error)]
        return []


class PromptedEvaluator(Scoring, Evaluator):
    """Have a model rate each text by criteria, on any scale.

    The score is the number after the label ``Score:`` in the answer. One that is missing, or not on
    the scale, is a failure (``unparsable_answer``, ``score_out_of_range``,
    ``score_on_other_scale``, ``score_off_step``): never a 0, never cut to fit. Texts that are null
    or blank get null.

    Attributes:
        criteria: What the score is to say; a rubric, best with what each score means.
        minimum: The lowest score. Where this is not given, the prompt's header may say it.
        maximum: The highest score; likewise.
        step: How far scores lie apart: 1 for whole numbers; None for any number. Likewise.

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
        minimum: The lowest score. Where this is not given, the prompt's header may say it.
        maximum: The highest score; likewise.
        step: How far scores lie apart: 1 for whole numbers; None for any number. Likewise.
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
        if self._knows_scale() and (told := self._outside(self.minimum, self.maximum)):
            raise ValueError(told[0])
        return self

    def make_evaluator(self) -> Evaluator:
        """Return the evaluator, with the scale that counts here.

        Raises:
            PromptError: Scale and bounds contradict each other, or the prompt's header.
        """
        if unfit := self._unfit_answer(self.template):
            raise PromptError("\n".join(unfit))
        own = {name: getattr(self, name) for name in Scoring.model_fields}
        return PromptedEvaluator(**{**own, **self.scale})

    def _unfit_scale(self) -> list[str]:
        if wrong := super()._unfit_scale():
            return wrong
        form = self.form
        return self._outside(form.minimum, form.maximum)

    def _outside(self, low: float | None, high: float | None) -> list[str]:
        """Return which bounds are not on a scale."""
        return [
            f"{name} is {_shown(bound)}, which is not on the scale, {_shown(low)} to {_shown(high)}"
            for name in ("min_value", "max_value")
            if (bound := getattr(self, name)) is not None
            and low is not None
            and high is not None
            and not low <= bound <= high
        ]

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


def _shown(number: float | None) -> str | None:
    return None if number is None else number_text(number)
