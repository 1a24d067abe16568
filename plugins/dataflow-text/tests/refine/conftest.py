"""What the tests of refiners share."""

from __future__ import annotations

import pyarrow as pa
import pytest

from dataflow_core import MemoryStorage


@pytest.fixture(scope="session")
def refined():
    """Return what an operator makes of texts, through a table."""

    def refine(operator, *texts: str | None) -> list[str | None]:
        table = MemoryStorage(pa.table({"text": pa.array(texts, pa.string())}))
        operator.run(table)
        return [row["text"] for row in table.rows()]

    return refine
