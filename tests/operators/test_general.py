"""The general operators: what they do, at the edges too, and what they refuse."""

import datetime as dt
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from dataflow_core import FileStorage, MemoryStorage
from dataflow_core.errors import ColumnError, ConfigurationError, ExpressionError, OperatorError
from dataflow_core.operators import general
from dataflow_core.operators.general import (
    Apply,
    Concatenate,
    DeduplicateExact,
    DeriveColumn,
    Embed,
    Explode,
    FilterRows,
    Join,
    RenameColumns,
    Retrieve,
    Sample,
    SelectColumns,
    Sort,
    Want,
)
from dataflow_core.operators.prompted import Prompted
from dataflow_core.table.identity import format_id
from dataflow_core.testing import ScriptedServing

MIXED = [
    {
        "n": 1,
        "text": "日本語 😀",
        "tags": ["a", "b"],
        "deep": {"k": [1, {"x": None}]},
        "any": [1, "x"],
    },
    {"n": None, "text": None, "tags": None, "deep": None, "any": None},
    {"n": 2**60 + 1, "text": "", "tags": [], "deep": {"k": [2, {"x": "y"}]}, "any": {"q": 1}},
]


def run(operator, rows, **bindings):
    table = MemoryStorage(rows)
    operator.run(table, **bindings)
    return table


def result(operator, rows, **bindings):
    return run(operator, rows, **bindings).rows()


def column(name, values):
    return [{name: value, "place": place} for place, value in enumerate(values)]


def emptied(rows):
    return pa.Table.from_batches([], schema=MemoryStorage(rows).frame.to_arrow().schema)


EVERY = {
    "Apply": (Apply(func=lambda table: table), {}),
    "Concatenate": (Concatenate(), {"input_table": MemoryStorage(MIXED)}),
    "DeduplicateExact": (DeduplicateExact(), {}),
    "DeriveColumn": (
        DeriveColumn(template="{{ n }}{{ text }}{{ tags }}"),
        {"output_column": "made"},
    ),
    "Embed": (Embed(serving=ScriptedServing({})), {}),
    "Explode": (Explode(keep_empty=True), {"input_list": "tags"}),
    "FilterRows": (FilterRows(where="n > 0 OR n IS NULL"), {}),
    "Join": (Join(), {"input_table": MemoryStorage([{"n": 1, "new": "x"}]), "input_on": "n"}),
    "RenameColumns": (RenameColumns(names={"text": "content"}), {}),
    "Retrieve": (
        Retrieve(),
        {"input_query": "text", "input_corpus": MemoryStorage([{"text": "日本語"}])},
    ),
    "Sample": (Sample(fraction=1.0), {"input_group": "tags"}),
    "SelectColumns": (SelectColumns(columns=["any", "deep", "tags", "text", "n"]), {}),
    "Sort": (Sort(), {"input_columns": ["n"]}),
    "Want": (Want(rows=1000), {}),
}


ELSEWHERE = ["FormatTraining", "KCenterGreedy", "SemanticDeduplicate"]
"""These want rows of a form, or a column of vectors, and have tests of their own."""


def test_every_general_operator_is_here():
    asking = [name for name in general.__all__ if issubclass(getattr(general, name), Prompted)]
    assert sorted([*EVERY, *ELSEWHERE, *asking]) == sorted(general.__all__)
    assert all(getattr(general, name).__name__ == name for name in general.__all__)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("rows", [MIXED, MIXED[:1], MIXED[1:2] * 3], ids=["mixed", "one", "nulls"])
def test_values_that_are_not_its_business_come_out_as_they_went_in(name, rows):
    operator, bindings = EVERY[name]
    deep = [row["deep"] for row in result(operator, rows, **bindings)]
    kept = [row["deep"] for row in rows]
    if name == "Explode":
        kept = [row["deep"] for row in rows for _ in row["tags"] or [None]]
    elif name == "Concatenate":
        kept += [row["deep"] for row in MIXED]
    elif name == "Sort":
        kept = [
            row["deep"] for row in sorted(rows, key=lambda row: (row["n"] is None, row["n"] or 0))
        ]
    assert deep == kept


@pytest.mark.parametrize("name", EVERY)
def test_an_empty_table_gives_an_empty_table_with_the_same_columns(name):
    operator, bindings = EVERY[name]
    full, empty = run(operator, MIXED, **bindings), run(operator, emptied(MIXED), **bindings)
    assert len(empty) == (3 if name == "Concatenate" else 0)
    assert list(empty.columns()) == list(full.columns())


# Apply


def test_apply_may_change_add_remove_and_drop():
    table = run(
        Apply(func=lambda t: t[t["n"].notna()].assign(double=t["n"] * 2).drop(columns=["any"])),
        MIXED,
    )
    assert [row["double"] for row in table.rows()] == [2, 2**61 + 2]
    assert "any" not in table.columns()
    assert table.dropped()["reason"].tolist() == ["apply"]


def test_apply_gets_the_columns_it_asks_for_and_carries_the_others():
    seen = []
    table = run(Apply(func=lambda t: seen.append(list(t)) or t), MIXED, input_columns=["text"])
    assert seen == [["text"]]
    assert table.rows() == MIXED


def test_apply_reorders_only_with_the_whole_table():
    def turned(table):
        return table.iloc[::-1]

    assert [row["n"] for row in result(Apply(func=turned, whole_table=True), MIXED)] == [
        2**60 + 1,
        None,
        1,
    ]
    assert Apply(func=turned, whole_table=True).scope == "dataset"
    with pytest.raises(OperatorError, match="another order"):
        run(Apply(func=turned), MIXED)


def test_apply_refuses_what_is_no_function_or_no_table():
    with pytest.raises(ConfigurationError, match="func: Input should be callable"):
        Apply(func="x")
    with pytest.raises(OperatorError, match="returned int; it returns a DataFrame"):
        run(Apply(func=lambda _: 1), MIXED)
    with pytest.raises(OperatorError, match="step 'apply' failed: KeyError"):
        run(Apply(func=lambda t: t[["zz"]]), MIXED)


# Concatenate


def test_concatenate_fills_and_widens():
    more = MemoryStorage([{"n": 2.5, "extra": [1]}])
    table = run(Concatenate(), [{"n": 1, "text": "a"}], input_table=more)
    assert table.rows() == [{"n": 1.0, "text": "a"}, {"n": 2.5, "extra": [1]}]
    assert more.rows() == [{"n": 2.5, "extra": [1]}]


@pytest.mark.parametrize(
    ("left", "right"), [(1, "x"), ({"a": 1}, {"b": 2}), (None, [1]), ([1], ["x"])]
)
def test_concatenate_keeps_values_of_differing_types(left, right):
    more = MemoryStorage([{"v": right}])
    assert result(Concatenate(), [{"v": left}], input_table=more) == [{"v": left}, {"v": right}]


def test_a_table_and_its_own_fork_have_rows_of_their_own():
    table = MemoryStorage(MIXED)
    ids = table.read([]).index
    Concatenate().run(table, input_table=table.fork())
    after = table.read([]).index
    assert table.rows() == MIXED + MIXED
    assert after.is_unique
    assert after[:3].equals(ids)


def test_concatenating_the_same_rows_twice_keeps_ids_unique():
    table = MemoryStorage(MIXED)
    fork = table.fork()
    Concatenate().run(table, input_table=fork)
    Concatenate().run(table, input_table=fork)
    assert table.read([]).index.is_unique


def test_concatenate_of_types_that_nothing_carries_is_an_error():
    table = MemoryStorage([{"v": b"x"}])
    with pytest.raises(Exception, match="no common type carries both"):
        Concatenate().run(table, input_table=MemoryStorage([{"v": 1.5}]))
    assert table.rows() == [{"v": b"x"}]


# DeduplicateExact


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        (["a", "b", "a", "a"], [0, 1]),
        (["a", None, "a", None, ""], [0, 1, 3, 4]),
        (["é", "e\u0301", "é"], [0, 1]),
        (["\x00null", None, "\x00null"], [0, 1]),
        ([1, 1.0, "1", 1], [0, 1, 2]),
        ([1, 1.5, 1], [0, 1]),
        ([True, 1, False, True], [0, 1, 2]),
        ([[1, 2], [2, 1], [1, 2], []], [0, 1, 3]),
        ([{"a": 1, "b": 2}, {"b": 2, "a": 1}], [0]),
        ([[1, "x"], '[1,"x"]', [1, "x"]], [0, 1]),
        ([2**70, 2**70 + 1, 2**70], [0, 1]),
        ([b"a", b"b", b"a"], [0, 1]),
        ([dt.date(2024, 1, 1), None, dt.date(2024, 1, 1)], [0, 1]),
        ([decimal.Decimal("1.10"), decimal.Decimal("1.20"), decimal.Decimal("1.10")], [0, 1]),
    ],
)
def test_the_first_of_equal_values_is_kept(values, kept):
    table = run(DeduplicateExact(), column("v", values), input_columns=["v"])
    assert [row["place"] for row in table.rows()] == kept


def test_duplicates_name_the_row_that_they_repeat():
    table = MemoryStorage(column("v", ["a", "b", "a", "b", "a"]))
    ids = table.read([]).index
    DeduplicateExact().run(table, input_columns=["v"])
    dropped = table.dropped()
    first, second = format_id(ids[0]), format_id(ids[1])
    assert dropped["related_row_id"].tolist() == [first, second, first]
    assert dropped["reason"].tolist() == ["duplicate"] * 3


def test_several_columns_are_compared_apart():
    rows = [
        {"a": "ab", "b": "c"},
        {"a": "a", "b": "bc"},
        {"a": None, "b": "c"},
        {"a": "ab", "b": "c"},
    ]
    assert result(DeduplicateExact(), rows, input_columns=["a", "b"]) == rows[:3]
    texts = [{"a": "\x00null", "b": 1}, {"a": None, "b": 1}]
    assert result(DeduplicateExact(), texts) == texts


def test_rows_without_any_value_repeat_nothing():
    rows = [
        {"a": None, "b": None},
        {"a": None, "b": None},
        {"a": None, "b": 1},
        {"a": None, "b": 1},
    ]
    assert result(DeduplicateExact(), rows) == rows[:3]


def test_deduplicating_by_no_column_is_refused():
    with pytest.raises(ConfigurationError, match="column names, as a list of strings"):
        run(DeduplicateExact(), MIXED, input_columns=[])


# Explode


def test_explode_repeats_the_other_columns_and_drops_empty_lists():
    table = MemoryStorage(MIXED)
    parents = table.read([]).index
    Explode().run(table, input_list="tags", output_item="tag")
    assert table.rows() == [{**MIXED[0], "tag": "a"}, {**MIXED[0], "tag": "b"}]
    assert table.dropped()["reason"].tolist() == ["empty_list"] * 2
    assert table.outcomes[0].parents.tolist() == [parents[0]] * 2
    assert table.read([]).index.is_unique
    assert not set(parents) & set(table.read([]).index)


def test_explode_keeps_empty_lists_when_asked():
    items = [row["tags"] for row in result(Explode(keep_empty=True), MIXED, input_list="tags")]
    assert items == ["a", "b", None, None]


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ([[1], [2, 3]], [[1], [2, 3]]),
        ([{"a": 1}, {"a": None}], [{"a": 1}, {"a": None}]),
        ([1, "x", None, [2]], [1, "x", None, [2]]),
        ([2**60 + 1, None], [2**60 + 1, None]),
        (["日", "😀", ""], ["日", "😀", ""]),
    ],
)
def test_explode_keeps_items_as_they_are(value, items):
    assert [row["v"] for row in result(Explode(), [{"v": value}], input_list="v")] == items


def test_the_type_of_items_does_not_depend_on_the_rows():
    kind = pa.list_(pa.int16())
    for values in ([[1], None], [None, []], [[None]]):
        table = run(
            Explode(keep_empty=True), pa.table({"v": pa.array(values, kind)}), input_list="v"
        )
        assert table.columns()["v"] == pa.int16()


@pytest.mark.parametrize("name", ["text", "n"])
def test_explode_refuses_columns_without_lists(name):
    with pytest.raises(ColumnError, match=f"column '{name}' is .*, explode wants list"):
        run(Explode(), MIXED, input_list=name)


def test_explode_refuses_a_value_that_is_no_list_among_lists():
    with pytest.raises(OperatorError, match=r"TypeError: a list wanted, found \{'q': 1\}"):
        run(Explode(), MIXED, input_list="any")


# FilterRows


def test_filter_rows_says_whether_a_condition_is_false_or_null():
    table = run(FilterRows(where="n > 1"), MIXED)
    assert [row["n"] for row in table.rows()] == [2**60 + 1]
    assert table.dropped()["reason"].tolist() == ["condition_is_false", "condition_is_null"]


def test_rows_are_dropped_for_the_reason_that_is_given():
    table = MemoryStorage([{"n": 1}, {"n": 5}, {"n": None}])
    FilterRows(where="n > 2", reason="too_few").run(table)
    assert table.dropped()["reason"].tolist() == ["too_few"] * 2
    with pytest.raises(ConfigurationError, match="reason"):
        FilterRows(where="n > 2", reason="")


@pytest.mark.parametrize(("where", "kept"), [("TRUE", 3), ("NULL", 0), ("1 > 2", 0)])
def test_a_condition_without_columns(where, kept):
    assert len(run(FilterRows(where=where), MIXED)) == kept


def test_filter_rows_refuses_what_is_no_condition():
    with pytest.raises(ExpressionError, match="is int64, not a condition"):
        run(FilterRows(where="n + 1"), MIXED)
    with pytest.raises(ExpressionError, match="holds JSON values"):
        run(FilterRows(where='"any" = 1'), MIXED)
    with pytest.raises(ColumnError, match="where: no column 'nn'"):
        run(FilterRows(where="nn > 1"), MIXED)


# Join

LOOKUP = [
    {
        "n": 1,
        "big": 2**63 + 1,
        "small": 2**60 + 1,
        "any": [1, "x"],
        "day": dt.date(2024, 1, 1),
    },
    {"n": 7, "big": 1, "small": None, "any": {"q": 1}, "day": None},
]


def test_join_adds_columns_with_their_types():
    table = run(Join(suffix="_2"), MIXED, input_table=MemoryStorage(LOOKUP), input_on=["n"])
    first, second, third = table.rows()
    new = {name: value for name, value in LOOKUP[0].items() if name not in {"n", "any"}}
    assert first == {**MIXED[0], **new, "any_2": [1, "x"]}
    assert second == {**MIXED[1], "big": None, "small": None, "any_2": None, "day": None}
    assert third["big"] is None
    assert [table.columns()[name] for name in ("big", "small")] == [pa.uint64(), pa.int64()]


def test_join_drops_unmatched_rows_when_asked():
    table = run(
        Join(unmatched="drop", suffix="_2"), MIXED, input_table=MemoryStorage(LOOKUP), input_on="n"
    )
    assert [row["n"] for row in table.rows()] == [1]
    assert table.dropped()["reason"].tolist() == ["no_match"] * 2


def test_null_keys_match_nothing_and_may_repeat():
    lookup = MemoryStorage(
        [{"k": None, "j": 1, "v": 1}, {"k": None, "j": 1, "v": 2}, {"k": 1, "j": 1, "v": 3}]
    )
    rows = [{"k": None, "j": 1}, {"k": 1, "j": 1}]
    assert [row["v"] for row in result(Join(), rows, input_table=lookup, input_on=["k", "j"])] == [
        None,
        3,
    ]


@pytest.mark.parametrize("key", [2**64 - 1, 2**53 + 1, -3, "日本語", True, [1, 2], {"a": None}])
def test_keys_are_compared_exactly(key):
    other = {2**53 + 1: 2**53, "日本語": "日本"}.get(
        key if not isinstance(key, (list, dict)) else None
    )
    lookup = MemoryStorage([{"k": key, "v": 1}, *([{"k": other, "v": 2}] if other else [])])
    assert result(Join(), [{"k": key}], input_table=lookup, input_on="k") == [{"k": key, "v": 1}]


def test_signed_and_unsigned_keys_are_both_whole_numbers():
    lookup = MemoryStorage([{"k": 2**64 - 1, "v": 1}, {"k": 5, "v": 2}])
    assert result(Join(), [{"k": 5}], input_table=lookup, input_on="k") == [{"k": 5, "v": 2}]


def test_join_refuses_repeated_keys_taken_names_and_other_kinds():
    def joining(lookup, message, error, rows=MIXED, **options):
        table = MemoryStorage(rows)
        with pytest.raises(error, match=message):
            Join(**options).run(table, input_table=MemoryStorage(lookup), input_on=["n"])
        assert table.rows() == rows

    joining([{"n": 1, "v": 1}, {"n": 1, "v": 2}], r"key \{'n': 1\} stands twice", OperatorError)
    joining([{"n": 1, "text": 1}], "both tables have a column 'text'; set suffix", ColumnError)
    joining(
        [{"n": 1, "v": 1}], "both tables", ColumnError, [{"n": 1, "v": 1, "v_2": 2}], suffix="_2"
    )
    joining([{"m": 1}], "second table: no column 'n'", ColumnError)
    joining([{"n": "1", "v": 1}], "is int64 in the table and string in the second", ColumnError)
    joining([{"n": 1.5, "v": 1}], "nothing would match", ColumnError)
    with pytest.raises(ConfigurationError, match="suffix: String should match"):
        Join(suffix="a b")
    with pytest.raises(ConfigurationError, match="input_table is 'x'; it takes a storage"):
        run(Join(), MIXED, input_table="x", input_on="n")


def test_an_empty_second_table_gives_null_columns_of_its_types():
    table = run(Join(suffix="_2"), MIXED, input_table=MemoryStorage(emptied(LOOKUP)), input_on="n")
    assert [row["big"] for row in table.rows()] == [None] * 3
    assert table.columns()["big"] == pa.uint64()


# RenameColumns, SelectColumns


def test_rename_keeps_missing_keys_and_values_of_mixed_shapes(tmp_path):
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"a":1.5,"b":1}\n{"b":null}\n{"a":"x","b":2}\n')
    storage = FileStorage(source)
    RenameColumns(names={"a": "c"}).run(storage)
    storage.save(target)
    assert target.read_text() == '{"c":1.5,"b":1}\n{"b":null}\n{"c":"x","b":2}\n'


def test_a_storage_refuses_to_rename_to_a_taken_name():
    storage = MemoryStorage([{"a": 1, "b": 2}])
    for names, error in (({"a": "b"}, OperatorError), ({"x": "y"}, ColumnError)):
        with pytest.raises(error):
            storage.rename(names)
    with pytest.raises(OperatorError, match="reserved"):
        storage.rename({"a": "__dataflow_absent__"})
    assert storage.rows() == [{"a": 1, "b": 2}]


def test_rename_swaps_and_keeps_places():
    table = run(RenameColumns(names={"n": "text", "text": "n"}), MIXED)
    assert list(table.columns()) == ["text", "n", "tags", "deep", "any"]
    assert table.rows()[0]["n"] == "日本語 😀"


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        ({"n": "text"}, ConfigurationError, "the name 'text' is taken"),
        ({"txt": "t"}, ColumnError, "no column 'txt'. Did you mean 'text'"),
        ({"n": "__dataflow_absent__"}, OperatorError, "reserved"),
    ],
)
def test_rename_refuses(names, error, message):
    with pytest.raises(error, match=message):
        run(RenameColumns(names=names), MIXED)


@pytest.mark.parametrize("names", [{}, {"a": "c", "b": "c"}, {"a": 1}])
def test_rename_refuses_when_made(names):
    with pytest.raises(ConfigurationError, match="RenameColumns"):
        RenameColumns(names=names)


def test_select_keeps_order():
    assert result(SelectColumns(columns=["tags", "n"]), MIXED) == [
        {"tags": row["tags"], "n": row["n"]} for row in MIXED
    ]
    with pytest.raises(ColumnError, match=r"columns: no column 'tag'\. Did you mean 'tags'"):
        run(SelectColumns(columns=["tag"]), MIXED)


@pytest.mark.parametrize(
    ("columns", "message"), [([], "name the columns"), (["a", "a"], "twice"), ("a", "tuple")]
)
@pytest.mark.parametrize("field", ["columns", "remove"])
def test_select_refuses_when_made(field, columns, message):
    with pytest.raises(ConfigurationError, match=message):
        SelectColumns(**{field: columns})


def test_select_removes_columns_and_keeps_the_order_of_the_others():
    kept = [{name: row[name] for name in row if name not in ("tags", "n")} for row in MIXED]
    assert result(SelectColumns(remove=["n", "tags"]), MIXED) == kept
    with pytest.raises(ColumnError, match=r"remove: no column 'tag'\. Did you mean 'tags'"):
        run(SelectColumns(remove=["tag"]), MIXED)
    with pytest.raises(ConfigurationError, match="those to remove"):
        SelectColumns(columns=["n"], remove=["tags"])


# Sample

MANY = [{"n": n, "group": ("a", "b", None)[n % 3], "shape": {"k": n % 2}} for n in range(300)]


def test_a_sample_is_reproducible_and_keeps_order():
    first, second = (result(Sample(count=40, seed=3), MANY) for _ in range(2))
    assert first == second
    assert len(first) == 40
    assert [row["n"] for row in first] == sorted(row["n"] for row in first)
    assert first != result(Sample(count=40, seed=4), MANY)


def test_a_sample_is_spread_over_the_table():
    places = [row["n"] for row in result(Sample(count=100), MANY)]
    assert 110 < np.mean(places) < 190


def test_growing_samples_contain_the_smaller():
    small, large = ({row["n"] for row in result(Sample(count=c), MANY)} for c in (20, 60))
    assert small < large


@pytest.mark.parametrize("group", ["group", "shape"])
def test_stratified_samples_are_exact_in_every_group(group):
    rows = result(Sample(count=7), MANY, input_group=group)
    counts = pd.Series([repr(row[group]) for row in rows]).value_counts().tolist()
    assert counts == [7] * (3 if group == "group" else 2)
    halves = result(Sample(fraction=0.25), MANY, input_group="group")
    assert pd.Series([repr(row["group"]) for row in halves]).value_counts().tolist() == [25] * 3


@pytest.mark.parametrize(
    ("configuration", "size"),
    [({"count": 0}, 0), ({"count": 999}, 300), ({"fraction": 0.0}, 0), ({"fraction": 1.0}, 300)],
)
def test_sample_sizes_at_the_edges(configuration, size):
    table = run(Sample(**configuration), MANY)
    assert len(table) == size
    assert len(table.dropped()) == 300 - size


@pytest.mark.parametrize(
    "configuration",
    [{}, {"count": 1, "fraction": 0.5}, {"count": -1}, {"fraction": 1.5}, {"count": 1, "seed": -1}],
)
def test_sample_refuses(configuration):
    with pytest.raises(ConfigurationError, match="Sample"):
        Sample(**configuration)


# Sort


def places(operator, values, **more):
    return [
        row["place"] for row in result(operator, column("v", values), input_columns=["v"], **more)
    ]


@pytest.mark.parametrize(
    ("values", "up", "down"),
    [
        ([2, None, 1, 2], [2, 0, 3, 1], [0, 3, 2, 1]),
        (["b", "Z", None, "é", "😀", "\uffff", ""], [6, 1, 0, 3, 5, 4, 2], [4, 5, 3, 0, 1, 6, 2]),
        ([True, None, False], [2, 0, 1], [0, 2, 1]),
        ([2**53 + 1, 2**53, None], [1, 0, 2], [0, 1, 2]),
        ([None, None], [0, 1], [0, 1]),
    ],
)
def test_sort_is_stable_with_nulls_last(values, up, down):
    assert places(Sort(), values) == up
    assert places(Sort(order="descending"), values) == down


def test_sort_by_several_columns():
    rows = [{"a": 1, "b": 2}, {"a": 0, "b": 9}, {"a": 1, "b": 1}]
    assert result(Sort(), rows, input_columns=["a", "b"]) == [rows[1], rows[2], rows[0]]


@pytest.mark.parametrize("name", ["tags", "deep", "any"])
def test_sort_refuses_columns_without_order(name):
    with pytest.raises(ColumnError, match=f"column '{name}' holds lists or dicts"):
        run(Sort(), MIXED, input_columns=[name])
