"""Answers in fenced code blocks."""

from __future__ import annotations

import re
from typing import Literal

from dataflow_core.prompts.answers.base import AnswerForm, Unparsable

_FENCE = re.compile(
    r"^(?P<indent>[ \t]*)(?P<fence>`{3,}|~{3,})[ \t]*(?P<language>[\w+#.-]*)[^\n`]*\n"
    r"(?P<code>(?:(?!^[ \t]*(?P=fence)).)*)^[ \t]*(?P=fence)[`~]*[ \t]*$",
    re.DOTALL | re.MULTILINE,
)


class CodeAnswer(AnswerForm):
    """The code in a fenced block.

    Attributes:
        language: Blocks of other languages are passed over, those without a language are not;
            None takes any.
        which: Of several blocks, which: the last is where models end up, the first where they
            add examples of use.
    """

    kind: Literal["code"] = "code"
    language: str | None = None
    which: Literal["first", "last"] = "last"

    def parse(self, text: str) -> str:
        """Return the code, without the fences."""
        blocks = [block for block in _FENCE.finditer(text) if self._is_wanted(block["language"])]
        if not blocks:
            wanted = f" of {self.language}" if self.language else ""
            raise Unparsable(f"no closed block{wanted} in fences (```)")
        block = blocks[0 if self.which == "first" else -1]
        code = re.sub(rf"^{block['indent']}", "", block["code"], flags=re.MULTILINE)
        if not code.strip():
            raise Unparsable("the block of code is empty")
        return code.rstrip("\n")

    def _is_wanted(self, language: str) -> bool:
        return self.language is None or language.lower() in ("", self.language.lower())
