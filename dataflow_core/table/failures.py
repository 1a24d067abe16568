"""The failure of a row: a value, written into a cell, or an error that an engine isolates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


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


class ValueRefused(Exception):
    """What a row operator raises on a value that it cannot handle, under a reason of its own.

    In a run, the row with that value alone goes to quarantine, as after any error; the reason is
    then the one that the subclass names, where that of another error is the name of its class.
    """

    reason: ClassVar[str] = "value_refused"
    """What went wrong, in a short snake-case word."""
