"""Places in a value: paths as people write them, and as the validator means them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Path = tuple[str | int, ...]
"""Keys and positions from the root of a value to a part of it."""


def place(path: Sequence[str | int]) -> str:
    """Return a path as people write it.

    Example:
        >>> place(("steps", 0, "text"))
        'steps[0].text'
    """
    if not path:
        return "the answer"
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).removeprefix(".")


def part_at(value: Any, path: Path) -> Any:
    """Return the part of a value at a path.

    Raises:
        LookupError: There is none.
    """
    for step in path:
        value = value[step]
    return value


def located(value: Any, steps: Sequence[str | int], part: Any) -> Path | None:
    """Return the path to a part of a value that the validator names.

    The validator has numbers for keys that are digits, and no empty keys; so it is made sure that
    the part is there.

    Args:
        value: The value.
        steps: The validator's path.
        part: What the validator found there.

    Returns:
        None where the part is elsewhere.
    """
    path: list[str | int] = []
    for step in steps:
        key = str(step) if isinstance(value, dict) else step
        try:
            value = value[key]
        except (LookupError, TypeError):
            return None
        path.append(key)
    return tuple(path) if value == part else None
