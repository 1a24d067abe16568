"""In what settings differ: names, values and fields of schemas, by dotted paths."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

ABSENT: Final = "(not set)"
_AROUND = 24


@dataclass(frozen=True, order=True)
class Change:
    """One difference.

    Attributes:
        path: Where, such as ``"sampling.max_tokens"`` or ``"schema.properties.score.type"``.
        before: What was there, as text.
        after: What is there now.
    """

    path: str
    before: str
    after: str

    @property
    def part(self) -> str:
        """The parameter that it is a part of: a schema is one, whatever is in it."""
        names = self.path.split(".")
        return ".".join(names[:2]) if names[0] == "sampling" else names[0]

    def __str__(self) -> str:
        if self.path == "system":
            return f"system prompt changed: {self.before} -> {self.after}"
        first, _, rest = self.path.partition(".")
        if first == "schema":
            return f"JSON schema changed: {f'{rest} ' * bool(rest)}{self.before} -> {self.after}"
        return f"{rest if first == 'sampling' else self.path} {self.before} -> {self.after}"


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return in what two contents of settings differ.

    Example:
        >>> old = {"model": "a", "sampling": {"max_tokens": 10}}
        >>> new = {"model": "a", "sampling": {"max_tokens": 20, "top_p": 0.5}}
        >>> [str(change) for change in changes_between(old, new)]
        ['max_tokens 10 -> 20', 'top_p (not set) -> 0.5']
    """
    systems = [str(one.get("system", ABSENT)) for one in (before, after)]
    found = [Change("system", *_first_difference(*systems))] if systems[0] != systems[1] else []
    rest = [{k: v for k, v in one.items() if k != "system"} for one in (before, after)]
    return tuple(sorted([*found, *_changes("", *rest)]))


def _changes(path: str, before: Any, after: Any) -> Iterator[Change]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted(before.keys() | after.keys()):
            deeper = f"{path}.{name}" if path else name
            yield from _changes(deeper, before.get(name, ABSENT), after.get(name, ABSENT))
        if path.startswith("schema") and before == after and list(before) != list(after):
            yield Change(path, f"order {', '.join(before)}", ", ".join(after))
    elif before != after:
        yield Change(path, _text(before), _text(after))


def _text(value: Any) -> str:
    told = ABSENT if value == ABSENT else json.dumps(value, ensure_ascii=False)
    return told.strip('"') if len(told) <= 60 else f"{told[:59]}…"


def _first_difference(before: str, after: str) -> tuple[str, str]:
    """Return the places at which two texts begin to differ."""
    if ABSENT in (before, after):
        return _around(before, 0), _around(after, 0)
    same = zip(before, after, strict=False)
    start = next((at for at, (a, b) in enumerate(same) if a != b), min(len(before), len(after)))
    return _around(before, start), _around(after, start)


def _around(text: str, at: int) -> str:
    if text == ABSENT:
        return text
    start, end = max(0, at - _AROUND // 2), at + _AROUND
    left, right = "…" if start else "", "…" if end < len(text) else ""
    return repr(f"{left}{text[start:end]}{right}")
