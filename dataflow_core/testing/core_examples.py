"""Examples of the general operators, of which the conformance kit cannot make up all."""

from __future__ import annotations

import pandas as pd

from dataflow_core.testing.example import Example


def with_length(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with the lengths of its texts."""
    return table.assign(length=table["text"].str.len())


_PEOPLE = (
    {"id": "a", "name": "Ada", "age": 36, "tags": ["x"]},
    {"id": "b", "name": "Tim", "age": 7, "tags": []},
    {"id": "c", "name": "李", "age": 64, "tags": None},
    {"id": "a", "name": "Ada", "age": 36, "tags": ["x", "y"]},
)
_VECTORS = ([1.0, 0.0], [0.0, 1.0], [2.0, 0.01], None, [-1.0, 0.5])
_EMBEDDED = tuple({"text": f"text {at}", "embedding": one} for at, one in enumerate(_VECTORS))
_TEXTS = ("The cat sleeps all day.", "Taxes rise again.", "Cats and taxes.", "Rain in the north.")

EXAMPLES = {
    "apply": Example(
        configuration={"func": with_length},
        columns={"output_columns": ("length",)},
        expected_failures={
            "check_configuration_round_trips": "a recipe cannot hold a Python function"
        },
    ),
    "chunked_generator": Example(configuration={"instruction": "Sum up what is told."}),
    "classify": Example(
        configuration={"labels": {"weather": "Rain or sun.", "money": "Prices and taxes."}}
    ),
    "derive_column": Example(
        configuration={"expression": "age * 2"},
        columns={"output_column": "twice"},
        rows=_PEOPLE,
    ),
    "explode": Example(columns={"input_list": "tags", "output_item": "tag"}, rows=_PEOPLE),
    "extract_fields": Example(
        configuration={"fields": {"who": "Whom it is about.", "count": {"type": "integer"}}}
    ),
    "filter_rows": Example(configuration={"where": "age >= 18"}, rows=_PEOPLE),
    "format_training": Example(
        configuration={"format": "messages"},
        columns={"input_instruction": "question", "input_output": "answer"},
        rows=[
            {"question": "2 + 2?", "answer": "4"},
            {"question": "3 + 3?", "answer": "6"},
            {"question": "?", "answer": ""},
        ],
    ),
    "join": Example(
        columns={
            "input_on": ("id",),
            "input_table": [{"id": "a", "city": "London"}, {"id": "b", "city": "Bern"}],
        },
        rows=_PEOPLE,
    ),
    "k_center_greedy": Example(configuration={"num_samples": 2}, rows=_EMBEDDED),
    "prompted_generator": Example(configuration={"instruction": "Sum up the text."}),
    "prompted_refiner": Example(configuration={"instruction": "Write it in plain words."}),
    "rename_columns": Example(configuration={"names": {"name": "called"}}, rows=_PEOPLE),
    "retrieve": Example(
        configuration={"corpus_id": "id"},
        columns={"input_corpus": [{"id": f"p{at}", "text": one} for at, one in enumerate(_TEXTS)]},
        rows=[{"query": "Do cats sleep?"}, {"query": "taxes"}, {"query": "nothing"}],
    ),
    "sample": Example(configuration={"count": 2, "seed": 1}, rows=_PEOPLE),
    "select_columns": Example(configuration={"columns": ["name", "age"]}, rows=_PEOPLE),
    "semantic_deduplicate": Example(rows=_EMBEDDED),
    "sort": Example(columns={"input_columns": ("age", "name")}, rows=_PEOPLE),
    "template_generator": Example(
        configuration={"prompt": "Sum up: {{ name }}, aged {{ age }}"}, rows=_PEOPLE
    ),
    "want": Example(
        configuration={"rows": 2},
        rows=_PEOPLE,
        expected_failures={
            "check_ledger_sums": "a run reads no further when it has enough, a notebook drops these"
        },
    ),
}
"""By name."""
