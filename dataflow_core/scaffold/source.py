"""The text of a Python module, and where things stand in it."""

from __future__ import annotations

import ast
import re
from functools import cached_property

from dataflow_core.errors import DataflowError


class Unplaced(DataflowError):
    """Code cannot be put into a module without the risk of breaking it."""


class Source:
    """The text of a module.

    Args:
        text: The text.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree.

        Raises:
            Unplaced: It is no Python.
        """
        try:
            return ast.parse(self.text)
        except SyntaxError as error:
            raise Unplaced(f"line {error.lineno} is no Python: {error.msg}") from error

    @cached_property
    def _starts(self) -> list[int]:
        """Where each line begins."""
        starts = [0]
        for line in self.text.split("\n"):
            starts.append(starts[-1] + len(line) + 1)
        return starts

    def offset(self, line: int, column: int) -> int:
        """Return the place in the text of a line and a column as the syntax tree counts them.

        Args:
            line: The line, from 1.
            column: The column, in bytes of UTF-8.
        """
        start = self._starts[line - 1]
        text = self.text[start : self._starts[line] - 1]
        return start + len(text.encode()[:column].decode())

    def span(self, node: ast.expr | ast.stmt | ast.alias) -> tuple[int, int]:
        """Return where a node begins and ends."""
        end_line, end_column = node.end_lineno, node.end_col_offset
        if end_line is None or end_column is None:
            raise Unplaced("a place is not known")
        return self.offset(node.lineno, node.col_offset), self.offset(end_line, end_column)

    def indent_of(self, place: int) -> str:
        """Return the white space at the beginning of the line of a place."""
        line = self.text[self.text.rfind("\n", 0, place) + 1 :]
        return line[: len(line) - len(line.lstrip(" \t"))]

    def with_text(self, start: int, end: int, new: str) -> str:
        """Return the text with another in place of a part of it."""
        return self.text[:start] + new + self.text[end:]

    @staticmethod
    def comma_in(behind: str) -> bool:
        """Tell whether there is a comma behind the last of some items.

        Raises:
            Unplaced: There is something else than a comma and comments.
        """
        code = re.sub(r"#[^\n]*", "", behind).strip()
        if code not in {"", ","}:
            raise Unplaced(f"there is {code!r} behind the last item of its list")
        return code == ","
