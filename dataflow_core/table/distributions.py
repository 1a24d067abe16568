"""How a measure is distributed over the rows of a table, batch by batch, in little memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)

_MANTISSA_BITS = 52
_KEPT_BITS = 7
_DROPPED_BITS = _MANTISSA_BITS - _KEPT_BITS
_LARGEST = float(np.finfo(np.float64).max)


@dataclass
class Distribution:
    """The values of one measure: their number, range and quantiles, and where bounds cut.

    Values are counted in bins whose width is 1/128 of their lower edge or less, so that quantiles
    are right to 0.4 %; they do not depend on how rows came in batches. Zero, and integers below
    256, have bins of their own.

    Attributes:
        low: The smallest value kept; None for no bound.
        high: The largest value kept; None for no bound.
        rows: The number of rows.
        absent: Those without a value (null or NaN).
        below: Those below ``low``.
        above: Those above ``high``.
        minimum: The smallest value; infinity without values.
        maximum: The largest; minus infinity without values.
        bins: The number of values in each bin.
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
        known = values[~np.isnan(values)].clip(-_LARGEST, _LARGEST)
        self.rows += len(values)
        self.absent += len(values) - len(known)
        if not len(known):
            return
        self.minimum = min(self.minimum, float(known.min()))
        self.maximum = max(self.maximum, float(known.max()))
        if self.low is not None:
            self.below += int(np.count_nonzero(known < self.low))
        if self.high is not None:
            self.above += int(np.count_nonzero(known > self.high))
        counts = pc.value_counts(pa.array(known.view(np.int64) >> _DROPPED_BITS))
        bins = counts.field("values").to_numpy().tolist()
        self.bins.update(dict(zip(bins, counts.field("counts").to_numpy().tolist(), strict=True)))

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
        """Return the values below which such shares of all values lie; None without values.

        Args:
            shares: From 0 to 1.
        """
        if not self.bins:
            return [None] * len(shares)
        bins = np.array(list(self.bins), np.int64)
        counts = np.array(list(self.bins.values()), np.int64)
        middles = _middles(bins).clip(self.minimum, self.maximum)
        order = np.argsort(middles)
        sums = np.cumsum(counts[order])
        ranks = np.ceil(np.array(shares) * sums[-1]).clip(1)
        found: list[float | None] = middles[order][np.searchsorted(sums, ranks)].tolist()
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return what reports say of it."""
        known = self.rows > self.absent
        return {
            "rows": self.rows,
            "absent": self.absent,
            "minimum": self.minimum if known else None,
            "maximum": self.maximum if known else None,
            "quantiles": dict(zip(map(str, QUANTILES), self.quantiles(), strict=True)),
            "low": self.low,
            "high": self.high,
            "below": self.below,
            "above": self.above,
        }


def merge_measures(into: dict[str, Distribution], more: Mapping[str, Distribution]) -> None:
    """Count the rows of further distributions of the same measures."""
    for name, found in more.items():
        into.setdefault(name, Distribution(found.low, found.high)).merge(found)


def _middles(bins: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the value that stands for each bin: an integer where the bin holds only one."""
    edges = (bins << _DROPPED_BITS).view(np.float64)
    after = (bins + 1 << _DROPPED_BITS).view(np.float64)
    exact = (edges == np.round(edges)) & (np.abs(edges) < 1 << _KEPT_BITS + 1)
    return np.where(exact, edges, (edges + after) / 2)
