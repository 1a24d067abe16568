"""Whether a failed request is tried again, and when.

Failures come in three kinds, each with a budget of its own, so that a server that is busy for long
does not use up the tries that a lost connection needs: those of transport (no connection, no answer
in time, the server failed), those of the rate limit, and answers that cannot be used.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from dataflow_core.serving.backend import ErrorKind

Kind = Literal["transport", "rate_limit", "answer"]
"""Whose budget a retry is taken from."""

KINDS: Mapping[str, Kind] = {
    "connection": "transport",
    "timeout": "transport",
    "server": "transport",
    "rate_limit": "rate_limit",
    "answer": "answer",
}
"""The budget of each kind of failure; those that are not here are never tried again."""

CAP = 60.0
"""Seconds that a backoff never exceeds, where the server does not ask for more."""

_FIRST: Mapping[Kind, float] = {"transport": 0.5, "rate_limit": 1.0, "answer": 0.0}
_JITTER_SHARE = 0.05
_JITTER_SECONDS = 0.25


@dataclass
class Attempts:
    """How often one request has failed in each way, and was to be tried again."""

    counts: dict[Kind, int] = field(default_factory=dict)

    def of(self, kind: Kind) -> int:
        """Return how often it failed in a way."""
        return self.counts.get(kind, 0)

    def add(self, kind: Kind) -> None:
        """Count a failure."""
        self.counts[kind] = self.of(kind) + 1


@dataclass(frozen=True, slots=True)
class Retries:
    """How often, and after how long, a request is tried again.

    Attributes:
        transport: Retries after lost connections, time limits and failures of the server.
        rate_limit: Retries after the server said that it is asked too often.
        answer: Retries after answers that cannot be used; at once.
        cap: Seconds that a backoff never exceeds.
    """

    transport: int = 4
    rate_limit: int = 20
    answer: int = 2
    cap: float = CAP

    def next(
        self,
        kind: ErrorKind | Literal["answer"],
        attempts: Attempts,
        retry_after: float | None,
        rng: random.Random,
        *,
        counted: bool = True,
    ) -> float | None:
        """Count a failure, and return in how many seconds to try again.

        Without word from the server it is any time, equally likely, up to 0.5 seconds (1 after a
        rate limit) doubled with each failure before, and up to the cap: exponential backoff with
        full jitter, which spreads requests that failed together better than a jitter around the
        doubled time (M. Brooker, "Exponential Backoff and Jitter", AWS 2015). What the server asks
        for is kept: never earlier, and later by 5 % or a quarter of a second at most.

        Args:
            kind: How it failed: a kind of `ReplyError`, or ``"answer"`` for an answer that cannot
                be used.
            attempts: The failures of this request before; this one is added.
            retry_after: Seconds that the server asks for.
            rng: Where chance comes from.
            counted: False where the failure is not the request's own, because the server is gone or
                refuses everybody; it then uses up nothing.

        Returns:
            The seconds; None to give up.
        """
        budget = KINDS.get(kind)
        if budget is None:
            return None
        before = attempts.of(budget)
        if counted:
            if before >= getattr(self, budget):
                return None
            attempts.add(budget)
        if retry_after is not None:
            jitter = min(_JITTER_SHARE * retry_after, _JITTER_SECONDS)
            return retry_after + rng.uniform(0, jitter)
        return rng.uniform(0, min(self.cap, _FIRST[budget] * 2.0 ** min(before, 30)))


class Throttled:
    """Whether a server refuses everybody for now, so that a refusal is no request's own.

    It does when it has refused some requests in a row and answered none between. That is not
    believed forever: after `patience` seconds of it the refusals count again, and the requests give
    up in the end.

    Args:
        patience: Seconds.
        in_a_row: Refusals without an answer between that make it so.
    """

    def __init__(self, patience: float = 600.0, in_a_row: int = 5) -> None:
        self._patience = patience
        self._needed = in_a_row
        self._row = 0
        self._since = 0.0

    def refused(self, now: float) -> None:
        """Note that a request was refused because of a rate limit."""
        if self._row == 0:
            self._since = now
        self._row += 1

    def answered(self) -> None:
        """Note that a request was answered."""
        self._row = 0

    def everybody(self, now: float) -> bool:
        """Tell whether the server refuses everybody, and has not for too long."""
        return self._row >= self._needed and now - self._since < self._patience
