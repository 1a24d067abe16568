r"""What stands in ``\boxed{…}``."""

from __future__ import annotations

import re

from dataflow_math.answers.brackets import closing_brace

_BOX = re.compile(r"\\(?:boxed|fbox)\s*(?:\{|(?P<bare>[^\s{}$\\]+))")
_JOINT = re.compile(
    r"(?:\s|\$|\\[()\[\]]|\\q?quad|\\[,; ]|,|;|and|or|\\text\{\s*,?\s*(?:and|or)\s*\}|和|或|、)*"
)


def last_boxed(text: str) -> str | None:
    r"""Return what the last complete ``\boxed{…}`` or ``\fbox{…}`` holds.

    Boxes right before it, with nothing but commas, "and" or "or" between, belong to the same
    answer, which then is a list.

    Example:
        >>> last_boxed(r"\boxed{1}. No: \boxed{\frac{1}{2}} \boxed{3")
        '\\frac{1}{2}'
        >>> last_boxed(r"$\boxed{2}$ and $\boxed{3}$"), last_boxed("none")
        ('2, 3', None)
    """
    boxes: list[tuple[int, int, str]] = []
    for found in _BOX.finditer(text):
        start = found.start()
        if boxes and start < boxes[-1][1]:
            continue  # within another box
        if found["bare"]:
            boxes.append((start, found.end(), found["bare"]))
        elif (end := closing_brace(text, found.end() - 1)) is not None:
            boxes.append((start, end + 1, text[found.end() : end]))
    return _joined(text, [box for box in boxes if box[2].strip()])


def _joined(text: str, boxes: list[tuple[int, int, str]]) -> str | None:
    if not boxes:
        return None
    parts = [boxes[-1]]
    for box in reversed(boxes[:-1]):
        between = text[box[1] : parts[0][0]]
        if not re.search(r",|;|and|or|和|或|、", between) or not _JOINT.fullmatch(between):
            break
        parts.insert(0, box)
    return ", ".join(_unnested(inside.strip()) for _, _, inside in parts)


def _unnested(inside: str) -> str:
    if found := _BOX.match(inside):
        end = closing_brace(inside, found.end() - 1)
        if end == len(inside) - 1:
            return inside[found.end() : end].strip()
    return inside
