"""What is found in a script."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["import", "construction", "run", "name", "result"]


@dataclass
class Finding:
    """One former import, construction or call, and what becomes of it.

    Attributes:
        line: Its line, from 1.
        column: Its column, from 1, in characters.
        kind: What it is; ``result`` is a file that is no longer written by itself.
        former: The former name.
        becomes: What takes its place, for people.
        changes: What changes in the text, such as ``input_key -> input_text``.
        reasons: Why a person has to look; empty where the rewriting is safe.
        notes: What differs on purpose, for people to know.
        rewritten: Whether it is among what is rewritten.
    """

    line: int
    column: int
    kind: Kind
    former: str
    becomes: str
    changes: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rewritten: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {**vars(self)}
