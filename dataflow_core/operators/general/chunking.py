"""Cut texts into pieces of so many tokens at most, where a reader would cut them."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from dataflow_core.serving.tokens import estimate_tokens

SMALLEST = 8
"""The fewest tokens that a piece may be limited to: any one character has fewer."""

_GUESS = 4
"""Characters a token, to begin with."""

_BREAKS = (
    re.compile(r"\n\s*\n\s*"),
    re.compile(r"\n\s*"),
    re.compile(r"[.!?][\"'”’»)\]]*\s+|[。！？][”’」』）]*\s*"),
    re.compile(r"\s+"),
)
"""What ends a paragraph, a line, a sentence, a word, with the white space behind it."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text.

    Attributes:
        start: Where it begins.
        end: Where it ends.
        text: What it says.
    """

    start: int
    end: int
    text: str


def split(
    text: str,
    max_tokens: int,
    overlap: int = 0,
    count: Callable[[str], int] = estimate_tokens,
) -> list[Piece]:
    """Return a text in pieces, each of ``max_tokens`` at most.

    A piece ends where a paragraph does, if one does in its latter half; else where a line does,
    a sentence, a word. A sentence ends with ``.``, ``!`` or ``?`` before white space (also that of
    an abbreviation), or with ``。``, ``！`` or ``？``; words end with white space. A word is cut
    only where it is too long by itself, which holds of text without spaces too, such as Chinese
    between two such marks. White space stays with what is before it: without overlap, the pieces
    put together are the text.

    Args:
        text: The text.
        max_tokens: The most tokens of a piece, `SMALLEST` at least.
        overlap: How many tokens at most a piece repeats of the end of the one before, from the
            beginning of a word on; at most half of ``max_tokens``.
        count: Counts the tokens of a text.

    Raises:
        ValueError: ``max_tokens`` or ``overlap`` is out of its range.

    Example:
        >>> text = "One flew east. One flew west. One flew over the cuckoo's nest."
        >>> [piece.text for piece in split(text, 9)]
        ['One flew east. One flew west. ', "One flew over the cuckoo's nest."]
    """
    if max_tokens < SMALLEST:
        raise ValueError(f"max_tokens is {max_tokens}; it takes {SMALLEST} or more")
    if not 0 <= overlap <= max_tokens // 2:
        raise ValueError(f"overlap is {overlap}; it takes 0 to {max_tokens // 2}, half a piece")
    return _Splitter(text, max_tokens, overlap, count).pieces()


@dataclass
class _Splitter:
    text: str
    limit: int
    overlap: int
    count: Callable[[str], int]

    def pieces(self) -> list[Piece]:
        """Return all pieces."""
        found: list[Piece] = []
        start = done = 0
        while done < len(self.text):
            end = self._end(start, done)
            if end is None and start < done:  # the next word does not fit behind what is repeated
                start = done
                continue
            if end is None:
                end = self._inside_a_word(start)
            found.append(Piece(start, end, self.text[start:end]))
            start, done = self._next(start, end), end
        return found

    def _end(self, start: int, done: int) -> int | None:
        """Return where a piece ends that goes beyond ``done``; None if it would cut a word."""
        far = self._reach(start, self.limit)
        if far == len(self.text):
            return far
        middle = max(done, start + (far - start) // 2)
        for after in (middle, done):
            for breaks in self._breaks:
                for place in reversed(
                    breaks[bisect_right(breaks, after) : bisect_right(breaks, far)]
                ):
                    if self._fits(start, place, self.limit):
                        return place
        return None

    def _inside_a_word(self, start: int) -> int:
        far = self._reach(start, self.limit)
        while far > start + 1 and not self._fits(start, far, self.limit):
            far -= 1
        return far

    def _next(self, start: int, end: int) -> int:
        """Return where the piece after one begins."""
        if not self.overlap or end == len(self.text):
            return end
        words = self._breaks[-1]
        places = words[bisect_right(words, start) : bisect_left(words, end)]
        first = bisect_left(places, 1, key=lambda place: self._fits(place, end, self.overlap))
        return next((one for one in places[first:] if self._fits(one, end, self.overlap)), end)

    def _fits(self, start: int, end: int, tokens: int) -> bool:
        return self.count(self.text[start:end]) <= tokens

    def _reach(self, start: int, tokens: int) -> int:
        """Return about the furthest place up to which text from ``start`` on fits."""
        width = tokens * _GUESS
        while start + width < len(self.text) and self._fits(start, start + width, tokens):
            width *= 2
        low, high = start + 1, min(start + width, len(self.text))
        while low < high:
            middle = (low + high + 1) // 2
            if self._fits(start, middle, tokens):
                low = middle
            else:
                high = middle - 1
        return low

    @cached_property
    def _breaks(self) -> list[list[int]]:
        """The places after each kind of break."""
        return [[match.end() for match in pattern.finditer(self.text)] for pattern in _BREAKS]
