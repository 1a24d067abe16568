"""Answers as rows of a store's database, and back."""

from __future__ import annotations

import zlib
from typing import Any

from dataflow_core.serving.completion import Usage
from dataflow_core.serving.store.answers import Stored

COMPRESSED_FROM = 2048
"""Texts of so many characters are compressed; shorter ones gain little."""
_LEVEL = 1  # of English, it leaves 5 % more than the usual level, in a third of its time

COLUMNS = (
    "finish_reason", "problem", "prompt_tokens", "completion_tokens", "cached_tokens",
    "reasoning_tokens", "latency", "attempts", "cost", "text", "reasoning", "vector",
)  # fmt: skip
"""The columns of an answer proper, in the order of `as_row` and `from_row`."""

Packed = str | bytes | None


def as_row(answer: Stored) -> tuple[Any, ...]:
    """Return an answer's cells."""
    usage = answer.usage
    return (
        answer.finish_reason,
        answer.problem,
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.cached_tokens,
        usage.reasoning_tokens,
        answer.latency,
        answer.attempts,
        answer.cost,
        pack(answer.text),
        pack(answer.reasoning),
        answer.vector,
    )


def from_row(cells: tuple[Any, ...]) -> Stored:
    """Return the answer of some cells."""
    finish, problem, read, wrote, cached, reasoned, latency, attempts, cost, text, why, vec = cells
    return Stored(
        text if text.__class__ is str else unpack(text),
        unpack(why),
        finish,
        Usage(read, wrote, cached, reasoned),
        latency,
        attempts,
        cost,
        problem,
        vec,
    )


def pack(text: str | None) -> Packed:
    """Return a text as it is kept: as it is, or compressed where it is long, or no Unicode."""
    if text is None:
        return None
    if len(text) < COMPRESSED_FROM:
        try:
            text.encode()
        except UnicodeEncodeError:  # half a character, as servers send now and then
            pass
        else:
            return text
    return zlib.compress(text.encode("utf-8", "surrogatepass"), _LEVEL)


def unpack(kept: Packed) -> str | None:
    """Return the text of what `pack` returned."""
    if kept is None or isinstance(kept, str):
        return kept
    return zlib.decompress(kept).decode("utf-8", "surrogatepass")
