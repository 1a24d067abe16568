"""The forms that answers have: each says what is wanted, and reads it out of a model's text."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field

from dataflow_core.prompts.answers.base import AnswerForm, TextAnswer, Unparsable
from dataflow_core.prompts.answers.boxed import BoxedAnswer, last_boxed
from dataflow_core.prompts.answers.code import CodeAnswer
from dataflow_core.prompts.answers.items import ListAnswer
from dataflow_core.prompts.answers.json_answer import JsonAnswer
from dataflow_core.prompts.answers.score import ScoreAnswer
from dataflow_core.prompts.answers.tags import TagsAnswer


def _named(value: object) -> object:
    """Let a form be named alone: ``boxed`` stands for ``{kind: boxed}``."""
    return {"kind": value} if isinstance(value, str) else value


Answer = Annotated[
    TextAnswer | JsonAnswer | TagsAnswer | BoxedAnswer | CodeAnswer | ScoreAnswer | ListAnswer,
    Field(discriminator="kind"),
    BeforeValidator(_named),
]
"""Any of the forms."""

FORMS: Mapping[str, type[AnswerForm]] = {
    form.model_fields["kind"].default: form
    for form in (
        TextAnswer, JsonAnswer, TagsAnswer, BoxedAnswer, CodeAnswer, ScoreAnswer, ListAnswer
    )
}  # fmt: skip
"""The forms by the names that headers call them."""

__all__ = [
    "FORMS",
    "Answer",
    "AnswerForm",
    "BoxedAnswer",
    "CodeAnswer",
    "JsonAnswer",
    "ListAnswer",
    "ScoreAnswer",
    "TagsAnswer",
    "TextAnswer",
    "Unparsable",
    "last_boxed",
]
