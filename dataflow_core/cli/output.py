"""How commands write: aligned tables that fit the terminal, and JSON."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from typing import Any

import click

_GAP = "  "
_NARROWEST = 20


def write_json(value: Any) -> None:
    """Write a value as JSON; what JSON cannot express, as Python's notation of it."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=repr))


def write_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write rows as aligned columns; on a terminal, the last column is cut to fit.

    Args:
        header: The names of the columns.
        rows: The cells.
    """
    widths = [max(len(row[at]) for row in (header, *rows)) for at in range(len(header) - 1)]
    room = _room(sum(widths) + len(_GAP) * len(widths))
    click.echo(click.style(_line(header, widths, room), bold=True))
    for row in rows:
        click.echo(_line(row, widths, room))


def terminal_width() -> int | None:
    """Return the columns of the terminal; None if the output is none, and nothing need fit."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit():
        return shutil.get_terminal_size().columns
    return None


def _room(used: int) -> int | None:
    width = terminal_width()
    return None if width is None else max(width - used, _NARROWEST)


def _line(cells: Sequence[str], widths: Sequence[int], room: int | None) -> str:
    *first, last = cells
    if room is not None and len(last) > room:
        last = last[: room - 1].rstrip() + "…"
    padded = [cell.ljust(width) for cell, width in zip(first, widths, strict=True)]
    return _GAP.join([*padded, last]).rstrip()
