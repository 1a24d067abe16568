r"""Answers in ``\boxed{…}``, as mathematics has them."""

from __future__ import annotations

import re
from typing import Literal

from dataflow_core.prompts.answers.base import AnswerForm, Unparsable

_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
_BRACES = re.compile(r"\\.|[{}]", re.DOTALL)


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
    r"""Return the content of the last ``\boxed{…}`` or ``\fbox{…}`` that is closed, or None."""
    for match in reversed(list(_BOX.finditer(text))):
        if (end := _closing(text, match.end())) is not None:
            return text[match.end() : end].strip()
    return None


def _closing(text: str, start: int) -> int | None:
    """Return where the brace closes that was opened just before ``start``."""
    depth = 1
    for brace in _BRACES.finditer(text, start):
        if brace[0] == "{":
            depth += 1
        elif brace[0] == "}":
            depth -= 1
            if not depth:
                return brace.start()
    return None
