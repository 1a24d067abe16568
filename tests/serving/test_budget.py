"""Budgets: never exceeded, nearly used up, shared by threads, refused where they cannot hold."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_core.errors import BudgetReached, ConfigurationError, RunStopped
from dataflow_core.serving.budget import (
    NOTHING,
    Amount,
    Budget,
    Exhausted,
    Lease,
    Wait,
    WorstCase,
)
from dataflow_core.serving.pricing import Price


@pytest.mark.parametrize(
    ("text", "dollars", "tokens"),
    [
        ("5", 5, None),
        ("$5", 5, None),
        ("$ 5.50", 5.5, None),
        (".5", 0.5, None),
        ("2.50usd", 2.5, None),
        ("3 USD", 3, None),
        ("1,000 dollars", 1_000, None),
        ("200000tokens", None, 200_000),
        ("200_000 tokens", None, 200_000),
        ("2Mtok", None, 2_000_000),
        ("1.5mtok", None, 1_500_000),
        ("200k tokens", None, 200_000),
        ("1Btok", None, 10**9),
    ],
)
def test_budgets_are_read_as_people_write_them(text, dollars, tokens):
    budget = Budget.parse(text)
    assert (budget.dollars, budget.tokens) == (dollars, tokens)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lots",
        "-5",
        "0",
        "$0",
        "€5",
        "5 euros",
        "$5tokens",
        "2M",
        "0.1tok",
        "2,50",
        "1e6",
        "5 5",
    ],
)
def test_what_is_no_budget_is_refused(text):
    with pytest.raises(ConfigurationError, match="is not understood; it takes dollars"):
        Budget.parse(text)


@pytest.mark.parametrize("limit", [0, -1, float("nan"), float("inf")])
def test_limits_are_numbers_above_zero(limit):
    with pytest.raises(ConfigurationError, match="no budget"):
        Budget(dollars=limit)
    with pytest.raises(ConfigurationError, match="no budget"):
        Budget(tokens=limit)


def test_a_request_waits_while_others_may_leave_enough_and_then_no_more():
    budget = Budget(tokens=100)
    first = budget.reserve(Amount(60))
    assert isinstance(first, Lease)
    assert isinstance(budget.reserve(Amount(60)), Wait)
    budget.settle(first, Amount(30))
    second = budget.reserve(Amount(60))
    assert isinstance(second, Lease)
    budget.settle(second, Amount(50))
    refused = budget.reserve(Amount(60))
    assert isinstance(refused, Exhausted)
    assert isinstance(budget.reserve(Amount(20)), Lease)


def test_the_error_says_what_was_spent_and_how_to_go_on():
    budget = Budget(dollars=1, spent_before=Amount(5_000, 0.9999))
    refused = budget.reserve(Amount(3_000, 0.02))
    assert isinstance(refused, Exhausted)
    error = refused.error()
    assert isinstance(error, BudgetReached)
    assert isinstance(error, RunStopped)
    assert str(error) == (
        "the budget of $1 is reached: $0.9999 (5,000 tokens) are spent, and the next request could "
        "cost up to $0.02 (3,000 tokens). What was done is kept; run the same command with a "
        "larger budget to go on, or set max_tokens lower."
    )


def test_what_earlier_runs_spent_counts():
    budget = Budget.parse("100tokens", spent_before=Amount(95, None))
    assert isinstance(budget.reserve(Amount(6)), Exhausted)
    assert isinstance(budget.reserve(Amount(5)), Lease)
    assert budget.spent == Amount(95, 0.0)


@given(
    worst=st.lists(st.integers(1, 2_000), min_size=1, max_size=200),
    limit=st.integers(1, 50_000),
    at_once=st.integers(1, 300),
    seed=st.integers(0, 1_000),
)
@settings(deadline=None, max_examples=100)
def test_a_budget_is_never_exceeded_and_stops_only_when_it_must(worst, limit, at_once, seed):
    rng = random.Random(seed)
    dollars = limit / 1e7  # one token costs a ten-millionth of a dollar
    budget, open_leases, rest = Budget(dollars=dollars), [], list(worst)

    def settle_one() -> None:
        lease, most = open_leases.pop(rng.randrange(len(open_leases)))
        used = rng.randint(0, most)
        budget.settle(lease, Amount(used, used / 1e7))

    while rest:
        answer = budget.reserve(Amount(rest[0], rest[0] / 1e7))
        if isinstance(answer, Exhausted):
            assert not open_leases
            assert budget.spent.tokens + rest[0] > limit
            break
        if isinstance(answer, Lease):
            open_leases.append((answer, rest.pop(0)))
        if isinstance(answer, Wait) or len(open_leases) >= at_once:
            assert open_leases
            settle_one()
        assert budget.in_flight == len(open_leases)
    while open_leases:
        settle_one()
    assert budget.spent.tokens <= limit
    assert budget.spent.dollars <= dollars


def test_both_limits_hold():
    budget = Budget(dollars=1, tokens=1_000)
    assert isinstance(budget.reserve(Amount(10, 1.5)), Exhausted)
    assert isinstance(budget.reserve(Amount(1_500, 0.1)), Exhausted)
    assert isinstance(budget.reserve(Amount(900, 0.9)), Lease)
    assert str(budget) == "$1 and 1,000 tokens"


def test_small_sums_add_up_exactly():
    budget = Budget(dollars=0.3)
    for _ in range(3):
        lease = budget.reserve(Amount(1, 0.1))
        assert isinstance(lease, Lease)
        budget.settle(lease, Amount(1, 0.1))
    assert budget.spent.dollars == 0.3
    assert isinstance(budget.reserve(Amount(1, 1e-9)), Exhausted)


def test_a_lease_is_settled_exactly_once():
    budget = Budget(tokens=100)
    lease = budget.reserve(Amount(10))
    assert isinstance(lease, Lease)
    budget.settle(lease, NOTHING)
    with pytest.raises(ValueError, match="twice"):
        budget.settle(lease, NOTHING)
    assert budget.spent.tokens == 0
    assert budget.in_flight == 0


def test_equal_requests_have_leases_of_their_own():
    budget = Budget(tokens=100)
    leases = [budget.reserve(Amount(10)) for _ in range(3)]
    assert budget.in_flight == 3
    for lease in leases:
        budget.settle(lease, Amount(10))
    assert budget.spent.tokens == 30


def test_a_budget_without_limits_only_counts():
    budget = Budget()
    lease = budget.reserve(Amount(10**12))
    assert isinstance(lease, Lease)
    budget.settle(lease, Amount(10**12))
    assert budget.spent.tokens == 10**12
    assert str(budget) == "no limit"


def test_threads_share_a_budget_and_are_woken_when_others_settle():
    budget, changed = Budget(tokens=10_000), threading.Condition()

    def wake() -> None:
        with changed:
            changed.notify_all()

    end = budget.watch(wake)

    def work(seed: int) -> int:
        rng, spent = random.Random(seed), 0
        while True:
            with changed:
                answer = budget.reserve(Amount(100))
                if isinstance(answer, Wait):
                    assert changed.wait(timeout=10), "nobody was woken"
                    continue
            if isinstance(answer, Exhausted):
                return spent
            used = rng.randint(1, 100)
            spent += used
            budget.settle(answer, Amount(used))

    with ThreadPoolExecutor(8) as pool:
        spent = sum(pool.map(work, range(8)))
    end()
    assert spent == budget.spent.tokens
    assert 10_000 - 100 < spent <= 10_000


def test_a_watcher_that_ended_is_not_called():
    budget, calls = Budget(tokens=100), []
    end = budget.watch(lambda: calls.append(1))
    for _ in range(2):
        lease = budget.reserve(Amount(1))
        assert isinstance(lease, Lease)
        budget.settle(lease, NOTHING)
        end()
    assert calls == [1]


# Dollars need a price


def test_a_budget_in_dollars_needs_a_price_and_says_how_to_give_one():
    budget = Budget(dollars=5)
    with pytest.raises(ConfigurationError) as caught:
        budget.require_price("my-model", None, "http://localhost:8000/v1")
    told = str(caught.value)
    for part in (
        "my-model",
        "http://localhost:8000/v1",
        "price=Price(",
        "DATAFLOW_PRICES",
        "2Mtok",
    ):
        assert part in told
    with pytest.raises(ConfigurationError, match="needs the price"):
        budget.reserve(Amount(10, None))


def test_a_known_price_or_a_budget_in_tokens_is_fine():
    Budget(dollars=5).require_price("m", Price(0, 0), "somewhere")
    Budget(tokens=5).require_price("m", None, "somewhere")
    assert isinstance(Budget(tokens=5).reserve(Amount(5, None)), Lease)


# The worst case


def test_the_worst_case_is_all_that_a_completion_may_take():
    worst = WorstCase(Price(1, 10))
    assert worst.of(100, 500) == Amount(700, pytest.approx(200e-6 + 5_000e-6))
    assert worst.of(100, 500, answers=3).tokens == 1_700
    assert worst.of(100, 0).tokens == 200  # an embedding


def test_without_a_limit_it_is_twice_the_largest_completion_seen():
    worst = WorstCase()
    assert worst.of(0) == Amount(1_024, None)
    for tokens in (100, 4_000, 200):
        worst.saw(tokens)
    assert worst.of(0) == Amount(8_000, None)
