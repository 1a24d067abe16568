"""How much money or how many tokens a run may spend, and may not exceed.

What a request could cost at worst is set aside before it goes, and what it did cost is counted when
it ends. So a budget holds with hundreds of requests under way; near its end fewer and fewer go.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass

from dataflow_core.errors import BudgetReached, ConfigurationError
from dataflow_core.serving.completion import Usage
from dataflow_core.serving.pricing import ENVIRONMENT, Price, cost
from dataflow_core.wording import counted

_PICO = 10**12
"""Dollars are counted in whole millionths of a millionth, as prices are in millionths of a token's
dollar: sums of floating-point numbers would drift."""

_TEXT = re.compile(
    r"(?P<dollar>\$)?\s*(?P<number>(?:\d{1,3}(?:[,_]\d{3})+|\d+)(?:\.\d+)?|\.\d+)\s*(?P<unit>[a-z]*\s?[a-z]*)",
    re.IGNORECASE,
)
_TOKEN_UNITS = {
    f"{prefix}{word}": factor
    for prefix, factor in (("", 1), ("k", 1_000), ("m", 1_000_000), ("b", 1_000_000_000))
    for word in ("tok", "toks", "token", "tokens")
}
_DOLLAR_UNITS = ("", "usd", "dollar", "dollars")

LEAST_COMPLETION = 1_024
"""Tokens that a completion is expected to take at worst, at least, where none are given."""

_PROMPT_FACTOR = 2
"""Estimates of tokens are too low by a quarter at times, and by half nearly never."""


@dataclass(frozen=True, slots=True)
class Amount:
    """What something costs.

    Attributes:
        tokens: Tokens read and written.
        dollars: US dollars; None where the price is not known.
    """

    tokens: int = 0
    dollars: float | None = None

    def __str__(self) -> str:
        if self.dollars is None:
            return counted(self.tokens, "token")
        return f"${self.dollars:,.4g} ({counted(self.tokens, 'token')})"


NOTHING = Amount(0, 0.0)


class WorstCase:
    """What a request could cost at worst, from those before it.

    Args:
        price: What the model costs; None where that is not known.
    """

    def __init__(self, price: Price | None = None) -> None:
        self._price = price
        self._largest = 0

    def saw(self, completion_tokens: int) -> None:
        """Note the tokens of a completion."""
        self._largest = max(self._largest, completion_tokens)

    def of(self, prompt_tokens: int, max_tokens: int | None = None, answers: int = 1) -> Amount:
        """Return what a request could cost at worst.

        Its prompt counts twice, because its tokens are estimated. Its completion takes all that it
        may; where that is not limited, twice what the largest one took, and 1,024 tokens at least:
        then a model that writes more than ever before may exceed a budget by that much.

        Args:
            prompt_tokens: Tokens of its prompt, estimated.
            max_tokens: The most tokens of an answer, those of reasoning included.
            answers: How many answers are asked for.
        """
        each = max(LEAST_COMPLETION, 2 * self._largest) if max_tokens is None else max_tokens
        usage = Usage(_PROMPT_FACTOR * prompt_tokens, each * answers)
        dollars = None if self._price is None else cost(usage, self._price)
        return Amount(usage.total_tokens, dollars)


@dataclass(frozen=True, slots=True, eq=False)
class Lease:
    """What was set aside for one request, to be settled once.

    Attributes:
        tokens: Tokens.
        pico: Millionths of a millionth of a dollar.
    """

    tokens: int
    pico: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: requests under way may leave enough of the budget."""


@dataclass(frozen=True, slots=True)
class Exhausted:
    """Not any more: nothing is under way, and the next request could exceed the budget.

    Attributes:
        message: What is spent, of what, what the next request could cost, and how to go on.
    """

    message: str

    def error(self) -> BudgetReached:
        """Return the error that stops the run."""
        return BudgetReached(self.message)


class Budget:
    """A limit of dollars, of tokens, or of both, that is never exceeded.

    Several servings of one run share it, in whatever threads.

    Args:
        dollars: The most US dollars; None: any number.
        tokens: The most tokens, read and written; None: any number.
        spent_before: What earlier runs in the same run directory spent.

    Raises:
        ConfigurationError: A limit is no number above 0.
    """

    def __init__(
        self,
        dollars: float | None = None,
        tokens: int | None = None,
        *,
        spent_before: Amount = NOTHING,
    ) -> None:
        for name, limit in (("dollars", dollars), ("tokens", tokens)):
            if limit is not None and not (math.isfinite(limit) and limit > 0):
                raise ConfigurationError(
                    f"a budget of {limit!r} {name} is no budget; give a number above 0, or none."
                )
        self.dollars = dollars
        self.tokens = tokens
        self._most_pico = None if dollars is None else _pico(dollars)
        self._tokens = spent_before.tokens
        self._pico = _pico(spent_before.dollars)
        self._open: set[Lease] = set()
        self._has_unpriced = spent_before.dollars is None
        self._aside_tokens = 0
        self._aside_pico = 0
        self._lock = threading.Lock()
        self._watchers: dict[object, Callable[[], None]] = {}

    @classmethod
    def parse(cls, text: str, *, spent_before: Amount = NOTHING) -> Budget:
        """Return the budget that a person means.

        Args:
            text: ``5``, ``$5`` or ``2.50usd`` for dollars; ``200000tokens``, ``200ktok`` or
                ``2Mtok`` for tokens.
            spent_before: What earlier runs in the same run directory spent.

        Raises:
            ConfigurationError: It is none of these.
        """
        found = _TEXT.fullmatch(text.strip())
        if found is None:
            raise _unknown(text)
        number = float(found["number"].replace(",", "").replace("_", ""))
        unit = "".join(found["unit"].lower().split())
        if number <= 0:
            raise _unknown(text)
        if unit in _DOLLAR_UNITS:
            return cls(dollars=number, spent_before=spent_before)
        tokens = round(number * _TOKEN_UNITS.get(unit, 0))
        if found["dollar"] or not tokens:
            raise _unknown(text)
        return cls(tokens=tokens, spent_before=spent_before)

    def require_price(self, model: str, price: Price | None, where: str) -> None:
        """Check that what a model costs is known, where there is a limit of dollars.

        Args:
            model: The model's name.
            price: Its price.
            where: The address that its requests go to, without secrets.

        Raises:
            ConfigurationError: It is not known.
        """
        if self.dollars is not None and price is None:
            raise ConfigurationError(
                f"a budget in dollars needs the price of {model!r} at {where}, and it is not "
                "known. Give it to the serving as price=Price(input=…, output=…) in US dollars per "
                f"million tokens; or write it into the file that {ENVIRONMENT} names; or limit "
                "tokens instead, such as --budget 2Mtok."
            )

    def reserve(self, worst_case: Amount) -> Lease | Wait | Exhausted:
        """Set aside what a request could cost at worst.

        Args:
            worst_case: That.

        Returns:
            The lease, to be settled when the request ends; or why it may not go.

        Raises:
            ConfigurationError: There is a limit of dollars, and its dollars are not known.
        """
        if self.dollars is not None and worst_case.dollars is None:
            raise ConfigurationError(
                "a budget in dollars needs the price of each request's model; one has none."
            )
        lease = Lease(worst_case.tokens, _pico(worst_case.dollars))
        with self._lock:
            if self._fits(lease):
                self._open.add(lease)
                self._aside_tokens += lease.tokens
                self._aside_pico += lease.pico
                return lease
            return Wait() if self._open else Exhausted(self._why_not(worst_case))

    def settle(self, lease: Lease, actual: Amount) -> None:
        """Count what a request did cost, and give back the rest.

        Args:
            lease: What was set aside for it.
            actual: What it cost; `NOTHING` where it was never answered for money.

        Raises:
            ValueError: It was settled before.
        """
        with self._lock:
            if lease not in self._open:
                raise ValueError("a lease of the budget was settled twice")
            self._open.remove(lease)
            self._aside_tokens -= lease.tokens
            self._aside_pico -= lease.pico
            self._tokens += actual.tokens
            self._pico += _pico(actual.dollars)
            self._has_unpriced |= actual.dollars is None
            watchers = tuple(self._watchers.values())
        for watcher in watchers:
            watcher()

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Have a function called whenever a request was settled, so that others may go.

        Args:
            changed: The function; it is called in the thread that settled, and must be quick.

        Returns:
            A function that ends it.
        """
        key = object()
        with self._lock:
            self._watchers[key] = changed

        def end() -> None:
            with self._lock:
                self._watchers.pop(key, None)

        return end

    @property
    def spent(self) -> Amount:
        """What was spent, in earlier runs too: dollars as far as prices are known, else None."""
        with self._lock:
            return self._spent()

    @property
    def in_flight(self) -> int:
        """How many requests are under way that something is set aside for."""
        with self._lock:
            return len(self._open)

    def __str__(self) -> str:
        limits = []
        if self.dollars is not None:
            limits.append(f"${self.dollars:,.10g}")
        if self.tokens is not None:
            limits.append(counted(self.tokens, "token"))
        return " and ".join(limits) or "no limit"

    def _spent(self) -> Amount:
        unknown = self._has_unpriced and not self._pico
        return Amount(self._tokens, None if unknown else self._pico / _PICO)

    def _fits(self, lease: Lease) -> bool:
        tokens = self._tokens + self._aside_tokens + lease.tokens
        pico = self._pico + self._aside_pico + lease.pico
        return (self.tokens is None or tokens <= self.tokens) and (
            self._most_pico is None or pico <= self._most_pico
        )

    def _why_not(self, worst_case: Amount) -> str:
        return (
            f"the budget of {self} is reached: {self._spent()} are spent, and the next request "
            f"could cost up to {worst_case}. What was done is kept; run the same command with a "
            "larger budget to go on, or set max_tokens lower."
        )


def _pico(dollars: float | None) -> int:
    """Return dollars as they are counted."""
    return 0 if dollars is None else round(dollars * _PICO)


def _unknown(text: str) -> ConfigurationError:
    return ConfigurationError(
        f"the budget {text!r} is not understood; it takes dollars, such as 5, $5 or 2.50usd, or "
        "tokens, such as 200000tokens or 2Mtok."
    )
