"""DeriveColumn: expressions, templates, their sandbox, and what is refused."""

import pyarrow as pa
import pytest

from dataflow_core import MemoryStorage
from dataflow_core.errors import ColumnError, ConfigurationError, ExpressionError
from dataflow_core.operators.general import DeriveColumn

MIXED = [
    {"n": 1, "text": "日本語 😀", "tags": ["a", "b"]},
    {"n": None, "text": None, "tags": None},
    {"n": 2**60 + 1, "text": "", "tags": []},
]


def run(operator, rows, **bindings):
    table = MemoryStorage(rows)
    operator.run(table, **bindings)
    return table


def result(operator, rows, **bindings):
    return run(operator, rows, **bindings).rows()


def test_derive_by_expression_keeps_nulls_and_types():
    table = run(DeriveColumn(expression="n + 1"), MIXED, output_column="next")
    assert [row["next"] for row in table.rows()] == [2, None, 2**60 + 2]
    assert table.columns()["next"] == pa.int64()
    assert result(DeriveColumn(expression="n * 2"), [{"n": 1}], output_column="n") == [{"n": 2}]


def test_derive_by_template_renders_null_as_nothing():
    template = "{{ text }}|{{ n }}|{% if tags %}{{ tags|join('+') }}{% endif %}\n"
    made = [
        row["made"] for row in result(DeriveColumn(template=template), MIXED, output_column="made")
    ]
    assert made == ["日本語 😀|1|a+b\n", "||\n", f"|{2**60 + 1}|\n"]


def test_names_in_a_template_are_columns_and_nothing_else():
    rows = [{"range": 1, "dict": 2, "lipsum": 3}]
    template = DeriveColumn(template="{{ range }}{{ dict }}{{ lipsum }}")
    assert result(template, rows, output_column="made")[0]["made"] == "123"
    with pytest.raises(ColumnError, match="template: no column 'range'"):
        run(DeriveColumn(template="{{ range(3) }}"), MIXED, output_column="made")


def test_a_row_that_cannot_be_rendered_is_quarantined():
    rows = [{"d": {"k": 1}}, {"d": None}]
    table = run(DeriveColumn(template="{{ d.k }}"), rows, output_column="made")
    assert table.rows() == [{"d": {"k": 1}, "made": "1"}]
    assert table.quarantined()["reason"].tolist() == ["template_failed"]
    assert "'None' has no attribute 'k'" in table.quarantined()["message"].iloc[0]


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ text.__class__ }}",
        "{{ tags.append(1) }}",
        "{{ text.format.__globals__ }}",
        "{{ '{0.__class__}'.format(text) }}",
    ],
)
def test_a_template_cannot_leave_the_sandbox(template):
    table = MemoryStorage(MIXED[:1])
    with pytest.raises(ConfigurationError, match="not allowed"):
        DeriveColumn(template=template).run(table, output_column="made")
    assert table.rows() == MIXED[:1]


@pytest.mark.parametrize(
    ("configuration", "error", "message"),
    [
        ({}, ConfigurationError, "give either expression or template"),
        ({"expression": "1", "template": "x"}, ConfigurationError, "give either"),
        ({"template": "a\n{{"}, ConfigurationError, "line 2 of the template"),
        ({"template": "{{ a|nofilter }}"}, ConfigurationError, "No filter named 'nofilter'"),
        ({"template": "{{ a|random }}"}, ConfigurationError, "No filter named 'random'"),
        ({"template": "{% include '/etc/passwd' %}"}, ConfigurationError, "cannot include"),
        ({"template": "{{ self }}"}, ConfigurationError, "'self' is Jinja's own name"),
        ({"expression": "n >"}, ExpressionError, "does not parse"),
        ({"expression": ""}, ExpressionError, "does not parse"),
    ],
)
def test_derive_refuses_when_made(configuration, error, message):
    with pytest.raises(error, match=message):
        DeriveColumn(**configuration)


@pytest.mark.parametrize("configuration", [{"expression": "txt || 'x'"}, {"template": "{{ txt }}"}])
def test_derive_names_a_missing_column(configuration):
    with pytest.raises(ColumnError, match=r"no column 'txt'\. Did you mean 'text'"):
        run(DeriveColumn(**configuration), MIXED, output_column="made")
