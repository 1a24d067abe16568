"""What the tests of the evaluators share."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

SHARED = Path(
    os.environ.get("DATAFLOW_SHARED") or Path(__file__).resolve().parents[4].parent / "shared"
)


@pytest.fixture
def shared_rows():
    """Return the rows of a JSONL file among the shared data, or skip where it is absent."""

    def read(name: str) -> list[dict]:
        path = SHARED / "data" / name
        if not path.is_file():
            pytest.skip(f"no shared data {path}; name their folder in DATAFLOW_SHARED")
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    return read
