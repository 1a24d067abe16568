"""Reading facts out of texts into columns."""

import json

import pyarrow as pa
import pytest

from dataflow_core import MemoryStorage, Pipeline
from dataflow_core.errors import ColumnError, ConfigurationError, OperatorError, PlanError
from dataflow_core.operators.general import ExtractFields, FilterRows
from dataflow_core.testing import ScriptedServing

FIELDS = {
    "name": "Whom it is about.",
    "born": {"type": "integer", "description": "The year of birth."},
    "height": {"type": "number", "description": "In metres."},
    "alive": {"type": "boolean"},
    "works": {"type": "list"},
    "field": {"enum": ["science", "music"]},
}
NOTHING = dict.fromkeys(FIELDS)
FOUND = {
    "name": "Ἀρχιμήδης",
    "born": -287,
    "height": 2,
    "alive": False,
    "works": ["Ψαμμίτης"],
    "field": "science",
}
KINDS = {
    "name": pa.string(),
    "born": pa.int64(),
    "height": pa.float64(),
    "alive": pa.bool_(),
    "works": pa.list_(pa.string()),
    "field": pa.string(),
}


def extracted(told, rows=1, fields=FIELDS, **options):
    table = MemoryStorage([{"text": f"text {n}"} for n in range(rows)])
    serving = ScriptedServing(told, corrections=0)
    ExtractFields(serving=serving, fields=fields, **options).run(table)
    return table


def answering(*answers):
    return lambda text: json.dumps(answers[int(text.split("text ")[1].split()[0])])


def test_facts_become_columns_of_their_types():
    table = extracted(answering(FOUND, NOTHING, {**FOUND, "height": 1.5}), 3)
    first, second, third = table.rows()
    assert first == {"text": "text 0", **FOUND}
    assert isinstance(first["height"], float)
    assert second == {"text": "text 1", **NOTHING}
    assert third["height"] == 1.5
    assert {name: table.columns()[name] for name in FIELDS} == KINDS


@pytest.mark.parametrize(
    "change",
    [
        {"born": "long ago"},
        {"born": 1.5},
        {"alive": "perhaps"},
        {"works": [["A"]]},
        {"field": "Science and music"},
        {"name": ["A", "B"]},
    ],
)
def test_a_value_of_another_type_fails_the_row_and_is_no_null(change):
    table = extracted(answering({**FOUND, **change}, FOUND), 2)
    assert [row["text"] for row in table.rows()] == ["text 1"]
    assert table.quarantined()["reason"].tolist() == ["schema_mismatch"]
    assert next(iter(change)) in table.quarantined()["message"].tolist()[0]


def test_a_field_that_is_left_out_is_no_null_either():
    told = {name: value for name, value in FOUND.items() if name != "born"}
    assert extracted(answering(told)).rows() in ([], [{"text": "text 0", **FOUND, "born": None}])


def test_empty_text_is_null_and_an_empty_list_stays():
    table = extracted(answering({**NOTHING, "name": " ", "works": []}))
    assert table.rows() == [{"text": "text 0", **NOTHING, "works": []}]


@pytest.mark.parametrize(("name", "value"), [("born", 2**63), ("height", 10**400)])
def test_numbers_that_no_column_holds_fail(name, value):
    table = extracted(answering({**FOUND, name: value}, FOUND), 2)
    assert len(table.rows()) == 1
    assert table.quarantined()["reason"].tolist() == ["number_too_large"]
    assert table.columns()[name] == KINDS[name]
    assert extracted(answering({**FOUND, "born": 2**63 - 1})).rows()[0]["born"] == 2**63 - 1


class Read(Pipeline):
    def __init__(self, storage, fields, where):
        super().__init__(storage)
        self.read = ExtractFields(serving=ScriptedServing(lambda text: "{}"), fields=fields)
        self.filter = FilterRows(where=where)

    def forward(self):
        self.read.run(self.storage)
        self.filter.run(self.storage)


def test_a_plan_knows_the_columns():
    storage = MemoryStorage([{"text": "a"}])
    plan = Read(storage, FIELDS, "born > 1800").compile()
    assert plan.columns(storage.columns())["read"] == {"text": pa.string(), **KINDS}
    with pytest.raises(PlanError, match=r"no column 'boorn'\. Did you mean 'born'"):
        Read(storage, FIELDS, "boorn > 1800").compile()


def test_columns_that_are_there_are_not_overwritten():
    rows = [{"text": "a", "name": "b"}]
    message = "the table has a column 'name' already, which would be overwritten"
    with pytest.raises(PlanError, match=message):
        Read(MemoryStorage(rows), {"name": "A name."}, "name IS NULL").compile()
    table = MemoryStorage(rows)
    with pytest.raises((ColumnError, OperatorError), match=message):
        ExtractFields(serving=ScriptedServing({}), fields={"name": "A name."}).run(table)
    assert table.rows() == rows


def test_the_prompt_says_each_fact():
    serving = ScriptedServing(lambda text: "{}", corrections=0)
    ExtractFields(serving=serving, fields=FIELDS).run(MemoryStorage([{"text": "a"}]))
    system = serving.requests[0].messages[0]["content"]
    for line in (
        "- name (string): Whom it is about.\n",
        "- born (integer): The year of birth.\n",
        "- works (list of strings)\n",
        "- field (string) One of: science, music.\n",
    ):
        assert line in system


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "name the fields"),
        ({"a": {"type": "date"}}, "Input should be 'string'"),
        ({"a": {"type": "integer", "enum": ["1"]}}, "enum lists strings"),
        ({"a": {"kind": "string"}}, "kind"),
        ({"": "x"}, "cannot be the name of a column"),
        ({"__dataflow_x": "x"}, "cannot be the name of a column"),
    ],
)
def test_fields_that_make_no_sense_are_refused(fields, message):
    with pytest.raises(ConfigurationError, match=message):
        ExtractFields(serving=ScriptedServing({}), fields=fields)


@pytest.mark.parametrize(
    ("enum", "told"),
    [([1, 2], "fields.a.enum: its values are strings, found 1"), ([], "one at least"),
     ("ab", "give a list of strings")],
)  # fmt: skip
def test_an_enum_of_no_strings_is_told_plainly(enum, told):
    with pytest.raises(ConfigurationError, match=told):
        ExtractFields(serving=ScriptedServing({}), fields={"a": {"type": "integer", "enum": enum}})
