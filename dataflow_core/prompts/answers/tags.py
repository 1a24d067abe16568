"""Answers in tags: ``<question>…</question>``."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field

from dataflow_core.prompts.answers.base import AnswerForm, Unparsable

Tag = Annotated[str, Field(pattern=r"^[A-Za-z][\w-]*$")]


class TagsAnswer(AnswerForm):
    """The contents of tags, by name; of a tag that comes more than once, the last that is closed.

    Attributes:
        tags: The names of the tags that must be there.
        optional: Those that may be missing, and are None then.
    """

    kind: Literal["tags"] = "tags"
    tags: tuple[Tag, ...] = Field(min_length=1)
    optional: tuple[Tag, ...] = ()

    def parse(self, text: str) -> dict[str, str | None]:
        """Return the contents by name, without space around them."""
        found = {name: _last(text, name) for name in (*self.tags, *self.optional)}
        missing = [f"<{name}>" for name in self.tags if not found[name]]
        if missing:
            raise Unparsable(f"no closed {', '.join(missing)} with anything in it")
        return found


def _last(text: str, name: str) -> str | None:
    # What stands in a tag has no tag of the same name in it: else an unclosed one would swallow.
    inside = rf"<{name}>((?:(?!<{name}>).)*?)</{name}>"
    found = re.findall(inside, text, re.DOTALL | re.IGNORECASE)
    return found[-1].strip() if found else None
