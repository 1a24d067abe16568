"""What became of an answer: its value, or all that is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dataflow_core.serving.structured.wording import Problem

_MOST_TOLD = 8


@dataclass(frozen=True, slots=True)
class Read:
    """What an answer says.

    Attributes:
        value: The value, if it fits: plain data, or an instance of the model that was given. None
            may fit, where the schema allows null: `ok` tells.
        problems: Why it does not fit, all of it; empty if it does.
        repaired: What had to be mended, in words: ``"trailing comma"``, ``"text to integer at
            age"``, ``"extra field note left out"``.
        draft: What was read where it does not fit, as far as that is one thing: plain data.
        reason: Empty if it fits, else ``"empty_answer"``, ``"truncated"``, ``"unparsable_answer"``
            or ``"schema_mismatch"``.
    """

    value: Any = None
    problems: tuple[Problem, ...] = ()
    repaired: tuple[str, ...] = ()
    draft: Any = None
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether the answer fits."""
        return not self.reason

    @property
    def message(self) -> str:
        """What is wrong, in a sentence; empty if nothing is."""
        return told(self.problems)


def told(problems: Sequence[Problem]) -> str:
    """Return problems on one line, the first few of many."""
    more = len(problems) - _MOST_TOLD
    shown = [str(problem) for problem in problems[:_MOST_TOLD]]
    return "; ".join(shown + [f"and {more:,} more"] * (more > 0))
