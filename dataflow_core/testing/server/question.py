"""What a request asks, in one form for all APIs, and why it may be refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import xxhash

CHARACTERS_PER_TOKEN = 4


def tokens_in(text: str) -> int:
    """Return how many tokens a text counts as: one for every 4 characters begun."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


@dataclass(slots=True)
class Question:
    """What a request asks.

    Attributes:
        model: The model's name.
        prompt: All that the model is to read.
        text: The last message, which the answer is about; it may hold markers.
        inputs: The prompts, or the texts to embed, where there may be several.
        samples: How many answers are wanted.
        max_tokens: The most tokens of an answer.
        temperature: At 0, all answers to a prompt are the same.
        seed: Another one brings other answers, unless the temperature is 0.
        stop: Texts before which an answer ends.
        schema: The JSON schema that the answer is to fit.
        json: Whether the answer is to be some JSON object.
        stream: Whether the answer is to come in events.
        stream_usage: Whether an event is to tell the usage.
        dimensions: How many components embeddings are to have.
        base64: Whether they are to be told in base64.
        logprobs: Whether probabilities are to be told; they never are.
        prompt_tokens: How many tokens the prompt has.
    """

    model: str
    prompt: str = ""
    text: str = ""
    inputs: tuple[str, ...] = ()
    samples: int = 1
    max_tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    json: bool = False
    stream: bool = False
    stream_usage: bool = False
    dimensions: int | None = None
    base64: bool = False
    logprobs: bool = False
    prompt_tokens: int = field(init=False)

    def __post_init__(self) -> None:
        self.prompt_tokens = tokens_in(self.prompt)

    def key(self) -> int:
        """Return the hash of the model, the prompt and the seed."""
        told = f"{self.model}\0{self.seed}\0{self.prompt}"
        return xxhash.xxh3_64_intdigest(told.encode("utf-8", "surrogatepass"))


class Refusal(Exception):
    """A request is answered with an error.

    Args:
        status: The HTTP status.
        message: What is wrong, for people.
        code: The same in a word.
        param: Which parameter is wrong.
        retry_after: Seconds after which to try again.
        fault: The name under which it is counted.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        *,
        param: str | None = None,
        retry_after: float | None = None,
        fault: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.retry_after = retry_after
        self.fault = fault
