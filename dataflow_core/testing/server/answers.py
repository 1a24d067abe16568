"""What the server's model says: texts that can be verified, and the faults of their content."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from dataflow_core.testing.server.faults import Faults, Spelling
from dataflow_core.testing.server.instances import instance_of, misfit_of
from dataflow_core.testing.server.plan import Fault, said, spelling
from dataflow_core.testing.server.question import (
    CHARACTERS_PER_TOKEN,
    Question,
    Refusal,
    tokens_in,
)

# Words of three letters, so that a word and its space are one token.
_WORDS = " and the row has two new old big red sea sun sky day air ice oak elm fig bee cat dog"
_REASONING = "The last message asks for an answer. Its checksum is what can be told about it."


@dataclass(slots=True)
class Answer:
    """What the model said.

    Attributes:
        text: The answer.
        finish: Why it ended, in the words of OpenAI's API.
        reasoning: What it thought before, if that is told in a field.
        field: The name of this field.
        refusal: What it said instead of an answer.
    """

    text: str
    finish: str = "stop"
    reasoning: str | None = None
    field: Spelling = "reasoning_content"
    refusal: str | None = None

    def tokens(self) -> int:
        """Return how many tokens it took, reasoning and refusal included."""
        return tokens_in(self.text) + self.reasoning_tokens() + tokens_in(self.refusal or "")

    def reasoning_tokens(self) -> int:
        """Return how many tokens of reasoning are told in a field."""
        return tokens_in(self.reasoning or "")


@dataclass(slots=True)
class Usage:
    """Tokens read and written, as they are billed."""

    prompt: int
    written: int = 0
    cached: int = 0
    reasoning: int = 0

    def add(self, answers: Iterable[Answer]) -> None:
        """Count what was written."""
        for answer in answers:
            self.written += answer.tokens()
            self.reasoning += answer.reasoning_tokens()


def checksum(text: str) -> str:
    """Return what every sound answer to a last message begins with.

    Example:
        >>> checksum("2+2")
        'ok:1711883269'
    """
    return f"ok:{zlib.crc32(text.encode('utf-8', 'surrogatepass'))}"


@dataclass(slots=True)
class Writer:
    """Writes answers.

    Args:
        faults: How long they are, and whether they have reasoning.
    """

    faults: Faults
    _filler: str = field(init=False)

    def __post_init__(self) -> None:
        length = self.faults.answer_tokens * CHARACTERS_PER_TOKEN
        self._filler = (_WORDS * (length // len(_WORDS) + 1))[:length]

    def answer(self, question: Question, text: str, sample: int, fault: Fault | None) -> Answer:
        """Return the answer to a text.

        Args:
            question: How it is to be answered.
            text: The text, whose checksum the answer has.
            sample: The answer's number among several ones.
            fault: What goes wrong with it.

        Raises:
            Refusal: There are no instances of the schema.
        """
        answer = Answer(self._content(question, text, sample, fault))
        name = fault.name if fault else ""
        if name in _SPOILT:
            _SPOILT[name](answer)
        if name not in ("filter", "refuse"):
            self._think(answer, text)
        if question.stop:
            answer.text = _before(answer.text, question.stop)
        if question.max_tokens is not None:
            _cut(answer, question.max_tokens * CHARACTERS_PER_TOKEN)
        return answer

    def _content(self, question: Question, text: str, sample: int, fault: Fault | None) -> str:
        told = said(text)
        if told is not None:
            return told
        name = fault.name if fault else ""
        variant = _variant(question, sample)
        if question.schema is None and not question.json and name not in ("wrong_schema", "prose"):
            return self._prose(checksum(text), variant)
        content = _dumped(_value(question.schema, checksum(text), variant, name))
        return _in_prose(content) if name == "prose" else content

    def _prose(self, start: str, variant: str) -> str:
        length = self.faults.answer_tokens * CHARACTERS_PER_TOKEN
        start += variant
        return start + self._filler[: max(0, length - len(start))]

    def _think(self, answer: Answer, text: str) -> None:
        spelled = spelling(text, self.faults.think)
        if spelled == "tag":
            answer.text = f"<think>\n{_REASONING}\n</think>\n\n{answer.text}"
        elif spelled is not None:
            answer.reasoning, answer.field = _REASONING, spelled


def _variant(question: Question, sample: int) -> str:
    """Return what tells an answer from others to the same text; none at temperature 0."""
    if question.temperature == 0 or (question.seed is None and not sample):
        return ""
    return f" sample {question.seed or 0}.{sample}"


def _value(schema: Any, start: str, variant: str, fault: str) -> Any:
    if fault == "wrong_schema":
        return misfit_of(schema, start, variant)
    return {"answer": start + variant} if schema is None else instance_of(schema, start, variant)


def _dumped(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError as error:  # an integer of more than 64 bits, out of the schema
        raise Refusal(400, f"Invalid schema: {error}", "invalid_json_schema") from None


def _in_prose(content: str) -> str:
    return f"Sure! Here is what you asked for:\n\n```json\n{content}\n```\n\nAnything else?"


def _before(text: str, stops: tuple[str, ...]) -> str:
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    return text[: min(places)] if places else text


def _cut(answer: Answer, length: int) -> None:
    if len(answer.text) > length:
        answer.text, answer.finish = answer.text[:length], "length"


def _empty(answer: Answer) -> None:
    answer.text = ""


def _halve(answer: Answer) -> None:
    answer.text, answer.finish = answer.text[: len(answer.text) // 2], "length"


def _filter(answer: Answer) -> None:
    answer.text, answer.finish = "", "content_filter"


def _refuse(answer: Answer) -> None:
    answer.text, answer.refusal = "", "I'm sorry, but I can't assist with that request."


_SPOILT = {"empty": _empty, "length": _halve, "filter": _filter, "refuse": _refuse}
