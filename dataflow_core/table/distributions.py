"""How a measure is distributed over the rows of a table, batch by batch, in little memory."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)

# A value counts as the nearest one with so few bits after the leading one of its 52.
_DROPPED_BITS = 52 - 7
_HALF = 1 << _DROPPED_BITS - 1
_PLACES = 1 << 14
_SMALL = 2.0**-128
_LARGEST = float(np.finfo(np.float64).max)


@dataclass
class Distribution:
    """The values of one measure: their number, range and quantiles, and where bounds cut.

    Values are counted rounded to 8 binary digits, so that quantiles are right to 1/256 (0.4 %);
    they do not depend on how rows came in batches. Zero, and integers up to 256, stay as they are.
    An infinite value counts as the largest finite one.

    Attributes:
        low: The smallest value kept; None for no bound.
        high: The largest value kept; None for no bound.
        rows: The number of rows.
        absent: Those without a value (null or NaN).
        below: Those below ``low``.
        above: Those above ``high``.
        minimum: The smallest value; infinity without values.
        maximum: The largest; minus infinity without values.
        bins: How often each rounded value comes, by its leading bits.
    """

    low: float | None = None
    high: float | None = None
    rows: int = 0
    absent: int = 0
    below: int = 0
    above: int = 0
    minimum: float = np.inf
    maximum: float = -np.inf
    bins: Counter[int] = field(default_factory=Counter)

    def add(self, values: npt.NDArray[np.float64]) -> None:
        """Count the values of some rows; NaN stands for none."""
        missing = np.isnan(values)
        known = values[~missing] if missing.any() else values
        self.rows += len(values)
        self.absent += len(values) - len(known)
        if not len(known):
            return
        known = np.maximum(np.minimum(known, _LARGEST), -_LARGEST) + 0.0  # there is one zero
        least, most = float(known.min()), float(known.max())
        self.minimum, self.maximum = min(self.minimum, least), max(self.maximum, most)
        if self.low is not None and least < self.low:
            self.below += int(np.count_nonzero(known < self.low))
        if self.high is not None and most > self.high:
            self.above += int(np.count_nonzero(known > self.high))
        bins, counts = _counted(known.view(np.int64) + _HALF >> _DROPPED_BITS)
        self.bins.update(dict(zip(bins.tolist(), counts.tolist(), strict=True)))

    def merge(self, other: Distribution) -> None:
        """Count the rows of another part of the table as well."""
        self.rows += other.rows
        self.absent += other.absent
        self.below += other.below
        self.above += other.above
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)
        self.bins.update(other.bins)

    def quantiles(self, shares: tuple[float, ...] = QUANTILES) -> list[float | None]:
        """Return the least values that such shares of all values do not exceed; None without any.

        Args:
            shares: From 0 to 1.
        """
        if not self.bins:
            return [None] * len(shares)
        values, counts = self.counts()
        sums = np.cumsum(counts)
        ranks = np.ceil(np.array(shares) * sums[-1]).clip(1)
        found: list[float | None] = values[np.searchsorted(sums, ranks)].tolist()
        return found

    def mean(self) -> float | None:
        """Return the mean of the rounded values; None without any.

        It is right to 1/512 of the values' mean size; of integers up to 256, it is exact.
        """
        if not self.bins:
            return None
        values, counts = self.counts()
        scale = _SMALL if np.abs(values).max() > 1 / _SMALL else 1.0  # so that no sum overflows
        return math.fsum((values * scale * counts).tolist()) / int(counts.sum()) / scale

    def counts(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """Return the different rounded values, ascending, and how often each comes."""
        bins = np.array(list(self.bins), np.int64)
        counts = np.array(list(self.bins.values()), np.int64)
        values = (bins << _DROPPED_BITS).view(np.float64).clip(self.minimum, self.maximum)
        order = np.argsort(values)
        return values[order], counts[order]

    def state(self) -> dict[str, Any]:
        """Return all of it as plain data, of which `from_state` makes it again."""
        return {**vars(self), "bins": list(self.bins.items())}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Distribution:
        """Return the distribution of what `state` returned."""
        return cls(**{**state, "bins": Counter(dict(map(tuple, state["bins"])))})

    def as_dict(self) -> dict[str, Any]:
        """Return what reports say of it."""
        known = self.rows > self.absent
        return {
            "rows": self.rows,
            "absent": self.absent,
            "minimum": self.minimum if known else None,
            "maximum": self.maximum if known else None,
            "mean": self.mean(),
            "quantiles": dict(zip(map(str, QUANTILES), self.quantiles(), strict=True)),
            "low": _finite(self.low),
            "high": _finite(self.high),
            "below": self.below,
            "above": self.above,
        }


@dataclass
class Reported(Distribution):
    """A distribution of which only what reports say is left: some quantiles, and no values.

    Attributes:
        told: The value of each quantile in `QUANTILES`, by its share.
        told_mean: The mean; None if it was not told.
    """

    told: dict[str, float | None] = field(default_factory=dict)
    told_mean: float | None = None

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Reported:
        """Return the distribution of what `Distribution.as_dict` returned."""
        names = ("low", "high", "rows", "absent", "below", "above")
        found = cls(**{name: content[name] for name in names}, told=dict(content["quantiles"]))
        found.told_mean = content.get("mean")  # reports of early runs have none
        if content["minimum"] is not None:
            found.minimum, found.maximum = content["minimum"], content["maximum"]
        return found

    def quantiles(self, shares: tuple[float, ...] = QUANTILES) -> list[float | None]:
        """Return some of the quantiles in `QUANTILES`."""
        return [self.told[str(share)] for share in shares]

    def mean(self) -> float | None:
        """Return the mean, if the report had it."""
        return self.told_mean


def _counted(
    numbers: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the different ones of some numbers, and how often each comes.

    Zero stands far from all others, which lie close together in most measures: there, counting by
    place is quicker than sorting.
    """
    others = numbers[numbers != 0]
    least = int(others.min()) if len(others) else 0
    if not len(others) or int(others.max()) - least >= _PLACES:
        return np.unique(numbers, return_counts=True)
    counts = np.bincount(others - least)
    found = np.flatnonzero(counts)
    zeros = len(numbers) - len(others)
    if not zeros:
        return found + least, counts[found]
    return np.append(found + least, 0), np.append(counts[found], zeros)


def merge_measures(into: dict[str, Distribution], more: Mapping[str, Distribution]) -> None:
    """Count the rows of further distributions of the same measures."""
    for name, found in more.items():
        into.setdefault(name, Distribution(found.low, found.high)).merge(found)


def _finite(bound: float | None) -> float | None:
    """Return a bound as JSON has it: an infinite one bounds nothing."""
    return None if bound is None or np.isinf(bound) else bound
