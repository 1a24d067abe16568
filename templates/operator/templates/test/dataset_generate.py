{% include "test/head.py" %}

import pandas as pd
import pytest
from dataflow_core import MemoryStorage, Pipeline

{% include "test/import.py" %}

TEXTS = ["aa", "a", None, "好好好", "", "bb"]
RANKS = [2, 4, None, 1, 5, 3]


class _Alone(Pipeline):
    """The operator alone, as a run has it."""

    def forward(self):
        {{ cookiecutter.cls }}().run(self.storage)


def test_the_longest_text_comes_first_and_null_has_no_rank():
    table = MemoryStorage([{"text": text} for text in TEXTS])
    {{ cookiecutter.cls }}().run(table)
    assert [row["length_rank"] for row in table.rows()] == RANKS


@pytest.mark.parametrize("batch_size", [1, 4])
def test_ranks_do_not_depend_on_batches(batch_size, tmp_path):
    table = MemoryStorage([{"text": text} for text in TEXTS])
    output = tmp_path / "ranked.parquet"
    _Alone(table).run(output, run_dir=tmp_path / "run", batch_size=batch_size)
    ranks = pd.read_parquet(output)["length_rank"]
    assert [None if pd.isna(rank) else int(rank) for rank in ranks] == RANKS


def test_a_table_without_rows_stays_one():
    table = MemoryStorage(pd.DataFrame({"text": pd.Series([], dtype="str")}))
    {{ cookiecutter.cls }}().run(table)
    assert table.rows() == []
