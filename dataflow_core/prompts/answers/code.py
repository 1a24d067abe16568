"""Answers in fenced code blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from dataflow_core.prompts.answers.base import AnswerForm, Unparsable

# A fence may stand behind words (`Code: ```python`), if it names a language or nothing.
_FENCE = re.compile(
    r"(?P<before>[^`~]*+)(?P<fence>`{3,}+|~{3,}+)[ \t]*+"
    r"(?P<language>[\w+#.-]*+)(?P<info>[^`\r]*+)\r?"
)
_NAMES: Mapping[str, str] = {
    "py": "python",
    "python3": "python",
    "js": "javascript",
    "ts": "typescript",
    "c++": "cpp",
    "cs": "c#",
    "csharp": "c#",
    "golang": "go",
    "rs": "rust",
    "rb": "ruby",
    "sh": "bash",
    "shell": "bash",
    "zsh": "bash",
    "yml": "yaml",
    "postgresql": "sql",
    "postgres": "sql",
    "mysql": "sql",
    "sqlite": "sql",
}


class CodeAnswer(AnswerForm):
    """The code in a fenced block.

    Attributes:
        language: Blocks of other languages are passed over, those without a language are not;
            None takes any. Common short names (``py``, ``js``, ``c++``) are understood.
        which: Of several blocks, which: the last is where models end up, the first where they
            add examples of use.
    """

    kind: Literal["code"] = "code"
    language: str | None = None
    which: Literal["first", "last"] = "last"

    def parse(self, text: str) -> str:
        """Return the code, without the fences."""
        blocks = [block for block in _blocks(text) if self._is_wanted(block.language)]
        if not blocks:
            wanted = f" of {self.language}" if self.language else ""
            raise Unparsable(f"no closed block{wanted} in fences (```)")
        code = blocks[0 if self.which == "first" else -1].code
        if not code.strip():
            raise Unparsable("the block of code is empty")
        return code

    def _is_wanted(self, language: str) -> bool:
        if self.language is None or not language:
            return True
        return _known(language) == _known(self.language)


@dataclass
class _Block:
    """A block whose opening fence was seen."""

    indent: str
    fence: str
    language: str
    lines: list[str] = field(default_factory=list)

    @property
    def code(self) -> str:
        return "\n".join(line.removeprefix(self.indent) for line in self.lines).rstrip("\n")

    def is_closed_by(self, mark: re.Match[str]) -> bool:
        """Tell whether a fence ends it: the same marks, as many or more, and alone."""
        alone = not (mark["before"].strip() or mark["language"] or mark["info"].strip())
        return alone and self._is_of_its_kind(mark)

    def is_left_for(self, mark: re.Match[str]) -> bool:
        """Tell whether a fence begins another block, since the model forgot to close this one."""
        return not mark["before"].strip() and self._is_of_its_kind(mark)

    def _is_of_its_kind(self, mark: re.Match[str]) -> bool:
        return mark["fence"].startswith(self.fence)


def _blocks(text: str) -> Iterator[_Block]:
    """Yield the blocks that are closed."""
    block: _Block | None = None
    for line in text.split("\n"):
        mark = _FENCE.fullmatch(line)
        if block is not None and mark is not None and block.is_closed_by(mark):
            yield block
            block = None
        elif mark is not None and (_opens(mark) if block is None else block.is_left_for(mark)):
            before = mark["before"]
            indent = "" if before.strip() else before
            block = _Block(indent, mark["fence"], mark["language"].lower())
        elif block is not None:
            block.lines.append(line.removesuffix("\r"))


def _opens(mark: re.Match[str]) -> bool:
    return not (mark["before"].strip() and mark["info"].strip())


def _known(language: str) -> str:
    return _NAMES.get(language.lower(), language.lower())
