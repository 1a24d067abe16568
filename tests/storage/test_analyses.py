"""Analyses that operators share, columns that are assigned, and rows that are taken late."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from dataflow_core import FileStorage, Filter, MemoryStorage, Pipeline, Refiner, Storage
from dataflow_core.errors import ColumnError, OperatorError


class Lengths:
    """The lengths of texts; counts how often they were measured."""

    made = 0

    def __init__(self, lengths):
        self.lengths = lengths

    @classmethod
    def of(cls, column):
        cls.made += 1
        return cls(np.asarray(pc.utf8_length(column)))

    def take(self, positions):
        return Lengths(self.lengths[positions])


class Longer(Filter):
    """Keep texts of more than ``limit`` characters."""

    limit: int = 0

    def run(self, storage: Storage, input_text: str = "text") -> None:
        """Drop the others."""
        lengths = storage.analysis(input_text, Lengths).lengths
        storage.assign(f"over_{self.limit}", pa.array(lengths > self.limit))
        ids = np.asarray(storage.read([]).index)
        storage.drop(ids[lengths <= self.limit], "short")


class Doubled(Refiner):
    """Write every text twice."""

    def run(self, storage: Storage, input_text: str = "text") -> None:
        """Change the column."""
        table = storage.read([input_text])
        table[input_text] += table[input_text]
        storage.write(table)


@pytest.fixture(autouse=True)
def _counted_anew():
    Lengths.made = 0


ROWS = [{"n": n, "text": "x" * n} for n in range(6)]


def test_filters_share_an_analysis_which_follows_the_rows():
    table = MemoryStorage(ROWS)
    for limit in (1, 3):
        Longer(limit=limit).run(table)
    assert [row["n"] for row in table.rows()] == [4, 5]
    assert Lengths.made == 1
    assert table.dropped()["n"].tolist() == [0, 1, 2, 3]


def test_a_change_of_the_column_begins_a_new_analysis():
    table = MemoryStorage(ROWS)
    Longer(limit=2).run(table)
    Doubled().run(table)
    Longer(limit=6).run(table)
    assert [row["text"] for row in table.rows()] == ["x" * 8, "x" * 10]
    assert Lengths.made == 2


def test_a_run_shares_them_within_a_batch(tmp_path):
    class Chain(Pipeline):
        def __init__(self, storage):
            super().__init__(storage)
            self.first, self.second = Longer(limit=1), Longer(limit=3)

        def forward(self):
            self.first.run(self.storage)
            self.second.run(self.storage)

    report = Chain(MemoryStorage(ROWS)).run(tmp_path / "out.jsonl", batch_size=3)
    assert FileStorage(tmp_path / "out.jsonl").read()["n"].tolist() == [4, 5]
    assert [step.dropped for step in report.steps] == [2, 2]
    assert Lengths.made == 2


def test_assigned_columns_replace_or_follow_and_others_stay():
    table = MemoryStorage(ROWS[:2])
    table.assign("n", pa.array(["a", None]))
    table.assign("new", pa.array([[1], []]))
    assert table.rows() == [{"n": "a", "text": "", "new": [1]}, {"n": None, "text": "x", "new": []}]


def test_what_cannot_be_assigned_or_analysed_is_told():
    table = MemoryStorage(ROWS)
    with pytest.raises(OperatorError, match="column 'n': 2 values for 6 rows"):
        table.assign("n", pa.array([1, 2]))
    with pytest.raises(OperatorError, match="reserved"):
        table.assign("__dataflow_x", pa.array(range(6)))
    with pytest.raises(ColumnError, match="no column 'txt'"):
        table.analysis("txt", Lengths)
    assert table.rows() == ROWS


class Bare(Storage):
    """A storage with what must be defined alone, around a table."""

    def __init__(self, table):
        self.table = table

    def read(self, columns=None):
        return self.table.read(columns)

    def write(self, table):
        self.table.write(table)

    def drop(self, rows, reason, *, value=None, duplicate_of=None):
        self.table.drop(rows, reason, value=value, duplicate_of=duplicate_of)

    def perform(self, operator, bindings, body):
        self.table.perform(operator, bindings, lambda _: body(self))


def test_storages_of_others_assign_rename_and_analyse_too():
    table = MemoryStorage(ROWS)
    bare = Bare(table)
    Longer(limit=3).run(bare)
    bare.rename({"n": "number"})
    assert [row["number"] for row in table.rows()] == [4, 5]
    assert [row["over_3"] for row in table.rows()] == [True, True]
    assert Lengths.made == 1
