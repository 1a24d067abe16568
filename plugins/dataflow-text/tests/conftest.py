"""What the tests share."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import settings

# Shared machines pause now and then, which is no failure of a test.
settings.register_profile("text", max_examples=40, deadline=None)
settings.load_profile("text")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs that name no directory leave nothing behind."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def fates():
    """Return how many rows ended in each way, by a report's ledger; each row ends once."""

    def read(report) -> dict[str, int]:
        ledger = pq.read_table(report.run_dir / "ledger.parquet").to_pandas()
        assert ledger["row_id"].is_unique
        assert len(ledger) == report.rows_in
        return ledger["fate"].value_counts().to_dict()

    return read
