"""A script as text: its encoding, its tokens, and where each piece of its syntax lies."""

from __future__ import annotations

import ast
import bisect
import codecs
import io
import re
import shlex
import tokenize
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dataflow_core.errors import ScriptError

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)?")
_SILENT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}


@dataclass(frozen=True)
class Edit:
    """A piece of text and what takes its place.

    Attributes:
        start: Where it begins, in characters.
        end: Where it ends.
        text: The new text.
    """

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Token:
    """A token with its place in the text, and how many brackets are open before it."""

    kind: int
    text: str
    start: int
    end: int
    depth: int


@dataclass(frozen=True)
class Slot:
    """An argument of a call, or a name of an import, as it stands in the text.

    Attributes:
        node: What it is.
        start: Where it begins, its name and brackets around it included.
        end: Where it ends.
        comma: Where the comma behind it ends; None without one.
    """

    node: ast.AST
    start: int
    end: int
    comma: int | None

    @property
    def value(self) -> ast.expr:
        """The value of an argument."""
        value = self.node.value if isinstance(self.node, ast.keyword) else self.node
        if not isinstance(value, ast.expr):
            raise TypeError(f"a {type(value).__name__} is no argument")
        return value


class Script:
    """A Python file, decoded and parsed.

    Args:
        content: Its bytes.
        name: What it is called in messages.

    Raises:
        ScriptError: It is no text in the encoding that it names, or no Python.
    """

    def __init__(self, content: bytes, name: str = "<script>") -> None:
        self.name = name
        self.encoding, self.bom = _encoding(content, name)
        try:
            self.text = content[len(self.bom) :].decode(self.encoding)
        except UnicodeDecodeError as error:
            raise ScriptError(
                f"{name}: the bytes from {error.start} on are no {self.encoding}. Name the "
                "encoding in the first line, as in '# coding: gbk', or save it as UTF-8."
            ) from None
        if re.search(r"\r(?!\n)", self.text):
            raise ScriptError(
                f"{name}: its line breaks are carriage returns alone. Save it with usual ones."
            )
        self.tree = _parsed(self.text, name)

    @classmethod
    def read(cls, path: str | Path) -> Script:
        """Return the script in a file.

        Raises:
            ScriptError: It cannot be read, or is a notebook.
        """
        if Path(path).suffix == ".ipynb":
            raise ScriptError(
                f"{path}: this is a notebook. Make a script of it (jupyter nbconvert --to script "
                f"{shlex.quote(str(path))}), and migrate that."
            )
        try:
            return cls(Path(path).read_bytes(), str(path))
        except OSError as error:
            raise ScriptError(f"{path} cannot be read: {error.strerror}.") from None

    def encoded(self, text: str) -> bytes:
        """Return a text as this file has it."""
        return self.bom + text.encode(self.encoding)

    @property
    def newline(self) -> str:
        """How its first line ends."""
        match = re.search(r"\r\n|\r|\n", self.text)
        return match[0] if match else "\n"

    @cached_property
    def _lines(self) -> list[str]:
        return [match[0] for match in _LINE.finditer(self.text) if match[0]] or [""]

    @cached_property
    def _starts(self) -> list[int]:
        starts = [0]
        for line in self._lines:
            starts.append(starts[-1] + len(line))
        return starts

    @cached_property
    def tokens(self) -> list[Token]:
        """Its tokens."""
        lines = iter(self._lines)
        depth, found = 0, []
        for token in tokenize.generate_tokens(lambda: next(lines, "")):
            if token.type == tokenize.OP and token.string in ")]}":
                depth -= 1
            start, end = self._place(*token.start), self._place(*token.end)
            found.append(Token(token.type, token.string, start, end, depth))
            if token.type == tokenize.OP and token.string in "([{":
                depth += 1
        return found

    @cached_property
    def _significant(self) -> list[Token]:
        return [token for token in self.tokens if token.kind not in _SILENT]

    @cached_property
    def _token_starts(self) -> list[int]:
        return [token.start for token in self._significant]

    def start(self, node: ast.AST) -> int:
        """Return where a node begins."""
        return self._of_bytes(node.lineno, node.col_offset)  # type: ignore[attr-defined]

    def end(self, node: ast.AST) -> int:
        """Return where a node ends."""
        return self._of_bytes(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def source(self, node: ast.AST) -> str:
        """Return the text of a node."""
        return self.text[self.start(node) : self.end(node)]

    def position(self, node: ast.AST) -> tuple[int, int]:
        """Return the line and column of a node, both from 1."""
        line: int = node.lineno  # type: ignore[attr-defined]
        return line, self.start(node) - self._starts[line - 1] + 1

    def line_of(self, place: int) -> tuple[int, int]:
        """Return where the line of a place begins, and where it ends, its line break aside."""
        number = bisect.bisect_right(self._starts, place) - 1
        number = min(number, len(self._lines) - 1)
        start = self._starts[number]
        return start, start + len(self._lines[number].rstrip("\r\n"))

    def tokens_between(self, start: int, end: int) -> list[Token]:
        """Return the tokens that begin in a stretch of the text, comments aside."""
        low = bisect.bisect_left(self._token_starts, start)
        high = bisect.bisect_left(self._token_starts, end)
        return self._significant[low:high]

    def comments_between(self, start: int, end: int) -> list[str]:
        """Return the comments in a stretch of the text."""
        return [
            token.text
            for token in self.tokens
            if token.kind == tokenize.COMMENT and start <= token.start < end
        ]

    def slots(self, call: ast.Call) -> list[Slot]:
        """Return the arguments of a call in the order of the text."""
        inside = self.tokens_between(self.end(call.func), self.end(call))
        opened = next(n for n, token in enumerate(inside) if token.text == "(")
        depth = inside[opened].depth + 1
        rest = inside[opened + 1 :]
        slots = []
        for node in sorted([*call.args, *call.keywords], key=self.start):
            first = rest[0]
            ends = self.end(node)
            stop = next(
                (
                    n
                    for n, token in enumerate(rest)
                    if token.start >= ends and _ends_argument(token, depth)
                ),
                len(rest) - 1,  # a generator without brackets of its own: the call's are its
            )
            comma = rest[stop].end if rest[stop].text == "," else None
            slots.append(Slot(node, first.start, rest[stop - 1].end, comma))
            rest = rest[stop + 1 :]
        return slots

    def edited(self, edits: Iterable[Edit]) -> str:
        """Return the text with some pieces exchanged; what lies within a larger one goes with it.

        Raises:
            ScriptError: The new text is no Python; this is a fault of the rewriting.
        """
        parts, at = [], 0
        for edit in sorted(set(edits), key=lambda one: (one.start, -one.end)):
            if edit.start < at:
                continue
            parts += [self.text[at : edit.start], edit.text]
            at = edit.end
        text = "".join([*parts, self.text[at:]])
        try:
            ast.parse(text)
        except SyntaxError as error:
            raise ScriptError(
                f"{self.name}: rewritten, it would be no Python any more, in line {error.lineno}. "
                "This is a fault of dataflow migrate: report it with the script."
            ) from None
        return text

    def _place(self, line: int, column: int) -> int:
        return self._starts[min(line - 1, len(self._starts) - 1)] + column

    def _of_bytes(self, line: int, column: int) -> int:
        text = self._lines[line - 1] if line <= len(self._lines) else ""
        if not text.isascii():
            column = len(text.encode()[:column].decode())
        return self._starts[line - 1] + column


def _ends_argument(token: Token, depth: int) -> bool:
    return (token.text == "," and token.depth == depth) or (
        token.text == ")" and token.depth < depth
    )


def next_line(script: Script, place: int) -> int:
    """Return where the line after that of a place begins."""
    _, end = script.line_of(place)
    return min(end + (2 if script.text.startswith("\r\n", end) else 1), len(script.text))


def removal(script: Script, slots: Sequence[Slot], at: int) -> list[Edit]:
    """Return what removes an argument, its comma, and its line where nothing else is on it."""
    slot = slots[at]
    end = slot.end if slot.comma is None else slot.comma
    if script.comments_between(slot.end, end):  # a comment stands before the comma: it stays
        return [Edit(slot.start, slot.end, ""), Edit(end - 1, end, "")]
    start = slot.start
    if slot.comma is None and at and not script.comments_between(slots[at - 1].end, start):
        start = slots[at - 1].end
        return [Edit(start, end, "")]
    line, _ = script.line_of(start)
    _, last = script.line_of(end)
    before, after = script.text[line:start], script.text[end:last]
    if not before.strip() and not after.strip() and last < len(script.text):
        return [Edit(line, next_line(script, end), "")]
    spaces = len(after) - len(after.lstrip(" \t"))
    keeps = after.lstrip().startswith("#") or not after.strip()
    return [Edit(start, end + (0 if keeps else spaces), "")]


def _encoding(content: bytes, name: str) -> tuple[str, bytes]:
    """Return the encoding that a file names, and the mark of UTF-8 that it begins with."""
    bom = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    except SyntaxError as error:
        raise ScriptError(
            f"{name}: {error.msg.rstrip('.')}. Name its encoding in the first line, as in "
            "'# coding: gbk', or save it as UTF-8."
        ) from None
    return encoding.removesuffix("-sig"), bom


def _parsed(text: str, name: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        where = f"{name}:{error.lineno}:{error.offset}"
        raise ScriptError(
            f"{where}: this is no Python: {error.msg}. Correct it, then migrate it."
        ) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ScriptError(f"{name}: it cannot be parsed: {error}.") from None
