"""Operators on values that pass through Python, JSON or pandas only with losses."""

import pyarrow as pa
import pytest

from dataflow_core import MemoryStorage
from dataflow_core.operators.general import DeduplicateExact, Explode, Join, Sample, Sort

INF, NAN = float("inf"), float("nan")
JSON = pa.json_(pa.string())


def table_of(**columns):
    return MemoryStorage(pa.table(columns))


def kept(column):
    table = table_of(v=column, place=pa.array(range(len(column))))
    DeduplicateExact().run(table, input_columns=["v"])
    return [row["place"] for row in table.rows()]


FOUR = [INF, -INF, NAN, None]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([*FOUR, 1.0, NAN, INF, 1.0]),
        pa.array([[v] for v in [*FOUR, 1.0, NAN, INF, 1.0]]),
        pa.array([{"x": v} for v in [*FOUR, 1.0, NAN, INF, 1.0]]),
        *(
            pa.array([1, 2, 1_000_001, 10**9 + 1, 3, 2, 1, 3]).cast(kind)
            for kind in (pa.time64("ns"), pa.timestamp("ns"), pa.timestamp("ns", "UTC"),
                         pa.duration("ns"))
        ),
        *(
            pa.array([[n] for n in [1, 2, 1_000_001, 10**9 + 1, 3, 2, 1, 3]]).cast(pa.list_(kind))
            for kind in (pa.time64("ns"), pa.timestamp("ns"), pa.duration("ns"))
        ),
        pa.array(["1.10", "1.11", "1.12", "-1.10", "0.00", "1.11", "1.10", "0.00"]).cast(
            pa.decimal128(9, 2)
        ),
        pa.array(["a", "b", "", None, "c", "b", "a", "c"]).dictionary_encode(),
    ],
    ids=str,
)  # fmt: skip
def test_only_equal_values_are_duplicates(column):
    assert kept(column) == [0, 1, 2, 3, 4]


def test_join_does_not_take_infinity_for_nan():
    table = table_of(k=pa.array([INF, NAN, None]))
    Join().run(table, table_of(k=pa.array([NAN]), v=pa.array(["nan"])), ["k"])
    assert [row["v"] for row in table.rows()] == [None, "nan", None]


def test_groups_of_a_sample_are_told_apart():
    table = table_of(k=pa.array(FOUR * 3))
    Sample(count=1).run(table, input_group="k")
    assert sorted(str(row["k"]) for row in table.rows()) == ["-inf", "None", "inf", "nan"]


def test_sort_orders_coded_texts_whatever_the_name():
    column = pa.array(["b", "a", None, "c"]).dictionary_encode()
    table = table_of(__position=column, place=pa.array(range(4)))
    Sort().run(table, input_columns=["__position"])
    assert [row["place"] for row in table.rows()] == [1, 0, 3, 2]


@pytest.mark.parametrize("keep_empty", [False, True])
@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float64()), pa.large_list(pa.float32()), pa.list_(pa.float64(), 2)]
)
def test_explode_keeps_nan_apart_from_null(kind, keep_empty):
    table = table_of(v=pa.array([[1.0, NAN], None, [None, 2.0]], kind))
    Explode(keep_empty=keep_empty).run(table, input_list="v")
    wanted = ["1.0", "nan", *(["None"] if keep_empty else []), "None", "2.0"]
    assert [str(row["v"]) for row in table.rows()] == wanted
    assert table.frame.to_arrow()["v"].type == kind.value_type


def test_explode_unpacks_json_lists_as_before():
    table = table_of(v=pa.array(['[1,"x",null]', "[]", None, '[{"a":1}]'], JSON))
    Explode(keep_empty=True).run(table, input_list="v")
    assert [row["v"] for row in table.rows()] == [1, "x", None, None, None, {"a": 1}]
