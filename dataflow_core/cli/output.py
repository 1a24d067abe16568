"""How commands write: aligned tables that fit the terminal, and JSON."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

_GAP = "  "
_NARROWEST = 20


def write_json(value: Any) -> None:
    """Write a value as JSON; what JSON cannot express, as Python's notation of it."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=repr))


def write_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    cut: int = 1,
    spare: Sequence[str] = (),
) -> None:
    """Write rows as aligned columns; on a terminal, they are made to fit.

    Args:
        header: The names of the columns.
        rows: The cells.
        cut: How many columns, the last ones, are cut where there is no room.
        spare: Columns that are left out before, one after another, where those to cut would be
            too narrow to read.
    """
    columns = {name: [name, *(row[at] for row in rows)] for at, name in enumerate(header)}
    for name in spare:
        if _room(columns, cut) < cut * _NARROWEST:
            del columns[name]
    widths = _widths(columns, cut)
    head, *lines = (_line(cells, widths) for cells in zip(*columns.values(), strict=True))
    click.echo("\n".join([click.style(head, bold=True), *lines]))  # once: each echo takes its time


def value_text(value: Any) -> str:
    """Return a value that is no text as JSON has it, or as Python writes what JSON has not."""
    if value is None or isinstance(value, (bool, int, float, list, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def shortened(text: str, width: int) -> str:
    """Return a text in at most so many characters, with an ellipsis where it is cut."""
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def terminal_width() -> int | None:
    """Return the columns of the terminal; None if the output is none, and nothing need fit."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit():
        return shutil.get_terminal_size().columns
    return None


def _room(columns: Mapping[str, Sequence[str]], cut: int) -> float:
    """Return how wide the columns to cut may be together; infinite where nothing need fit."""
    width = terminal_width()
    whole = list(columns.values())[:-cut]
    taken = sum(max(map(len, cells)) for cells in whole) + len(_GAP) * (len(columns) - 1)
    return math.inf if width is None else width - taken


def _widths(columns: Mapping[str, Sequence[str]], cut: int) -> list[int]:
    """Return how wide each column is; those to cut share the room from left to right."""
    widths = [max(map(len, cells)) for cells in columns.values()]
    room = max(_room(columns, cut), _NARROWEST)
    for left in range(cut, 0, -1):
        widths[-left] = int(min(widths[-left], room / left))
        room -= widths[-left]
    return widths


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    pairs = zip(cells, widths, strict=True)
    return _GAP.join(shortened(cell, width).ljust(width) for cell, width in pairs).rstrip()
