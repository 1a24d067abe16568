"""Read Google-style docstrings: the text, and what it says about each parameter."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

_TITLE = re.compile(r"([A-Z][A-Za-z ]*):")
_ENTRY = re.compile(r"\*{0,2}(\w+)(?: \([^)]*\))?:\s*(.*)")
PARAMETERS = ("Args", "Arguments", "Attributes", "Parameters")
"""The titles of sections on parameters."""


def text_of(docstring: str | None) -> str:
    """Return a docstring without its sections on parameters, which are shown in their own place."""
    sections = sections_of(docstring)
    return "\n".join(
        line for title, lines in sections if title not in PARAMETERS for line in lines
    ).strip()


def parameters_in(docstring: str | None) -> dict[str, str]:
    """Return what a docstring says about parameters, by name."""
    found: dict[str, str] = {}
    for title, lines in sections_of(docstring):
        if title in PARAMETERS:
            found.update(entries_of(lines[1:]))
    return found


def sections_of(docstring: str | None) -> Iterator[tuple[str, list[str]]]:
    """Yield the titled sections, lines included; the untitled text has the title ``""``."""
    title, lines = "", list[str]()
    for line in inspect.cleandoc(docstring or "").splitlines():
        match = _TITLE.fullmatch(line)
        if match or (title and line and not line.startswith(" ")):
            yield title, lines
            title, lines = (match[1] if match else ""), []
        lines.append(line)
    yield title, lines


def entries_of(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each name that the lines of a section begin with, and what it says of that."""
    text = inspect.cleandoc("\n" + "\n".join(lines))
    name, words = "", list[str]()
    for line in text.splitlines():
        match = _ENTRY.fullmatch(line)
        if match:
            if name:
                yield name, " ".join(words)
            name, words = match[1], [match[2]]
        else:
            words.append(line.strip())
    if name:
        yield name, " ".join(words).strip()
