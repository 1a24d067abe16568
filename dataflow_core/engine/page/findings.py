"""Findings as the page shows them: single values, bars of counts, small tables, lists."""

from __future__ import annotations

from typing import Any

from dataflow_core.engine.page.writing import number, percent, text, words

_BARS, _LISTED, _DEPTH = 20, 20, 4
_COUNTED = 5


def finding_of(name: str, value: Any, depth: int = 0) -> dict[str, Any]:
    """Return a finding as the template takes it.

    Args:
        name: Its name.
        value: Any value of JSON.
        depth: How deep it lies in others; what lies too deep is a text.

    Returns:
        Its ``name``, its ``kind`` (``value``, ``bars``, ``group``, ``table`` or ``list``), what
        the kind has, and how many entries are left out (``more``).
    """
    found = {"name": words(name), "more": 0}
    if isinstance(value, dict) and value and depth < _DEPTH:
        return found | _of_dict(value, depth)
    if isinstance(value, list) and value and depth < _DEPTH:
        return found | _of_list(value)
    return found | {"kind": "value", "value": _single(value)}


def _of_dict(value: dict[str, Any], depth: int) -> dict[str, Any]:
    if len(value) >= _COUNTED and all(type(one) is int and one >= 0 for one in value.values()):
        most = max(value.values()) or 1
        shown = list(value.items())[:_BARS]
        bars = [(text(name, 60), f"{one:,}", percent(one, most)) for name, one in shown]
        return {"kind": "bars", "bars": bars, "more": len(value) - len(shown)}
    shown = list(value.items())[:_LISTED]
    entries = [finding_of(name, one, depth + 1) for name, one in shown]
    return {"kind": "group", "entries": entries, "more": len(value) - len(shown)}


def _of_list(value: list[Any]) -> dict[str, Any]:
    shown = value[:_LISTED]
    more = len(value) - len(shown)
    if all(isinstance(one, dict) and one.keys() == value[0].keys() for one in shown):
        rows = [[_single(cell) for cell in one.values()] for one in shown]
        return {"kind": "table", "head": list(map(words, value[0])), "rows": rows, "more": more}
    return {"kind": "list", "entries": list(map(_single, shown)), "more": more}


def _single(value: Any) -> str:
    if value is None or value in ([], {}):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value) if isinstance(value, (int, float)) else text(value, 200)
