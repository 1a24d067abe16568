"""What the steps that ask models have in common in a run: answers that are kept, money, the stop.

A serving that the run was the first to call is closed when the last step that uses it is through,
unless another run in this process uses it still.
"""

from __future__ import annotations

import threading
import time
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dataflow_core.engine.answers import answer_stores
from dataflow_core.engine.call_sums import over_all_sittings
from dataflow_core.engine.ledger import StepAccount
from dataflow_core.engine.options import AskAgain, EngineOptions
from dataflow_core.engine.run_paths import REQUESTS
from dataflow_core.errors import ConfigurationError, ServingError, StoreError
from dataflow_core.pipeline.plan import Plan, Step
from dataflow_core.serving.tally import Tally

if TYPE_CHECKING:
    from dataflow_core.serving.base import Serving
    from dataflow_core.serving.budget import Budget
    from dataflow_core.serving.scope import LiveTally
    from dataflow_core.serving.store import RequestStore, Reuse, Spent
    from dataflow_core.serving.store.reader import Reader


@dataclass
class _Asking:
    """What is known of one step's calls in this run.

    Attributes:
        servings: Its servings, each once.
        ended: What those took that have ended.
        live: What those take that are on.
        strays: What those took that came from threads of the operator's own, until it is counted
            with a piece.
        since: When time was counted last, while any is on.
    """

    servings: list[Serving]
    ended: Tally = field(default_factory=Tally)
    live: list[LiveTally] = field(default_factory=list)
    strays: Tally = field(default_factory=Tally)
    since: float = 0.0

    def begin(self, live: LiveTally) -> None:
        if not self.live:
            self.since = time.perf_counter()
        self.live.append(live)

    def end(self, live: LiveTally, tally: Tally) -> float:
        """Return the time since another one ended: so the time of all is that of the clock."""
        self.live.remove(live)
        self.ended.merge(tally)
        began, self.since = self.since, time.perf_counter()
        return self.since - began


class Calls:
    """The calls of a run's steps.

    Args:
        plan: The plan.
        folder: The run directory.
        options: How to run.
        stop: Asked by calls whether to stop.
    """

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        options: EngineOptions,
        stop: Callable[[], bool],
    ) -> None:
        self.spent: Spent | None = None
        self.lost = 0
        self._plan = plan
        self._folder = folder
        self._options = options
        self._stop = stop
        self._steps = {
            step.name: _Asking(servings)
            for step in plan.steps
            if (servings := _distinct(step.operator.servings().values()))
        }
        self._waiting = set(self._steps)
        self._held: list[Serving] = []
        self._store: RequestStore | None = None
        self._budget: Budget | None = None
        self._lock = threading.RLock()

    def servings(self, steps: Iterable[Step] | None = None) -> list[Serving]:
        """Return the servings of some steps, each once; None for those of all."""
        names = self._steps if steps is None else [step.name for step in steps]
        used = (self._steps[name].servings for name in names if name in self._steps)
        return _distinct(one for servings in used for one in servings)

    @contextmanager
    def of(
        self,
        step: Step,
        account: StepAccount,
        *,
        only_good: bool = False,
        stop: Callable[[], bool] | None = None,
    ) -> Iterator[None]:
        """Let the calls in here be those of a step; where it has none, do nothing.

        Args:
            step: The step.
            account: Where to count them, and the time that they take by the clock.
            only_good: Whether answers that were of no use are asked for again, as for rows that
                are retried.
            stop: Asked whether to stop; None for the run's own.

        Raises:
            ServingError: No request can succeed; the message names the step.
        """
        asking = self._steps.get(step.name)
        if asking is None:
            yield
            return
        from dataflow_core.serving.scope import LiveTally, Scope, scoped
        from dataflow_core.serving.store import Reuse

        store, live = self._opened_store(), LiveTally()
        scope = Scope(
            tally=account.calls,
            store=store,
            reuse=Reuse.GOOD if only_good else self._reuse(),
            budget=self._budget,
            stop=stop or self._stop,
            live=live,
            step=step.name,
        )
        self._hold(asking.servings)
        with self._lock:
            asking.begin(live)
        try:
            with scoped(scope), ExitStack() as stack:
                # Threads of the operator's own do not know the scope. Which piece they are at is
                # not known either, but the step is, and so its sums are right.
                stray = replace(scope, tally=asking.strays)
                for serving in asking.servings:
                    stack.enter_context(serving.lent(stray))
                yield
        except ServingError as error:
            raise type(error)(f"step {step.name!r}: {error}") from error
        finally:
            with self._lock:
                account.calls.merge(asking.strays.take())
                account.seconds = asking.end(live, account.calls)

    def settle(self, account: StepAccount) -> None:
        """Let the calls of a step be those of all sittings, as `call_sums` says.

        Args:
            account: What the step did, as journals tell it.
        """
        if account.step in self._steps:
            paid = self._paid().get(account.step, Tally())
            account.calls = over_all_sittings(account.calls, paid)

    def so_far(self, earlier: Mapping[str, StepAccount]) -> dict[str, Tally]:
        """Return what the calls of steps took so far, those that are on included.

        Args:
            earlier: What the steps did in earlier runs, by name.
        """
        told = {}
        with self._lock:
            for name in earlier.keys() & self._steps.keys():
                told[name] = tally = earlier[name].calls.copy()
                tally.merge(self._steps[name].ended)
                for live in self._steps[name].live:
                    tally.merge(live.now())
        return told

    def done(self, steps: Iterable[Step]) -> None:
        """Close what no later step uses, now that some are through."""
        with self._lock:
            self._waiting -= {step.name for step in steps}
            wanted = [one for name in self._waiting for one in self._steps[name].servings]
            over = [one for one in self.servings(steps) if not _holds(wanted, one)]
        self._let_go(over)

    def close(self) -> None:
        """Close all that was opened, and note what was spent."""
        self._let_go(self.servings())
        with self._lock:
            store, self._store = self._store, None
        if store is not None:
            self.spent, self.lost = self._spent(store), store.lost()
            store.close()
            return
        with self._read_store() as reader:  # as where all answers came before a kill
            if reader is not None:
                self.spent, self.lost = reader.spent(self._of_store), reader.lost(self._of_store)

    def _hold(self, servings: Iterable[Serving]) -> None:
        """Keep servings from being closed by other runs, until they are let go."""
        with self._lock:
            for serving in servings:
                if not _holds(self._held, serving):
                    serving.hold()
                    self._held.append(serving)

    def _let_go(self, servings: Iterable[Serving]) -> None:
        with self._lock:
            over = [one for one in servings if _holds(self._held, one)]
            self._held = [one for one in self._held if not _holds(over, one)]
        for serving in over:  # to close it may take a while
            serving.let_go()

    def _opened_store(self) -> RequestStore:
        with self._lock:
            if self._store is None:
                self._store = self._open_store()
            return self._store

    def _reuse(self) -> Reuse:
        """Return which of the answers that are kept count."""
        from dataflow_core.serving.store import Reuse

        rules = {"truncated": Reuse.FINISHED, "failed": Reuse.GOOD, "all": Reuse.NONE}
        return rules.get(self._options.ask_again or "", Reuse.ALL)

    def _paid(self) -> dict[str, Tally]:
        """Return what each step paid for, by its name."""
        with self._lock:
            if self._store is not None:
                return self._store.counted()
        with self._read_store() as reader:
            return {} if reader is None else reader.counted(self._of_store)

    @contextmanager
    def _read_store(self) -> Iterator[Reader | None]:
        """Have the store read that the run has used before, None where there is none.

        A damaged one is no reason to fail where nothing is asked.
        """
        path = self._folder / REQUESTS if self._options.cache is None else self._options.cache
        if not self._steps or not path.is_file():
            yield None
            return
        from dataflow_core.serving.store.reader import Reader

        try:
            reader = Reader(path)
        except StoreError:
            yield None
            return
        with closing(reader):
            yield reader if reader.sessions(self._of_store) else None

    @property
    def _of_store(self) -> str | None:
        """The run whose sessions count in its store; None for all, in one of its own."""
        return None if self._options.cache is None else self._name

    def _spent(self, store: RequestStore) -> Spent:
        """Return what was paid for answers by this run, however often it was stopped."""
        return store.spent(self._of_store)

    @property
    def _name(self) -> str:
        return str(self._folder.absolute())

    def _open_store(self) -> RequestStore:
        from dataflow_core.serving.budget import Amount, Budget
        from dataflow_core.serving.store import RequestStore

        own, others = answer_stores(self._folder, self._options.cache)
        own.parent.mkdir(parents=True, exist_ok=True)
        store = RequestStore(
            own,
            also=others,
            run=self._name,
            of_one_run=self._options.cache is None,
            command=self._plan.name,
        )
        if self._options.budget is not None:
            spent = self._spent(store)
            # What nobody knows the price of has cost nothing that is known, not nothing.
            known = spent.cost or not spent.unpriced
            before = Amount(spent.usage.total_tokens, spent.cost if known else None)
            self._budget = Budget.parse(self._options.budget, spent_before=before)
        return store


@contextmanager
def kept_open(plan: Plan) -> Iterator[None]:
    """Let servings stay open over several runs of a plan, for some take long to load."""
    held = []
    try:
        for step in plan.steps:
            for serving in step.operator.servings().values():
                serving.hold()
                held.append(serving)
                serving.asking()
        yield
    finally:
        for serving in held:
            serving.let_go()


def asking_steps(plan: Plan) -> list[str]:
    """Return the names of the steps that ask models."""
    return [step.name for step in plan.steps if step.operator.servings()]


def as_tally(spent: Spent, lost: int) -> Tally:
    """Return what a store says was spent, and how many requests at most were lost, as a tally."""
    tally = Tally(answered=spent.answers, requests=spent.requests, lost=lost)
    tally.spent(spent.usage, spent.cost)
    tally.unpriced = spent.unpriced
    return tally


def require_prices(plan: Plan, budget: str) -> None:
    """Refuse a budget that cannot be kept, before anything is asked.

    Args:
        plan: The plan.
        budget: The budget.

    Raises:
        ConfigurationError: It is no budget, or one of dollars, and a model's price is not known.
    """
    from dataflow_core.serving.budget import Budget

    limit = Budget.parse(budget)
    for step in plan.steps:
        for serving in step.operator.servings().values():
            limit.require_price(serving.model, serving.token_price(), serving.name)


def require_asking(plan: Plan, ask_again: AskAgain, *, retry_failed: bool) -> None:
    """Refuse to ask again where nothing is asked, or where rows are retried.

    Args:
        plan: The plan.
        ask_again: Which answers are asked for again.
        retry_failed: Whether rows are retried.

    Raises:
        ConfigurationError: It makes no sense.
    """
    if ask_again not in typing.get_args(AskAgain):
        raise ConfigurationError(
            f"ask_again is {ask_again!r}; it takes {', '.join(typing.get_args(AskAgain))}."
        )
    if retry_failed:
        raise ConfigurationError(
            "retry_failed asks again for the rows that failed, and no others: leave ask_again out."
        )
    if not asking_steps(plan):
        raise ConfigurationError(
            f"no step of {plan.name} asks a model, so that nothing can be asked again."
        )


def _distinct(servings: Iterable[Serving]) -> list[Serving]:
    """Return servings, each object once: two equal ones have connections of their own."""
    return list({id(one): one for one in servings}.values())


def _holds(servings: Iterable[Serving], serving: Serving) -> bool:
    return any(one is serving for one in servings)
