"""What is kept of an answer, and which of the kept ones count as answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from dataflow_core.serving.completion import NO_USAGE, Usage

CUT_SHORT = frozenset({"length", "content_filter"})
"""Finish reasons of answers that their models did not bring to an end."""

SCHEMA_REFUSED = "schema_not_supported"
"""The reason of a failure where the server did not take the schema that it was to enforce."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What is kept of an answer.

    Attributes:
        text: The answer without its reasoning.
        reasoning: What the model wrote before it.
        finish_reason: Why it ended.
        usage: Tokens read and written.
        latency: Seconds from the last request to the answer.
        attempts: Requests sent for it.
        cost: US dollars; None where the price is not known.
        problem: Why it was of no use, in a word, as that was judged later; None where it was.
        vector: Float32 numbers, for embeddings.
        ours: Whether the run that looks for it had paid for it, now or in an earlier sitting.
    """

    text: str | None = None
    reasoning: str | None = None
    finish_reason: str = "stop"
    usage: Usage = NO_USAGE
    latency: float = 0.0
    attempts: int = 1
    cost: float | None = None
    problem: str | None = None
    vector: bytes | None = None
    ours: bool = field(default=False, compare=False)


class Reuse(Enum):
    """Which stored answers are taken instead of asking again."""

    ALL = "all"
    """All."""
    FINISHED = "finished"
    """Those that the model brought to an end: neither truncated nor filtered."""
    GOOD = "good"
    """Those of them that were not judged a problem."""
    NONE = "none"
    """None: everything is asked again, and stored anew."""

    def takes(self, finish_reason: str, problem: str | None) -> bool:
        """Tell whether an answer counts."""
        if self is Reuse.ALL:
            return True
        if self is Reuse.NONE or finish_reason in CUT_SHORT:
            return False
        return self is Reuse.FINISHED or problem is None


@dataclass(frozen=True, slots=True)
class Spent:
    """What was paid for the answers of a store, all that came from models, and in vain.

    Attributes:
        answers: How many there were.
        requests: Requests sent for them, and for those that did not come.
        usage: Tokens read and written.
        cost: US dollars, as far as prices are known.
        unpriced: Answers whose price is not known.
        wasted_tokens: Tokens of them that are in no answer that was kept.
        wasted_cost: US dollars of them that these cost.
    """

    answers: int = 0
    requests: int = 0
    usage: Usage = NO_USAGE
    cost: float = 0.0
    unpriced: int = 0
    wasted_tokens: int = 0
    wasted_cost: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            self.answers + other.answers,
            self.requests + other.requests,
            self.usage + other.usage,
            self.cost + other.cost,
            self.unpriced + other.unpriced,
            self.wasted_tokens + other.wasted_tokens,
            self.wasted_cost + other.wasted_cost,
        )
