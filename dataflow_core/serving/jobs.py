"""Requests on their way: what a dispatcher knows of each, and of the calls that wait for them."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dataflow_core.serving.admission import Attempts
from dataflow_core.serving.backend import Backend, Reply, ReplyError, Vectors

if TYPE_CHECKING:
    from dataflow_core.serving.admission import Reservation
    from dataflow_core.serving.budget import Budget, Lease


@dataclass(frozen=True)
class Terms:
    """How requests are sent.

    Attributes:
        max_concurrency: The most at a time; None to find out.
        requests_per_minute: The most in a minute; None for what the server tells.
        tokens_per_minute: The most tokens in a minute, read and written; None likewise.
        timeout: Seconds after which a request counts as lost.
        transport_retries: How often a request is sent again after a lost connection, a timeout or a
            failure of the server.
        rate_limit_retries: How often it is sent again because the server is asked too often.
        empty_retries: How often it is sent again because the answer is empty.
        patience: Seconds that a server may be gone before the run gives up.
        name: What to call the server in messages.
    """

    max_concurrency: int | None
    requests_per_minute: float | None
    tokens_per_minute: float | None
    timeout: float
    transport_retries: int
    rate_limit_retries: int
    empty_retries: int
    patience: float
    name: str


@dataclass(eq=False, slots=True)
class Job:
    """One request on its way.

    Attributes:
        send: Sends it to the backend.
        tokens: About how many tokens it has.
        most: How many tokens its answer has at most, as far as that is told.
        heard: Called in the loop's thread when it is over.
        budget: What it may cost.
        sent: How often it was sent.
        failed: How it failed so far, as far as that was its own fault, and was sent again.
        transport_retries: How often it was sent again for the way to the server, or its failures.
        rate_limit_retries: How often because the server was asked too often.
        seconds: How long the last attempt took.
        wasted: Replies to it that were of no use.
        outcome: What came of it; None while it is on its way, and where it was dropped.
        waiting: The calls that wait for it.
        over: Whether nothing more will come of it.
        lease: What it was admitted with.
        is_probe: Whether it is to find out whether the server is back.
        began: When the last attempt began.
        is_late: Whether that took too long.
        reserved: What it has reserved of the server's limits.
        paid: What it has reserved of the budget.
    """

    send: Callable[[Backend], Awaitable[Reply | Vectors]]
    tokens: int
    most: int | None
    heard: Callable[[Job], object]
    budget: Budget | None = None
    sent: int = 0
    failed: Attempts = field(default_factory=Attempts)
    transport_retries: int = 0
    rate_limit_retries: int = 0
    seconds: float = 0.0
    wasted: list[Reply] = field(default_factory=list)
    outcome: Reply | Vectors | ReplyError | None = None
    waiting: list[Batch] = field(default_factory=list)
    over: bool = False
    lease: int = 0
    is_probe: bool = False
    began: float = 0.0
    is_late: bool = False
    reserved: Reservation | None = None
    paid: Lease | None = None


class Batch:
    """Jobs that one call waits for, its own and those of others that ask the same.

    Attributes:
        over: Whether all are over, none is to come, or an error ends the call.
        error: What ends it.
    """

    def __init__(self) -> None:
        self.over = threading.Event()
        self.error: BaseException | None = None
        self._left = 1  # for those that are to come

    def more(self, jobs: int) -> None:
        """Note that jobs came."""
        self._left += jobs

    def one_less(self) -> None:
        """Note that a job is over."""
        self._left -= 1
        if self._left <= 0:
            self.over.set()
