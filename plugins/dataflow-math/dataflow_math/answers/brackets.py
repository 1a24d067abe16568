"""Brackets that belong together, in LaTeX and plain text."""

from __future__ import annotations

import re

_PAIRS = {"(": ")", "[": "]", "{": "}"}
_CLOSING = set(_PAIRS.values())
_TOKEN = re.compile(r"\\(?:begin|end)\s*\{[^{}]*\}|\\.|[()\[\]{}]|[,;:]", re.DOTALL)


def closing_brace(text: str, start: int) -> int | None:
    r"""Return the position of the brace that closes the one at ``start``; None where there is none.

    Escaped braces (``\{``) do not count.

    Example:
        >>> closing_brace(r"{a{b}\}}c", 0)
        7
    """
    depth = 0
    for found in re.finditer(r"\\.|[{}]", text[start:], re.DOTALL):
        if found[0] in "{}":
            depth += 1 if found[0] == "{" else -1
            if depth == 0:
                return start + found.start()
    return None


def split_list(text: str, marks: str = ",;") -> list[str]:
    r"""Return the parts of a text between the commas and semicolons outside all brackets.

    Brackets may close with another kind than they open with, as half-open intervals do. A text
    whose brackets do not match has one part, itself. ``marks`` may name other marks, such as ``:``.

    Example:
        >>> split_list(r"(1,2], \{3,4\}; x")
        ['(1,2]', '\\{3,4\\}', 'x']
    """
    depth, begun, parts = 0, 0, []
    for found in _TOKEN.finditer(text):
        mark = found[0]
        if mark in ",;:":
            if depth == 0 and mark in marks:
                parts.append(text[begun : found.start()].strip())
                begun = found.end()
            continue
        depth += _step(mark)
        if depth < 0:
            return [text]
    return [text] if depth else [*parts, text[begun:].strip()]


def enclosed(text: str) -> tuple[str, str, str] | None:
    r"""Return opening bracket, content and closing bracket of a text that one pair encloses whole.

    Example:
        >>> enclosed("(1,2]"), enclosed("(1)(2)"), enclosed(r"\{1\}")
        (('(', '1,2', ']'), None, ('\\{', '1', '\\}'))
    """
    opening = next((mark for mark in ("\\{", "(", "[", "{") if text.startswith(mark)), None)
    if opening is None:
        return None
    depth = 0
    for found in _TOKEN.finditer(text):
        step = _step(found[0])
        depth += step
        if step and depth <= 0:
            whole = depth == 0 and found.end() == len(text)
            return (opening, text[len(opening) : found.start()], found[0]) if whole else None
    return None


def _step(mark: str) -> int:
    bare = mark.removeprefix("\\")
    if mark in ("\\(", "\\)", "\\[", "\\]"):
        return 0
    if bare in _PAIRS or bare.startswith("begin"):
        return 1
    return -1 if bare in _CLOSING or bare.startswith("end") else 0
