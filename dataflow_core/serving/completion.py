"""What comes back from a serving: completions and embeddings, whose failures are values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from dataflow_core.table.failures import RowFailure


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that a model read and wrote.

    Attributes:
        prompt_tokens: Tokens read, the cached ones included.
        completion_tokens: Tokens written, those of reasoning included.
        cached_tokens: Tokens read of which the server had kept what it made of them.
        reasoning_tokens: Tokens written before the answer proper.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Tokens read and written."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
        )


NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer.

    Attributes:
        reason: A short snake-case word: ``"rate_limited"``, ``"server_error"``, ``"timeout"``,
            ``"connection_lost"``, ``"invalid_request"``, ``"content_filter"``, ``"empty_answer"``,
            ``"truncated"``, ``"schema_mismatch"``, ``"unparsable_answer"``.
        message: The same in a sentence: what was found and wanted, and how to mend it.
        status: The HTTP status, if there was one.
        raw: What was received, kept for repair.
    """

    reason: str
    message: str
    status: int | None = None
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """A model's answer to one input, or why there is none.

    Attributes:
        text: The answer without its reasoning; None where there is none.
        parsed: The answer as an object, when a schema was asked for: a plain value, or an instance
            of the pydantic model.
        reasoning: What the model wrote before its answer, if the server tells.
        finish_reason: ``"stop"``, ``"length"``, ``"content_filter"``, ``"tool_calls"``, or as the
            server calls it; None where nothing was answered.
        usage: Tokens of all requests that this answer took.
        error: Why there is no answer.
        attempts: Requests sent for it; 0 for one out of the store.
        latency: Seconds from the last request to its answer.
        cost: What it cost in US dollars; None where the price is not known. An answer out of the
            store has the cost that it had, and is `reused`.
        reused: Whether it comes out of a store, and cost nothing now.
        samples: All answers to this input when several were asked for (``n``), this one first.
    """

    text: str | None = None
    parsed: Any = None
    reasoning: str | None = None
    finish_reason: str | None = None
    usage: Usage = NO_USAGE
    error: Failure | None = None
    attempts: int = 0
    latency: float = 0.0
    cost: float | None = None
    reused: bool = False
    samples: tuple[Completion, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there is an answer."""
        return self.error is None

    @property
    def value(self) -> Any:
        """The parsed answer where a schema was asked for, else the text."""
        return self.text if self.parsed is None else self.parsed

    def cell(self) -> Any:
        """Return what belongs into a table: the answer's value, or the failure of the row.

        An instance of a pydantic model becomes plain data, as JSON has it.
        """
        if self.error is not None:
            return RowFailure(self.error.reason, self.error.message, self.error.raw)
        if isinstance(self.value, BaseModel):
            return self.value.model_dump(mode="json")
        return self.value


@dataclass(frozen=True, slots=True)
class Embedding:
    """The vector of one text, or why there is none.

    Attributes:
        vector: The components; None where there are none.
        usage: Its share of the tokens read.
        error: Why there is no vector.
        cost: What it cost in US dollars; None where the price is not known.
        reused: Whether it comes out of a store.
    """

    vector: list[float] | None = None
    usage: Usage = NO_USAGE
    error: Failure | None = None
    cost: float | None = None
    reused: bool = False

    @property
    def ok(self) -> bool:
        """Whether there is a vector."""
        return self.error is None

    def cell(self) -> Any:
        """Return what belongs into a table: the vector, or the failure of the row."""
        if self.error is None:
            return self.vector
        return RowFailure(self.error.reason, self.error.message, self.error.raw)
