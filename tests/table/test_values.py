"""Python values in columns: exact, or refused."""

from __future__ import annotations

import datetime as dt
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_core.errors import FormatError
from dataflow_core.table import identity
from dataflow_core.table.types import JSON_TYPE, TypeMisfit, concat, convert, unify
from dataflow_core.table.values import array_of, python_values, rows_of, table_of


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, None], pa.int64()),
        ([2**63], pa.uint64()),
        ([2**64], JSON_TYPE),
        ([1, 1.5], pa.float64()),
        ([2**60 + 1, 1.5], JSON_TYPE),
        ([True, 1], JSON_TYPE),
        ([1, "1"], JSON_TYPE),
        ([{"a": 1}, {"a": 2}], pa.struct([("a", pa.int64())])),
        ([{"a": 1}, {"b": 2}], JSON_TYPE),
        ([{"a": 1}, {"a": 1, "b": None}], JSON_TYPE),
        ([{}], JSON_TYPE),
        ([[1], []], pa.list_(pa.int64())),
        ([[1], ["x"]], JSON_TYPE),
        ([b"x", None], pa.binary()),
        ([dt.date(2020, 1, 1)], pa.date32()),
        ([[dt.date(2020, 1, 1)]], pa.list_(pa.date32())),
        ([decimal.Decimal("1.50")], pa.decimal128(3, 2)),
        ([None], pa.null()),
    ],
)
def test_the_narrowest_exact_type_is_taken(values, kind):
    array = array_of(values)
    assert array.type == kind
    assert python_values(pa.chunked_array([array])) == values


def test_numpy_and_pandas_scalars_are_their_python_values():
    values = [np.int64(3), pd.NA, np.float32(0.5), float("nan"), np.array([1, 2]), (1, None)]
    assert python_values(pa.chunked_array([array_of(values)])) == [
        3,
        None,
        0.5,
        None,
        [1, 2],
        [1, None],
    ]


@pytest.mark.parametrize(
    "values",
    [[b"x", 1], [{"a": b"x"}, {"b": 1}], ["\ud800"], [object()]],
)
def test_what_nothing_carries_is_refused(values):
    with pytest.raises(FormatError):
        array_of(values)


def test_a_column_keeps_its_type_while_values_fit():
    assert array_of([1, 2], pa.int8()).type == pa.int8()
    assert array_of([1000], pa.int8()).type == pa.int64()
    assert array_of(["a"], JSON_TYPE).type == JSON_TYPE
    assert array_of([1.5], pa.int64()).type == pa.float64()


def test_missing_keys_are_no_nulls():
    rows = [{"a": 1}, {"b": None}, {}]
    assert rows_of(table_of(rows)) == rows
    assert rows_of(table_of([{}, {}])) == [{}, {}]
    with pytest.raises(FormatError):
        table_of([{"__dataflow_absent__": 1}])


kinds = st.sampled_from(
    [
        pa.null(), pa.bool_(), pa.int8(), pa.int64(), pa.uint32(), pa.uint64(), pa.float32(),
        pa.float64(), pa.string(), pa.large_string(), pa.list_(pa.int64()), pa.list_(pa.string()),
        pa.struct([("a", pa.int64())]), pa.struct([("a", pa.null())]), JSON_TYPE,
    ]
)  # fmt: skip


@given(kinds, kinds, kinds)
def test_unify_depends_on_no_order(a, b, c):
    assert unify(a, b) == unify(b, a)
    assert unify(a, a) == a
    if JSON_TYPE not in (unify(a, b), unify(b, c), unify(a, c)):
        assert unify(unify(a, b), c) == unify(a, unify(b, c))


def test_what_cannot_be_widened_exactly_is_refused():
    with pytest.raises(TypeMisfit):
        convert(pa.chunked_array([[2**60 + 1]]), pa.float64())
    with pytest.raises(FormatError, match="binary"):
        unify(pa.binary(), pa.int64())


def test_tables_of_other_columns_concatenate_with_missing_keys():
    merged = concat(
        [table_of([{"a": 1}]), table_of([{"b": "x"}]), table_of([{"a": None, "b": [1]}])]
    )
    assert rows_of(merged) == [{"a": 1}, {"b": "x"}, {"a": None, "b": [1]}]


def test_row_ids_are_opaque_distinct_and_reproducible():
    ids = identity.source_ids("source", np.arange(100_000))
    assert len(np.unique(ids)) == 100_000
    assert (ids == identity.source_ids("source", np.arange(100_000))).all()
    assert not set(ids.tolist()) & set(identity.source_ids("other", np.arange(100_000)).tolist())
    assert np.corrcoef(np.arange(100_000), ids.astype(float))[0, 1] < 0.02
    assert identity.parse_id(identity.format_id(ids[0])) == ids[0]


@given(st.lists(st.integers(0, 5), max_size=20))
def test_ordinals_number_the_children_of_each_parent(parents):
    found = identity.ordinals(np.array(parents, np.uint64)).tolist()
    assert found == [parents[:place].count(parent) for place, parent in enumerate(parents)]
