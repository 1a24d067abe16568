"""What calls of servings took: requests, tokens, money, and what of it was in vain."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from dataflow_core.serving.completion import Usage


@dataclass
class Tally:
    """Sums over the calls of a step, or of a run.

    Attributes:
        asked: Answers asked for.
        answered: Those that came from a model now.
        reused: Those that came out of a store, or that another row had just asked for.
        recalled: Those of the reused that the same run had paid for before.
        failed: Those that did not come, or were of no use.
        requests: Requests sent, those in vain included.
        transport_retries: Requests sent again after a lost connection, a timeout or a server's
            failure.
        rate_limit_retries: Requests sent again because the server was asked too often.
        corrections: Requests sent because an answer was empty or did not fit its schema.
        prompt_tokens: Tokens read by models now.
        completion_tokens: Tokens written by models now.
        cached_tokens: Tokens read that servers had kept.
        reasoning_tokens: Tokens written before answers proper.
        discarded_tokens: Tokens written now that are in no answer: of answers that failed, and of
            fields that were asked for again.
        cost: US dollars spent now, as far as prices are known.
        unpriced: Answers that came now and whose price is not known.
        lost: Requests, at most, that were on their way when the process was killed: what came of
            them is in no other sum, and may have been paid.
        saved_prompt_tokens: Tokens that were read for answers out of a store, when they came.
        saved_completion_tokens: Tokens that were written for them.
        saved_cost: US dollars that these cost then, as far as prices are known.
        saved_unpriced: Those of them whose price is not known.
    """

    asked: int = 0
    answered: int = 0
    reused: int = 0
    recalled: int = 0
    failed: int = 0
    requests: int = 0
    transport_retries: int = 0
    rate_limit_retries: int = 0
    corrections: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    discarded_tokens: int = 0
    cost: float = 0.0
    unpriced: int = 0
    lost: int = 0
    saved_prompt_tokens: int = 0
    saved_completion_tokens: int = 0
    saved_cost: float = 0.0
    saved_unpriced: int = 0

    def __bool__(self) -> bool:
        return self.asked > 0 or self.requests > 0

    def merge(self, other: Tally) -> None:
        """Add the sums of another tally; several threads may do so at a time."""
        with _MERGING:
            for name, value in vars(other).items():
                if value:  # most are 0, and each request has several tallies merged
                    setattr(self, name, getattr(self, name) + value)

    def copy(self) -> Tally:
        """Return the sums as they are now, while other threads may merge."""
        with _MERGING:
            return Tally(**vars(self))

    def take(self) -> Tally:
        """Return the sums and begin again at 0, while other threads may merge."""
        with _MERGING:
            taken = Tally(**vars(self))
            for name in _NAMES:
                setattr(self, name, type(getattr(self, name))())
        return taken

    def minus(self, other: Tally) -> Tally:
        """Return the sums without those of a tally that is part of it."""
        return Tally(**{name: getattr(self, name) - getattr(other, name) for name in _NAMES})

    def forget(self, asked: int) -> None:
        """Let answers count no more that are asked for again, those first that failed."""
        self.asked -= asked
        self.failed = max(0, self.failed - asked)
        self.answered = max(0, self.answered - asked)

    def spent(self, usage: Usage, cost: float | None) -> None:
        """Count an answer that came from a model."""
        self.prompt_tokens += usage.prompt_tokens
        self.completion_tokens += usage.completion_tokens
        self.cached_tokens += usage.cached_tokens
        self.reasoning_tokens += usage.reasoning_tokens
        if cost is None:
            self.unpriced += 1
        else:
            self.cost += cost

    def saved(self, usage: Usage, cost: float | None) -> None:
        """Count an answer that came out of a store."""
        self.saved_prompt_tokens += usage.prompt_tokens
        self.saved_completion_tokens += usage.completion_tokens
        self.saved_cost += cost or 0.0
        self.saved_unpriced += cost is None

    def as_dict(self) -> dict[str, Any]:
        """Return the sums that are not 0."""
        return {name: value for name, value in vars(self).items() if value}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Tally:
        """Return the tally of what `as_dict` returned."""
        return cls(**content)


_NAMES = tuple(field.name for field in fields(Tally))

_MERGING = threading.Lock()
"""One for all tallies: they are merged once a call, and that takes microseconds."""
