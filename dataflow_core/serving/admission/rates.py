"""Limits of requests and tokens per minute, kept by token buckets with reservations.

Servers promise a number per minute but many judge shorter spans: OpenAI says that 60,000 requests a
minute may be enforced as 1,000 a second, Azure looks at 1 or 10 seconds. So a bucket holds what one
second refills, not a minute's worth: the full rate with hardly a burst. What may burst is taken off
the steady rate, so that no minute, wherever it begins, sees more than the limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dataflow_core.serving.admission.waiting import duration_seconds, lower_names, number

MINUTE = 60.0
BURST_SECONDS = 1.0
"""Seconds' worth of the limit that may go at once."""

_ROUNDING = 1e-6
"""The share of a bucket that does not count as missing: clocks that run for weeks are so exact."""

_LIMITS = {
    "requests": ("x-ratelimit-limit-requests", "anthropic-ratelimit-requests-limit"),
    "tokens": ("x-ratelimit-limit-tokens", "anthropic-ratelimit-tokens-limit"),
}
_REMAINING = {
    "requests": ("x-ratelimit-remaining-requests", "anthropic-ratelimit-requests-remaining"),
    "tokens": ("x-ratelimit-remaining-tokens", "anthropic-ratelimit-tokens-remaining"),
}
_RESET_REQUESTS = "x-ratelimit-reset-requests"


@dataclass
class Reservation:
    """What one request has taken of the limits, to be settled or cancelled once.

    Attributes:
        tokens: The tokens taken, estimated.
        at: When.
    """

    tokens: float
    at: float
    _open: bool = field(default=True, repr=False)

    def close(self) -> None:
        """Mark it as settled.

        Raises:
            ValueError: It was before.
        """
        if not self._open:
            raise ValueError("a reservation of rate limits was settled twice")
        self._open = False


class _Bucket:
    """A bucket that fills steadily, from full at first.

    More may be taken than is in it: whoever finds it as full as it gets takes all that they need,
    and the next ones wait until the debt is filled up. So a request larger than the bucket goes,
    and does not starve behind small ones.
    """

    def __init__(self, limit: float, burst_seconds: float, now: float) -> None:
        self.limit = limit
        self.capacity = max(1.0, limit * burst_seconds / MINUTE)
        self.rate = (limit - (self.capacity - 1)) / MINUTE
        self._level = self.capacity
        self._at = now
        self._owed = 0.0

    def level(self, now: float) -> float:
        passed = max(0.0, now - self._at)
        self._level = min(self.capacity, self._level + passed * self.rate)
        self._level = min(self.capacity, self._level - self._owed)
        self._at, self._owed = max(self._at, now), 0.0
        return self._level

    def delay(self, now: float, amount: float) -> float:
        missing = min(amount, self.capacity) - self.level(now)
        return missing / self.rate if missing > _ROUNDING * self.capacity else 0.0

    def take(self, amount: float) -> None:
        """Take an amount, or give it back where it is negative."""
        self._owed += amount

    def at_most(self, now: float, amount: float) -> None:
        self._level = min(self.level(now), amount)


class RateLimits:
    """Limits of requests and tokens per minute: given ones, or learnt from response headers.

    In any minute no more requests go than the limit, and no more tokens than the limit and what one
    request takes beyond a second's worth of it.

    Args:
        requests_per_minute: The most requests; None: as learnt, or any number.
        tokens_per_minute: The most tokens, read and written; None: as learnt, or any number.
        burst_seconds: Seconds' worth of a limit that may go at once, 30 at most. The steady rate is
            lower by as much.
    """

    def __init__(
        self,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        *,
        burst_seconds: float = BURST_SECONDS,
    ) -> None:
        given = {"requests": requests_per_minute, "tokens": tokens_per_minute}
        for name, limit in given.items():
            if limit is not None and limit <= 0:
                raise ValueError(f"{name}_per_minute is {limit!r}; it takes a number above 0")
        self._burst = min(max(0.0, burst_seconds), MINUTE / 2)
        self._given = {name for name, limit in given.items() if limit is not None}
        self._buckets = {
            name: _Bucket(limit, self._burst, 0.0)
            for name, limit in given.items()
            if limit is not None
        }

    def delay(self, now: float, tokens: float) -> float:
        """Return in how many seconds a request may go; 0: now.

        Args:
            now: The time, in seconds.
            tokens: The tokens that it will take, about.
        """
        amounts = {"requests": 1.0, "tokens": tokens}
        delays = (bucket.delay(now, amounts[name]) for name, bucket in self._buckets.items())
        return max(delays, default=0.0)

    def reserve(self, now: float, tokens: float) -> Reservation:
        """Take what a request needs, whether or not it may go already."""
        for name, bucket in self._buckets.items():
            bucket.level(now)
            bucket.take(1.0 if name == "requests" else tokens)
        return Reservation(tokens, now)

    def settle(self, reservation: Reservation, used_tokens: float) -> None:
        """Give back what a request did not use of its tokens, or take what it used beyond.

        Args:
            reservation: What it took.
            used_tokens: What it used; 0 where it was refused.

        Raises:
            ValueError: It was settled or cancelled before.
        """
        reservation.close()
        self._take("tokens", used_tokens - reservation.tokens)

    def cancel(self, reservation: Reservation) -> None:
        """Give back all that was taken for a request that was never sent.

        Raises:
            ValueError: It was settled or cancelled before.
        """
        reservation.close()
        self._take("requests", -1)
        self._take("tokens", -reservation.tokens)

    def learn(self, now: float, headers: Mapping[str, str]) -> None:
        """Take limits, and what others have left of them, from the headers of a response.

        Known are ``x-ratelimit-limit-requests``, ``-remaining-requests``, ``-reset-requests`` and
        the same of tokens (OpenAI, Azure, Groq and many others), and Anthropic's
        ``anthropic-ratelimit-requests-limit`` and its like. Limits that were given always win.
        Those of a day (Groq's of requests) are no pace, and are not kept.

        Args:
            now: The time, in seconds.
            headers: The headers of a response, by their names in any case.
        """
        by_name = lower_names(headers)
        for name in ("requests", "tokens"):
            limit = _first(by_name, _LIMITS[name])
            remaining = _first(by_name, _REMAINING[name])
            if limit is None or limit <= 0 or name in self._given:
                continue
            reset = duration_seconds(by_name.get(_RESET_REQUESTS))
            if name == "requests" and _is_of_a_day(limit, remaining, reset):
                continue
            self._learnt(name, now, limit, remaining)

    def limits(self) -> dict[str, float]:
        """Return the limits that are kept: ``requests_per_minute``, ``tokens_per_minute``."""
        return {f"{name}_per_minute": bucket.limit for name, bucket in self._buckets.items()}

    def _learnt(self, name: str, now: float, limit: float, remaining: float | None) -> None:
        bucket = self._buckets.get(name)
        if bucket is None or bucket.limit != limit:
            old, bucket = bucket, _Bucket(limit, self._burst, now)
            if old is not None:  # what is owed stays owed
                bucket.at_most(now, old.level(now))
            self._buckets[name] = bucket
        if remaining is not None and remaining >= 0:
            bucket.at_most(now, remaining)

    def _take(self, name: str, amount: float) -> None:
        if name in self._buckets:
            self._buckets[name].take(amount)


def _first(headers: Mapping[str, str], names: tuple[str, ...]) -> float | None:
    found = (number(headers.get(name)) for name in names)
    return next((value for value in found if value is not None), None)


def _is_of_a_day(limit: float, remaining: float | None, reset: float | None) -> bool:
    """Tell whether a limit of requests is one of a day, by how long those used take to come back.

    Headers do not say of which span a limit is, but of 14,400 requests 30 take 180 seconds to come
    back if the span is a day, and an eighth of a second if it is a minute. Limits of tokens in
    headers are always of a minute.
    """
    if reset is None or remaining is None or remaining >= limit:
        return False
    span = reset * limit / (limit - remaining)
    return 43_200 <= span <= 172_800
