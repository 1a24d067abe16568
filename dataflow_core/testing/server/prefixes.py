"""Which beginnings of prompts were seen before, as the caches of servers know them."""

from __future__ import annotations

from dataclasses import dataclass, field

import xxhash

from dataflow_core.testing.server.question import CHARACTERS_PER_TOKEN

BLOCK = 256
"""Beginnings count in steps of so many characters."""
_MOST = 1 << 20


@dataclass(slots=True)
class Prefixes:
    """The beginnings of the prompts so far, by hashes that go on from block to block."""

    _seen: set[int] = field(default_factory=set)

    def cached(self, prompt: str) -> int:
        """Return how many tokens at the beginning of a prompt were seen before, and keep it.

        Example:
            >>> prefixes = Prefixes()
            >>> [prefixes.cached("x" * 600), prefixes.cached("x" * 600 + "y")]
            [0, 128]
        """
        if len(self._seen) > _MOST:
            self._seen.clear()
        digest, known, still = 0, 0, True
        for start in range(0, len(prompt) - BLOCK + 1, BLOCK):
            block = prompt[start : start + BLOCK].encode("utf-8", "surrogatepass")
            digest = xxhash.xxh3_64_intdigest(block, seed=digest)
            still = still and digest in self._seen
            known += still
            self._seen.add(digest)
        return known * BLOCK // CHARACTERS_PER_TOKEN
