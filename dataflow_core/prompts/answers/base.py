"""What all forms of answers share, and the plainest of them."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from dataflow_core.table.failures import RowFailure

if TYPE_CHECKING:
    from dataflow_core.serving.completion import Completion

_THOUGHTS_BEGIN = re.compile(r"\s*+<(think|thinking|thought|reasoning)>")


class Unparsable(Exception):
    """An answer is not of its form.

    Args:
        message: What was found and wanted.
        reason: The same in a short snake-case word.
    """

    def __init__(self, message: str, reason: str = "unparsable_answer") -> None:
        super().__init__(message)
        self.reason = reason


class AnswerForm(BaseModel):
    """The form of an answer, and how to read it.

    A text that is not of the form is a value, a `RowFailure` with reason, message and the text: in
    a table it sends its row to quarantine. Reading never asks a model, so that answers in a store
    are read anew for nothing when a form changes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str

    @abstractmethod
    def parse(self, text: str) -> Any:
        """Return what a text says, without the thoughts that may stand before it.

        Raises:
            Unparsable: It is not of the form.
        """

    def read(self, text: str) -> Any:
        """Return what a text says, or the failure that it is.

        Args:
            text: The model's answer; thoughts in ``<think>`` before it are passed over.
        """
        try:
            return self.parse(without_thoughts(text))
        except Unparsable as error:
            return RowFailure(error.reason, str(error), text)

    def value(self, completion: Completion) -> Any:
        """Return what a completion says, or the failure that it is."""
        return completion.cell() if completion.text is None else self.read(completion.text)

    @property
    def json_schema(self) -> Mapping[str, Any] | None:
        """The JSON schema that a serving has answers fit; None where they are texts."""
        return None


class TextAnswer(AnswerForm):
    """The whole text, as it is."""

    kind: Literal["text"] = "text"

    def parse(self, text: str) -> str:
        """Return the text, without space around it."""
        if not (told := text.strip()):
            raise Unparsable("the model answered nothing", "empty_answer")
        return told


def without_thoughts(text: str) -> str:
    """Return a text without what a model thought aloud before it, in ``<think>`` and the like.

    Raises:
        Unparsable: The thoughts have no end: what is found in them is no answer.
    """
    start = 0
    while match := _THOUGHTS_BEGIN.match(text, start):
        closing = f"</{match[1]}>"
        end = text.find(closing, match.end())
        if end == -1:
            raise Unparsable("the model's thoughts have no end, and no answer", "empty_answer")
        start = end + len(closing)
    return text[start:]
