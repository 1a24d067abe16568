"""Which fault a request meets: by a marker in its text, else by its hash.

Nothing depends on the order in which requests come in, so that a run can be repeated. A marker in
the last message forces a fault, or a manner of answering:

    [[fail:STATUS]]   this status, such as 400, 429, 500 or 503
    [[drop]] [[cut]] [[hang]] [[truncate]] [[empty]] [[length]] [[filter]] [[refuse]]
    [[wrong-schema]] [[prose]]
                      the fault of this name, as `Faults` describes them
    [[once:…]]        the same, but only the first time that the prompt is asked
    [[think]]         reasoning in <think> before the answer
    [[think:reasoning_content]] [[think:reasoning]]
                      reasoning in the field of this name
    [[slow:SECONDS]]  so much more latency
    [[say:TEXT]]      the answer is this text; goes up to the message's last ]]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import xxhash

from dataflow_core.testing.server.faults import LASTING, PASSING, Faults, Spelling

STATUSES = {"rate_limit": 429, "server_error": 500, "bad_request": 400}
_NAMES = {status: name for name, status in STATUSES.items()}
_SPELLINGS = ("tag", "reasoning_content", "reasoning")
_MARKER = re.compile(r"\[\[(once:)?(?:fail:([45]\d\d)|([a-z-]+))\]\]")
_THINK = re.compile(r"\[\[think(?::(\w+))?\]\]")
_SLOW = re.compile(r"\[\[slow:(\d+(?:\.\d+)?)\]\]")
_SAY = re.compile(r"\[\[say:(.*)\]\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one answer.

    Attributes:
        name: As in `Faults`, without ``_share``; ``"status"`` for any other status.
        status: The HTTP status.
    """

    name: str
    status: int = 200


class FaultPlan:
    """Tells which requests go wrong, and how.

    Args:
        faults: How often.
    """

    def __init__(self, faults: Faults) -> None:
        self._seed = faults.seed
        self._jitter = faults.jitter
        self._latency = faults.latency
        self._lasting = list(_bounds(faults, LASTING))
        self._passing = list(_bounds(faults, PASSING))

    def fault(self, key: int, attempt: int, text: str) -> Fault | None:
        """Return the fault of a request, if it meets one.

        Args:
            key: The hash of its prompt.
            attempt: How often this prompt was asked before.
            text: Its last message, which may hold a marker.
        """
        if "[[" in text:
            marked = _marked(text, attempt)
            if marked is not None:
                return marked
        return self._drawn(self._lasting, key, 0) or self._drawn(self._passing, key, attempt)

    def delay(self, key: int, attempt: int, text: str) -> float:
        """Return after how many seconds a request is answered."""
        delay = self._latency
        if self._jitter:
            delay += self._jitter * self._draw(b"jitter", key, attempt)
        if "[[slow:" in text:
            delay += sum(float(seconds) for seconds in _SLOW.findall(text))
        return delay

    def _drawn(self, bounds: list[tuple[float, Fault]], key: int, attempt: int) -> Fault | None:
        if not bounds:
            return None
        drawn = self._draw(b"lasting" if bounds is self._lasting else b"passing", key, attempt)
        return next((fault for bound, fault in bounds if drawn < bound), None)

    def _draw(self, what: bytes, key: int, attempt: int) -> float:
        """Return a number from 0 up to 1 that is the same for the same arguments."""
        told = b"%b %d %d %d" % (what, self._seed, key, attempt)
        return xxhash.xxh3_64_intdigest(told) / 2**64


def spelling(text: str, otherwise: Spelling | None) -> Spelling | None:
    """Return how reasoning is told to a message with this text."""
    found = _THINK.search(text) if "[[think" in text else None
    if found is None:
        return otherwise
    named = found[1] or "tag"
    return cast("Spelling", named) if named in _SPELLINGS else otherwise


def said(text: str) -> str | None:
    """Return the text that the answer is to be, if a marker says so."""
    found = _SAY.search(text) if "[[say:" in text else None
    return found[1] if found else None


def _bounds(faults: Faults, names: tuple[str, ...]) -> Iterator[tuple[float, Fault]]:
    """Divide the stretch from 0 to 1 into shares, and tell the end of each."""
    bound = 0.0
    for name in names:
        share = getattr(faults, f"{name}_share")
        if share:
            bound += share
            yield bound, Fault(name, STATUSES.get(name, 200))


def _marked(text: str, attempt: int) -> Fault | None:
    for once, status, word in _MARKER.findall(text):
        if once and attempt:
            continue
        if status:
            return Fault(_NAMES.get(int(status), "status"), int(status))
        name = word.replace("-", "_")
        if name in LASTING or name in PASSING:
            return Fault(name, STATUSES.get(name, 200))
    return None
