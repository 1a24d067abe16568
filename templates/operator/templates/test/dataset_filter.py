{% include "test/head.py" %}

import pandas as pd
import pytest
from dataflow_core import MemoryStorage, Pipeline

{% include "test/import.py" %}

TEXTS = ["aa", "a", None, "好好好", "bb"]


class _Alone(Pipeline):
    """The operator alone, as a run has it."""

    def forward(self):
        {{ cookiecutter.cls }}(count=2).run(self.storage)


def test_the_longest_are_kept_as_they_stand_and_the_others_say_why():
    table = MemoryStorage([{"text": text} for text in TEXTS])
    {{ cookiecutter.cls }}(count=2).run(table)
    assert [row["text"] for row in table.rows()] == ["aa", "好好好"]
    dropped = table.dropped()
    assert dropped["reason"].tolist() == ["not_among_longest", "no_text", "not_among_longest"]
    assert dropped["value"].tolist()[0] == "1"


@pytest.mark.parametrize("batch_size", [1, 3])
def test_what_is_kept_does_not_depend_on_batches(batch_size, tmp_path):
    table = MemoryStorage([{"text": text} for text in TEXTS])
    output = tmp_path / "longest.parquet"
    _Alone(table).run(output, run_dir=tmp_path / "run", batch_size=batch_size)
    assert pd.read_parquet(output)["text"].tolist() == ["aa", "好好好"]


def test_a_table_without_rows_stays_one():
    table = MemoryStorage(pd.DataFrame({"text": pd.Series([], dtype="str")}))
    {{ cookiecutter.cls }}().run(table)
    assert table.rows() == []
