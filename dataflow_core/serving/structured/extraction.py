"""Finding the JSON in an answer: in code fences, after reasoning, between sentences.

What stands inside a value that cannot be read is never taken for the answer: a piece of an answer
is not an answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from dataflow_core.serving.structured.tolerant import Parsed, UnreadableJson, parse

_AROUND = "\ufeff\u200b \t\r\n"
_THOUGHTS_END = re.compile(r"</(?:think|thinking|thought|reasoning)>")
_THOUGHTS_BEGIN = re.compile(r"<(?:think|thinking|thought|reasoning)>")
_FENCE = re.compile(r"(?:```|~~~)[\w+-]*")
_FENCE_BEGINS = re.compile(r"(?:```|~~~)[\w+-]*[ \t]*\n?")
_OBJECT_BEGINS = r"\{\s*(?:[\"'“‘}/#]|[\w$][\w$-]*\s*[:：])"
_ARRAY_BEGINS = r"\[\s*(?:[{\[\"'“‘\]\-+.0-9/#]|(?:true|false|null|True|False|None|NaN|Infinity)\b)"
_VALUE_BEGINS = re.compile(f"{_OBJECT_BEGINS}|{_ARRAY_BEGINS}")
_OBJECT_OR_NEST_BEGINS = re.compile(rf"{_OBJECT_BEGINS}|\[\s*[{{\[]")
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)
_DEBRIS = re.compile(  # of a value that was broken in two: keys, and commas between values
    r"[\"'”]\s*[:：]\s*(?:[\"'“{\[\-\d}\]]|(?:true|false|null|True|False|None)\b)"
    r"|[\]}][\s}\]]*[,，]\s*(?:[\"'“{\[]|[\w$]+\s*[:：])"
    r"|[\"'”\]}]\s*[,，]\s*[{\[]"
)
_FRAME_BEGINS = re.compile(r"(?:```|~~~)[\w+-]*\s*\Z")
_FRAME_ENDS = re.compile(r"\s*(?:```|~~~)")
_NEAR = 200
_BRACKET = re.compile(r"[\[\]{}]")
_PAIRS = {"{": "}", "[": "]"}
_NOTHING_BUT_FENCES = re.compile(r"[\s`~]*\Z")


@dataclass(frozen=True, slots=True)
class Found:
    """A value in an answer.

    Attributes:
        parsed: The value.
        start: Where its text begins.
        last: Whether nothing but space and the end of a fence comes after it.
    """

    parsed: Parsed
    start: int
    last: bool = True


@dataclass
class Extraction:
    """What was found in an answer.

    Attributes:
        found: The values that can be read.
        unreadable: What is wrong with those that cannot.
        open: Whether the answer ends inside a value.
        repairs: What had to be taken off around the values.
        empty: Whether the answer says nothing.
    """

    found: list[Found] = field(default_factory=list)
    unreadable: list[UnreadableJson] = field(default_factory=list)
    open: bool = False
    repairs: list[str] = field(default_factory=list)
    empty: bool = False

    @property
    def complete(self) -> bool:
        """Whether the answer surely ends with a whole value."""
        if not self.found or not self.found[-1].last:
            return False
        return type(self.found[-1].parsed.value) not in {int, float}


def extract(text: str, *, arrays: bool, scalars: bool) -> Extraction:
    """Find the values in an answer.

    Args:
        text: The answer.
        arrays: Whether an array may be what is wanted.
        scalars: Whether a text, number, boolean or null may be; they must stand alone.
    """
    body, thoughtful = _without_thoughts(text.strip(_AROUND))
    extraction = Extraction(repairs=["reasoning"] if thoughtful else [], empty=not body)
    if scalars and _alone(body, extraction):
        return extraction
    _Scan(body, extraction, _VALUE_BEGINS if arrays else _OBJECT_OR_NEST_BEGINS).run()
    _note_surroundings(body, extraction)
    return extraction


def _without_thoughts(text: str) -> tuple[str, bool]:
    """Return an answer without the reasoning before it, and whether there was any."""
    end = _THOUGHTS_END.search(text)
    if end is not None and not text.startswith(("{", "[", '"', "'", "`")):
        return text[end.end() :].strip(_AROUND), True
    if _THOUGHTS_BEGIN.match(text):
        return "", True
    return text, False


def _alone(body: str, extraction: Extraction) -> bool:
    """Read an answer that is one value and nothing else, which may be no object and no array."""
    inside, fence = _without_fence(body)
    try:
        parsed = parse(inside)
    except UnreadableJson:
        return False
    if parsed.end < len(inside):
        return False
    if fence:
        extraction.repairs.append("fence")
    if fence == "open" and type(parsed.value) in {int, float}:  # digits may be missing
        extraction.open = True
        extraction.unreadable.append(UnreadableJson(body, len(body), "the end of the fence"))
    else:
        extraction.found.append(Found(parsed, 0))
    return True


def _without_fence(body: str) -> tuple[str, str]:
    """Return what is in a code fence, and whether that is ``open`` or ``closed``, if it is one."""
    begin = _FENCE_BEGINS.match(body)
    if begin is None:
        return body, ""
    inside = body[begin.end() :]
    closed = inside.endswith(("```", "~~~"))
    return (inside[:-3] if closed else inside).strip(_AROUND), "closed" if closed else "open"


class _Scan:
    """The search for objects and arrays in a text, from its start."""

    def __init__(self, text: str, extraction: Extraction, begins: re.Pattern[str]) -> None:
        self.text = text
        self.extraction = extraction
        self.begins = begins
        self.gaps: list[tuple[int, int]] = []

    def run(self) -> None:
        """Read values until the end, or until one does not end."""
        position = 0
        while begin := self.begins.search(self.text, position):
            self.gaps.append((position, begin.start()))
            end = self._read(begin.start())
            if end is None:
                self.extraction.open = True
                return
            position = end
        self.gaps.append((position, len(self.text)))
        self._look_for_debris()

    def _read(self, start: int) -> int | None:
        """Read the value at a position, and return where the next may be; None if it is open."""
        try:
            parsed = parse(self.text, start)
        except UnreadableJson as error:
            self.extraction.unreadable.append(error)
            return None if error.at_end else _end_of_broken(self.text, start)
        last = _NOTHING_BUT_FENCES.match(self.text, parsed.end) is not None
        self.extraction.found.append(Found(parsed, start, last))
        return parsed.end

    def _look_for_debris(self) -> None:
        """See whether what stands around the values is a part of them that was torn off."""
        self.extraction.found = list(filter(self._is_said, self.extraction.found))
        if not self.extraction.found or all(map(self._is_framed, self.extraction.found)):
            return
        at = self._debris()
        if at is not None:
            self.extraction.unreadable.append(UnreadableJson(self.text, at, "a whole value"))
            self.extraction.open = True

    def _debris(self) -> int | None:
        """Return where a key stands between values, or a bracket that was opened before one."""
        for start, end in self.gaps:
            found = _DEBRIS.search(self.text, max(0, start - 1), end + 1)
            if found is not None:
                return found.start()
            gap = self.text[start:end]
            if _closes_more(gap) and not self._is_stray(gap):
                return start
        return None

    def _is_stray(self, gap: str) -> bool:
        """Return whether brackets after a value are only one too many, and close nothing."""
        before = self.text[: self.extraction.found[0].start]
        return not (self.extraction.unreadable or before.strip() or gap.strip("}] \t\r\n"))

    def _is_said(self, found: Found) -> bool:
        """Return whether a value is meant: ``{}`` and ``[]`` in a sentence are no answers."""
        if found.parsed.value or self._is_framed(found):
            return True
        around = self.text[: found.start] + self.text[found.parsed.end :]
        return not around.strip(_AROUND + "`~}]")

    def _is_framed(self, found: Found) -> bool:
        """Return whether a value is all that a code fence holds."""
        near = self.text[max(0, found.start - _NEAR) : found.start]
        framed = _FRAME_BEGINS.search(near) and _FRAME_ENDS.match(self.text, found.parsed.end)
        return framed is not None


def _closes_more(gap: str) -> bool:
    """Return whether a text closes a bracket that it did not open."""
    depth = 0
    for found in _BRACKET.finditer(gap):
        depth += 1 if found[0] in _PAIRS else -1
        if depth < 0:
            return True
    return False


def _end_of_broken(text: str, start: int) -> int | None:
    """Return where a value ends that cannot be read, by its brackets; None if that is not clear."""
    closing: list[str] = []
    for found in _BRACKETS.finditer(text, start):
        if found[0] in _PAIRS:
            closing.append(_PAIRS[found[0]])
        elif found[0] in "}]" and found[0] != closing.pop():
            return None
        if not closing:
            after = text[found.end() :].lstrip()[:1]
            return found.end() if after not in {",", ":", '"', "'", "}", "]"} else None
    return None


def _note_surroundings(body: str, extraction: Extraction) -> None:
    """Note what stands around the first value."""
    if not extraction.found:
        return
    found = extraction.found[0]
    around = body[: found.start] + body[found.parsed.end :]
    if "```" in around or "~~~" in around:
        extraction.repairs.append("fence")
    if _FENCE.sub("", around).strip(_AROUND):
        extraction.repairs.append("text around it")
