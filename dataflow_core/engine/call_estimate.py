"""What all rows of a source will ask of models, told by the pieces in which a sample went through.

What a row asks, and what that takes, is the ratio of sums over pieces; its interval is that of
their residuals, with Student's t (Cochran 1977, Sampling Techniques, sections 6.3 and 9A.1), and
that of the number of rows comes to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dataflow_core.engine.intervals import Interval, t_quantile
from dataflow_core.serving.tally import Tally


@dataclass(frozen=True)
class Asked:
    """What some rows asked of models.

    Attributes:
        rows: How many rows they were.
        calls: What their calls took.
    """

    rows: int
    calls: Tally


@dataclass(frozen=True)
class CallEstimate:
    """What a step will ask of models, as if no answer were there yet.

    Attributes:
        asked: Answers asked for.
        prompt_tokens: Tokens read.
        completion_tokens: Tokens written.
        cost: US dollars; None where prices are not known.
    """

    asked: Interval
    prompt_tokens: Interval
    completion_tokens: Interval
    cost: Interval | None


def call_estimate(pieces: Sequence[Asked], rows: Interval, left: float) -> CallEstimate:
    """Return what a step will ask.

    Args:
        pieces: What its rows in the sample asked, piece by piece.
        rows: How many rows it gets in all.
        left: The share of all rows that is not in the sample.
    """

    def total(of: Callable[[Tally], float]) -> Interval:
        return _total([of(one.calls) for one in pieces], [one.rows for one in pieces], rows, left)

    unpriced = any(one.calls.unpriced + one.calls.saved_unpriced for one in pieces)
    return CallEstimate(
        asked=total(lambda calls: calls.asked),
        prompt_tokens=total(lambda calls: calls.prompt_tokens + calls.saved_prompt_tokens),
        completion_tokens=total(
            lambda calls: calls.completion_tokens + calls.saved_completion_tokens
        ),
        cost=None if unpriced else total(lambda calls: calls.cost + calls.saved_cost),
    )


def _total(values: Sequence[float], sizes: Sequence[int], rows: Interval, left: float) -> Interval:
    """Return the sum over all rows of what was summed over each piece."""
    if not sum(sizes):
        return Interval.exactly(sum(values))
    ratio, count = sum(values) / sum(sizes), len(sizes)
    grown = rows.times(ratio)
    if not left or not ratio:
        return grown
    if count < 2:
        return grown.widened(1.0)
    residuals = sum((v - ratio * n) ** 2 for v, n in zip(values, sizes, strict=True))
    error = math.sqrt(left * residuals * count / (count - 1)) / sum(sizes)
    return grown.widened(t_quantile(count - 1) * error / ratio)
