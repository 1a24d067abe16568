"""Answers of several elements: lists, sets, tuples, intervals and matrices."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from dataflow_math.answers.brackets import enclosed, split_list
from dataflow_math.answers.canonical import key

_AND = re.compile(r"\s*[,;]?\s+(?:and|or)\s+|\s*[,;]?\s*(?:或|和|以及)\s*")
_JOINT = re.compile(r"\b(?:and|or)\b|或|和|以及")
_MATRIX = re.compile(r"\\begin\{[pb]?matrix\}(.*)\\end\{[pb]?matrix\}", re.DOTALL)
_SIGNS = re.compile(r"\\pm(?![a-zA-Z])|\\mp(?![a-zA-Z])|\+/-|\+-")


@dataclass(frozen=True)
class Group:
    """Elements: ``kind`` is "list", "set", both brackets, or "matrix" with its rows.

    Of a list, ``joint`` is "or" where its elements are alternatives, "and" where all of them hold.
    """

    kind: str
    elements: tuple[str, ...]
    joint: str = ""


@functools.lru_cache(maxsize=4096)
def group_of(text: str) -> Group | None:
    """Return the elements of a list, set, tuple or interval; None for a single expression."""
    if inside := enclosed(text):
        opening, content, closing = inside
        parts = split_list(content)
        if opening in ("\\{", "{") and closing in ("\\}", "}"):
            named = opening == "\\{" or len(parts) > 1
            return Group("set", _nonempty(parts)) if named and content.strip() else None
        if len(parts) > 1 and opening in "([" and closing in ")]":
            return Group(opening + closing, _nonempty(parts))
    if (found := _MATRIX.fullmatch(text)) and "\\begin" not in found[1]:
        rows = [row for row in found[1].split("\\\\") if row.strip()]
        return Group(f"matrix {len(rows)}", tuple(c.strip() for r in rows for c in r.split("&")))
    parts = [part for piece in split_list(text) for part in _AND.split(piece)]
    parts = list(_nonempty([part for one in parts for part in _both_signs(one)]))
    joints = {word.casefold() for word in _JOINT.findall(text)}
    joint = "" if len(joints) != 1 else "or" if joints & {"or", "或"} else "and"
    return Group("list", tuple(parts), joint) if len(parts) > 1 else None


def _nonempty(parts: Sequence[str]) -> tuple[str, ...]:
    return tuple(part.strip() for part in parts if part.strip())


def _both_signs(text: str) -> list[str]:
    r"""Return both values of an expression with ``\pm`` outside of brackets and equations."""
    if len(_SIGNS.findall(text)) != 1:
        return [text]
    found = _SIGNS.search(text)
    assert found is not None  # noqa: S101
    before, after = text[: found.start()].rstrip(), text[found.end() :].lstrip()
    return [
        f"{before}+{after}" if before.strip() and before[-1] != "=" else before + after,
        f"{before}-{after}",
    ]


def distinct(elements: Sequence[str]) -> list[str]:
    """Return elements without those that are the same but for spaces as another one."""
    return list({key(one): one for one in elements}.values())


def matches(allowed: list[list[bool]]) -> bool:
    """Tell whether each row can have a column of its own (augmenting paths)."""
    taken: dict[int, int] = {}

    def place(row: int, seen: set[int]) -> bool:
        for column, free in enumerate(allowed[row]):
            if free and column not in seen:
                seen.add(column)
                if column not in taken or place(taken[column], seen):
                    taken[column] = row
                    return True
        return False

    return all(place(row, set()) for row in range(len(allowed)))
