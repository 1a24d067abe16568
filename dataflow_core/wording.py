"""How messages word numbers of things."""

from __future__ import annotations


def counted(number: int, one: str, more: str | None = None) -> str:
    """Return a number of things with their name in the right form.

    Args:
        number: How many.
        one: The name of one.
        more: That of several; None for the same with an ``s``.

    Example:
        >>> counted(1, "step"), counted(1200, "step"), counted(2, "answer", "of the answers")
        ('1 step', '1,200 steps', '2 of the answers')
    """
    return f"{number:,} {one if number == 1 else more or one + 's'}"
