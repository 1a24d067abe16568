"""Answers that are a score on a scale."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Literal, Self

from pydantic import FiniteFloat, model_validator

from dataflow_core.prompts.answers.base import AnswerForm, Unparsable

# No quantifier gives back what it took: a number is read whole or not at all, in linear time.
_NUMBER = r"[-+−]?+\d++(?:[.,]\d++)*+"
_RANGE = r"(?:to|or|-|–|—|~|至|到)"
# What makes another number of the one before it, if they belong together: 10 000, 10'000, 10万.
_MORE = (
    r"(?P<more>(?:[^\S\n]|['’]|\\[,;:! ]|\{,\})++\d[\d.,]*+"
    r"|\s*+(?:thousand\b|million\b|[百千万萬亿億]))?+"
)
_GROUPS = re.compile(r"[-+]?[1-9]\d{0,2}(?P<mark>[.,])\d{3}(?:(?P=mark)\d{3})*(?:\.\d+)?")
_UNIT = r"(?:\s*+[分点점])?+"
_OUT_OF = (
    rf"(?:\s*+(?:/|(?:out\s++)?of\b|\(?(?:满分|滿分|out\s++of\b))\s*+(?P<of>{_NUMBER}){_UNIT}\)?+"
    r"|\s*+(?P<percent>%))?+"
)
_ON_SCALE = (
    rf"(?:(?:on\s++)?+(?:(?:a|the)\s++)?+scale\s++(?:of|from)\s++{_NUMBER}\s*+{_RANGE}\s*+"
    rf"(?P<top>{_NUMBER})[\s:,=]*+)?+"
)
_HAN = "\u3400-\u9fff"
_OPENING = r"(?:\\boxed\s*+\{|[\"'“(\[<{])?+\s*+"
_ASIDE = r"(?:[ \t]*+[(\[](?P<aside>[^()\[\]\n]{0,80}+)[)\]])?"
_ASIDE_SCALE = re.compile(
    rf"(?:{_NUMBER}\s*+{_RANGE}|/|\bof|满分|max\w*+:?)\s*+(?P<top>{_NUMBER})", re.IGNORECASE
)
_MARKUP = re.compile(r"[*_`#$]++")
_ALONE = re.compile(
    rf"[\s:,]*+{_ON_SCALE}{_OPENING}(?P<score>{_NUMBER}){_UNIT}{_OUT_OF}[\s.)\]}}>!\"'”。]*+",
    re.IGNORECASE,
)
# A verdict in so many words: "I'd give this text a solid 4.", 我给它4分.
_VERDICT = re.compile(
    r"(?:\bI(?:['’]d|\s++would|['’]ll|\s++will)?\s++(?:rate|score|grade|give|assign)\b"
    r"(?:[^\S\n]++(?!not\b|never\b)[^\W\d]++){0,6}?[^\S\n]++"
    rf"|(?<![不没沒有])(?:给|給|打|评|評)(?:(?![不没沒\d\n，。])[{_HAN}])"
    r"{0,8}?\s*+)"
    rf"(?P<score>{_NUMBER})(?:\s*+(?:points?|stars?|[分点星]))?+{_OUT_OF}"
    r"(?=\s*+(?:[.,;:!。，；！)\n—–-]|$)|\s++(?:because|since|as|for)\b)",
    re.IGNORECASE,
)
_ENGLISH = frozenset({"score", "rating"})
_ELSEWHERE = ("评分", "評分", "得分", "分数", "分數", "打分", "スコア", "点数", "점수", "평점")
_RUBRIC = re.compile(r"\s*+(?:[:=]|means\b|would\b)")  # behind "score 5", which gives none
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_CJK = "\u2e80-\u9fff\uac00-\ud7af"
_NO_WORD_BEFORE, _NO_WORD_AFTER = rf"(?<![^\W{_CJK}])", rf"(?![^\W{_CJK}])"


class ScoreAnswer(AnswerForm):
    """A number on a scale: after its label (``Score: 7``, ``**Score:** 7/10``), or alone.

    Of several numbers that stand behind a label and colon, or in a tag of its name
    (``<score>7</score>``), the last counts, since models think aloud before they judge; those of
    two labels have to say the same. Where no label has a colon (``the score is 7``), all have to.
    Without any label, a sentence that gives the text's only number as one's verdict counts (``I
    rate it 7``). A
    number on another scale (``7/10`` where 5 is the most), or outside of this one, is no score:
    it is never cut to fit, and other numbers in the text are never taken for one. Neither is one
    that may be read in two ways: ``10 000``, or ``10.000`` where scores go beyond 999.

    Attributes:
        label: What stands before the score, in any case; ``|`` between several. To ``score`` and
            ``rating`` belong the words for them in Chinese, Japanese and Korean.
        minimum: The lowest score; None for what the operator says.
        maximum: The highest; None likewise.
        step: Scores lie so far apart: 1 for whole numbers, None for any number.
    """

    kind: Literal["score"] = "score"
    label: str = "score|rating"
    minimum: FiniteFloat | None = None
    maximum: FiniteFloat | None = None
    step: FiniteFloat | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.minimum is not None and self.maximum is not None and self.minimum >= self.maximum:
            low, high = number_text(self.minimum), number_text(self.maximum)
            raise ValueError(f"minimum ({low}) is not below maximum ({high})")
        if self.step is not None and self.step <= 0:
            raise ValueError("step is a number above 0")
        if not all(label.strip() for label in self.label.split("|")):
            raise ValueError(f"label is {self.label!r}: a label has no letter")
        return self

    def parse(self, text: str) -> float:
        """Return the score."""
        narrow = text if text.isascii() else text.translate(_FULL_WIDTH)
        plain = _MARKUP.sub("", narrow)
        match = self._labelled_in(plain) or _ALONE.fullmatch(plain) or _verdict_in(plain)
        if match is None:
            label = self.label.partition("|")[0].strip().capitalize()
            raise Unparsable(f"no score: neither a number alone nor one after '{label}:'")
        if more := match.groupdict().get("more"):
            raise _ambiguous(match["score"] + more)
        score = self._number(match["score"])
        for scale in _scales(match):
            self._check_scale(scale)
        self._check(score)
        return score

    def _labelled_in(self, text: str) -> re.Match[str] | None:
        """Return the number with a label that counts; None where there is none."""
        found = list(self._labelled.finditer(text))
        plainly = [match for match in found if match["colon"] or match["tag"]]
        if plainly:
            self._require_one(plainly)
            return plainly[-1]
        vague = [match for match in found if not _RUBRIC.match(text, match.end())]
        if len({match["score"] for match in vague}) > 1:
            told = ", ".join(dict.fromkeys(_brief(match["score"]) for match in vague[:5]))
            raise Unparsable(f"several scores, and none behind a colon: {told}")
        return vague[-1] if vague else None

    def _require_one(self, plainly: Sequence[re.Match[str]]) -> None:
        """Refuse labels whose last numbers differ: nobody can tell which is meant."""
        last = {match["label"].casefold(): match["score"] for match in plainly}
        if len(set(map(self._number, last.values())) if len(last) > 1 else last) > 1:
            told = ", ".join(f"{label} {_brief(number)}" for label, number in last.items())
            raise Unparsable(f"several scores that differ: {told}")

    @cached_property
    def _labelled(self) -> re.Pattern[str]:
        given = [one.strip().translate(_FULL_WIDTH) for one in self.label.split("|")]
        if not _ENGLISH.isdisjoint(one.casefold() for one in given):
            given += _ELSEWHERE
        labels = "|".join(re.escape(one) for one in sorted(given, key=len, reverse=True))
        return re.compile(
            rf"(?P<tag><\s*+)?{_NO_WORD_BEFORE}(?P<label>{labels}){_NO_WORD_AFTER}"
            rf"(?(tag)\s*+>|[\"'”]?+{_ASIDE}\s*+(?:(?P<colon>[:=])|is\b|是|[为為]|[-–—](?=\s))?+)"
            rf"\s*+{_OPENING}(?P<score>{_NUMBER}){_MORE}{_UNIT}{_OUT_OF}"
            rf"(?(tag)\s*+</\s*+(?:{labels})\s*+>(?!\s*+/)"
            rf"|(?![^\W{_CJK}]|\s*+(?:{_RANGE}\s*+\d|/)))",
            re.IGNORECASE,
        )

    def _number(self, text: str) -> float:
        plain = text.replace("−", "-")
        if (groups := _GROUPS.fullmatch(plain)) is not None:
            plain = self._without_groups(plain, groups["mark"])
        plain = plain.replace(",", ".")
        if plain.count(".") > 1 or not math.isfinite(number := float(plain)):
            raise Unparsable(f"{_brief(text)!r} is no number")
        return number

    def _without_groups(self, number: str, mark: str) -> str:
        """Return a number whose digits may be in groups of thousands, without their marks."""
        large = self.maximum is not None and self.maximum > 999
        if mark == "," and large:
            return number.replace(",", "")
        if large or (mark == "," and self.maximum is None):
            raise _ambiguous(number)
        return number

    def _check_scale(self, of: str) -> None:
        if self.maximum is not None and self._number(of) != self.maximum:
            wanted = f"the highest score is {number_text(self.maximum)}"
            raise Unparsable(f"a score out of {_brief(of)}; {wanted}", "score_on_other_scale")

    def _check(self, score: float) -> None:
        low, high = self.minimum, self.maximum
        if (low is not None and score < low) or (high is not None and score > high):
            scale = " to ".join("any" if one is None else number_text(one) for one in (low, high))
            told = f"score {number_text(score)} is not on the scale, {scale}"
            raise Unparsable(told, "score_out_of_range")
        if self.step is not None:
            steps = (score - (low or 0)) / self.step
            if abs(steps - round(steps)) > 1e-9:
                told = f"score {number_text(score)} lies between two steps"
                raise Unparsable(f"{told} of {number_text(self.step)}", "score_off_step")


def number_text(number: float) -> str:
    """Return a number with all its digits, as people write it: ``1000000``, ``0.5``, ``5``."""
    text = f"{Decimal(repr(float(number))):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _verdict_in(text: str) -> re.Match[str] | None:
    """Return the verdict of a sentence, where its number is the only one in the text."""
    found = [*_VERDICT.finditer(text)]
    if len(found) != 1:
        return None
    around = text[: found[0].start()] + text[found[0].end() :]
    return None if re.search(r"\d", around) else found[0]


def _ambiguous(number: str) -> Unparsable:
    return Unparsable(f"{_brief(number)!r} may be read in two ways; wanted are digits without gaps")


def _scales(match: re.Match[str]) -> Iterator[str]:
    """Yield the highest scores of the scales that a score is said to be on."""
    told = match.groupdict()
    if told["of"] or told["percent"]:
        yield told["of"] or "100"
    if told.get("top"):
        yield told["top"]
    for scale in _ASIDE_SCALE.finditer(told.get("aside") or ""):
        yield scale["top"]


def _brief(number: str) -> str:
    return number if len(number) <= 20 else f"{number[:19]}…"
