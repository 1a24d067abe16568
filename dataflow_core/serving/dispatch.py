"""The dispatcher of a serving: many requests at a time to one backend, in a loop of its own thread.

It decides when each goes, tries again what can succeed, and stops at once where nothing can. What
answers mean is not its business.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import sys
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from dataflow_core.errors import RunStopped, ServingError, ServingGone, ServingRefused
from dataflow_core.serving.admission import (
    CircuitBreaker,
    ConcurrencyLimit,
    Probe,
    RateLimits,
    Retries,
    Throttled,
    TokenEstimate,
)
from dataflow_core.serving.backend import CANNOT_CONNECT, Backend, Reply, ReplyError, Vectors
from dataflow_core.serving.budget import NOTHING, Amount, Exhausted, Wait, WorstCase
from dataflow_core.serving.completion import NO_USAGE, Usage
from dataflow_core.serving.jobs import Batch, Job, Terms
from dataflow_core.serving.loops import new_loop
from dataflow_core.serving.pricing import Price, cost
from dataflow_core.serving.scope import never

T = TypeVar("T")

_BEAT = 0.1
_SWITCH_SECONDS = 0.0005
DRAIN_SECONDS = 30.0
"""So long a stop waits for answers that are on their way: they are paid for."""

LONGEST_WAIT = 900.0
"""Seconds that a server may ask to wait; beyond, the run ends, to go on then."""

DEFECT = "unexpected_error"
"""The reason of failures that a backend did not foresee."""

_DEFECTS = 5
"""So many errors of a kind that no backend should raise, in a row, are nobody's row's."""


class Dispatcher:
    """Sends requests.

    Args:
        make: Makes the backend, in the loop's thread.
        terms: How to send.
        price: What tokens cost; None where nobody knows.
    """

    def __init__(
        self, make: Callable[[], Backend], terms: Terms, price: Price | None = None
    ) -> None:
        self._price = price
        self._worst = WorstCase(price)
        self._make = make
        self._terms = terms
        self._limit = ConcurrencyLimit(terms.max_concurrency)
        self._rates = RateLimits(terms.requests_per_minute, terms.tokens_per_minute)
        self._estimate = TokenEstimate()
        self._retries = Retries(
            terms.transport_retries, terms.rate_limit_retries, terms.empty_retries
        )
        self._throttled = Throttled()
        self._breaker = CircuitBreaker(terms.patience)
        self._random = random.Random()  # noqa: S311  for waiting times
        self._pending: deque[Job] = deque()
        self._later: dict[Job, asyncio.TimerHandle] = {}
        self._tasks: dict[Job, asyncio.Task[None]] = {}
        self._last = ""
        self._defects = 0
        self._is_closed = False
        self._after: Callable[[], object] = never
        self._backend: Backend | None = None
        self._opening: asyncio.Task[None] | None = None
        self._openers: set[asyncio.Task[None]] = set()
        self._wake: asyncio.TimerHandle | None = None
        self._clock: asyncio.TimerHandle | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dataflow-serving", daemon=True)
        self._thread.start()
        self._ready.wait()

    def send(self, batch: Batch, jobs: Sequence[Job], others: Iterable[Job] = ()) -> None:
        """Have requests sent, without waiting for them.

        Args:
            batch: The call that waits for them.
            jobs: The requests.
            others: Requests on their way, sent for somebody else, that it waits for too.
        """
        self._call(self._take, jobs, others, batch)

    def wait(self, batch: Batch, stop: Callable[[], bool] = never) -> None:
        """Wait until all requests of a call are over; each then has its outcome.

        Where it ends otherwise, what is on its way is waited for: it is paid for, and kept.

        Args:
            batch: The call; nothing more comes to it.
            stop: Asked now and then whether to stop.

        Raises:
            ServingError: No request can succeed.
            RunStopped: Somebody asked to stop, or the budget is spent.
        """
        self._call(batch.one_less)
        try:
            while not batch.over.wait(_BEAT):
                if stop():
                    raise RunStopped("stopped")  # noqa: TRY301  the wait below is for all stops
        except BaseException:
            self.end(batch)
            raise
        if batch.error is not None:
            if not isinstance(batch.error, ServingGone):  # from which nothing comes any more
                self.end(batch)
            raise batch.error

    @property
    def concurrency(self) -> int:
        """How many requests may go at a time now."""
        return self._limit.limit

    @property
    def backlog(self) -> int:
        """How many requests wait, or are on their way."""
        return len(self._pending) + len(self._later) + len(self._tasks)

    def run_coroutine(self, make: Callable[[Backend], Awaitable[Any]]) -> Any:
        """Open the backend, and return what a coroutine on it returns.

        Raises:
            ServingError: The backend cannot be opened, or has no answer.
        """

        async def run() -> Any:
            try:
                backend = await self._opened()
                async with asyncio.timeout(self._terms.timeout):
                    return await make(backend)
            except TimeoutError:
                late = f"{self._terms.name} did not answer in {self._terms.timeout:g} s"
                raise ServingError(late) from None
            except ReplyError as error:
                raise _as_serving_error(error, self._terms.name) from None

        self._require_open()
        return self._result(asyncio.run_coroutine_threadsafe(run(), self._loop))

    def close(self) -> None:
        """Close the backend, and end the thread; calls that are on end with an error."""
        self._is_closed = True
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def leave(self, after: Callable[[], object]) -> None:
        """Close the backend and end the thread, without waiting for either.

        Args:
            after: What the thread does at its end.
        """
        self._is_closed, self._after = True, after
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            self._loop.call_soon_threadsafe(self._loop.stop)

    def end(self, batch: Batch) -> None:
        """Drop what a call has not sent, and wait for what it has: that is paid for."""
        if not self._thread.is_alive():
            return
        self._call(self._drop_unsent, batch)
        deadline = time.monotonic() + DRAIN_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            counted = asyncio.run_coroutine_threadsafe(self._in_flight(batch), self._loop)
            try:
                if not self._result(counted, left):
                    return
            except (TimeoutError, ServingError):  # the loop is busy, or over
                break
            time.sleep(_BEAT)
        if self._thread.is_alive():
            self._call(self._cancel, batch)

    def _call(self, what: Callable[..., object], *arguments: Any) -> None:
        """Have something done in the loop's thread.

        Raises:
            ServingError: It was closed.
        """
        self._require_open()
        try:
            self._loop.call_soon_threadsafe(what, *arguments)
        except RuntimeError:  # closed just now
            self._require_open()
            raise

    def _require_open(self) -> None:
        if self._is_closed:
            raise self._closed()

    def _closed(self) -> ServingError:
        return ServingError(f"{self._terms.name} was closed while it was asked")

    def _result(self, future: Future[T], seconds: float = math.inf) -> T:
        """Return what is done in the loop's thread; that may end before it."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return future.result(_BEAT)
            except TimeoutError:
                if future.done():
                    raise
                if not self._thread.is_alive():
                    raise self._closed() from None
                if time.monotonic() > deadline:
                    raise

    def _run(self) -> None:
        # Else a thread that computes keeps answers waiting, to be read and to be stored.
        before = sys.getswitchinterval()
        sys.setswitchinterval(min(before, _SWITCH_SECONDS))
        try:
            with asyncio.Runner(loop_factory=new_loop) as runner:
                self._loop = runner.get_loop()
                self._loop.call_soon(self._ready.set)
                self._loop.run_forever()
                runner.run(self._leave())
        finally:
            sys.setswitchinterval(before)
            self._after()

    async def _leave(self) -> None:
        """End all that is on its way, and close the backend."""
        self._give_up(self._closed())
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._backend is not None:
            await self._backend.close()

    # What follows runs in the loop's thread.

    def _take(self, jobs: Sequence[Job], others: Iterable[Job], batch: Batch) -> None:
        theirs = [job for job in others if not job.over]
        batch.more(len(jobs) + len(theirs))
        for job in (*jobs, *theirs):
            job.waiting.append(batch)
        self._pending.extend(jobs)
        if batch.error is not None:  # it came while these were on their way here
            self._drop(jobs)
        if jobs and self._backend is None:
            task = self._loop.create_task(self._open())
            self._openers.add(task)
            task.add_done_callback(self._openers.discard)
        self._pump()

    async def _open(self) -> None:
        try:
            await self._opened()
        except Exception as error:  # noqa: BLE001  whoever waits is told
            self._give_up(_as_serving_error(error, self._terms.name))
        self._pump()

    async def _opened(self) -> Backend:
        """Return the backend, which is opened once for all that wait for it."""
        if self._backend is None:
            self._opening = self._opening or self._loop.create_task(self._made())
            await self._opening
        assert self._backend is not None  # noqa: S101
        return self._backend

    async def _made(self) -> None:
        try:
            backend = self._make()
            backend.on_headers = self._heed_headers
            await backend.open()
            self._backend = backend
        finally:
            self._opening = None

    def _pump(self) -> None:
        """Let requests go, as many as may."""
        if self._backend is None:
            return
        while self._pending and self._limit.has_room:
            job = self._pending[0]
            now = self._loop.time()
            wait = self._wait_of(job, now)
            if wait is None:  # it is out of the queue
                continue
            if wait > 0:
                self._wake_after(wait)
                return
            self._pending.popleft()
            self._start(job, now)

    def _wait_of(self, job: Job, now: float) -> float | None:
        """Return how long a request has to wait; None where it will never go."""
        verdict = self._breaker.verdict(now)
        if verdict == "gone":
            self._give_up(self._gone())
            return None
        job.is_probe = verdict != "closed"
        if isinstance(verdict, Probe) and verdict.at > now:
            return verdict.at - now
        wait = self._rates.delay(now, self._estimate.request(job.tokens, job.most))
        if wait or job.budget is None:
            return wait
        told = job.budget.reserve(self._worst.of(job.tokens, job.most))
        if isinstance(told, Exhausted):
            self._end_calls(set(job.waiting), told.error())
            return None
        if isinstance(told, Wait):
            return _BEAT
        job.paid = told
        return 0.0

    def _wake_after(self, seconds: float) -> None:
        if self._wake is not None:
            self._wake.cancel()
        if seconds < math.inf:  # else what is on its way wakes it
            self._wake = self._loop.call_later(seconds, self._pump)

    def _start(self, job: Job, now: float) -> None:
        job.sent += 1
        job.lease = self._limit.started()
        job.reserved = self._rates.reserve(now, self._estimate.request(job.tokens, job.most))
        if job.is_probe:
            self._breaker.probing()
        job.began, job.is_late = now, False
        self._tasks[job] = self._loop.create_task(self._attempt(job))
        if self._clock is None:
            self._clock = self._loop.call_later(self._terms.timeout, self._end_late)

    async def _attempt(self, job: Job) -> None:
        outcome = await self._outcome(job)
        del self._tasks[job]
        job.seconds = self._loop.time() - job.began
        try:
            self._conclude(job, outcome)
        except Exception as error:  # noqa: BLE001  whoever waits for it must not wait for ever
            self._finish(job, _defect(error))
        self._pump()

    async def _outcome(self, job: Job) -> Reply | Vectors | ReplyError | None:
        """Send a request and return what comes of it; None where it was cancelled."""
        assert self._backend is not None  # noqa: S101
        try:
            return await job.send(self._backend)
        except ReplyError as error:
            return error
        except asyncio.CancelledError:
            if not job.is_late:
                return None
            return ReplyError("timeout", f"no answer came in {self._terms.timeout:g} s")
        except Exception as error:  # noqa: BLE001  of one row perhaps, or of all
            return _defect(error)

    def _conclude(self, job: Job, outcome: Reply | Vectors | ReplyError | None) -> None:
        if outcome is None:
            self._withdraw(job)
        elif isinstance(outcome, ReplyError):
            self._settle(job, None, is_lost=outcome.kind == "timeout" or _is_broken(outcome))
            self._failed(job, self._judged(outcome))
        else:
            self._defects = 0
            self._settle(job, outcome)
            self._succeeded(job, outcome)

    def _judged(self, error: ReplyError) -> ReplyError:
        """Return a failure as what it is for all others."""
        self._defects = self._defects + 1 if error.reason == DEFECT else 0
        if self._defects >= _DEFECTS:
            return ReplyError("fatal", error.message)
        if error.retry_after is not None and error.retry_after > LONGEST_WAIT:
            wait = f"It asks to come back in {error.retry_after / 60:,.0f} minutes; run again then"
            told = f"{error.message}. {wait}"
            return ReplyError("fatal", told, status=error.status)
        return error

    def _end_late(self) -> None:
        """End requests that take too long: the oldest are the first."""
        self._clock = None
        now = self._loop.time()
        for job, task in self._tasks.items():
            left = job.began + self._terms.timeout - now
            if left > 0:
                self._clock = self._loop.call_later(left, self._end_late)
                return
            if not job.is_late:
                job.is_late = True
                task.cancel()

    def _withdraw(self, job: Job) -> None:
        """End a request that was cancelled on its way."""
        self._settle(job, None, is_lost=True)
        self._limit.withdrawn(job.lease)
        if job.is_probe:
            self._breaker.withdrawn(self._loop.time())
        self._finish(job, None)

    def _settle(self, job: Job, outcome: Reply | Vectors | None, *, is_lost: bool = False) -> None:
        """Give back what was reserved and not used.

        Args:
            job: The request.
            outcome: What came of it.
            is_lost: Whether an answer may have been made for it that never came.
        """
        usage = NO_USAGE if outcome is None else outcome.usage
        if job.reserved is not None:
            self._rates.settle(job.reserved, usage.total_tokens)
        if job.paid is not None and job.budget is not None:
            spent = NOTHING if outcome is None else self._amount(usage)
            # Of one that did not come in time nobody knows what the server did for it.
            job.budget.settle(job.paid, self._worst.of(job.tokens, job.most) if is_lost else spent)
        job.reserved = job.paid = None

    def _amount(self, usage: Usage) -> Amount:
        dollars = None if self._price is None else cost(usage, self._price)
        return Amount(usage.total_tokens, dollars)

    def _succeeded(self, job: Job, outcome: Reply | Vectors) -> None:
        self._breaker.answered()
        self._throttled.answered()
        self._limit.succeeded(job.lease)
        self._estimate.add(outcome.usage.completion_tokens)
        self._worst.saw(outcome.usage.completion_tokens)
        if isinstance(outcome, Reply) and _is_empty(outcome):
            wait = self._retries.next("answer", job.failed, None, self._random)
            if wait is not None:
                job.wasted.append(outcome)
                self._pending.appendleft(job)
                return
        self._finish(job, outcome)

    def _failed(self, job: Job, error: ReplyError) -> None:
        now = self._loop.time()
        self._last = error.message
        self._note(job, error, now)
        if error.kind == "fatal":
            fatal = _as_serving_error(error, self._terms.name)
            for batch in job.waiting:  # told before it is over, which may be the last of them
                batch.error = batch.error or fatal
            self._finish(job, error)
            self._give_up(fatal)
            return
        if all(batch.error is not None for batch in job.waiting):
            self._finish(job, error)  # nobody waits for another try
            return
        wait = self._retries.next(
            error.kind,
            job.failed,
            error.retry_after,
            self._random,
            counted=not self._is_for_all(error, now),
        )
        if wait is None:
            self._finish(job, error)
            return
        if error.kind == "rate_limit":
            job.rate_limit_retries += 1
        else:
            job.transport_retries += 1
        self._later[job] = self._loop.call_later(wait, self._again, job)

    def _note(self, job: Job, error: ReplyError, now: float) -> None:
        """Let limit and breaker learn of a failure."""
        if error.reason == CANNOT_CONNECT:
            self._limit.lost(job.lease)
            self._breaker.failed(now, len(self._tasks) + 1, unreachable=True, probe=job.is_probe)
            return
        self._breaker.answered()  # it is there, whatever it did
        if error.kind in ("connection", "timeout"):
            self._limit.lost(job.lease)
        elif error.kind == "rate_limit":
            self._limit.refused(job.lease)
            self._throttled.refused(now)
        else:
            self._limit.succeeded(job.lease)
            self._throttled.answered()

    def _is_for_all(self, error: ReplyError, now: float) -> bool:
        """Tell whether a failure is none of the request itself: the server fails everybody.

        A server that hangs up, or does not answer, may do so for this request alone.
        """
        if error.kind == "rate_limit":
            return self._throttled.everybody(now)
        return error.reason == CANNOT_CONNECT and self._breaker.is_open

    def _again(self, job: Job) -> None:
        del self._later[job]
        self._pending.appendleft(job)
        self._pump()

    def _finish(self, job: Job, outcome: Reply | Vectors | ReplyError | None) -> None:
        job.outcome = outcome
        try:
            job.heard(job)
        except Exception as error:  # noqa: BLE001  such as a full disk under the store
            self._end_calls(set(job.waiting), error)  # what nobody can keep need not be paid for
        job.over = True  # only now: other threads take one that left no answer for dropped
        for batch in job.waiting:
            batch.one_less()

    def _give_up(self, error: BaseException) -> None:
        """End all calls: nothing can succeed."""
        jobs = (*self._pending, *self._later, *self._tasks)
        self._end_calls({batch for job in jobs for batch in job.waiting}, error)

    def _end_calls(self, batches: Collection[Batch], error: BaseException) -> None:
        """End calls, whose requests that are on their way go on."""
        for batch in batches:
            batch.error = batch.error or error
        waiting = (*self._pending, *self._later)
        self._drop([job for job in waiting if any(one in batches for one in job.waiting)])
        for batch in batches:
            batch.over.set()

    def _drop_unsent(self, batch: Batch) -> None:
        waiting = [*self._pending, *self._later]
        self._drop([job for job in waiting if job.waiting == [batch]])

    def _drop(self, jobs: Sequence[Job]) -> None:
        gone = set(jobs)
        self._pending = deque(job for job in self._pending if job not in gone)
        for job in jobs:
            handle = self._later.pop(job, None)
            if handle is not None:
                handle.cancel()
            self._finish(job, None)

    async def _in_flight(self, batch: Batch) -> int:
        return sum(batch in job.waiting for job in self._tasks)

    def _cancel(self, batch: Batch) -> None:
        for job, task in self._tasks.items():
            if job.waiting == [batch]:
                task.cancel()

    def _heed_headers(self, headers: Mapping[str, str]) -> None:
        self._rates.learn(self._loop.time(), headers)

    def _gone(self) -> ServingGone:
        last = self._last or "no connection"
        return ServingGone(
            f"{self._terms.name} does not answer: {last}. It was tried for "
            f"{self._breaker.patience:.0f} s. Start it, or correct its address; what was answered "
            "is kept, and the same command goes on.",
            last,
        )


def _is_empty(reply: Reply) -> bool:
    return not reply.text.strip() and reply.finish_reason not in ("length", "content_filter")


def _defect(error: Exception) -> ReplyError:
    return ReplyError("request", f"{type(error).__name__}: {error}", reason=DEFECT)


def _is_broken(error: ReplyError) -> bool:
    """Tell whether an answer may have been made that could not be read."""
    return error.reason == "broken_answer" or (
        error.kind == "connection" and error.reason != CANNOT_CONNECT
    )


def _as_serving_error(error: BaseException, name: str) -> BaseException:
    if isinstance(error, ReplyError):
        return ServingRefused(f"{name}: {error.message}")
    return error
