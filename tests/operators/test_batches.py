"""Batch size never matters: row operators batch by batch, dataset operators in two phases."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_core import Evaluator, MemoryStorage, Storage
from dataflow_core.errors import ConfigurationError
from dataflow_core.operators import BoundsFilter, NumberColumn, TextColumn, truth
from dataflow_core.operators.dataset import TwoPhase
from dataflow_core.operators.general import (
    Apply,
    DeduplicateExact,
    DeriveColumn,
    Explode,
    FilterRows,
    RenameColumns,
    Sample,
    SelectColumns,
)
from dataflow_core.storage.table_storage import TableStorage
from dataflow_core.table.frames import concat_frames
from dataflow_core.table.values import rows_of


class Length(Evaluator):
    """Count characters, times ``factor``."""

    factor: float = 1.0

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_length: NumberColumn = "length",
    ) -> None:
        table = storage.read([input_text])
        table[output_length] = table[input_text].str.len().astype("Float64") * self.factor
        storage.write(table)


class LengthFilter(BoundsFilter):
    """Keep texts by length."""

    evaluator = Length
    factor: float = 1.0
    min_value: float | None = 2

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_length: NumberColumn = "length",
    ) -> None:
        self.keep_within_bounds(
            storage, output_length, input_text=input_text, output_length=output_length
        )


TEXTS = st.one_of(st.none(), st.sampled_from(["", "a", "bb", "日本", "😀😀😀", "a"]))
ROWS = st.fixed_dictionaries(
    {
        "text": TEXTS,
        "n": st.one_of(st.none(), st.integers(-3, 3), st.just(2**60 + 1)),
        "tags": st.one_of(
            st.none(), st.lists(st.one_of(st.none(), st.sampled_from("xy")), max_size=3)
        ),
    }
)
TABLES = st.lists(ROWS, min_size=1, max_size=12)
CUTS = st.lists(st.integers(1, 12), max_size=4)

ROW_OPERATORS = [
    (Apply(func=lambda table: table[table["n"].notna()]), {}),
    (DeriveColumn(expression="n * 2 + len(text)"), {"output_column": "made"}),
    (DeriveColumn(template="{{ text }}:{{ n }}"), {"output_column": "made"}),
    (Explode(), {"input_list": "tags"}),
    (Explode(keep_empty=True), {"input_list": "tags", "output_item": "tag"}),
    (FilterRows(where="n > 0 OR text LIKE 'b%' OR 'x' IN tags"), {}),
    (LengthFilter(min_value=1, max_value=2), {}),
    (RenameColumns(names={"n": "text", "text": "n"}), {}),
    (SelectColumns(columns=["tags", "n"]), {}),
]

TWO_PHASE_OPERATORS = [
    (DeduplicateExact(), {"input_columns": None}),
    (DeduplicateExact(), {"input_columns": ("text",)}),
    (DeduplicateExact(), {"input_columns": ("tags", "n")}),
    (Sample(count=2, seed=1), {"input_group": None}),
    (Sample(fraction=0.5), {"input_group": "text"}),
]


SCHEMA = pa.schema({"text": pa.string(), "n": pa.int64(), "tags": pa.list_(pa.string())})


def typed(rows):
    return MemoryStorage(pa.Table.from_pylist(rows, schema=SCHEMA))


def parts_of(frame, cuts):
    edges = sorted({0, len(frame), *(cut for cut in cuts if cut < len(frame))})
    return [frame.slice(a, b - a) for a, b in pairwise(edges)]


def account(outcomes):
    """Return what became of the rows: those left with ids, and those dropped with reasons."""
    after = concat_frames([outcome.after for outcome in outcomes])
    dropped = {
        row_id: (reason, value, related)
        for o in outcomes
        for row_id, reason, value, related in zip(
            o.dropped.ids.tolist(),
            o.dropped.reasons,
            o.dropped.values,
            o.dropped.related,
            strict=True,
        )
    }
    return rows_of(after.to_arrow()), after.ids.tolist(), dropped


@pytest.mark.parametrize(("operator", "bindings"), ROW_OPERATORS, ids=lambda value: str(value)[:40])
@settings(max_examples=12, deadline=None)
@given(rows=TABLES, cuts=CUTS)
def test_row_operators_do_not_see_the_batch(operator, bindings, rows, cuts):
    whole = typed(rows)
    parts = [TableStorage(part) for part in parts_of(whole.frame, cuts)]
    for table in (whole, *parts):
        operator.run(table, **bindings)
    assert account([part.outcomes[0] for part in parts]) == account(whole.outcomes)


@pytest.mark.parametrize(
    ("operator", "bindings"), TWO_PHASE_OPERATORS, ids=lambda value: str(value)[:40]
)
@settings(max_examples=12, deadline=None)
@given(rows=TABLES, cuts=CUTS)
def test_sketches_of_parts_decide_as_the_whole_table(operator, bindings, rows, cuts):
    whole = typed(rows)
    frames = parts_of(whole.frame, cuts)
    decision = operator.decide(
        pd.concat([operator.sketch(TableStorage(frame), **bindings) for frame in frames])
    )
    parts = [TableStorage(frame) for frame in frames]
    for part in parts:
        mine = decision[decision.index.isin(part.frame.ids)]
        part.perform(operator, bindings, lambda s, mine=mine: operator.apply(s, mine, **bindings))
    operator.run(whole, **bindings)
    assert account([part.outcomes[0] for part in parts]) == account(whole.outcomes)


@settings(max_examples=12, deadline=None)
@given(st.lists(TEXTS, max_size=12))
def test_deduplication_agrees_with_a_set(texts):
    seen, kept = set(), []
    for text in texts:
        if text is None or text not in seen:
            kept.append(text)
        seen.add(text)
    table = MemoryStorage([{"text": text} for text in texts] or pd.DataFrame({"text": []}))
    DeduplicateExact().run(table, input_columns=["text"])
    assert [row["text"] for row in table.rows()] == kept


# Bounds


def bounded(texts, **configuration):
    table = MemoryStorage([{"text": text} for text in texts])
    LengthFilter(**configuration).run(table)
    return table


def test_bounds_keep_the_measure_and_say_on_which_side_a_row_fell():
    table = bounded(["a", "bb", None, "cccc", ""], min_value=1, max_value=3)
    assert table.rows() == [{"text": "a", "length": 1.0}, {"text": "bb", "length": 2.0}]
    dropped = table.dropped()
    assert dropped["reason"].tolist() == ["no_value", "above_maximum", "below_minimum"]
    assert dropped["value"].astype(object).where(dropped["value"].notna(), None).tolist() == [
        None, "4.0", "0.0",
    ]  # fmt: skip
    assert [outcome.step for outcome in table.outcomes] == ["length_filter"]


def test_a_column_of_nulls_alone_is_an_ordinary_text_column():
    assert len(bounded([None, None])) == 0


def test_bounds_are_inclusive_and_pass_shared_fields_on():
    assert len(bounded(["a", "bb"], factor=10, min_value=10, max_value=20)) == 2
    assert len(bounded(["a", "bb"], factor=10, min_value=10.5, max_value=19.5)) == 0
    assert len(bounded(["a", None], min_value=None)) == 1


def test_bounds_must_be_in_order():
    with pytest.raises(
        ConfigurationError, match=r"min_value \(3.0\) is larger than max_value \(2.0\)"
    ):
        LengthFilter(min_value=3, max_value=2)


def test_truth_counts_null_as_false():
    mask = pd.Series([True, None, False], dtype="boolean")
    assert truth(mask).tolist() == [True, False, False]
    assert truth(pd.Series([True, False])).dtype == np.bool_


def test_a_two_phase_operator_needs_all_its_phases():
    with pytest.raises(TypeError, match="abstract"):
        type("Half", (TwoPhase,), {"__module__": __name__})()
