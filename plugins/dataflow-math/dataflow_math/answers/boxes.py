r"""What stands in ``\boxed{…}``."""

from __future__ import annotations

import re

from dataflow_math.answers.brackets import closing_brace

_Box = tuple[int, int, str]
"""Where a box begins and ends, and what it holds."""

_BOX = re.compile(r"\\{1,2}(?:boxed|fbox)\s{0,4}(?:\{|(?P<bare>[^\s{}$\\]+))")
_TOKEN = re.compile(_BOX.pattern + r"|\\.|[{}]", re.DOTALL)
_JOINT = re.compile(
    r"(?:\s|\$|\\[()\[\]]|\\q?quad|\\[,; ]|,|;|\+|and|or|\\text\{\s*,?\s*(?:and|or)\s*\}|和|或|、)*"
)


def last_boxed(text: str) -> str | None:
    r"""Return what the last complete ``\boxed{…}`` or ``\fbox{…}`` holds.

    Boxes right before it, with nothing but commas, plus signs, "and" or "or" between, belong to the
    same answer, which then is a list.

    Example:
        >>> last_boxed(r"\boxed{1}. No: \boxed{\frac{1}{2}} \boxed{3")
        '\\frac{1}{2}'
        >>> last_boxed(r"$\boxed{2}$ and $\boxed{3}$"), last_boxed("none")
        ('2, 3', None)
    """
    return _joined(text, [box for box in _outermost(_complete(text)) if box[2].strip()])


def _complete(text: str) -> list[_Box]:
    """Return the boxes that are complete, in the order in which they end."""
    boxes: list[_Box] = []
    open_braces: list[tuple[int, int] | None] = []
    first = _BOX.search(text)
    for found in _TOKEN.finditer(text, first.start()) if first else ():
        if found["bare"]:
            boxes.append((found.start(), found.end(), found["bare"]))
        elif found[0] == "}":
            box = open_braces.pop() if open_braces else None
            if box is not None:
                boxes.append((box[0], found.end(), text[box[1] : found.start()]))
        elif found[0].endswith("{") and found[0] != "\\{":
            is_box = len(found[0]) > 1
            open_braces.append((found.start(), found.end()) if is_box else None)
    return boxes


def _outermost(boxes: list[_Box]) -> list[_Box]:
    """Return those of boxes that are in no other one."""
    kept: list[_Box] = []
    for box in boxes:
        while kept and kept[-1][0] > box[0]:
            kept.pop()
        kept.append(box)
    return kept


def _joined(text: str, boxes: list[_Box]) -> str | None:
    if not boxes:
        return None
    parts = [boxes[-1]]
    for box in reversed(boxes[:-1]):
        between = text[box[1] : parts[0][0]]
        if not re.search(r",|;|\+|and|or|和|或|、", between) or not _JOINT.fullmatch(between):
            break
        parts.insert(0, box)
    return ", ".join(_unnested(inside.strip()) for _, _, inside in parts)


def _unnested(inside: str) -> str:
    if found := _BOX.match(inside):
        end = closing_brace(inside, found.end() - 1)
        if end == len(inside) - 1:
            return inside[found.end() : end].strip()
    return inside
