"""Answers that are lists: numbered, bulleted, or as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from dataflow_core.prompts.answers.base import AnswerForm, Unparsable

if TYPE_CHECKING:
    from dataflow_core.serving.structured import AnswerSchema

_NUMBER = (
    r"[(（]?\d{1,4}(?:[、）]\s*|[．：](?!\d)\s*|[.)](?:\s+|(?=[^\W\d]|\*\*))|:\s+)"
    r"|[一二三四五六七八九十]{1,3}、\s*|[①-⑳]\s*"
)
_MARK = re.compile(
    rf"(?P<indent>[ \t]*+)(?P<bold>(?:\*\*|__)(?=[(（]?\d))?+"
    rf"(?:(?P<number>{_NUMBER})|(?P<bullet>[-*+–]\s+|[•●▪]\s*))(?P<item>\S.*)",
    re.DOTALL,
)
_BOLD_NUMBER = re.compile(r"(?P<number>[(（]?\d{1,4}[.)、:：）]?)(?P<bold>\*\*|__)")
_BREAK = re.compile(r"(?:[-*_=]\s*+){3,}+|(?:`{3}|~{3})\S*+|#{1,6}\s.*")  # rule, fence, heading
_FENCE = re.compile(r"```(?:json)?\s*(?P<inside>.*)```", re.DOTALL)
_STRINGS_BEGIN = re.compile(r"\[\s*+[\"“]")


class ListAnswer(AnswerForm):
    """A list of texts: lines that begin with a number or a bullet, or a JSON array of strings.

    The first mark says what the items begin with: bullets below a numbered item, and marks that are
    indented deeper, are lines of the item, and stay lines of their own in it. Other lines go on
    with the item before them, those behind an empty line only if they are indented. What stands
    before the first item, or without indent behind an empty line, is no part of the list.

    Attributes:
        minimum: The fewest items.
        maximum: The most items; None for any number.
    """

    kind: Literal["list"] = "list"
    minimum: Annotated[int, Field(ge=0)] = 1
    maximum: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.maximum is not None and self.maximum < self.minimum:
            raise ValueError(f"minimum ({self.minimum}) is above maximum ({self.maximum})")
        return self

    def parse(self, text: str) -> list[str]:
        """Return the items."""
        items = _from_json(text)
        if items is None:
            items = list(_from_lines(text)) or _from_json_within(text)
        few = len(items) < self.minimum
        if few or (self.maximum is not None and len(items) > self.maximum):
            wanted = f"at least {self.minimum}" if few else f"at most {self.maximum}"
            raise Unparsable(f"{len(items)} items in the list, {wanted} wanted", "wrong_count")
        return items


def _from_json(text: str) -> list[str] | None:
    """Return the items of a text that is a JSON array and nothing else; None if it is not."""
    plain = text.strip()
    if fence := _FENCE.fullmatch(plain):
        plain = fence["inside"].strip()
    if not (plain.startswith("[") and plain.endswith("]")):
        return None
    try:
        found = json.loads(plain)
    except (ValueError, RecursionError):
        return None
    return _texts(found)


def _from_json_within(text: str) -> list[str]:
    """Return the items of a JSON array between sentences, mended where it has to be."""
    read = _strings().read(text) if _STRINGS_BEGIN.search(text) else None
    if read is None or not read.ok:
        raise Unparsable("no list: no line begins with a number or a bullet")
    return _texts(read.value)


@lru_cache(maxsize=1)
def _strings() -> AnswerSchema:
    from dataflow_core.serving.structured import AnswerSchema

    return AnswerSchema.of({"type": "array", "items": {"type": "string"}})


def _texts(found: list[object]) -> list[str]:
    items = [item.strip() for item in found if isinstance(item, str)]
    if len(items) < len(found) or not all(items):
        raise Unparsable("the JSON array has something other than texts in it")
    return items


@dataclass
class _List:
    """The list that is being read: what its items begin with, and the lines of the last."""

    indent: int
    is_numbered: bool
    parts: list[str] = field(default_factory=list)
    is_open: bool = True  # no empty line since

    def is_item(self, mark: re.Match[str]) -> bool:
        """Tell whether a mark begins an item, and is no line of the one before."""
        is_numbered = mark["number"] is not None
        return is_numbered == self.is_numbered and _width(mark["indent"]) < self.indent + 2

    def begin(self, mark: re.Match[str]) -> None:
        self.parts, self.is_open = [_content(mark)], True

    def go_on(self, line: str, *, is_marked: bool) -> None:
        """Take a line that begins no item."""
        if not line.strip():
            self.is_open = False
        elif self.is_open or _width(line) >= self.indent + 2:
            self.parts.append(("\n" if is_marked else " ") + line.strip())
            self.is_open = True


def _from_lines(text: str) -> Iterator[str]:
    found: _List | None = None
    for line in text.split("\n"):
        is_break = _BREAK.fullmatch(line.strip())
        mark = None if is_break else _MARK.fullmatch(_unbolded(line))
        if mark is None or not (found is None or found.is_item(mark)):
            if found is not None:
                found.go_on("" if is_break else line, is_marked=mark is not None)
            continue
        if found is None:
            found = _List(_width(mark["indent"]), mark["number"] is not None)
        else:
            yield "".join(found.parts)
        found.begin(mark)
    if found is not None:
        yield "".join(found.parts)


def _unbolded(line: str) -> str:
    """Return a line without the marks of a bold number: ``**1.** …``."""
    indent = len(line) - len(line.lstrip())
    for bold in ("**", "__"):
        if line.startswith(bold, indent):
            inside = line[indent + 2 :]
            if match := _BOLD_NUMBER.match(inside):
                return f"{line[:indent]}{match['number']}{inside[match.end() :]}"
    return line


def _content(mark: re.Match[str]) -> str:
    """Return what stands behind the mark; bold type that began before it begins behind it."""
    return f"{mark['bold'] or ''}{mark['item']}".strip()


def _width(line: str) -> int:
    """Return how far a line is indented, tabs as 4 columns."""
    space = line[: len(line) - len(line.lstrip(" \t"))]
    return len(space.expandtabs(4))
