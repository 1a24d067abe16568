"""How many tokens a request will take, judged by those before it."""

from __future__ import annotations

from collections import deque

WINDOW = 50
"""Completions that the average is over."""

UNKNOWN = 256
"""Tokens of a completion before any was seen."""


class TokenEstimate:
    """The tokens of a request: those of its prompt, and as many as answers take on average.

    Args:
        window: Completions that the average is over, the last ones.
        unknown: Tokens of a completion before any was seen.
    """

    def __init__(self, window: int = WINDOW, unknown: int = UNKNOWN) -> None:
        self._seen: deque[int] = deque(maxlen=window)
        self._total = 0
        self._unknown = unknown

    def add(self, completion_tokens: int) -> None:
        """Note the tokens of a completion."""
        if len(self._seen) == self._seen.maxlen:
            self._total -= self._seen[0]
        self._seen.append(completion_tokens)
        self._total += completion_tokens

    def completion(self, max_tokens: int | None = None) -> int:
        """Return the tokens that a completion will take, about, and at most ``max_tokens``."""
        average = round(self._total / len(self._seen)) if self._seen else self._unknown
        return average if max_tokens is None else min(average, max_tokens)

    def request(self, prompt_tokens: int, max_tokens: int | None = None) -> int:
        """Return the tokens that a request will take, about: its prompt and its completion."""
        return prompt_tokens + self.completion(max_tokens)
