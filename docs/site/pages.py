"""Pieces of Markdown that generated pages are made of."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dataflow_core.cli.catalogue.docstrings import PARAMETERS, entries_of, sections_of

_RULED = re.compile(r"^=+ [= ]+\n(?:.*\n)+?=+ [= ]+$\n(?:(?:.*\n)+?=+ [= ]+$)?", re.MULTILINE)
"""A table of reStructuredText, which is as readable as it is."""


def from_docstring(docstring: str | None) -> str:
    """Return a Google-style docstring as Markdown, without what it says about parameters.

    Examples become blocks of code, other sections (``Raises``) lists; parameters are shown in a
    table of their own (`parameter_table`).
    """
    sections = sections_of(docstring)
    return "\n\n".join(part for title, lines in sections for part in _section(title, lines))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; cells are Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def parameter_table(parameters: Sequence[Mapping[str, Any]], first: str) -> str:
    """Return a table of parameters, as `dataflow_core.cli.catalogue.description` has them.

    Args:
        parameters: The parameters.
        first: The heading of their names.
    """
    rows = [
        (
            f"`{one['name']}`",
            code(one["type"]),
            "required" if one["required"] else code(shown(one["default"])),
            one["description"],
        )
        for one in parameters
    ]
    return table((first, "type", "default", "what it is"), rows)


def code(text: str) -> str:
    """Return text as code within a line."""
    ticks = _ticks(text, 1)
    return f"{ticks}{text}{ticks}" if text else ""


def fence(text: str, language: str = "") -> str:
    """Return text as a block of code."""
    ticks = _ticks(text, 3)
    return f"{ticks}{language}\n{text.rstrip()}\n{ticks}"


def shown(value: Any) -> str:
    """Return a default as one writes it in a recipe, or as Python where JSON has no such thing."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except TypeError:
        return str(value)


def _ticks(text: str, fewest: int) -> str:
    """Return more ticks than stand together anywhere in a text."""
    return "`" * max(fewest, 1 + max(map(len, re.findall("`+", text)), default=0))


def _section(title: str, lines: list[str]) -> list[str]:
    if title in PARAMETERS:
        return []
    lines = lines[1:] if title else lines
    text = inspect.cleandoc("\n" + "\n".join(lines)).strip()
    if not text:
        return []
    if not title:
        return [_RULED.sub(lambda table: fence(table[0]), text)]
    if title in ("Example", "Examples"):
        return [f"**{title}**", fence(text, "pycon")]
    return [f"**{title}**", *(f"- {code(name)}: {said}" for name, said in entries_of(lines))]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
