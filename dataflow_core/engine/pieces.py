"""Pieces of a table: some rows on their way through a stage, and which part of the table they are.

The place of a row is its number within the table that flows into the stage: in a source that of
`Batch.positions`, else its number among the rows of the committed table. Places do not depend on
batches, so what was done is told as spans of places, and what is left can be cut anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dataflow_core.table.frames import Frame, concat_frames

FEW_ROWS = 1024
"""Stored batches of up to so many rows together are one piece."""

Places = npt.NDArray[np.int64]


@dataclass
class Spans:
    """Stretches of places, each from a first one to before a last one; no two touch."""

    spans: list[tuple[int, int]] = field(default_factory=list)

    def add(self, start: int, stop: int) -> None:
        """Add a stretch, which overlaps no other."""
        joined: list[tuple[int, int]] = []
        for begin, end in sorted([*self.spans, (start, stop)]):
            if joined and begin <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
            else:
                joined.append((begin, end))
        self.spans = joined

    def gaps(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Yield the stretches of a stretch that are not among them."""
        for begin, end in self.spans:
            if end > start and begin < stop:
                if begin > start:
                    yield start, begin
                start = end
        if start < stop or not self.spans:
            yield start, stop


@dataclass(frozen=True)
class Unreadable:
    """Rows of a source that could not be read: as quarantines keep them, and where they were."""

    rows: pa.Table
    places: Places


@dataclass(frozen=True)
class Piece:
    """Some rows of a table.

    Attributes:
        start: The first place that it covers.
        stop: The place after the last that it covers.
        frame: The rows.
        places: The place of each row.
        unreadable: Rows in between that could not be read.
    """

    start: int
    stop: int
    frame: Frame
    places: Places
    unreadable: Unreadable | None = None

    @property
    def rows(self) -> int:
        """The number of rows, those that could not be read included."""
        return len(self.frame) + (0 if self.unreadable is None else self.unreadable.rows.num_rows)

    def without(self, done: Spans) -> Iterator[Piece]:
        """Yield the parts of it that are not done."""
        gaps = list(done.gaps(self.start, self.stop))
        if gaps == [(self.start, self.stop)]:
            yield self
            return
        for start, stop in gaps:
            yield self._between(start, stop)

    def cut(self, rows: Callable[[], int]) -> Iterator[Piece]:
        """Yield it in parts.

        Args:
            rows: Returns the most rows of the next part.
        """
        start, taken, left = self.start, 0, len(self.frame)
        while left > (most := rows()):
            taken, left = taken + most, left - most
            stop = int(self.places[taken])
            yield self._between(start, stop)
            start = stop
        yield self if start == self.start else self._between(start, self.stop)

    def halves(self) -> tuple[Piece, Piece]:
        """Return it as two, of about as many rows each; it has two or more."""
        middle = int(self.places[len(self.places) // 2])
        return self._between(self.start, middle), self._between(middle, self.stop)

    def _between(self, start: int, stop: int) -> Piece:
        low, high = np.searchsorted(self.places, [start, stop]).tolist()
        unreadable = self.unreadable
        if unreadable is not None:
            first, last = np.searchsorted(unreadable.places, [start, stop]).tolist()
            rows = unreadable.rows.slice(first, last - first)
            unreadable = Unreadable(rows, unreadable.places[first:last]) if rows.num_rows else None
        frame = self.frame.slice(low, high - low)
        return Piece(start, stop, frame, self.places[low:high], unreadable)


def pieces_of(frames: Iterable[Frame], most: int = 1) -> Iterator[Piece]:
    """Yield the rows of a committed table, numbered from 0.

    Args:
        frames: The rows.
        most: So many rows of small frames are one piece: each takes some time, whatever its rows.
    """
    start = 0
    for frame in _gathered(frames, min(most, FEW_ROWS)):
        piece = piece_at(start, frame)
        yield piece
        start = piece.stop


def _gathered(frames: Iterable[Frame], most: int) -> Iterator[Frame]:
    """Yield frames, small ones together."""
    small: list[Frame] = []
    for frame in frames:
        if small and sum(map(len, small)) + len(frame) > most:
            yield concat_frames(small)
            small = []
        small.append(frame)
    if small:
        yield concat_frames(small)


def piece_at(start: int, frame: Frame) -> Piece:
    """Return rows of a table that begin at a place and leave none out."""
    stop = start + len(frame)
    return Piece(start, stop, frame, np.arange(start, stop, dtype=np.int64))
