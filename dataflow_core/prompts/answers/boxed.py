r"""Answers in ``\boxed{…}``, as mathematics has them."""

from __future__ import annotations

import re
from typing import Literal

from dataflow_core.prompts.answers.base import AnswerForm, Unparsable

_MARKS = re.compile(r"(?P<box>\\{1,2}(?:boxed|fbox)\s*+\{)|\\.|[{}]", re.DOTALL)


class BoxedAnswer(AnswerForm):
    r"""The content of the last ``\boxed{…}`` that is closed; braces may be nested."""

    kind: Literal["boxed"] = "boxed"

    def parse(self, text: str) -> str:
        """Return the content of the box."""
        found = last_boxed(text)
        if found is None:
            raise Unparsable(r"no closed \boxed{…} in the answer")
        if not found:
            raise Unparsable(r"the last \boxed{} is empty")
        return found


def last_boxed(text: str) -> str | None:
    r"""Return the content of the last ``\boxed{…}`` or ``\fbox{…}`` that is closed, or None.

    The last is the one that begins last; of boxes in one another, the innermost. Escaped braces
    do not count.
    """
    opened: list[tuple[int, bool]] = []  # where what is open begins, and whether it is a box
    last, end = -1, -1
    for mark in _MARKS.finditer(text):
        if mark["box"] or mark[0] == "{":
            opened.append((mark.end(), mark["box"] is not None))
        elif mark[0] == "}" and opened:
            start, is_box = opened.pop()
            if is_box and start > last:
                last, end = start, mark.start()
    return text[last:end].strip() if last >= 0 else None
