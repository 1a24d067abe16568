"""How a fault server behaves: its pace, its limits, and how large a share of answers goes wrong."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from dataflow_core.configuration import explain
from dataflow_core.errors import ConfigurationError

Spelling = Literal["tag", "reasoning_content", "reasoning"]
"""How reasoning is told: in ``<think>`` before the answer, or in a field of this name."""

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


def _split(given: Any) -> Any:
    """Return the names in a text with commas, as the command line has them."""
    return tuple(filter(None, given.split(","))) if isinstance(given, str) else given


class Faults(BaseModel):
    """What a fault server does, and how often it fails.

    Each ``…_share`` is the share of requests that meet this fault. They exclude each other, so
    their sum is 1 at most. Which ones it meets is a matter of the seed and the prompt: those of
    `LASTING` meet a prompt always or never; the others anew each time that it is asked.

    Example:
        >>> Faults(rate_limit_share=0.2, seed=3).rate_limit_share
        0.2
        >>> Faults(latency="soon")
        Traceback (most recent call last):
        dataflow_core.errors.ConfigurationError: Faults got a wrong configuration:
          latency: Input should be a valid number, unable to parse string as a number (found 'soon')
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(0, description="Another seed meets other prompts with faults.")
    latency: Seconds = Field(0.0, description="Seconds before an answer.")
    jitter: Seconds = Field(0.0, description="Up to so many seconds more, by the prompt.")
    drip: Seconds = Field(0.0, description="Seconds between the pieces of a body.")

    rate_limit_share: Share = Field(0.0, description="Status 429, with Retry-After.")
    server_error_share: Share = Field(0.0, description="Status 500.")
    drop_share: Share = Field(0.0, description="The connection is closed instead of an answer.")
    cut_share: Share = Field(0.0, description="The connection is closed in the midst of a body.")
    hang_share: Share = Field(0.0, description="There is never an answer.")
    truncate_share: Share = Field(0.0, description="The body is a whole one, of half a JSON.")
    empty_share: Share = Field(0.0, description="The answer is empty.")
    length_share: Share = Field(0.0, description="The answer is cut, its finish reason 'length'.")
    wrong_schema_share: Share = Field(0.0, description="The JSON does not fit the schema.")
    prose_share: Share = Field(0.0, description="The JSON is inside prose and a fence.")
    bad_request_share: Share = Field(0.0, description="Status 400, always for the same prompts.")
    filter_share: Share = Field(0.0, description="'content_filter', always for the same prompts.")
    refuse_share: Share = Field(0.0, description="A refusal, always for the same prompts.")

    retry_after: Seconds | None = Field(1.0, description="What 429 says in Retry-After.")
    retry_after_form: Literal["seconds", "date"] = Field(
        "seconds", description="How it says so; a date has whole seconds only."
    )
    requests_per_minute: Count | None = Field(None, description="More are answered with 429.")
    tokens_per_minute: Count | None = Field(None, description="The same for tokens.")
    burst_seconds: Annotated[float, Field(gt=0)] = Field(
        60.0, description="What the limits let through in so many seconds may come at once."
    )

    api_key: SecretStr | None = Field(None, description="The key to ask for; else any will do.")
    models: Annotated[tuple[str, ...], BeforeValidator(_split)] = Field(
        (), description="The models there are, with commas between; else any."
    )
    context_length: Count | None = Field(None, description="The most tokens of prompt and answer.")
    context_status: Literal[400, 413] = Field(
        400, description="The status of prompts that are longer."
    )
    schemas: bool = Field(True, description="Whether response_format takes a JSON schema.")

    answer_tokens: Count = Field(32, description="How long an answer is; a token has 4 characters.")
    think: Spelling | None = Field(None, description="Answers have reasoning, spelled so.")
    dimensions: Count = Field(64, description="How many components embeddings have.")
    close_every: Count | None = Field(
        None, description="Each answer of this number closes its connection."
    )

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigurationError(explain(type(self), error)) from None

    @model_validator(mode="after")
    def _no_more_than_all(self) -> Faults:
        total = sum(getattr(self, f"{name}_share") for name in (*LASTING, *PASSING))
        if total > 1 + 1e-9:
            raise ValueError(f"the shares of all faults add up to {total:g}; 1 is the most")
        return self

    def changed(self, **changes: Any) -> Faults:
        """Return these with some of them changed.

        Raises:
            ConfigurationError: There is no such parameter, or not with this value.
        """
        return Faults(**{**dict(self), **changes})


LASTING = ("bad_request", "filter", "refuse")
"""Faults that meet a prompt always or never."""

PASSING = (
    "rate_limit",
    "server_error",
    "drop",
    "cut",
    "hang",
    "truncate",
    "empty",
    "length",
    "wrong_schema",
    "prose",
)
"""Faults that may be gone when the same prompt is asked again."""
