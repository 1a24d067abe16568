"""YAML with the line of every value, so that messages can say where."""

from __future__ import annotations

from typing import Any

import yaml

Path = tuple[Any, ...]


class YamlFault(Exception):
    """A text is not YAML, or a key stands twice.

    Args:
        line: Where, from 1.
        message: What is wrong.
    """

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line
        self.message = message


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
                inner = (*path, key.value if isinstance(key, yaml.ScalarNode) else None)
                self._lines[inner] = key.start_mark.line + 1
                self.note(inner, value)
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                self.note((*path, number), value)


def load_with_lines(text: str) -> tuple[Any, Lines]:
    """Return the content of a YAML text and the lines of its values.

    Raises:
        YamlFault: The text is not YAML, or a key stands twice.
    """
    lines = Lines()
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is not None:
            _refuse_twice(node)
            lines.note((), node)
        return yaml.safe_load(text), lines
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        problem = getattr(error, "problem", None) or str(error)
        raise YamlFault(line, f"not valid YAML: {problem}") from error


def _refuse_twice(node: yaml.Node) -> None:
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise YamlFault(key.start_mark.line + 1, f"the key {key.value!r} stands twice")
                seen.add(key.value)
            _refuse_twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_twice(value)
