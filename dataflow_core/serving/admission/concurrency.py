"""How many requests may be under way at once, found by trying.

Like TCP's congestion control: rise while the server keeps up, fall when it refuses, remember where
that was. Two things differ. A refused request costs nothing but its retry, so refusals only count
where they are many; and some servers refuse now and then whatever the load, which must not slow a
run down.
"""

from __future__ import annotations

START = 32
"""Requests at once at first, where the most is not given."""

TOP = 1_024
"""Requests at once that are never exceeded, where the most is not given."""

TOLERATED = 0.1
"""The share of refused requests that is no reason to send fewer."""

_CERTAIN = 8
"""Refusals beyond the tolerated share that are no chance any more.

With 5 % refused at random, so many more than a tenth come once in a million requests.
"""

_FALL = 0.75
_FIRST_PATIENCE = 8
_LAST_PATIENCE = 64
_SMALLEST_WAVE = 10


class ConcurrencyLimit:
    """A limit of requests at once that finds its own level.

    A wave is as many outcomes as the limit allows requests at once. After a wave with few refusals
    the limit rises: it doubles until the first fall, then goes half of the way to the ceiling at
    which it fell, and stays below it. Now and then it tries one more than the ceiling; where that
    goes well it goes on with ever larger steps, and else back, and waits longer until it tries
    again. It falls by a quarter, at once, when more than a tenth of the requests are refused by
    more than chance. It rises only while its room is used: a limit that was never reached proves
    nothing.

    Args:
        most: Requests at once, where they are given: it starts there and never rises above. None:
            it starts at 32 and goes up to 1,024.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = TOP if most is None else max(1, most)
        self._limit = START if most is None else self._most
        self._wave = 0
        self._counts_from = 0
        self._in_flight = 0
        self._outcomes = 0
        self._busiest = 0
        self._excess = 0.0
        self._ceiling: int | None = None
        self._before_probe: int | None = None
        self._step = 1
        self._calm_waves = 0
        self._patience = _FIRST_PATIENCE

    @property
    def limit(self) -> int:
        """How many requests may be under way at once, 1 at least."""
        return self._limit

    @property
    def in_flight(self) -> int:
        """How many requests have started and not ended."""
        return self._in_flight

    @property
    def has_room(self) -> bool:
        """Whether one more request may start."""
        return self._in_flight < self._limit

    def started(self) -> int:
        """Note that a request goes.

        Returns:
            Its lease: the number of the wave in which it was admitted, to be handed back once.
        """
        self._in_flight += 1
        self._busiest = max(self._busiest, self._in_flight)
        return self._wave

    def succeeded(self, lease: int) -> None:
        """Note that a request was answered, be it with an error that is the request's own."""
        self._ended(lease, refused=False)

    def refused(self, lease: int) -> None:
        """Note that the server refused a request because it is asked too much."""
        self._ended(lease, refused=True)

    def lost(self, lease: int) -> None:
        """Note that a request ran into its time limit or lost its connection: congestion too."""
        self._ended(lease, refused=True)

    def withdrawn(self, lease: int) -> None:
        """Note that a request was cancelled, which says nothing of the server."""
        self._in_flight -= 1

    def _ended(self, lease: int, *, refused: bool) -> None:
        self._in_flight -= 1
        if lease < self._counts_from:  # admitted under another limit
            return
        self._outcomes += 1
        self._excess = max(0.0, self._excess + refused - TOLERATED)
        # Refusals come faster than answers: a wave's tolerated ones may all come first.
        if self._excess > _CERTAIN + TOLERATED * self._limit:
            self._fall()
        elif self._outcomes >= max(self._limit, _SMALLEST_WAVE):
            self._end_wave()

    def _fall(self) -> None:
        """Send fewer: after a probe as many as before it, else three quarters."""
        self._ceiling = self._limit
        if self._before_probe is None:
            self._move(max(1, int(self._limit * _FALL)))
        else:
            self._patience = min(2 * self._patience, _LAST_PATIENCE)
            self._move(self._before_probe)
        self._before_probe, self._step, self._calm_waves = None, 1, 0

    def _end_wave(self) -> None:
        used = self._busiest >= self._limit
        self._outcomes, self._busiest = 0, self._in_flight
        # A few refusals too many are no reason to fall, but none to rise either.
        if used and self._excess < _CERTAIN / 2 and self._limit < self._most:
            self._rise()

    def _rise(self) -> None:
        if self._ceiling is None:
            self._move(2 * self._limit)
        elif self._before_probe is not None:
            self._probe_further()
        elif self._limit < self._ceiling - 1:
            self._move(self._limit + (self._ceiling - self._limit) // 2)
        else:
            self._await_probe()

    def _await_probe(self) -> None:
        self._calm_waves += 1
        if self._calm_waves >= self._patience:
            self._probe(1)

    def _probe_further(self) -> None:
        """Go on after a probe that went well: the ceiling is no more where it was."""
        self._patience = _FIRST_PATIENCE
        self._probe(2 * self._step)

    def _probe(self, step: int) -> None:
        self._before_probe, self._step = self._limit, step
        self._move(self._limit + step)

    def _move(self, limit: int) -> None:
        """Set another limit, and judge it only by requests that are admitted under it."""
        self._limit = min(limit, self._most)
        self._wave += 1
        self._counts_from = self._wave
        self._outcomes, self._excess, self._busiest = 0, 0.0, self._in_flight
