"""Answers in tags: ``<question>…</question>``."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from dataflow_core.prompts.answers.base import AnswerForm, Unparsable

Tag = Annotated[str, Field(pattern=r"^[A-Za-z][\w-]*$")]


class TagsAnswer(AnswerForm):
    """The contents of tags, by name; of a tag that comes more than once, the last that is closed.

    Attributes:
        tags: The names of the tags that must be there.
        optional: Those that may be missing or empty, and are None then.
    """

    kind: Literal["tags"] = "tags"
    tags: tuple[Tag, ...] = Field(min_length=1)
    optional: tuple[Tag, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [name.lower() for name in (*self.tags, *self.optional)]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"the tag {twice!r} stands twice; case does not tell tags apart")
        return self

    def parse(self, text: str) -> dict[str, str | None]:
        """Return the contents by name, without space around them."""
        found = {name: _last(text, name) for name in (*self.tags, *self.optional)}
        missing = [f"<{name}>" for name in self.tags if found[name] is None]
        if missing:
            raise Unparsable(f"no closed {', '.join(missing)} with anything in it")
        return found


def _last(text: str, name: str) -> str | None:
    # What stands in a tag has no tag of the same name in it: else an unclosed one would swallow.
    start, content = None, None
    for tag in re.finditer(rf"<(?P<end>/?+){name}\s*+(?:(?<=\s)[^<>]*+)?>", text, re.IGNORECASE):
        if not tag["end"]:
            start = tag.end()
        elif start is not None:
            content, start = text[start : tag.start()].strip(), None
    return content or None
