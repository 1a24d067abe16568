{% include "test/head.py" %}

import pandas as pd
import pytest
from dataflow_core import MemoryStorage, Pipeline

{% include "test/import.py" %}

TEXTS = ["aa", "a", None, "好好好好", "bbb"]
CUT = ["aa", "a", None, "好好", "bb"]


class _Alone(Pipeline):
    """The operator alone, as a run has it."""

    def forward(self):
        {{ cookiecutter.cls }}(share=0.5).run(self.storage)


def test_texts_are_cut_where_half_of_them_end():
    table = MemoryStorage([{"text": text} for text in TEXTS])
    {{ cookiecutter.cls }}(share=0.5).run(table)
    assert [row["text"] for row in table.rows()] == CUT


@pytest.mark.parametrize("batch_size", [1, 3])
def test_the_cut_does_not_depend_on_batches(batch_size, tmp_path):
    table = MemoryStorage([{"text": text} for text in TEXTS])
    output = tmp_path / "cut.parquet"
    _Alone(table).run(output, run_dir=tmp_path / "run", batch_size=batch_size)
    cut = pd.read_parquet(output)["text"]
    assert [None if pd.isna(text) else text for text in cut] == CUT


def test_a_table_without_texts_stays_as_it_is():
    table = MemoryStorage([{"text": None}])
    {{ cookiecutter.cls }}().run(table)
    assert table.rows() == [{"text": None}]
