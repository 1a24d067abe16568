"""Answers that are a score on a scale."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Literal, Self

from pydantic import model_validator

from dataflow_core.prompts.answers.base import AnswerForm, Unparsable

_NUMBER = r"[-+−]?\d+(?:[.,]\d+)*"
_OUT_OF = rf"(?:\s*(?:/|out\s+of)\s*(?P<of>{_NUMBER}))?"
_SCALE = re.compile(
    rf"(?:on\s+)?(?:a|the)?\s*scale\s+(?:of|from)\s+{_NUMBER}\s*(?:to|-|–)\s*{_NUMBER}",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"[*_`#$]+")
_ALONE = re.compile(rf"[\s:,(\[]*(?P<score>{_NUMBER}){_OUT_OF}[\s.)\]!]*\Z")


class ScoreAnswer(AnswerForm):
    """A number on a scale: after its label (``Score: 7``, ``**Score:** 7/10``), or alone.

    Of several labelled numbers the last counts, since models think aloud before they judge. A
    number on another scale (``7/10`` where 5 is the most), or outside of this one, is no score:
    it is never cut to fit, and other numbers in the text are never taken for one.

    Attributes:
        label: What stands before the score, in any case; ``|`` between several.
        minimum: The lowest score; None for what the operator says.
        maximum: The highest; None likewise.
        step: Scores lie so far apart: 1 for whole numbers, None for any number.
    """

    kind: Literal["score"] = "score"
    label: str = "score|rating"
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.minimum is not None and self.maximum is not None and self.minimum >= self.maximum:
            raise ValueError(f"minimum ({self.minimum:g}) is not below maximum ({self.maximum:g})")
        if self.step is not None and self.step <= 0:
            raise ValueError("step is a number above 0")
        return self

    def parse(self, text: str) -> float:
        """Return the score."""
        plain = _MARKUP.sub("", text)
        found = list(self._labelled.finditer(plain))
        match = found[-1] if found else _ALONE.match(_SCALE.sub("", plain).strip())
        if match is None:
            label = self.label.partition("|")[0].capitalize()
            raise Unparsable(f"no score: neither a number alone nor one after '{label}:'")
        score = self._number(match["score"])
        if match["of"] is not None:
            self._check_scale(match["of"])
        self._check(score)
        return score

    @cached_property
    def _labelled(self) -> re.Pattern[str]:
        labels = "|".join(re.escape(one.strip()) for one in self.label.split("|"))
        return re.compile(
            rf"(?<!\w)(?:{labels})(?!\w)[\"']?\s*(?:[:=：]|is\b|-(?=\s))?\s*[\"'(\[]?\s*"
            rf"(?P<score>{_NUMBER}){_OUT_OF}(?!\w|\s*(?:to|-|–)\s*\d)",
            re.IGNORECASE,
        )

    def _number(self, text: str) -> float:
        plain = text.replace("−", "-")
        if re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?", plain) and (self.maximum or 0) >= 1000:
            return float(plain.replace(",", ""))
        plain = plain.replace(",", ".")
        if plain.count(".") > 1:
            raise Unparsable(f"{text!r} is no number")
        return float(plain)

    def _check_scale(self, of: str) -> None:
        if self.maximum is not None and self._number(of) != self.maximum:
            wanted = f"the highest score is {self.maximum:g}"
            raise Unparsable(f"a score out of {of}; {wanted}", "score_on_other_scale")

    def _check(self, score: float) -> None:
        low, high = self.minimum, self.maximum
        if (low is not None and score < low) or (high is not None and score > high):
            scale = " to ".join("any" if one is None else f"{one:g}" for one in (low, high))
            raise Unparsable(f"score {score:g} is not on the scale, {scale}", "score_out_of_range")
        if self.step is not None:
            steps = (score - (low or 0)) / self.step
            if abs(steps - round(steps)) > 1e-9:
                raise Unparsable(
                    f"score {score:g} lies between two steps of {self.step:g}", "score_off_step"
                )
