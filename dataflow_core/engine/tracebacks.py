"""Where an operator failed, in a line: equal for failures that are the same one."""

from __future__ import annotations

import traceback
from pathlib import Path

import xxhash

from dataflow_core.engine.code import is_installed


def trace_of(error: BaseException) -> str:
    """Return a hash of an exception's traceback, and the innermost place in one's own code.

    Args:
        error: The exception.

    Returns:
        Such as ``"3f2a91c0 mine.py:12 in run"``. The hash is that of the exception's type and of
        all places, each as the name of its file, its line and its function.
    """
    found = [(f.f_code, line) for f, line in traceback.walk_tb(error.__traceback__)]
    places = [f"{Path(c.co_filename).name}:{line} in {c.co_name}" for c, line in found]
    told = "\n".join([type(error).__qualname__, *places]).encode()
    kinds = [is_installed(code.co_filename) for code, _ in found]
    own = [place for place, installed in zip(places, kinds, strict=True) if not installed]
    return f"{xxhash.xxh3_64_hexdigest(told)[:8]} {(own or places or [''])[-1]}".strip()
