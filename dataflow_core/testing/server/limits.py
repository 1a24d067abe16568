"""Limits in requests and tokens per minute, as buckets that fill up again continuously."""

from __future__ import annotations

import time
from collections.abc import Iterator

from dataflow_core.testing.server.faults import Faults
from dataflow_core.testing.server.question import Refusal


class Bucket:
    """So much may be taken out as has flowed in.

    Args:
        name: What it limits.
        per_minute: How much flows in in a minute.
        burst_seconds: It holds what flows in in so many seconds, but one at least.
    """

    def __init__(self, name: str, per_minute: int, burst_seconds: float) -> None:
        self.name = name
        self.per_minute = per_minute
        self._rate = per_minute / 60
        self._most = max(1.0, self._rate * burst_seconds)
        self._level = self._most
        self._filled = time.monotonic()

    def wait(self, amount: float) -> float:
        """Return in how many seconds an amount can be taken; infinite if it never can."""
        if amount > self._most:
            return float("inf")
        return max(0.0, amount - self._now()) / self._rate

    def take(self, amount: float) -> None:
        """Take an amount out."""
        self._level = self._now() - amount

    def headers(self) -> Iterator[tuple[str, str]]:
        """Tell how full it is, in the headers of OpenAI's API."""
        level = self._now()
        yield f"x-ratelimit-limit-{self.name}", str(self.per_minute)
        yield f"x-ratelimit-remaining-{self.name}", str(max(0, int(level)))
        yield f"x-ratelimit-reset-{self.name}", duration((self._most - level) / self._rate)

    def _now(self) -> float:
        now = time.monotonic()
        self._level = min(self._most, self._level + (now - self._filled) * self._rate)
        self._filled = now
        return self._level


class Limits:
    """The limits of a server, if it has any.

    Args:
        faults: What they are.
    """

    def __init__(self, faults: Faults) -> None:
        asked, burst = faults.requests_per_minute, faults.burst_seconds
        read = faults.tokens_per_minute
        self._requests = Bucket("requests", asked, burst) if asked else None
        self._tokens = Bucket("tokens", read, burst) if read else None
        self._any = bool(asked or read)

    def admit(self, tokens: int) -> None:
        """Let a request with so many tokens in.

        Raises:
            Refusal: It is over a limit.
        """
        if not self._any:
            return
        taken = [(self._requests, 1), (self._tokens, tokens)]
        for bucket, amount in taken:
            wait = bucket.wait(amount) if bucket else 0.0
            if bucket and wait:
                raise _over(bucket, amount, wait)
        for bucket, amount in taken:
            if bucket:
                bucket.take(amount)

    def headers(self) -> list[tuple[str, str]]:
        """Tell limits and what is left of them, in the headers of OpenAI's API."""
        buckets = (self._requests, self._tokens) if self._any else ()
        return [header for bucket in buckets if bucket for header in bucket.headers()]


def duration(seconds: float) -> str:
    """Return a duration as OpenAI's headers have it.

    Example:
        >>> duration(0.12), duration(1.5), duration(360)
        ('120ms', '1.5s', '6m0s')
    """
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    minutes, rest = divmod(round(seconds, 3), 60)
    spelled = f"{rest:.3f}".rstrip("0").rstrip(".")
    return f"{minutes:.0f}m{spelled}s" if minutes else f"{spelled}s"


def _over(bucket: Bucket, amount: int, wait: float) -> Refusal:
    where = f"limit of {bucket.per_minute} {bucket.name} per minute"
    if wait == float("inf"):
        message = f"Request too large: {amount} {bucket.name} at once, over the {where}."
        return Refusal(429, message, "rate_limit_exceeded", fault="over_limit")
    message = f"Rate limit reached: {where}. Please try again in {duration(wait)}."
    return Refusal(429, message, "rate_limit_exceeded", retry_after=wait, fault="over_limit")
