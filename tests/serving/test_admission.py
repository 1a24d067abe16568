"""When requests may go: hours with simulated servers, in milliseconds, and each part's promises."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_core.serving.admission import (
    Attempts,
    CircuitBreaker,
    ConcurrencyLimit,
    Probe,
    RateLimits,
    Retries,
    Throttled,
    TokenEstimate,
    retry_after_seconds,
)
from dataflow_core.serving.admission.waiting import duration_seconds

REFUSAL = 0.05  # seconds that a server takes to refuse


@dataclass
class HardCap:
    """Answers so many requests at once, and refuses all others."""

    cap: int
    under_way: int = 0

    def takes(self, now: float, rng: random.Random) -> bool:
        if self.under_way >= self.cap:
            return False
        self.under_way += 1
        return True

    def answered(self) -> None:
        self.under_way -= 1


@dataclass
class PerMinute:
    """Allows so many requests a minute, ten of them at once."""

    limit: float
    level: float = 10.0
    at: float = 0.0

    def takes(self, now: float, rng: random.Random) -> bool:
        self.level = min(10.0, self.level + (now - self.at) * self.limit / 60)
        self.at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True

    def answered(self) -> None:
        pass


@dataclass
class Moody:
    """Refuses a share of the requests, whatever the load."""

    share: float

    def takes(self, now: float, rng: random.Random) -> bool:
        return rng.random() >= self.share

    def answered(self) -> None:
        pass


@dataclass
class Course:
    """What happened: when, the limit then, and whether the request was answered."""

    steps: list[tuple[float, int, bool]] = field(default_factory=list)

    def between(self, start: float, end: float) -> list[tuple[float, int, bool]]:
        return [step for step in self.steps if start <= step[0] < end]

    def refused(self, start: float, end: float) -> float:
        steps = self.between(start, end)
        return sum(not good for _, _, good in steps) / len(steps)

    def answered(self, start: float, end: float) -> int:
        return sum(good for _, _, good in self.between(start, end))

    def mean_limit(self, start: float, end: float) -> float:
        steps = self.between(start, end)
        spans = [(b[0] - a[0], a[1]) for a, b in itertools.pairwise(steps)]
        return sum(span * limit for span, limit in spans) / sum(span for span, _ in spans)


def drive(
    limit: ConcurrencyLimit,
    server: HardCap | PerMinute | Moody,
    seconds: float,
    *,
    seed: int = 0,
    demand: int = 10**9,
    at: Callable[[float], None] | None = None,
) -> Course:
    """Send requests without end, each answered in about a second; refused ones are tried again."""
    rng, retries, course = random.Random(seed), Retries(rate_limit=10**9), Course()
    under_way: list[tuple[float, int, int, bool, Attempts]] = []
    again: list[tuple[float, int, Attempts]] = []
    numbers = itertools.count()
    now = 0.0
    while now < seconds:
        while limit.has_room and limit.in_flight < demand:
            due = again and again[0][0] <= now
            attempts = heapq.heappop(again)[2] if due else Attempts()
            good = server.takes(now, rng)
            end = now + (rng.uniform(0.5, 1.5) if good else REFUSAL)
            lease = limit.started()
            heapq.heappush(under_way, (end, next(numbers), lease, good, attempts))
        now, _, lease, good, attempts = heapq.heappop(under_way)
        if at is not None:
            at(now)
        if good:
            server.answered()
            limit.succeeded(lease)
        else:
            limit.refused(lease)
            wait = retries.next("rate_limit", attempts, None, rng)
            assert wait is not None
            heapq.heappush(again, (now + wait, next(numbers), attempts))
        course.steps.append((now, limit.limit, good))
    return course


# How many at once


@pytest.mark.parametrize("most", [None, 64, 256])
def test_a_hard_cap_is_found_and_kept_with_few_refusals(most):
    course = drive(ConcurrencyLimit(most), HardCap(48), 300)
    assert {limit for _, limit, _ in course.between(60, 300)} <= set(range(40, 51))
    assert course.refused(60, 300) < 0.02
    assert course.answered(60, 300) > 0.95 * 48 * 240


def test_a_limit_per_minute_is_nearly_used_up_with_few_refusals():
    course = drive(ConcurrencyLimit(None), PerMinute(600), 600)
    assert course.answered(60, 600) > 0.93 * 9 * 600
    assert course.refused(60, 600) < 0.15


@pytest.mark.parametrize("share", [0.025, 0.05])
@pytest.mark.parametrize("most", [16, 64, 256])
@pytest.mark.parametrize("seed", range(3))
def test_scattered_refusals_do_not_lower_the_limit(share, most, seed):
    course = drive(ConcurrencyLimit(most), Moody(share), 6_000 / most, seed=seed)
    assert {limit for _, limit, _ in course.steps} == {most}


def test_scattered_refusals_do_not_keep_the_limit_from_rising():
    limit = ConcurrencyLimit(None)
    drive(limit, Moody(0.025), 30)
    assert limit.limit == 1_024


def test_the_limit_follows_a_cap_that_falls_and_rises_again():
    server = HardCap(100)

    def change(now: float) -> None:
        server.cap = 20 if 100 <= now < 200 else 100

    course = drive(ConcurrencyLimit(None), server, 350, at=change)
    assert 80 <= course.mean_limit(50, 100) <= 105
    assert 16 <= course.mean_limit(120, 200) <= 23
    assert 80 <= course.mean_limit(280, 350) <= 105
    assert course.refused(120, 200) < 0.1


def test_a_limit_is_doubled_per_wave_while_nothing_is_refused():
    limit = ConcurrencyLimit(None)
    levels = [limit.limit]
    for _ in range(8):
        for lease in [limit.started() for _ in range(limit.limit)]:
            limit.succeeded(lease)
        levels.append(limit.limit)
    assert levels == [32, 64, 128, 256, 512, 1_024, 1_024, 1_024, 1_024]


def test_room_that_is_not_used_does_not_grow():
    limit = ConcurrencyLimit(None)
    drive(limit, HardCap(10**6), 300, demand=20)
    assert limit.limit == 32


def test_a_wave_that_is_refused_lowers_the_limit_once():
    limit = ConcurrencyLimit(100)
    for lease in [limit.started() for _ in range(100)]:
        limit.refused(lease)
    assert limit.limit == 75


def test_lost_requests_are_congestion_too():
    limit = ConcurrencyLimit(100)
    for lease in [limit.started() for _ in range(100)]:
        limit.lost(lease)
    assert limit.limit == 75


def test_a_server_that_refuses_everything_leaves_one_at_a_time():
    limit = ConcurrencyLimit(64)
    for _ in range(2_000):
        limit.refused(limit.started())
    assert limit.limit == 1
    assert limit.has_room


@given(st.lists(st.sampled_from(["start", "good", "refused", "lost", "withdrawn"]), max_size=400))
@settings(deadline=None, max_examples=60)
def test_leases_are_counted_and_the_limit_stays_within_its_bounds(events):
    limit, leases = ConcurrencyLimit(24), []
    for event in events:
        if event == "start":
            leases.append(limit.started())
        elif leases:
            lease = leases.pop(0)
            {
                "good": limit.succeeded,
                "refused": limit.refused,
                "lost": limit.lost,
                "withdrawn": limit.withdrawn,
            }[event](lease)
        assert limit.in_flight == len(leases)
        assert 1 <= limit.limit <= 24


# How many a minute


def admitted(
    limits: RateLimits, wants: list[float], *, start: float = 0.0, used: float | None = None
) -> list[tuple[float, float]]:
    """Send requests of so many tokens, one after the other, each as soon as it may go."""
    now, sent = start, []
    for tokens in wants:
        for _ in range(5):
            delay = limits.delay(now, tokens)
            if not delay:
                break
            now += delay
        assert limits.delay(now, tokens) == 0, "what was waited for does not come"
        reservation = limits.reserve(now, tokens)
        limits.settle(reservation, tokens if used is None else used)
        sent.append((now, tokens))
    return sent


def most_in_a_minute(sent: list[tuple[float, float]]) -> float:
    return max(
        sum(amount for at, amount in sent if start <= at < start + 60 - 1e-6) for start, _ in sent
    )


@given(
    limit=st.integers(1, 5_000),
    count=st.integers(1, 400),
    start=st.floats(0, 1e7),
    burst=st.floats(0, 30),
)
@settings(deadline=None, max_examples=60)
def test_no_minute_sees_more_requests_than_the_limit(limit, count, start, burst):
    limits = RateLimits(requests_per_minute=limit, burst_seconds=burst)
    sent = admitted(limits, [0.0] * count, start=start)
    assert most_in_a_minute([(at, 1.0) for at, _ in sent]) <= limit + 1e-3


@given(
    limit=st.integers(1_000, 200_000),
    wants=st.lists(st.integers(1, 3_000), min_size=1, max_size=200),
)
@settings(deadline=None, max_examples=60)
def test_no_minute_sees_more_tokens_than_the_limit_and_one_request(limit, wants):
    limits = RateLimits(tokens_per_minute=limit)
    sent = admitted(limits, [float(want) for want in wants])
    assert most_in_a_minute(sent) <= limit + max(wants)


def test_the_limit_is_used_up_steadily():
    sent = admitted(RateLimits(requests_per_minute=600), [0.0] * 1_200)
    assert sent[9][0] == 0  # a second's worth at once
    assert 118 < sent[-1][0] < 122


def test_a_request_larger_than_a_minutes_worth_goes_and_does_not_starve():
    limits = RateLimits(tokens_per_minute=1_000)
    sent = admitted(limits, [10.0, 5_000.0, 10.0])
    assert sent[1][0] < 1
    assert 290 < sent[2][0] < 320  # its debt is paid before others go


def test_tokens_that_were_not_used_are_given_back_and_more_are_taken():
    few = admitted(RateLimits(tokens_per_minute=60_000), [2_000.0] * 60, used=100)
    as_many = admitted(RateLimits(tokens_per_minute=60_000), [2_000.0] * 60)
    more = admitted(RateLimits(tokens_per_minute=60_000), [2_000.0] * 60, used=4_000)
    assert few[-1][0] < 10
    assert 110 < as_many[-1][0] < 125
    assert 220 < more[-1][0] < 245


def test_a_reservation_is_settled_or_cancelled_exactly_once():
    limits = RateLimits(requests_per_minute=60, tokens_per_minute=1_000)
    settled, cancelled = limits.reserve(0, 10), limits.reserve(0, 10)
    limits.settle(settled, 12)
    limits.cancel(cancelled)
    for once_more in (lambda: limits.settle(settled, 12), lambda: limits.cancel(cancelled)):
        with pytest.raises(ValueError, match="twice"):
            once_more()


def test_what_was_never_sent_is_given_back():
    limits = RateLimits(requests_per_minute=60, tokens_per_minute=60_000)
    reservation = limits.reserve(0, 1_000)
    assert limits.delay(0, 1) > 0
    limits.cancel(reservation)
    assert limits.delay(0, 1) == 0


def test_nothing_is_limited_without_limits():
    limits = RateLimits()
    assert admitted(limits, [1e6] * 100)[-1][0] == 0


@pytest.mark.parametrize("limit", [0, -5])
def test_a_limit_of_nothing_is_refused(limit):
    with pytest.raises(ValueError, match="above 0"):
        RateLimits(requests_per_minute=limit)


@pytest.mark.parametrize(
    ("headers", "limits"),
    [
        (  # OpenAI
            {
                "x-ratelimit-limit-requests": "10000",
                "x-ratelimit-remaining-requests": "9999",
                "x-ratelimit-reset-requests": "6ms",
                "x-ratelimit-limit-tokens": "200000",
                "x-ratelimit-remaining-tokens": "199984",
                "x-ratelimit-reset-tokens": "4ms",
            },
            {"requests_per_minute": 10_000, "tokens_per_minute": 200_000},
        ),
        (  # OpenAI, on an account with a limit a day
            {
                "X-RateLimit-Limit-Requests": "10000",
                "X-RateLimit-Remaining-Requests": "9999",
                "X-RateLimit-Reset-Requests": "8.64s",
            },
            {},
        ),
        (  # Groq: requests a day, tokens a minute
            {
                "x-ratelimit-limit-requests": "14400",
                "x-ratelimit-limit-tokens": "18000",
                "x-ratelimit-remaining-requests": "14370",
                "x-ratelimit-remaining-tokens": "17997",
                "x-ratelimit-reset-requests": "2m59.56s",
                "x-ratelimit-reset-tokens": "7.66s",
            },
            {"tokens_per_minute": 18_000},
        ),
        (  # Anthropic
            {
                "anthropic-ratelimit-requests-limit": "50",
                "anthropic-ratelimit-requests-remaining": "49",
                "anthropic-ratelimit-requests-reset": "2026-01-01T00:00:00Z",
                "anthropic-ratelimit-tokens-limit": "40000",
                "anthropic-ratelimit-tokens-remaining": "39000",
            },
            {"requests_per_minute": 50, "tokens_per_minute": 40_000},
        ),
        (  # Azure, where it does not know
            {"x-ratelimit-limit-tokens": "-1", "x-ratelimit-remaining-tokens": "-1"},
            {},
        ),
        ({"x-ratelimit-limit-requests": "many"}, {}),
    ],
)
def test_limits_are_learnt_from_headers(headers, limits):
    rates = RateLimits()
    rates.learn(0, headers)
    assert rates.limits() == limits


def test_given_limits_win_over_learnt_ones():
    rates = RateLimits(requests_per_minute=60)
    rates.learn(0, {"x-ratelimit-limit-requests": "9", "x-ratelimit-limit-tokens": "1000"})
    assert rates.limits() == {"requests_per_minute": 60, "tokens_per_minute": 1_000}


def test_what_others_used_up_of_a_limit_is_waited_for():
    rates = RateLimits()
    headers = {"x-ratelimit-limit-requests": "600", "x-ratelimit-remaining-requests": "0"}
    rates.learn(5, headers)
    assert 0 < rates.delay(5, 0) < 0.2


def test_what_is_owed_stays_owed_when_a_limit_changes():
    rates = RateLimits()
    rates.learn(0, {"x-ratelimit-limit-tokens": "1000"})
    rates.reserve(0, 2_000)
    rates.learn(0, {"x-ratelimit-limit-tokens": "2000"})
    assert 50 < rates.delay(0, 1) < 65


def test_tokens_are_estimated_by_the_last_fifty_completions():
    estimate = TokenEstimate()
    assert estimate.request(100) == 356
    for tokens in [10_000] * 20 + [40] * 25 + [60] * 25:
        estimate.add(tokens)
    assert estimate.request(100) == 150
    assert estimate.request(100, max_tokens=20) == 120


# Whether again


def waits(kind: str, count: int, retry_after: float | None = None, seed: int = 0) -> list[float]:
    retries, attempts, rng = Retries(), Attempts(), random.Random(seed)
    found = (retries.next(kind, attempts, retry_after, rng) for _ in range(count))
    return list(itertools.takewhile(lambda wait: wait is not None, found))


@pytest.mark.parametrize(
    ("kind", "budget"),
    [("connection", 4), ("timeout", 4), ("server", 4), ("rate_limit", 20), ("answer", 2)],
)
def test_each_kind_has_its_budget(kind, budget):
    assert len(waits(kind, 50)) == budget


@pytest.mark.parametrize("kind", ["request", "schema", "fatal"])
def test_what_cannot_succeed_is_not_tried_again(kind):
    assert waits(kind, 5) == []


def test_the_budgets_are_separate():
    retries, attempts, rng = Retries(transport=1, rate_limit=1), Attempts(), random.Random(0)
    assert retries.next("timeout", attempts, None, rng) is not None
    assert retries.next("rate_limit", attempts, None, rng) is not None
    assert retries.next("connection", attempts, None, rng) is None
    assert retries.next("rate_limit", attempts, None, rng) is None


def test_backoff_doubles_up_to_the_cap_with_full_jitter():
    by_try = list(zip(*(waits("rate_limit", 20, seed=seed) for seed in range(400)), strict=True))
    bounds = [min(60.0, 2.0**n) for n in range(20)]
    for found, bound in zip(by_try, bounds, strict=True):
        assert 0.95 * bound < max(found) <= bound
        assert min(found) < 0.05 * bound
        assert sum(found) / len(found) == pytest.approx(bound / 2, rel=0.15)


@given(st.floats(0, 10_000), st.integers(0, 2**32))
def test_retry_after_is_kept(retry_after, seed):
    (wait,) = waits("rate_limit", 1, retry_after, seed)
    assert retry_after <= wait <= retry_after + min(0.05 * retry_after, 0.25) + 1e-9


def test_failures_that_are_not_the_requests_own_use_up_nothing():
    retries, attempts, rng = Retries(transport=1), Attempts(), random.Random(0)
    for _ in range(50):
        assert retries.next("connection", attempts, None, rng, counted=False) is not None
    assert retries.next("connection", attempts, None, rng) is not None
    assert retries.next("connection", attempts, None, rng) is None


def test_a_server_that_refuses_everybody_is_told_from_one_that_refuses_some():
    throttled = Throttled(patience=600)
    for second in range(4):
        throttled.refused(second)
    assert not throttled.everybody(4)
    throttled.refused(4)
    assert throttled.everybody(5)
    assert not throttled.everybody(600)  # not believed forever
    throttled.answered()
    throttled.refused(601)
    assert not throttled.everybody(601)


NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"retry-after": " 2.5 "}, 2.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"Retry-After": "Sun, 01 Mar 2026 12:00:30 GMT"}, 30),
        ({"Retry-After": "Sun, 01 Mar 2026 13:00:30 +0100"}, 30),
        ({"Retry-After": "Sun, 01 Mar 2026 11:00:00 GMT"}, 0),
        ({"Retry-After": "-3"}, 0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": ""}, None),
        ({"retry-after-ms": "x", "Retry-After": "4"}, 4),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers, seconds):
    assert retry_after_seconds(headers, NOW) == seconds


def test_an_http_date_counts_from_now_in_any_zone():
    elsewhere = NOW.astimezone(tz=None) + timedelta(seconds=10)
    header = {"Retry-After": "Sun, 01 Mar 2026 12:00:30 GMT"}
    assert retry_after_seconds(header, elsewhere) == 20


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6m0s", 360),
        ("1s", 1),
        ("20ms", 0.02),
        ("2m59.56s", 179.56),
        ("1h2m3s", 3_723),
        ("1d", 86_400),
        ("59", 59),
        ("0", 0),
        ("2026-01-01T00:00:00Z", None),
        ("5 minutes", None),
        ("", None),
        (None, None),
    ],
)
def test_durations_are_read(text, seconds):
    found = duration_seconds(text)
    assert found == (None if seconds is None else pytest.approx(seconds))


# Whether the server is there


def fail(breaker: CircuitBreaker, count: int, now: float = 0.0, in_flight: int = 1) -> None:
    for _ in range(count):
        breaker.failed(now, in_flight)


def reached() -> CircuitBreaker:
    breaker = CircuitBreaker()
    breaker.answered()
    return breaker


def test_five_failures_in_a_row_open_the_breaker():
    breaker = reached()
    fail(breaker, 4)
    assert breaker.verdict(0) == "closed"
    fail(breaker, 1)
    assert breaker.verdict(0) == Probe(0.5)


def test_failures_with_answers_between_do_not():
    breaker = reached()
    for _ in range(100):
        fail(breaker, 4)
        breaker.answered()
    assert not breaker.is_open


def test_many_requests_under_way_take_half_of_them():
    breaker = reached()
    fail(breaker, 49, in_flight=100)
    assert not breaker.is_open
    fail(breaker, 1, in_flight=100)
    assert breaker.is_open


def test_one_refused_connection_opens_it_where_the_server_was_never_reached():
    breaker = CircuitBreaker()
    breaker.failed(0, 32, unreachable=True)
    assert breaker.is_open
    known = reached()
    known.failed(0, 32, unreachable=True)
    assert not known.is_open


def probes(breaker: CircuitBreaker, start: float) -> list[float]:
    """Send probes that fail at once until the server counts as gone."""
    sent, now = [], start
    while isinstance(verdict := breaker.verdict(now), Probe):
        now = verdict.at
        if breaker.verdict(now) == "gone":
            break
        breaker.probing()
        assert breaker.verdict(now) == Probe(math.inf)  # one at a time
        sent.append(now - start)
        breaker.failed(now, 1, unreachable=True, probe=True)
    assert breaker.verdict(now) == "gone"
    return [*sent, now - start]


def test_probes_come_less_and_less_often_until_the_server_is_gone():
    breaker = reached()
    fail(breaker, 5, now=100)
    sent = probes(breaker, 100)
    assert sent[:7] == [0.5, 1.5, 3.5, 7.5, 15.5, 30.5, 45.5]
    assert sent[-1] == 300


def test_a_server_that_never_answered_is_given_up_soon():
    breaker = CircuitBreaker()
    breaker.failed(50, 1, unreachable=True)
    assert probes(breaker, 50) == [0.5, 1.5, 3.5, 7.5, 10]


def test_an_answer_closes_the_breaker_and_the_next_failures_begin_anew():
    breaker = reached()
    fail(breaker, 5)
    breaker.probing()
    breaker.answered()
    assert breaker.verdict(1) == "closed"
    fail(breaker, 4, now=2)
    assert breaker.verdict(2) == "closed"
    fail(breaker, 1, now=2)
    assert breaker.verdict(2) == Probe(2.5)


def test_what_was_under_way_when_it_opened_does_not_delay_probes():
    breaker = reached()
    fail(breaker, 60)
    assert breaker.verdict(0) == Probe(0.5)


def test_a_probe_that_is_cancelled_leaves_its_place_to_another():
    breaker = reached()
    fail(breaker, 5)
    breaker.probing()
    breaker.withdrawn(3)
    assert breaker.verdict(3) == Probe(3)
