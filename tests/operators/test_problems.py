"""What operators find wrong with a table before anything runs, and rows that fail on a value."""

import pyarrow as pa
import pytest

from dataflow_core import MemoryStorage
from dataflow_core.errors import ExpressionError, OperatorError
from dataflow_core.operators.expressions import ValueMisfit
from dataflow_core.operators.general import (
    Apply,
    DeriveColumn,
    FilterRows,
    Join,
    RenameColumns,
    Sort,
)

COLUMNS = {
    "n": pa.int64(),
    "s": pa.string(),
    "tags": pa.list_(pa.string()),
    "json": pa.json_(pa.string()),
    "unknown": pa.null(),
}

ON_N = {"input_on": ("n",)}


@pytest.mark.parametrize(
    ("operator", "bindings", "lookup", "wanted"),
    [
        (FilterRows(where="n > 1 AND unknown > 1 AND abs(missing) > 1"), {}, None, []),
        (FilterRows(where="n > 'a'"), {}, None, ["cannot be compared"]),
        (FilterRows(where="n + 1"), {}, None, ["not a condition"]),
        (DeriveColumn(expression="CAST(s AS INT)"), {"output_column": "x"}, None, []),
        (DeriveColumn(expression="n + s"), {"output_column": "x"}, None, ["does not fit"]),
        (DeriveColumn(template="{{ n }}"), {"output_column": "x"}, None, []),
        (RenameColumns(names={"n": "s", "s": "n"}), {}, None, []),
        (RenameColumns(names={"n": "s"}), {}, None, ["'s' is taken"]),
        (Sort(), {"input_columns": ("n", "unknown", "gone")}, None, []),
        (Sort(), {"input_columns": ("n", "tags", "json")}, None, ["'tags'", "'json'"]),
        (Join(), ON_N, {"n": pa.uint8(), "new": pa.string()}, []),
        (Join(), ON_N, {"n": pa.string(), "s": pa.string()}, ["int64 in", "have a column 's'"]),
        (Join(suffix="_r"), ON_N, {"n": pa.null(), "s": pa.string()}, []),
        (Join(), ON_N, {"m": pa.int64()}, ["no column 'n'"]),
    ],
)
def test_problems_are_found_before_anything_runs(operator, bindings, lookup, wanted):
    others = {} if lookup is None else {"input_table": lookup}
    found = operator.problems(COLUMNS, bindings, others)
    assert len(found) == len(wanted)
    assert all(part in message for part, message in zip(wanted, found, strict=True))


@pytest.mark.parametrize(
    "run",
    [
        lambda table, text: FilterRows(where=f"{text} > 1").run(table),
        lambda table, text: DeriveColumn(expression=text).run(table, output_column="x"),
    ],
)
def test_a_value_fails_its_row_and_a_type_the_step(run):
    table = MemoryStorage([{"s": "1", "n": 1}, {"s": "abc", "n": 2**62}])
    for text in ("CAST(s AS INT)", "n * 4"):
        with pytest.raises(OperatorError) as caught:
            run(table, text)
        assert isinstance(caught.value.__cause__, ValueMisfit)  # An engine isolates such rows.
    with pytest.raises(ExpressionError):
        run(table, "s + n")


def test_the_types_after_apply_are_not_known():
    after = Apply(func=lambda table: table).columns_after(COLUMNS, {"input_columns": ("json",)})
    assert after == {**COLUMNS, "json": pa.null()}
    assert FilterRows(where="json > 1").problems(after, {}) == []
