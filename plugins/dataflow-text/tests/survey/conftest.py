"""Surveys of rows, in memory and as runs with batches of some size."""

from __future__ import annotations

import pytest

from dataflow_core import MemoryStorage, Pipeline


@pytest.fixture
def findings(tmp_path_factory):
    """Return what an operator finds of rows: in a run with batches, or at once without a size."""

    def found(operator, rows, batch_size=None, **columns):
        class One(Pipeline):
            def forward(self):
                operator.run(self.storage, **columns)

        table = MemoryStorage(rows)
        if batch_size is None:
            operator.run(table, **columns)
            assert table.rows() == MemoryStorage(rows).rows()
            return table.findings()[operator.step_name()]
        folder = tmp_path_factory.mktemp("run")
        report = One(table).run(folder / "o.parquet", run_dir=folder / "run", batch_size=batch_size)
        assert report.rows_out == report.rows_in
        return report.steps[0].findings

    return found
