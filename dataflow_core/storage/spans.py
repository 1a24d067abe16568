"""Places of a sample: stretches of equal length, spread evenly over all there is.

Whether the whole is counted in rows or in bytes, each part of it is as likely in the sample as any
other: systematic sampling of clusters (Cochran 1977, Sampling Techniques, chapters 8 and 9).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

Span = tuple[int, int]
"""A first place, and the place after the last."""


def spread(extent: int, wanted: int, count: int) -> list[Span]:
    """Return stretches of equal length, each in the middle of its share of the whole.

    Args:
        extent: The length of the whole, in rows or bytes.
        wanted: The length of all stretches together; the whole at most.
        count: How many stretches; as many as there is room for.
    """
    wanted = min(wanted, extent)
    count = max(1, min(count, wanted))
    length = wanted // count
    starts = (
        (number * extent + (extent - count * length) // 2) // count for number in range(count)
    )
    return [(start, start + length) for start in starts]


def parts_of(spans: Sequence[Span], extents: Sequence[int]) -> Iterator[tuple[int, int, Span]]:
    """Yield the parts of stretches that lie in each of several things, laid end to end.

    Args:
        spans: Stretches of the whole, in order.
        extents: The lengths of the things.

    Yields:
        The number of the thing, that of the stretch, and the part within the thing.
    """
    for thing, stop in enumerate(accumulate(extents)):
        for number, span in overlaps(spans, stop - extents[thing], stop):
            yield thing, number, span


def overlaps(spans: Sequence[Span], start: int, stop: int) -> Iterator[tuple[int, Span]]:
    """Yield the parts of stretches that lie in one part of the whole, told from its beginning.

    Args:
        spans: Stretches of the whole.
        start: Where the part begins.
        stop: The place after it.

    Yields:
        The number of a stretch, and where it lies within the part.
    """
    for number, (first, last) in enumerate(spans):
        low, high = max(first, start), min(last, stop)
        if low < high:
            yield number, (low - start, high - start)
