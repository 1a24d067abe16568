"""Intervals for totals of a table, of what blocks of it showed: cluster sampling.

Rows that lie together are alike, so blocks are the units that vary, not rows. A total is the ratio
of sums over blocks, times the rows; its variance is that of the blocks' residuals, with the finite
population correction, and its interval Student's t with one degree of freedom fewer than blocks
(Cochran 1977, Sampling Techniques, sections 9A.1 and 2.12). Where the number of rows is itself told
by blocks of equal length, the residuals are those from the mean block: the total varies with both.

Blocks that are few or alike show too little of that. For shares, the interval of a binomial one by
score (Wilson 1927; Brown, Cai and DasGupta 2001) is taken where it is wider.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

_Z = 1.959964
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
      2.145, 2.131)  # fmt: skip
"""The 97.5 % quantiles of Student's t for 1, 2, … degrees of freedom."""


@dataclass(frozen=True)
class Interval:
    """An estimate, and between what it is likely to be (in 95 of 100 cases).

    Attributes:
        value: The estimate.
        low: The least.
        high: The most.
    """

    value: float
    low: float
    high: float

    @classmethod
    def exactly(cls, value: float) -> Self:
        """Return a number that is known."""
        return cls(value, value, value)

    @property
    def is_exact(self) -> bool:
        """Whether nothing is left open."""
        return self.low == self.high

    def plus(self, other: Interval | float) -> Interval:
        """Return the sum with another interval (as if both erred the same way) or number."""
        if not isinstance(other, Interval):
            other = Interval.exactly(other)
        return Interval(self.value + other.value, self.low + other.low, self.high + other.high)

    def times(self, factor: float) -> Interval:
        """Return the multiple by a number from 0 on."""
        return Interval(self.value * factor, self.low * factor, self.high * factor)

    def widened(self, share: float) -> Interval:
        """Return it with a further error of this share of the value, independent of its own."""
        below = math.hypot(self.value - self.low, share * self.value)
        above = math.hypot(self.high - self.value, share * self.value)
        return Interval(self.value, max(0.0, self.value - below), self.value + above)


@dataclass(frozen=True)
class Blocks:
    """The blocks of a sample, of which totals are told.

    Attributes:
        sizes: The rows of each.
        total: The rows of the whole.
        is_exact: Whether that is known, and not told by the sizes of blocks of equal length.
        guess: By which share the whole may be larger or smaller for reasons that no block shows.
    """

    sizes: Sequence[int]
    total: int
    is_exact: bool
    guess: float = 0.0

    @property
    def rows(self) -> int:
        """The rows of all blocks."""
        return sum(self.sizes)

    @property
    def left(self) -> float:
        """The share of all rows that is in no block."""
        return max(0.0, 1 - self.rows / self.total) if self.total else 0.0

    def count(self) -> Interval:
        """Return the rows of the whole."""
        if self.is_exact:
            return Interval.exactly(self.total)
        return self.total_of(self.sizes)

    def total_of(self, values: Sequence[float], *, is_share: bool = False) -> Interval:
        """Return the sum over the whole of what was summed over each block.

        Args:
            values: The sum over each block.
            is_share: Whether it counts rows of the block, so that it is at most its size.
        """
        seen, rows = sum(values), self.rows
        if not self.left or not rows:
            return Interval.exactly(seen)
        value = self.total * seen / rows
        low, high = self._by_blocks(values, value)
        if is_share:
            least, most = (self.total * share for share in wilson(seen, rows, self.left))
            low, high = min(low, least), min(max(high, most), self.total - (rows - seen))
            low, high = min(low, value), max(high, value)
        grown = Interval(value, max(low, 0.0), high).widened(self.guess)
        return Interval(value, max(min(seen, value), grown.low), grown.high)

    def _by_blocks(self, values: Sequence[float], value: float) -> tuple[float, float]:
        count = len(self.sizes)
        if count < 2:
            return 0.0, 2 * value
        usual = self.sizes if self.is_exact else [self.rows / count] * count
        ratio = sum(values) / self.rows
        residuals = sum((v - ratio * n) ** 2 for v, n in zip(values, usual, strict=True))
        error = math.sqrt(self.left * residuals / (count * (count - 1)))
        half = t_quantile(count - 1) * error * self.total * count / self.rows
        return value - half, value + half


def t_quantile(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t."""
    return _T[min(freedom, len(_T)) - 1]


def wilson(successes: float, trials: int, left: float = 1.0) -> tuple[float, float]:
    """Return between what a share lies, by score.

    Args:
        successes: How many of the trials were successes.
        trials: How many there were.
        left: The share of the population that was not tried.
    """
    share, weight = successes / trials, _Z**2 * left / trials
    centre = (share + weight / 2) / (1 + weight)
    half = math.sqrt(share * (1 - share) * weight + weight**2 / 4) / (1 + weight)
    return max(0.0, centre - half), min(1.0, centre + half)
