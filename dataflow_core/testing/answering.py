"""Servings that answer in the form that is asked for, so that operators can be tried as they are.

The same question has the same answer, and different ones mostly different answers.
"""

from __future__ import annotations

import itertools
import json
import zlib
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

from dataflow_core.errors import ConformanceError
from dataflow_core.prompts.answers import (
    AnswerForm,
    BoxedAnswer,
    CodeAnswer,
    JsonAnswer,
    ListAnswer,
    ScoreAnswer,
    TagsAnswer,
    TextAnswer,
)
from dataflow_core.serving.backend import Backend, ChatRequest, Reply, ReplyError, Vectors
from dataflow_core.serving.base import Capability, Serving
from dataflow_core.serving.messages import text_of
from dataflow_core.testing.scripted import Scripted, ScriptedServing, scripted_answer
from dataflow_core.testing.server.instances import instance_of

Failing = Literal["refused", "empty"]
"""How every answer fails: the server refuses the request, or the model says nothing."""


class AnsweringServing(ScriptedServing):
    """A scripted serving that is told schemas, as servers are that enforce them."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset({"chat", "embed", "images", "schema"})


class FailingServing(AnsweringServing):
    """A serving that answers nothing, and counts what it was asked.

    Attributes:
        failing: How it fails.
    """

    failing: Failing = "refused"
    script: Any = dict  # never asked

    def open_backend(self) -> Backend:
        """Return what fails."""
        return _Failing(self)


class _Failing(Backend):
    def __init__(self, serving: FailingServing) -> None:
        self._serving = serving

    async def chat(self, request: ChatRequest) -> Reply:
        self._serving._noted(request)  # noqa: SLF001  a part of it
        if self._serving.failing == "empty":
            return Reply("")
        raise ReplyError("request", "the conformance kit lets every request fail")

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self._serving._noted_texts(texts)  # noqa: SLF001
        raise ReplyError("request", "the conformance kit lets every request fail")


def answering(form: Callable[[], AnswerForm | None]) -> AnsweringServing:
    """Return a serving that answers in a form.

    Args:
        form: Returns the form of texts when the first is asked for; None for any text.
    """

    def script(request: ChatRequest) -> str:
        text = text_of(request.messages[-1])
        if request.schema is not None:
            return json.dumps(instance_of(request.schema, *_seeded(text)), ensure_ascii=False)
        return answer_in(form() or TextAnswer(), text)

    return AnsweringServing(script=script)


def refusing(serving: ScriptedServing, refused: Callable[[ChatRequest], bool]) -> ScriptedServing:
    """Return a serving that answers as another, but for requests that it refuses.

    Args:
        serving: The other.
        refused: Tells which.
    """
    numbers = itertools.count()

    def script(request: ChatRequest) -> Scripted:
        number = next(numbers)  # those that are refused count, too
        if refused(request):
            return ReplyError("request", "the conformance kit lets this request fail")
        return scripted_answer(serving.script, request, number)

    fields = {name: getattr(serving, name) for name in serving.model_fields_set}
    return type(serving)(**{**fields, "script": script, "corrections": 0})


def answer_in(form: AnswerForm, question: str) -> str:
    """Return an answer to a question in a form.

    Args:
        form: The form.
        question: What is asked; other questions mostly have other answers.

    Raises:
        ConformanceError: The form is none of the core's.
    """
    for kind, write in _WRITERS.items():
        if isinstance(form, kind):
            return write(form, question)
    raise ConformanceError(
        f"answers of the form {form.kind!r} ({type(form).__name__}) are none that the kit can "
        "write. Give an Example whose serving answers so: serving=ScriptedServing(…)."
    )


def fresh(serving: Serving) -> Serving:
    """Return a serving of the same configuration that was asked nothing yet."""
    return serving.__deepcopy__()


def _number(question: str) -> int:
    return zlib.crc32(question.encode("utf-8", "surrogatepass"))


def _seeded(question: str) -> tuple[str, str]:
    return f"answer {_number(question) % 1000}", str(_number(question))


def _text(_: AnswerForm, question: str) -> str:
    return f"This is answer {_number(question) % 1000}."


def _tags(form: Any, question: str) -> str:
    names = (*form.tags, *form.optional)
    return "\n".join(f"<{name}>{_text(form, question)} ({name})</{name}>" for name in names)


def _boxed(_: AnswerForm, question: str) -> str:
    return rf"So it is \boxed{{{_number(question) % 1000}}}."


def _code(form: Any, question: str) -> str:
    return f"```{form.language or ''}\n{_number(question) % 1000}\n```"


def _score(form: Any, question: str) -> str:
    low = 0.0 if form.minimum is None else form.minimum
    high = low + 1 if form.maximum is None else form.maximum
    step = form.step or high - low
    steps = int((high - low) / step + 1e-9)
    score = low + step * (_number(question) % (steps + 1))
    return f"{form.label.partition('|')[0].strip()}: {score:g}"


def _list(form: Any, question: str) -> str:
    most = form.maximum or max(form.minimum, 2)
    count = max(form.minimum, min(2, most))
    return "\n".join(f"{at + 1}. {_text(form, f'{question} {at}')}" for at in range(count))


def _json(form: Any, question: str) -> str:
    schema = form.json_schema or {"type": "object"}
    return json.dumps(instance_of(schema, *_seeded(question)), ensure_ascii=False)


_WRITERS: dict[type[AnswerForm], Callable[[Any, str], str]] = {
    TextAnswer: _text,
    TagsAnswer: _tags,
    BoxedAnswer: _boxed,
    CodeAnswer: _code,
    ScoreAnswer: _score,
    ListAnswer: _list,
    JsonAnswer: _json,
}
