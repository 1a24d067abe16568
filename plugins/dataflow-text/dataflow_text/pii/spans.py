"""Where entities are in a text."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# What may stand at either end of what is left of an entity.
_LOOSE = re.compile(r"[\W_]+\Z|\A[\W_]+")


class Span(NamedTuple):
    """Where an entity is in a text.

    Attributes:
        start: Where it begins, in characters.
        end: Where it ends.
        entity: What it is.
    """

    start: int
    end: int
    entity: str


def without_overlaps(text: str, spans: Sequence[Span]) -> list[Span]:
    """Return spans, in order, of which no two have a character in common.

    Of two that overlap, the earlier in the list stays whole. What lies outside of it of the other
    stays, without white space and punctuation at its ends, if it has a letter or a digit: a name
    is found even where the address after it was taken for a part of the name.

    Args:
        text: The text.
        spans: Its spans, the most certain first.
    """
    owners = np.zeros(len(text), np.int32)
    for number in range(len(spans), 0, -1):
        start, end, _ = spans[number - 1]
        owners[start:end] = number
    edges = np.flatnonzero(np.diff(owners, prepend=0, append=0)).tolist()
    pieces = [
        _piece(text, start, end, spans[owners[start] - 1])
        for start, end in itertools.pairwise(edges)
        if owners[start]
    ]
    return [piece for piece in pieces if piece.start < piece.end]


def _piece(text: str, start: int, end: int, span: Span) -> Span:
    """Return what is left of a span from one place to another."""
    if (start, end) == (span.start, span.end):
        return span
    bare = _LOOSE.sub("", text[start:end])
    start = text.index(bare, start)
    return Span(start, start + len(bare), span.entity)
