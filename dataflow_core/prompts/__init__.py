"""Prompt templates: Jinja files that say what they need, what they ask, and how it is answered.

`Prompt` is what operators hold: a template by name, by file, or written out. `PromptTemplate` is
the template itself, and `dataflow_core.prompts.answers` has the forms of answers, each with its
parser.
"""

from dataflow_core.prompts.answers import (
    Answer,
    AnswerForm,
    BoxedAnswer,
    CodeAnswer,
    JsonAnswer,
    ListAnswer,
    ScoreAnswer,
    TagsAnswer,
    TextAnswer,
    Unparsable,
)
from dataflow_core.prompts.prompt import Prompt
from dataflow_core.prompts.template import PromptTemplate, TemplateFailed

__all__ = [
    "Answer",
    "AnswerForm",
    "BoxedAnswer",
    "CodeAnswer",
    "JsonAnswer",
    "ListAnswer",
    "Prompt",
    "PromptTemplate",
    "ScoreAnswer",
    "TagsAnswer",
    "TemplateFailed",
    "TextAnswer",
    "Unparsable",
]
