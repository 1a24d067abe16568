"""Spans of many texts: their words, or their lines, each from one character to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Spans:
    """Spans of texts that stand one after the other, in order.

    Attributes:
        begins: The position of each span's first character.
        ends: The position after its last.
        places: The number of each text's first span, and at last the number of all.
    """

    begins: Integers
    ends: Integers
    places: Integers

    @classmethod
    def joined(cls, parts: Sequence[Spans]) -> Spans:
        """Return the spans of the texts of several, whose positions fit already."""
        return cls(
            np.concatenate([part.begins for part in parts]),
            np.concatenate([part.ends for part in parts]),
            places_of([part.count for part in parts]),
        )

    @property
    def count(self) -> Integers:
        """The number of spans of each text."""
        return np.diff(self.places)

    @property
    def lengths(self) -> Integers:
        """The number of characters of each span."""
        return self.ends - self.begins

    def sums(self, values: npt.NDArray[np.generic]) -> Integers:
        """Return the sum of a value of each span, text by text."""
        total = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
        return np.diff(total[self.places])

    def share(self, chosen: Mask) -> Numbers:
        """Return the share of each text's spans that are chosen; NaN where there are none."""
        return ratio(self.sums(chosen), self.count)

    def characters(self, values: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Integers]:
        """Return a value of each character in the spans, and where those of each span begin.

        For few spans among many; none may be empty.
        """
        starts = np.cumsum(self.lengths) - self.lengths
        inside = np.arange(self.lengths.sum()) + np.repeat(self.begins - starts, self.lengths)
        return values[inside], starts

    def at(self, numbers: Integers) -> Spans:
        """Return some of the spans, by number, without their texts."""
        return Spans(self.begins[numbers], self.ends[numbers], np.empty(0, np.int64))

    def within(self, chosen: Mask) -> Spans:
        """Return only the chosen spans."""
        places = np.concatenate([[0], np.cumsum(chosen)])[self.places]
        return Spans(self.begins[chosen], self.ends[chosen], places)

    def of_texts(self, texts: Integers, shifts: Integers) -> Spans:
        """Return the spans of some texts, by number, each text's positions moved by its shift."""
        counts = self.count[texts]
        chosen = ranges(self.places[texts], counts)
        moved = np.repeat(shifts, counts)
        places = places_of([counts])
        return Spans(self.begins[chosen] + moved, self.ends[chosen] + moved, places)


def ranges(starts: Integers, counts: Integers) -> Integers:
    """Return the numbers of stretches, one after the other."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - ends + counts, counts)


def places_of(counts: Sequence[Integers]) -> Integers:
    """Return where the spans of each text begin, and the last end, from their numbers."""
    return np.concatenate([[0], np.cumsum(np.concatenate(counts))])


def ratio(part: npt.NDArray[np.generic], whole: npt.NDArray[np.generic]) -> Numbers:
    """Return quotients, NaN where the whole is 0."""
    quotients = np.full(len(whole), np.nan)
    np.divide(part, whole, out=quotients, where=whole != 0)
    return quotients
