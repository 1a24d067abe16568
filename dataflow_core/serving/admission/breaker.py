"""Whether a server is there at all: no use in sending it requests while it is not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

FEWEST = 5
"""Failures in a row that open the breaker, at least."""

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 15.0


@dataclass(frozen=True, slots=True)
class Probe:
    """The server seems gone; only one request goes, to see whether it is back.

    Attributes:
        at: When it may go, or the verdict becomes ``"gone"``; infinite while one is under way.
    """

    at: float


Verdict = Probe | Literal["closed", "gone"]
"""``"closed"``: all may go. `Probe`: only one may. ``"gone"``: none ever will."""


class CircuitBreaker:
    """Stops requests to a server that does not answer, and gives it up in the end.

    It opens after as many failures of the connection in a row as make half of the requests under
    way, five at least; or with the first, where the server was never reached and refuses the
    connection or its name is not known. While it is open, one request goes after 0.5 seconds, and
    after each that fails another, 1, 2, 4, 8 and then every 15 seconds later. An answer closes it.

    Args:
        patience: Seconds that it stays open before the server counts as gone.
        patience_at_first: The same for a server that has never answered: its address is likely
            wrong, or it was not started.
    """

    def __init__(self, patience: float = 300.0, patience_at_first: float = 10.0) -> None:
        self._patience = patience
        self._patience_at_first = min(patience, patience_at_first)
        self._reached = False
        self._row = 0
        self._opened_at: float | None = None
        self._pause = _FIRST_PAUSE
        self._probe_at = math.inf
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether requests are held back; those that fail meanwhile do not use up their retries."""
        return self._opened_at is not None

    def answered(self) -> None:
        """Note that the server answered a request: it is there."""
        self._reached = True
        self._row = 0
        self._opened_at = None
        self._probing = False

    def failed(
        self, now: float, in_flight: int, *, unreachable: bool = False, probe: bool = False
    ) -> None:
        """Note that a request failed because of the connection.

        Args:
            now: The time, in seconds.
            in_flight: Requests under way, this one included.
            unreachable: Whether there was no connection at all: it was refused, or the server's
                name is not known.
            probe: Whether the request was the one that is sent to see whether the server is back.
        """
        if self._opened_at is not None:
            if probe:
                self._probe_again(now)
            return  # what was under way when it opened says nothing new
        self._row += 1
        never_there = unreachable and not self._reached
        if never_there or self._row >= max(FEWEST, in_flight / 2):
            self._open(now)

    def verdict(self, now: float) -> Verdict:
        """Tell whether requests may go."""
        if self._opened_at is None:
            return "closed"
        if self._probing:
            return Probe(math.inf)
        end = self._opened_at + self.patience
        return "gone" if now >= end else Probe(min(self._probe_at, end))

    @property
    def patience(self) -> float:
        """Seconds without an answer after which the server counts as gone."""
        return self._patience if self._reached else self._patience_at_first

    def probing(self) -> None:
        """Note that the one request goes that is to see whether the server is back."""
        self._probing = True

    def withdrawn(self, now: float) -> None:
        """Note that this request was cancelled; another may go in its place."""
        self._probing = False
        self._probe_at = now

    def _open(self, now: float) -> None:
        self._opened_at = now
        self._pause = _FIRST_PAUSE
        self._probe_at = now + self._pause

    def _probe_again(self, now: float) -> None:
        self._probing = False
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        self._probe_at = now + self._pause
