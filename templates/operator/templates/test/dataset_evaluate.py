{% include "test/head.py" %}

import pandas as pd
import pytest
from dataflow_core import MemoryStorage, Pipeline

{% include "test/import.py" %}

TEXTS = ["aa", None, "好好好", ""]
FOUND = {"texts": 3, "mean_length": 5 / 3, "longest": 3}


class _Alone(Pipeline):
    """The operator alone, as a run has it."""

    def forward(self):
        {{ cookiecutter.cls }}().run(self.storage)


def test_texts_are_counted_and_rows_stay():
    table = MemoryStorage([{"text": text} for text in TEXTS])
    {{ cookiecutter.cls }}().run(table)
    assert table.findings() == { {{- '"' ~ cookiecutter.name ~ '": FOUND' -}} }
    assert [row["text"] for row in table.rows()] == TEXTS


@pytest.mark.parametrize("batch_size", [1, 3])
def test_findings_do_not_depend_on_batches(batch_size, tmp_path):
    table = MemoryStorage([{"text": text} for text in TEXTS])
    report = _Alone(table).run(run_dir=tmp_path / "run", batch_size=batch_size)
    assert report.steps[0].findings == FOUND


def test_a_table_without_rows_has_no_lengths():
    table = MemoryStorage(pd.DataFrame({"text": pd.Series([], dtype="str")}))
    {{ cookiecutter.cls }}().run(table)
    assert list(table.findings().values()) == [{"texts": 0}]
