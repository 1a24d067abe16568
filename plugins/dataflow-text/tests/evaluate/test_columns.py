"""The evaluators on columns of every Arrow type for texts, and on tables without rows."""

from __future__ import annotations

import pyarrow as pa
import pytest

from dataflow_core import MemoryStorage
from dataflow_text import (
    BleuEvaluator,
    ChrfEvaluator,
    CiderEvaluator,
    LanguageEvaluator,
    LexicalDiversityEvaluator,
    NgramRepetitionEvaluator,
    RougeEvaluator,
    TokenCountEvaluator,
)

TYPES = [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
OPERATORS = [
    BleuEvaluator(),
    ChrfEvaluator(),
    CiderEvaluator(),
    LanguageEvaluator(),
    LexicalDiversityEvaluator(),
    NgramRepetitionEvaluator(),
    RougeEvaluator(),
    TokenCountEvaluator(),
]
EACH = pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.step_name())


def result(operator, texts, kind):
    column = pa.array(texts, pa.string()).cast(kind)
    table = MemoryStorage(pa.table({"text": column, "reference": column}))
    operator.run(table)
    return [
        {k: v for k, v in row.items() if k not in {"text", "reference"}} for row in table.rows()
    ]


@EACH
@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_every_type_of_text_has_the_same_measures(operator, kind):
    texts = ["the old man walked to the river " * 9, None, "", "今天天气很好。"]
    assert result(operator, texts, kind) == result(operator, texts, pa.string())


@EACH
def test_a_table_without_rows(operator):
    assert result(operator, [], pa.string()) == []
