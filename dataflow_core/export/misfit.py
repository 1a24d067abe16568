"""A row that a training format cannot hold: why, under a reason that can be counted."""

from __future__ import annotations


class Misfit(Exception):
    """A row does not fit a training format; it is set aside, and never written as data.

    Args:
        reason: What is wrong, in a short snake-case word, such as ``"empty_cell"``.
        message: The same in a sentence, with where in the row and what to do.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
