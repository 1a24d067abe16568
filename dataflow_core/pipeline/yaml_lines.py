"""YAML with the line of every value, so that messages can say where."""

from __future__ import annotations

from typing import Any

import yaml

from dataflow_core.errors import RecipeError

Path = tuple[Any, ...]


class Lines:
    """The line of each value of a YAML text, by its path of keys and positions."""

    def __init__(self) -> None:
        self._lines: dict[Path, int] = {}

    def of(self, path: Path) -> int:
        """Return the line (from 1) of a value, or of the nearest one around it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def note(self, path: Path, node: yaml.Node) -> None:
        """Note the line of a value and of all within it."""
        self._lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                inner = (*path, getattr(key, "value", None))
                self._lines[inner] = key.start_mark.line + 1
                self.note(inner, value)
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                self.note((*path, number), value)


def load_with_lines(text: str, path: str) -> tuple[Any, Lines]:
    """Return the content of a YAML text and the lines of its values.

    Raises:
        RecipeError: The text is not YAML, or a key stands twice.
    """
    lines = Lines()
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is not None:
            _refuse_twice(node, path)
            lines.note((), node)
        return yaml.safe_load(text), lines
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        problem = getattr(error, "problem", None) or str(error)
        raise _fault(path, line, f"not valid YAML: {problem}") from error


def _refuse_twice(node: yaml.Node, path: str) -> None:
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            name = getattr(key, "value", None)
            if isinstance(name, str) and name in seen:
                raise _fault(path, key.start_mark.line + 1, f"the key {name!r} stands twice")
            if isinstance(name, str):
                seen.add(name)
            _refuse_twice(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_twice(value, path)


def _fault(path: str, line: int, message: str) -> RecipeError:
    return RecipeError(f"{path}, line {line}: {message}", [(line, message)])
