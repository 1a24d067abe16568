"""What the templates call to write code and data: a Jinja extension with its filters."""

from __future__ import annotations

import json

import yaml
from jinja2 import Environment
from jinja2.ext import Extension

WIDTH = 100
"""The most characters of a line of generated code."""


class CodeFilters(Extension):
    """The filters that the templates have.

    ``sentence`` ends a text, ``statement`` writes an import as a formatter does, and ``python``,
    ``cell``, ``toml`` and ``yaml`` write a text as a value.
    """

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.filters["sentence"] = sentence
        environment.filters["statement"] = import_statement
        environment.filters["python"] = python_text
        environment.filters["cell"] = cell_text
        environment.filters["toml"] = toml_text
        environment.filters["yaml"] = yaml_text


def sentence(text: str) -> str:
    """Return a text with a full stop behind it, unless it ends a sentence already.

    Example:
        >>> sentence("Rate a text"), sentence("Is it clear?")
        ('Rate a text.', 'Is it clear?')
    """
    return text if text.endswith(("?", "!")) else f"{text}."


def import_statement(line: str) -> str:
    """Return ``from MODULE import NAME, …``, in several lines where it is too long for one.

    Example:
        >>> print(import_statement("from dataflow_a import B"))
        from dataflow_a import B
        >>> print(import_statement(f"from dataflow_a import {'B' * 90}"))  # doctest: +ELLIPSIS
        from dataflow_a import (
            BBB...,
        )
    """
    if len(line) <= WIDTH:
        return line
    module, _, names = line.partition(" import ")
    return "\n".join([f"{module} import (", *(f"    {one}," for one in names.split(", ")), ")"])


def python_text(text: str) -> str:
    """Return a text as a string of Python, in the quotes that a formatter prefers.

    Example:
        >>> print(python_text("plain"), python_text('{"n": 1}'))
        "plain" '{"n": 1}'
    """
    double = json.dumps(text, ensure_ascii=False)
    return repr(text) if '"' in text and "'" not in text else double


def cell_text(value: object) -> str:
    """Return the value of a cell of a table, a text, a number or a list, as Python writes it.

    Example:
        >>> print(cell_text("plain"), cell_text(["a"]), cell_text(True))
        "plain" ["a"] True
    """
    if isinstance(value, list):
        return f"[{', '.join(map(cell_text, value))}]"
    return python_text(value) if isinstance(value, str) else repr(value)


def toml_text(text: str) -> str:
    """Return a text as a string of TOML."""
    return json.dumps(text, ensure_ascii=False)


def yaml_text(text: str) -> str:
    """Return a text as a value of YAML, in quotes where it needs them.

    Example:
        >>> yaml_text("Rate a text"), yaml_text("Rate: a text")
        ('Rate a text', '"Rate: a text"')
    """
    try:
        plain = yaml.safe_load(f"key: {text}") == {"key": text}
    except yaml.YAMLError:
        plain = False
    return text if plain else json.dumps(text, ensure_ascii=False)
