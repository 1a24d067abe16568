"""Answers that are lists: numbered, bulleted, or as JSON."""

from __future__ import annotations

import json
import re
from typing import Annotated, Literal

from pydantic import Field

from dataflow_core.prompts.answers.base import AnswerForm, Unparsable

_MARK = re.compile(r"^[ \t]*(?:\(?\d{1,4}[.):、]|[-*•–])[ \t]+(?P<item>\S.*)$")
_JSON = re.compile(r"\A\s*(?:```(?:json)?\s*)?(?P<list>\[.*\])\s*(?:```)?\s*\Z", re.DOTALL)


class ListAnswer(AnswerForm):
    """A list of texts: a JSON array of strings, or lines that begin with a number or a bullet.

    Lines that begin with space go on with the item before them; what stands before the first item,
    or after an empty line behind the last, is no part of the list.

    Attributes:
        minimum: The fewest items.
        maximum: The most items; None for any number.
    """

    kind: Literal["list"] = "list"
    minimum: Annotated[int, Field(ge=0)] = 1
    maximum: Annotated[int, Field(ge=1)] | None = None

    def parse(self, text: str) -> list[str]:
        """Return the items."""
        items = _from_json(text)
        if items is None:
            items = _from_lines(text)
        few, many = len(items) < self.minimum, self.maximum and len(items) > self.maximum
        if few or many:
            wanted = f"at least {self.minimum}" if few else f"at most {self.maximum}"
            raise Unparsable(f"{len(items)} items in the list, {wanted} wanted", "wrong_count")
        return items


def _from_json(text: str) -> list[str] | None:
    match = _JSON.match(text)
    if match is None:
        return None
    try:
        found = json.loads(match["list"])
    except json.JSONDecodeError:
        return None
    if not all(isinstance(item, str) and item.strip() for item in found):
        raise Unparsable("the JSON array has something other than texts in it")
    return [item.strip() for item in found]


def _from_lines(text: str) -> list[str]:
    items: list[str] = []
    is_open = False
    for line in text.splitlines():
        if match := _MARK.match(line):
            items.append(match["item"].strip())
            is_open = True
        elif not line.strip():
            is_open = False
        elif is_open and line[0] in " \t":
            items[-1] += f" {line.strip()}"
    if not items:
        raise Unparsable("no list: no line begins with a number or a bullet")
    return items
