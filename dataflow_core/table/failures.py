"""The failure of a row as a value: written into a cell, it sends the row to quarantine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RowFailure:
    """What an operator writes into a cell that it could not fill.

    Attributes:
        reason: What went wrong, in a short snake-case word, such as ``"unparsable_answer"``.
        message: The same in a sentence, for people.
        raw: What was received (an answer that did not parse), kept for later repair.
    """

    reason: str
    message: str = ""
    raw: str | None = None
