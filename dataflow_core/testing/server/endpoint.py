"""What an endpoint is: how one API spells questions, answers and errors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from time import time
from typing import Any

from dataflow_core.testing.server.answers import Answer, Usage, Writer
from dataflow_core.testing.server.faults import Faults
from dataflow_core.testing.server.plan import Fault
from dataflow_core.testing.server.question import Question, Refusal
from dataflow_core.testing.vectors import vector_of

Headers = Mapping[str, str]


@dataclass(slots=True)
class Response:
    """What is sent back.

    Attributes:
        status: The HTTP status.
        pieces: The body; of more than one piece, they are sent as the chunks of a stream.
        headers: Headers, besides those that every response has.
        streamed: Whether it is a stream of events.
        cut: Whether the connection is closed in the midst of the body.
    """

    status: int
    pieces: Sequence[bytes]
    headers: list[tuple[str, str]] = field(default_factory=list)
    streamed: bool = False
    cut: bool = False


@dataclass(slots=True)
class Asked:
    """A question, and what is known when it is answered.

    Attributes:
        question: The question.
        id: A word of its own for it.
        fault: What goes wrong.
        usage: The tokens read so far.
        writer: Writes answers.
    """

    question: Question
    id: str
    fault: Fault | None
    usage: Usage
    writer: Writer

    def answers(self) -> list[Answer]:
        """Return all answers, and count their tokens."""
        question, write = self.question, self.writer.answer
        answers = [
            write(question, text, sample, self.fault)
            for text in question.inputs or (question.text,)
            for sample in range(question.samples)
        ]
        self.usage.add(answers)
        return answers

    def vectors(self) -> list[list[float]]:
        """Return the embeddings of all inputs; none if that is the fault."""
        if self.fault and self.fault.name == "empty":
            return []
        size = self.question.dimensions or self.writer.faults.dimensions
        return [vector_of(text, size) for text in self.question.inputs]


class Endpoint:
    """How one endpoint of an API spells questions and answers."""

    writes = True
    """Whether it answers with text, which costs tokens of its own."""

    def key(self, headers: Headers) -> str | None:
        """Return the key that a request comes with."""
        raise NotImplementedError

    def read(self, body: Mapping[str, Any], model: str) -> Question:
        """Return what a request's body asks.

        Args:
            body: The body.
            model: The model, where the path names it.

        Raises:
            Refusal: It is not as it should be.
        """
        raise NotImplementedError

    def response(self, asked: Asked) -> Response:
        """Return the answer to a question.

        Raises:
            Refusal: There is none.
        """
        raise NotImplementedError

    def error(self, refusal: Refusal) -> bytes:
        """Return the body that tells of an error."""
        raise NotImplementedError

    def cost(self, question: Question, faults: Faults) -> int:
        """Return how many tokens a question counts as, when it is let in."""
        read = question.prompt_tokens
        if not self.writes:
            return read
        written = min(question.max_tokens or faults.answer_tokens, faults.answer_tokens)
        return read + written * question.samples * max(1, len(question.inputs))


def retry_headers(seconds: float | None, form: str) -> list[tuple[str, str]]:
    """Return the headers that say after how many seconds to try again.

    Args:
        seconds: The seconds; None to say nothing.
        form: ``"seconds"`` or ``"date"``.
    """
    if seconds is None:
        return []
    if form == "date":
        return [("retry-after", formatdate(math.ceil(time() + seconds), usegmt=True))]
    return [
        ("retry-after", f"{round(seconds, 3):g}"),
        ("retry-after-ms", f"{math.ceil(seconds * 1000)}"),
    ]
