"""What the tests share."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from dataflow_core import MemoryStorage
from dataflow_math import AnswerVerifier

# Shared machines pause now and then, which is no failure of a test.
settings.register_profile("math", max_examples=60, deadline=None)
settings.load_profile("math")

SHARED = Path(
    os.environ.get("DATAFLOW_SHARED") or Path(__file__).resolve().parents[3].parent / "shared"
)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs that name no directory leave nothing behind."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def shared_rows() -> Callable[[str], list[dict[str, Any]]]:
    """Return what reads a file of the shared data; a test is skipped where it is not there."""

    def read(name: str) -> list[dict[str, Any]]:
        path = SHARED / "data" / name
        if not path.is_file():
            pytest.skip(f"no {name} in {SHARED}/data; name the shared folder in DATAFLOW_SHARED")
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    return read


@pytest.fixture
def verdicts() -> Callable[..., list[Any]]:
    """Return what judges pairs of reference and answer by the operator; "quarantined" is one."""

    def judge(pairs: list[tuple[Any, Any]], **fields: Any) -> list[Any]:
        rows = [{"n": n, "reference": r, "answer": a} for n, (r, a) in enumerate(pairs)]
        table = MemoryStorage(rows)
        AnswerVerifier(**{"time_limit": 20.0, **fields}).run(table)
        told = {row["n"]: row["is_correct"] for row in table.rows()}
        assert len(told) + len(table.quarantined()) == len(pairs)
        return [told.get(n, "quarantined") for n in range(len(pairs))]

    return judge
