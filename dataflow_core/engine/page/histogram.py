"""Distributions as histograms: bars of round widths, with the bounds drawn in."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dataflow_core.engine.page.writing import number
from dataflow_core.table.distributions import Distribution

WIDTH, TOP, BOTTOM = 320, 24, 100
"""Of the drawing: its width, and the top and the foot of the bars."""

_BARS = 40
_EDGE = 4
_WIDEST = 36
_FEW = 8
_CHARACTER = 6.4
_LARGEST = 1e300
_WHOLE = 1e15
_ENDS = (0.005, 0.995)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Label:
    """A text at a place of the drawing, which begins, ends or has its middle there."""

    x: float
    text: str
    anchor: str


@dataclass(frozen=True)
class Bound:
    """A bound: where its line is, its label and the label's foot, and the stretch that it cuts."""

    x: float
    label: Label
    label_y: float
    cut_x: float
    cut_width: float


@dataclass(frozen=True)
class Histogram:
    """A histogram as drawn.

    Attributes:
        bars: The bars as one SVG path.
        bounds: The bounds within its range.
        labels: The values below the bars.
        first: The value at its left end, in words.
        last: That at its right end.
    """

    bars: str
    bounds: tuple[Bound, ...]
    labels: tuple[Label, ...]
    first: str
    last: str


@dataclass(frozen=True)
class _Scale:
    """The edges of the bars; whole numbers have them in the middle between."""

    edges: Floats
    whole: bool

    def x(self, value: float) -> float:
        """Return where a value stands."""
        return round(float(self.places(np.array(value))), 1)

    def places(self, values: Floats) -> Floats:
        """Return where values stand."""
        low, high = self.edges[0], self.edges[-1]
        placed: Floats = _EDGE + (values - low) / (high - low) * (WIDTH - 2 * _EDGE)
        return placed

    @property
    def ends(self) -> tuple[float, float]:
        """The first and last value."""
        margin = 0.5 if self.whole else 0.0
        return _tidy(self.edges[0] + margin), _tidy(self.edges[-1] - margin)


def histogram(found: Distribution) -> Histogram | None:
    """Return the histogram of a distribution; None without values.

    Its range has all values but the outermost 0.5 % on either side, which are counted in the first
    and last bar, and bounds that are not too far away.
    """
    values, counts = found.counts()
    if not len(values):
        return None
    values = values.clip(-_LARGEST, _LARGEST)
    least, most = np.clip([found.minimum, found.maximum], -_LARGEST, _LARGEST).tolist()
    low, high = _range(found, least, most)
    bounds = [one for one in (found.low, found.high) if one is not None and low <= one <= high]
    whole = _are_whole(values) and _are_whole(np.array(bounds))
    scale = _Scale(_edges(low, high, whole=whole), whole)
    first, last = scale.ends
    texts = (
        ("≤ " if least < first else "") + number(first),
        ("≥ " if most > last else "") + number(last),
    )
    return Histogram(
        bars=_path(_heights(values, counts, (least, most), scale), scale),
        bounds=tuple(_bounds(found, scale)),
        labels=tuple(_labels(scale, texts)),
        first=texts[0],
        last=texts[1],
    )


def _are_whole(numbers: Floats) -> bool:
    return bool(((numbers == np.floor(numbers)) & (np.abs(numbers) < _WHOLE)).all())


def _edges(low: float, high: float, *, whole: bool) -> Floats:
    """Return the edges of the bars, which lie on round numbers; between whole ones for those."""
    if whole:
        step = math.ceil((high - low + 1) / _BARS)
        step = step if step < 4 else math.ceil(_round_up(step))
        first = math.floor(low / step) * step - 0.5
        bars = max(math.ceil((math.floor(high) + 0.5 - first) / step), 1)
        return first + step * np.arange(bars + 1, dtype=np.float64)
    size = _round_up((high - low or abs(high) * 0.1 or 1.0) / _BARS)
    start = math.floor(low / size)
    bars = max(math.ceil(high / size - start), 1)
    return size * (start + np.arange(bars + 1, dtype=np.float64))


def _range(found: Distribution, least: float, most: float) -> tuple[float, float]:
    """Return the least and the largest value to draw, with something of what bounds cut."""
    low, high = (min(max(end or 0.0, least), most) for end in found.quantiles(_ENDS))
    reach = max(high - low, abs(high) * 0.05) or 1.0
    start, stop, margin = low - reach, high + reach, 0.05 * reach
    if found.low is not None and start <= found.low <= stop:
        low, high = min(low, found.low, max(found.low - margin, least)), max(high, found.low)
    if found.high is not None and start <= found.high <= stop:
        low, high = min(low, found.high), max(high, found.high, min(found.high + margin, most))
    low = least if 0 < low - least < 0.1 * reach else low
    return low, most if 0 < most - high < 0.1 * reach else high


def _heights(
    values: Floats, counts: npt.NDArray[np.int64], ends: tuple[float, float], scale: _Scale
) -> Floats:
    """Return how many values each bar has; those that rounding took together are spread again.

    A distribution knows values to 1/256, and bars that have now two and now three of its steps
    would look like a comb.
    """
    half = np.where(values == 0, 0.0, np.exp2(np.frexp(values)[1] - 9.0))
    if scale.whole:
        half[np.abs(values) <= 256] = 0.0  # integers up to there are not rounded
    starts, stops = (values - half).clip(*ends), (values + half).clip(*ends)
    before = np.append(0, np.cumsum(counts))
    # An edge that cuts the stretch for which a value stands has that share of its count below.
    inner = scale.edges[1:-1]
    at = np.searchsorted(stops, inner)
    inside = np.minimum(at, len(values) - 1)
    length = np.where(stops > starts, stops - starts, 1.0)[inside]
    with np.errstate(over="ignore"):  # infinitely far outside is outside
        part = ((inner - starts[inside]) / length).clip(0.0, 1.0) * (at < len(values))
    sums = before[at] + part * counts[inside]
    return np.diff(np.concatenate([[0], sums, [before[-1]]]))


def _path(heights: Floats, scale: _Scale) -> str:
    seen = heights > 1e-9
    starts, stops = scale.places(scale.edges[:-1][seen]), scale.places(scale.edges[1:][seen])
    wide = (stops - starts - 1).clip(0.8, _WIDEST)
    tall = (heights[seen] / (heights.max() or 1.0) * (BOTTOM - TOP)).clip(1.5)  # one row is seen
    bars = zip(((starts + stops - wide) / 2).tolist(), tall.tolist(), wide.tolist(), strict=True)
    return "".join(f"M{x:.1f} {BOTTOM}v{-up:.1f}h{across:.1f}V{BOTTOM}z" for x, up, across in bars)


def _labels(scale: _Scale, ends: tuple[str, str]) -> list[Label]:
    """Return the labels of the ends; of a few whole numbers, those of each."""
    middles = (scale.edges[:-1] + scale.edges[1:]) / 2
    if scale.whole and len(middles) <= _FEW and (middles == np.floor(middles)).all():
        texts = [ends[0], *(number(float(value)) for value in middles[1:-1]), ends[1]]
        return [
            Label(scale.x(value), shown, "middle")
            for value, shown in zip(middles, texts[: len(middles)], strict=True)
        ]
    return [Label(2, ends[0], "start"), Label(WIDTH - 2, ends[1], "end")]


def _bounds(found: Distribution, scale: _Scale) -> list[Bound]:
    drawn: list[Bound] = []
    for name, bound in (("min", found.low), ("max", found.high)):
        if bound is None or not scale.ends[0] <= bound <= scale.ends[1]:
            continue
        place = bound
        if scale.whole:  # the line goes between what is kept and what is not
            place = math.ceil(bound) - 0.5 if name == "min" else math.floor(bound) + 0.5
        x, shown = scale.x(place), f"{name} {number(bound)}"
        room = len(shown) * _CHARACTER + 8
        left = x > room if name == "min" else x > WIDTH - room
        label = Label(x - 4, shown, "end") if left else Label(x + 4, shown, "start")
        taken = bool(drawn) and (drawn[0].label.anchor == "start" or left)
        lower = taken and abs(drawn[0].x - x) < 2 * room
        start, stop = (0.0, x) if name == "min" else (x, float(WIDTH))
        drawn.append(Bound(x, label, 21 if lower else 10, start, round(stop - start, 1)))
    return drawn


def _round_up(value: float) -> float:
    """Return the next of 1, 2, 2.5 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next((m * power for m in (1, 2, 2.5, 5) if m * power >= value * 0.999), 10 * power)


def _tidy(value: float) -> float:
    """Return a round number without what floating point added to it."""
    return float(f"{value:.10g}")
