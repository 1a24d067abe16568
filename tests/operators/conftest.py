"""What the tests of operators share."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

SHARED = Path(
    os.environ.get("DATAFLOW_SHARED") or Path(__file__).resolve().parents[2].parent / "shared"
)


@pytest.fixture
def shared_rows() -> Callable[[str], list[dict]]:
    """Reads a public data set: ``shared_rows("math/aqua.jsonl")``; skips where none are at hand."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"no shared data in {SHARED}; name its folder in DATAFLOW_SHARED")

    def read(path: str) -> list[dict]:
        text = (folder / path).read_text(encoding="utf-8")
        return [json.loads(line) for line in text.split("\n") if line]

    return read
