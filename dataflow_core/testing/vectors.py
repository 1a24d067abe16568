"""Embeddings that are made of the hash of a text: unit vectors, the same for the same text."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

import numpy as np


def vector_of(text: str, dimensions: int) -> list[float]:
    """Return the unit vector of a text.

    Fewer dimensions are the first ones of more, brought to length 1 again.

    Example:
        >>> len(vector_of("a text", 4))
        4
        >>> round(sum(one * one for one in vector_of("a text", 4)), 6)
        1.0
    """
    digest = hashlib.shake_128(text.encode("utf-8", "surrogatepass")).digest(2 * dimensions)
    raw = np.frombuffer(digest, "<u2").astype(np.float32) / np.float32(32767.5) - np.float32(1)
    found: list[float] = (raw / np.float32(np.linalg.norm(raw))).tolist()
    return found


def in_base64(vector: Sequence[float]) -> str:
    """Return a vector as OpenAI's API spells it in base64: 32-bit floats, little end first."""
    return base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode("ascii")
