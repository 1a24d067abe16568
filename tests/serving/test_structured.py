"""Structured output: reading what models answer by a schema, and asking for what is wrong."""

import enum
import json
import pickle
import re
from datetime import datetime
from typing import Annotated, Literal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator, model_validator

from dataflow_core.errors import ConfigurationError
from dataflow_core.serving.structured import AnswerSchema, Correction, Problem

ITEM = {
    "type": "object",
    "properties": {
        "q": {"type": "string"},
        "n": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "level": {"enum": ["easy", "hard"]},
        "ok": {"type": "boolean"},
    },
    "required": ["q"],
    "additionalProperties": False,
}
SCHEMA = AnswerSchema.of(ITEM)
ANY_OBJECT = AnswerSchema.of({"type": "object"})
NUMBERS = AnswerSchema.of({"type": "array", "items": {"type": "number"}})


def paths(read):
    return [problem.path for problem in read.problems]


# ------------------------------------------------------------------- answers as models send them

FITS = [
    # plain, and around it
    ('{"q": "a", "n": 1}', {"q": "a", "n": 1}, set()),
    ('\ufeff  {"q": "a"}\r\n', {"q": "a"}, set()),
    ('```json\n{"q": "a"}\n```', {"q": "a"}, {"fence"}),
    ('```\n{"q": "a"}```', {"q": "a"}, {"fence"}),
    ('~~~JSON\n{"q": "a"}\n~~~', {"q": "a"}, {"fence"}),
    ('Sure! Here you go:\n```json\n{"q": "a"}\n```\nHope it helps.', {"q": "a"},
     {"fence", "text around it"}),
    ('The answer is {"q": "a"}.', {"q": "a"}, {"text around it"}),
    ('{"q": "a"}<|im_end|>', {"q": "a"}, {"text around it"}),
    ('{"q": "a"}}', {"q": "a"}, {"text around it"}),
    ('<think>maybe {"q": "b"}?</think>\n{"q": "a"}', {"q": "a"}, {"reasoning"}),
    ('maybe {"q": "b"}?\n</think>{"q": "a"}', {"q": "a"}, {"reasoning"}),
    ('{"q": "a </think> b"}', {"q": "a </think> b"}, set()),
    ('{"q": "```py\\nx\\n```",}', {"q": "```py\nx\n```"}, {"trailing comma"}),
    ('In [1] and [0, 1) and {x | x > 0} we see {"q": "a"}', {"q": "a"}, {"text around it"}),
    ('\\frac{1}{2} gives {"q": "a"}', {"q": "a"}, {"text around it"}),
    # two values
    ('{"q": "a", "n": 1}\n{"n": 1, "q": "a"}', {"q": "a", "n": 1}, {"text around it"}),
    ('{"wrong": 1} No: {"q": "a"}', {"q": "a"}, {"text around it"}),
    # syntax
    ('{"q": "a", "tags": ["x", "y",],}', {"q": "a", "tags": ["x", "y"]}, {"trailing comma"}),
    ("{'q': 'a', 'ok': True}", {"q": "a", "ok": True}, {"quotes", "Python word"}),
    ("{'q': 'it\\'s'}", {"q": "it's"}, {"quotes", "escape"}),
    ("{'q': 'it's'}", {"q": "it's"}, {"quotes", "quote inside a string"}),
    ("{'q': 'a \"b\" c'}", {"q": 'a "b" c'}, {"quotes"}),
    ("{'q': 'caf\\xe9'}", {"q": "café"}, {"quotes", "escape"}),
    ('{q: "a", n: 1}', {"q": "a", "n": 1}, {"unquoted key"}),
    ('{"q": "a", // the text\n "n": 1 /* one */}', {"q": "a", "n": 1}, {"comment"}),
    ('{"q": "a" # the text\n, "n": 1}', {"q": "a", "n": 1}, {"comment"}),
    ('{"q": "a"\n "n": 1}', {"q": "a", "n": 1}, {"missing comma"}),
    ('{"q": "line 1\nline 2\tend"}', {"q": "line 1\nline 2\tend"}, {"line break in a string"}),
    ('{"q": "He said "hi" to me", "n": 1}', {"q": 'He said "hi" to me', "n": 1},
     {"quote inside a string"}),
    ('{"q": "他说"你好"了"}', {"q": '他说"你好"了'}, {"quote inside a string"}),
    ("{“q”：“好，的”，“n”：1}", {"q": "好，的", "n": 1}, {"quotes", "full-width punctuation"}),
    ('{"q": "a，b：c"}', {"q": "a，b：c"}, set()),
    ('{"q": """say "x" now"""}', {"q": 'say "x" now'}, {"quotes"}),
    ('{"q": "a", "q": "a"}', {"q": "a"}, {"repeated key"}),
    # LaTeX
    (r'{"q": "\(x\) and \alpha"}', {"q": r"\(x\) and \alpha"}, {"escape"}),
    (r'{"q": "\frac{1}{2} \beta \nabla \times \rho \theta"}',
     {"q": r"\frac{1}{2} \beta \nabla \times \rho \theta"}, {"escape"}),
    (r'{"q": "$x \to 0$, $\nu \ne 1$"}', {"q": r"$x \to 0$, $\nu \ne 1$"}, {"escape"}),
    (r'{"q": "\underline{a} \u00e9"}', {"q": "\\underline{a} é"}, {"escape"}),
    (r'{"q": "\begin{pmatrix} 1 \\ 2 \end{pmatrix}"}',
     {"q": r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"}, {"escape"}),
    (r'{"q": "\\frac{1}{2}\n\\(x\\)\tend"}', {"q": "\\frac{1}{2}\n\\(x\\)\tend"}, set()),
    (r'{"q": "while True:\ni = 0\n\tto = 1\ne"}', {"q": "while True:\ni = 0\n\tto = 1\ne"}, set()),
    (r'{"q": "page 1\f\fPage 2"}', {"q": "page 1\f\fPage 2"}, set()),
    (r'{"q": "\ud83d\ude00"}', {"q": "😀"}, set()),
    # types
    ('{"q": "a", "n": "3"}', {"q": "a", "n": 3}, {"text to integer at n"}),
    ('{"q": "a", "n": 3.0}', {"q": "a", "n": 3}, {"number to integer at n"}),
    ('{"q": "a", "ok": "true"}', {"q": "a", "ok": True}, {"text to boolean at ok"}),
    ('{"q": 42}', {"q": "42"}, {"integer to text at q"}),
    ('{"q": "a", "tags": "[\\"x\\"]"}', {"q": "a", "tags": ["x"]}, {"text to array at tags"}),
    ('{"q": "a", "n": null}', {"q": "a"}, {"null at n left out"}),
    ('{"q": "a", "note": "hm"}', {"q": "a"}, {"extra field note left out"}),
    ('"{\\"q\\": \\"a\\"}"', {"q": "a"}, {"text to object at the answer"}),
    ('{"q": "a", "n": 9007199254740993}', {"q": "a", "n": 9007199254740993}, set()),
    ('{"q": "a", "n": 123456789012345678901234567890}',
     {"q": "a", "n": 123456789012345678901234567890}, set()),
]  # fmt: skip

FAILS = [
    ("", "empty_answer"),
    ("  \n ", "empty_answer"),
    ("<think>hm</think>", "empty_answer"),
    ("I cannot help with that.", "unparsable_answer"),
    # never shortened, never filled up
    ('{"q": "a", "n": 1', "unparsable_answer"),
    ('{"q": "a", "tags": ["x", "y"', "unparsable_answer"),
    ('{"q": "a', "unparsable_answer"),
    ('```json\n{"q": "a"\n```', "unparsable_answer"),
    ('{"q": "a", "n": }', "unparsable_answer"),
    ('{"q": "a", "tags": ["x", ...]}', "unparsable_answer"),
    ('{"q": "a", "tags": ["x",, "y"]}', "unparsable_answer"),
    ('{"q": "a", "n": 1 2}', "unparsable_answer"),
    ('{"q": "a", "n": 1/2}', "unparsable_answer"),
    ('{"q": "a", "n": 1,234}', "unparsable_answer"),
    ('{"q": "a", "n": 007}', "unparsable_answer"),
    ('{"q": "a" "b"}', "unparsable_answer"),
    ('{"q": a}', "unparsable_answer"),
    # no piece of a broken answer is an answer
    ('{"note": @@, "inner": {"q": "a"}}', "unparsable_answer"),
    ('{"items": [{"q": "a"}, {"q": "b"', "unparsable_answer"),
    ('{"x": "it"s }", "inner": {"q": "a"}}', "unparsable_answer"),
    ('"n": 1, "inner": {"q": "a"}}', "unparsable_answer"),
    ('{"q": "a"}, "n": 1}', "unparsable_answer"),
    ('{"q": "a"} {"q": "b', "unparsable_answer"),
    # ambiguous
    ('{"q": "a"}\nor\n{"q": "b"}', "unparsable_answer"),
    ('{"q": "He said "no", and left"}', "unparsable_answer"),
    ('{"q": "a", "q": "b"}', "schema_mismatch"),
    # no value of JSON
    ('{"q": "a", "n": NaN}', "schema_mismatch"),
    ('{"q": "a", "n": -Infinity}', "schema_mismatch"),
    ('{"q": "a", "n": 1e999}', "schema_mismatch"),
    ('{"q": "\\ud83d"}', "schema_mismatch"),
    ('{"q": "\ud83d"}', "schema_mismatch"),
    # types
    ('{"q": "a", "n": true}', "schema_mismatch"),
    ('{"q": "a", "n": "three"}', "schema_mismatch"),
    ('{"q": "a", "n": 3.5}', "schema_mismatch"),
    ('{"q": "a", "n": "3.5"}', "schema_mismatch"),
    ('{"q": "a", "ok": 1}', "schema_mismatch"),
    ('{"q": "a", "ok": "yes"}', "schema_mismatch"),
    ('{"q": "a", "tags": "x"}', "schema_mismatch"),
    ('{"q": "a", "level": "Easy"}', "schema_mismatch"),
    ('{"q": "a", "level": "easy "}', "schema_mismatch"),
    ('{"q": null}', "schema_mismatch"),
    ("{}", "schema_mismatch"),
    ("Put it into {} please.", "unparsable_answer"),
    ('{"q": 0.50}', "schema_mismatch"),
    ('{"n": 1}', "schema_mismatch"),
    ('[{"q": "a"}]', "schema_mismatch"),
    ('"a"', "schema_mismatch"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value", "repaired"), FITS)
def test_an_answer_from_real_life_is_read_in_full(text, value, repaired):
    read = SCHEMA.read(text)
    assert (read.value, read.problems, read.reason) == (value, (), "")
    assert set(read.repaired) == repaired
    assert json.dumps(read.value, sort_keys=True) == json.dumps(value, sort_keys=True)


@pytest.mark.parametrize(("text", "reason"), FAILS)
def test_an_answer_that_only_a_guess_could_mend_is_refused(text, reason):
    read = SCHEMA.read(text)
    assert (read.value, read.ok, read.reason) == (None, False, reason)
    assert read.problems
    assert read.message


@pytest.mark.parametrize(
    "text", ['{"q": "a", "n": 1', '{"q": "a', '{"q": "a"} But then', "{", "", "No"]
)
def test_an_answer_that_was_cut_off_is_called_so(text):
    read = SCHEMA.read(text, truncated=True)
    assert (read.value, read.reason) == (None, "truncated")
    assert "max_tokens" in read.message
    assert Correction.of(SCHEMA, read) is None


@pytest.mark.parametrize("text", ['{"q": "a"}', '{"q": "a"}\n\n\n', '```json\n{"q": "a"}\n``'])
def test_a_whole_answer_counts_even_where_the_model_went_on_with_nothing(text):
    assert SCHEMA.read(text, truncated=True).value == {"q": "a"}


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "integer"}, "42", 42),
        ({"type": "integer"}, "```\n42\n```", 42),
        ({"type": "integer"}, '"42"', 42),
        ({"type": "integer"}, "42.0", 42),
        ({"type": "number"}, "42.0", 42.0),
        ({"type": "boolean"}, "True", True),
        ({"type": "string"}, '"a"', "a"),
        ({"type": "string"}, "'a'", "a"),
        ({"enum": ["a", "b"]}, '```json\n"a"\n```', "a"),
        ({"type": ["object", "null"]}, "null", None),
        ({"type": "array", "items": {"type": "integer"}}, "It is [1, 2].", [1, 2]),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, "1.0", 1.0),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, '"7"', 7),
        ({}, '{"a": [1, null]}', {"a": [1, None]}),
    ],
)
def test_other_roots_than_objects_are_read(schema, text, value):
    read = AnswerSchema.of(schema).read(text)
    assert read.ok
    assert json.dumps(read.value) == json.dumps(value)


@pytest.mark.parametrize(
    ("text", "truncated"),
    [("12", True), ("```\n12", False), ("It is 12", False), ("12 or 13", False)],
)
def test_a_number_that_may_go_on_is_not_taken(text, truncated):
    assert not AnswerSchema.of({"type": "number"}).read(text, truncated=truncated).ok


def test_two_arrays_that_fit_are_ambiguous_and_one_that_is_left_open_spoils_all():
    assert "2 different values" in NUMBERS.read("See [1]: it is [2, 3].").message
    assert NUMBERS.read("See [1]: it is [2, 3").reason == "unparsable_answer"


def test_an_answer_that_repeats_the_schema_is_no_answer():
    loose = AnswerSchema.of({"type": "object", "properties": {"a": {"type": "integer"}}})
    assert not loose.read(json.dumps(loose.json)).draft
    assert loose.read(f'{json.dumps(loose.json)}\n{{"a": 1}}').value == {"a": 1}


def test_all_problems_are_told_at_their_place_in_words():
    schema = AnswerSchema.of(
        {
            "type": "object",
            "properties": {
                "steps": {
                    "type": "array",
                    "items": {"$ref": "#/$defs/step"},
                    "maxItems": 2,
                },
                "size": {"type": "integer", "minimum": 3},
                "name": {"type": "string", "minLength": 2, "pattern": "^[a-z]+$"},
            },
            "required": ["steps", "size", "name"],
            "$defs": {
                "step": {
                    "type": "object",
                    "properties": {"t": {"type": "string"}},
                    "required": ["t"],
                }
            },
        }
    )
    read = schema.read('{"steps": [{"t": 1.5}, {}], "name": "A"}')
    assert set(map(str, read.problems)) == {
        "steps[0].t should be a text, and is 1.5",
        "steps[1].t is missing",
        "size is missing",
        "name should be of a length of at least 2, and is 1",
        'name does not match "^[a-z]+$"',
    }
    assert read.draft == {"steps": [{"t": 1.5}, {}], "name": "A"}


def test_a_long_value_does_not_flood_the_message():
    read = SCHEMA.read(json.dumps({"q": ["x" * 5000] * 50}))
    assert paths(read) == [("q",)]
    assert len(read.message) < 300


def test_what_cannot_be_read_is_told_with_line_and_column():
    assert "line 2, column 8" in SCHEMA.read('{"q": "a",\n  "n": }').message


def test_nested_too_deep_is_refused_and_not_a_crash():
    deep = '{"a":' * 5000 + "1" + "}" * 5000
    assert "levels of nesting" in ANY_OBJECT.read(deep).message
    assert "levels of nesting" in ANY_OBJECT.read('{"a":' * 101 + "1" + "}" * 101).message
    assert ANY_OBJECT.read('{"a":' * 100 + "1" + "}" * 100).ok


@pytest.mark.parametrize(
    "text",
    [
        '{"a","b"} ' * 3000,
        "{" * 30000,
        '{"a": "' + '\\"' * 30000,
        '{"a" "' + '\\"' * 30000,
        "```" + "\n" * 60000 + "x",
        '{"a": ' + " " * 60000 + "x}",
        '{"a": "b" ' + '"c" ' * 10000,
        '{"a": "x ' + '"y" z ' * 5000,
        "\\" * 60000,
        '{"a": "' + r"\nu " * 5000 + '"}',
        '{"a":1} ' * 1000,
    ],
)
def test_reading_takes_time_in_proportion_to_the_answer(text):
    assert SCHEMA.read(text).reason in {"unparsable_answer", "schema_mismatch"}


def test_a_thousand_texts_become_integers_in_one_go():
    schema = AnswerSchema.of(
        {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}
    )
    assert schema.read(json.dumps([str(n) for n in range(1000)])).value == list(range(1000))


# ------------------------------------------------------------------------------------ properties

SAFE_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).map(
    # a control character before a letter is what undoubled LaTeX looks like
    lambda text: re.sub(r"[\b\f]|[\n\r\t](?=[a-z])", "", text)
)
LEAVES = st.one_of(
    SAFE_TEXT.map(lambda text: ({"type": "string"}, text)),
    st.integers().map(lambda number: ({"type": "integer"}, number)),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda n: ({"type": "number"}, n)),
    st.booleans().map(lambda truth: ({"type": "boolean"}, truth)),
    st.just(({"type": "null"}, None)),
    st.sampled_from(["easy", "hard"]).map(lambda one: ({"enum": ["easy", "hard"]}, one)),
)


def object_of(fields):
    properties = {name: schema for name, (schema, _) in fields.items()}
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(fields),
        "additionalProperties": False,
    }
    return schema, {name: value for name, (_, value) in fields.items()}


def array_of(items):
    of_each = {"prefixItems": [schema for schema, _ in items]} if items else {}
    return {"type": "array", **of_each}, [value for _, value in items]


def containers(inner):
    return st.one_of(
        st.dictionaries(SAFE_TEXT, inner, max_size=4).map(object_of),
        st.lists(inner, max_size=4).map(array_of),
    )


CONTAINERS = containers(st.recursive(LEAVES, containers, max_leaves=8))


def loose(value):
    """Write a value as a careless model does."""
    if isinstance(value, dict):
        members = "".join(f"{loose(key)} : {loose(part)},\n" for key, part in value.items())
        return f"{{ // an object\n{members}}}"
    if isinstance(value, list):
        return "[" + "".join(f"{loose(part)}, " for part in value) + "]"
    if isinstance(value, str):
        inside = json.dumps(value, ensure_ascii=False)[1:-1].replace('\\"', '"')
        return "'" + inside.replace("'", "\\'") + "'"
    return repr(value)


WRITERS = {
    "compact": lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")),
    "indented": lambda value: json.dumps(value, indent=2),
    "careless": loose,
}
WRAPPERS = {
    "bare": "{}",
    "fence": "```json\n{}\n```",
    "open fence": "```\n{}",
    "sentences": "Sure, as asked (see §1):\n\n{}\n\nI hope that it's fine!",
    "reasoning": "<think>so {{1}}</think>\n{}",
}


@settings(max_examples=150, deadline=None)
@given(CONTAINERS, st.sampled_from(sorted(WRITERS)), st.sampled_from(sorted(WRAPPERS)))
def test_a_value_survives_being_written_and_wrapped(pair, writer, wrapper):
    schema, value = pair
    assume(value or wrapper != "sentences")  # {} in a sentence is no answer
    read = AnswerSchema.of(schema).read(WRAPPERS[wrapper].format(WRITERS[writer](value)))
    assert read.ok, read.message
    assert json.dumps(read.value) == json.dumps(value)


@settings(max_examples=40, deadline=None)
@given(
    CONTAINERS, st.sampled_from(sorted(WRITERS)), st.sampled_from(sorted(WRAPPERS)), st.booleans()
)
def test_an_answer_cut_off_anywhere_is_never_another_answer(pair, writer, wrapper, truncated):
    schema = AnswerSchema.of(pair[0])
    text = WRAPPERS[wrapper].format(WRITERS[writer](pair[1]))
    for end in range(len(text)):
        read = schema.read(text[:end], truncated=truncated)
        assert not read.ok or json.dumps(read.value) == json.dumps(pair[1])


@settings(max_examples=60, deadline=None)
@given(LEAVES, st.sampled_from(["bare", "fence", "open fence"]))
def test_a_scalar_cut_off_by_the_server_is_never_another_scalar(pair, wrapper):
    schema = AnswerSchema.of(pair[0])
    text = WRAPPERS[wrapper].format(json.dumps(pair[1]))
    for end in range(len(text)):
        read = schema.read(text[:end], truncated=True)
        assert not read.ok or json.dumps(read.value) == json.dumps(pair[1])


def letters_of(value):
    """The letters and digits that a value shows, in the order of its text."""
    if isinstance(value, dict):
        return "".join(letters_of(key) + letters_of(part) for key, part in value.items())
    if isinstance(value, list):
        return "".join(map(letters_of, value))
    return "".join(filter(str.isalnum, str(value)))


WORDS = st.text("abcxyz ", min_size=1, max_size=6)
PLAIN = st.recursive(
    WORDS | st.integers(0, 999),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(WORDS, PLAIN, min_size=1, max_size=3), st.data())
def test_a_broken_answer_is_read_with_all_its_letters_or_not_at_all(value, data):
    text = json.dumps(value, indent=data.draw(st.sampled_from([None, 1])))
    at, cut = data.draw(st.integers(0, len(text) - 1)), data.draw(st.integers(0, 1))
    text = text[:at] + data.draw(st.sampled_from(["", *"{}[]\",:'\n"])) + text[at + cut :]
    read = ANY_OBJECT.read(text)
    if read.ok and "repeated key" not in read.repaired:
        assert letters_of(read.value) == "".join(filter(str.isalnum, text))


@settings(max_examples=300, deadline=None)
@given(st.text("{}[]\"':,\\/#`-+.enulltrufas019 \n“”：，", max_size=60), st.booleans())
def test_any_text_is_read_or_refused_with_a_reason(text, truncated):
    for schema in (SCHEMA, NUMBERS, ANY_OBJECT):
        read = schema.read(text, truncated=truncated)
        assert read.ok == (not read.reason) == (not read.problems)


# -------------------------------------------------------------------------------------- schemas


class Step(BaseModel):
    text: str
    minutes: int = 3


class Plan(BaseModel):
    title: Annotated[str, Field(min_length=2)]
    steps: list[Step]
    due: datetime | None = None
    kind: Literal["home", "work"] = "home"

    @field_validator("title")
    @classmethod
    def has_no_digits(cls, title: str) -> str:
        if any(map(str.isdigit, title)):
            raise ValueError("must have no digits")
        return title

    @model_validator(mode="after")
    def work_has_steps(self) -> "Plan":
        if self.kind == "work" and not self.steps:
            raise ValueError("work needs steps")
        return self


class Node(BaseModel):
    value: int
    children: list["Node"] = []


PLAN = AnswerSchema.of(Plan)


def test_a_model_gives_instances_and_its_schema():
    read = PLAN.read(
        '{"title": "Tidy", "steps": [{"text": "up", "minutes": "5"}], "due": "2026-01-02"}'
    )
    assert read.value == Plan(
        title="Tidy",
        steps=[Step(text="up", minutes=5)],
        due=datetime(2026, 1, 2),  # noqa: DTZ001
    )
    assert read.repaired == ("text to integer at steps[0].minutes",)
    assert PLAN.name == "Plan"
    assert PLAN.json["properties"]["title"]["minLength"] == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"title": "T1", "steps": []}', Problem(("title",), "must have no digits")),
        ('{"title": "Tidy", "steps": [], "kind": "work"}', Problem((), "work needs steps")),
        (
            '{"title": "Tidy", "steps": [{"text": 1.5}]}',
            Problem(("steps", 0, "text"), "should be a text, and is 1.5"),
        ),
    ],
)
def test_what_a_model_refuses_is_told_in_its_words_without_its_data(text, problem):
    read = PLAN.read(text)
    assert (read.value, read.problems, read.reason) == (None, (problem,), "schema_mismatch")
    assert read.draft["title"].startswith("T")


def test_a_field_that_a_model_does_not_know_is_left_out_and_told_unless_it_allows_them():
    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")
        a: int

    read = PLAN.read('{"title": "Tidy", "steps": [{"text": "x", "why": 1}]}')
    assert read.repaired == ("extra field steps[0].why left out",)
    assert AnswerSchema.of(Open).read('{"a": 1, "b": 2}').value.b == 2


def test_models_of_lists_and_models_in_themselves_are_read():
    assert AnswerSchema.of(RootModel[list[int]]).read('[1, "2"]').value.root == [1, 2]
    read = AnswerSchema.of(Node).read('{"value": 1, "children": [{"value": "2"}]}')
    assert read.value == Node(value=1, children=[Node(value=2)])


def test_a_choice_of_models_is_told_apart_by_its_tag():
    class Cat(BaseModel):
        kind: Literal["cat"]
        lives: int

    class Dog(BaseModel):
        kind: Literal["dog"]
        tricks: list[str]

    class Pet(BaseModel):
        pet: Annotated[Cat | Dog, Field(discriminator="kind")]

    schema = AnswerSchema.of(Pet)
    assert schema.read('{"pet": {"kind": "cat", "lives": "9", "x": 1}}').value.pet.lives == 9
    assert schema.read('{"pet": {"kind": "cat", "lives": "many"}}').problems == (
        Problem(("pet", "lives"), 'should be an integer, and is "many"'),
    )


def test_a_null_for_a_key_that_the_schema_does_not_name_is_never_left_out():
    schema = AnswerSchema.of(
        {"type": "object", "additionalProperties": {"type": "integer"}, "properties": {"a": {}}}
    )
    assert schema.read('{"b": null}').problems == (
        Problem(("b",), "should be an integer, and is null"),
    )


def test_a_null_that_stands_for_a_required_field_is_a_problem():
    read = SCHEMA.read('{"q": null, "n": null}')
    assert read.problems == (Problem(("q",), "is null, and must not be"),)
    assert read.repaired == ("null at n left out",)


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"type": "strin"},
            r"type is not valid JSON schema.*strin.* no type\. There are: array",
        ),
        (
            {"properties": {"type": "string"}},
            r'properties\.type is not valid .* "string" is not of types "boolean", "object"',
        ),
        (
            {"type": "object", "properties": {"a": {"minimum": "x"}}},
            r"properties\.a\.minimum is not valid.*Correct it there",
        ),
        ({"type": "string", "pattern": "("}, "pattern"),
        ({"$ref": "http://example.com/schema.json"}, "nothing is fetched"),
        ({"properties": {"a": {"$ref": "other.json"}}}, "nothing is fetched"),
        ({"$ref": "#/$defs/missing"}, "missing"),
        ({"type": "object", "properties": {"a": {"type": int}}}, r"properties\.a\.type.*int"),
        ({"type": "object", "properties": {1: {}}}, "dicts with texts as keys"),
        ({"enum": [Colour.RED]}, r"enum\[0\]"),
        ({"maximum": float("inf")}, "maximum is inf"),
        ({"name": "string", "age": "integer"}, "no keywords of JSON schema"),
        ("object", "found 'object', wanted a JSON schema"),
        (None, "pydantic model"),
        (int, "pydantic model"),
        (Plan(title="ab", steps=[]), "pydantic model"),
    ],
)
def test_what_is_no_schema_is_refused_with_its_place_and_a_cure(given, said):
    with pytest.raises(ConfigurationError, match=f"(?s)^json_schema: .*{said}"):
        AnswerSchema.of(given)


def test_a_model_without_a_json_schema_is_refused():
    class Odd(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        schema_: AnswerSchema

    with pytest.raises(ConfigurationError, match="the model Odd has no JSON schema"):
        AnswerSchema.of(Odd)


def test_formats_are_demands_of_a_schema_and_a_model_has_its_own():
    schema = AnswerSchema.of({"properties": {"due": {"type": "string", "format": "date"}}})
    assert schema.read('{"due": "2026-02-30"}').problems[0].path == ("due",)
    assert PLAN.read('{"title": "Tidy", "steps": [], "due": "2026-01-02T03:04:05"}').ok


def test_a_schema_is_named_for_servers():
    assert AnswerSchema.of({"title": "My schema (v2)!", "type": "object"}).name == "My_schema_v2"
    assert SCHEMA.name == "answer"


@pytest.mark.parametrize("schema", [SCHEMA, PLAN])
def test_a_schema_goes_to_another_process(schema):
    copy = pickle.loads(pickle.dumps(schema))
    assert (copy.json, copy.name, copy.model) == (schema.json, schema.name, schema.model)
    assert copy.read('{"q": "a", "title": "Tidy", "steps": []}').ok


def test_the_schema_that_was_given_can_change_without_changing_ours():
    given = {"type": "object", "properties": {"a": {"type": "integer"}}}
    schema = AnswerSchema.of(given)
    given["properties"]["a"]["type"] = "string"
    assert schema.json["properties"]["a"] == {"type": "integer"}


def test_instructions_hold_the_schema_as_it_is():
    told = SCHEMA.instructions()
    assert json.loads(told[told.index("{") :]) == SCHEMA.json


# --------------------------------------------------------------------------------- strict schemas


def objects_in(schema):
    if isinstance(schema, list):
        return [found for part in schema for found in objects_in(part)]
    if not isinstance(schema, dict):
        return []
    inner = [found for part in schema.values() for found in objects_in(part)]
    return [schema, *inner] if schema.get("type") == "object" else inner


@pytest.mark.parametrize("schema", [SCHEMA, PLAN, AnswerSchema.of(Node)])
def test_a_strict_schema_is_closed_and_requires_all_and_its_answers_are_read(schema):
    strict = schema.strict()
    assert strict["type"] == "object"
    for part in objects_in(strict):
        assert part["required"] == list(part["properties"])
        assert part["additionalProperties"] is False
    AnswerSchema.of(strict)


def test_the_nulls_of_an_answer_in_strict_form_are_missing_fields():
    answer = {
        "title": "Tidy",
        "steps": [{"text": "up", "minutes": None}],
        "due": None,
        "kind": None,
    }
    assert AnswerSchema.of(PLAN.strict()).read(json.dumps(answer)).ok
    read = PLAN.read(json.dumps(answer))
    assert read.value == Plan(title="Tidy", steps=[Step(text="up")])
    assert read.repaired == ("null at steps[0].minutes left out", "null at kind left out")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "integer"}},
        {"type": "string"},
        {"anyOf": [{"type": "object", "properties": {"a": {"type": "null"}}}, {"type": "null"}]},
        {"type": "object"},
        {"type": "object", "properties": {"a": {"type": "object"}}},
        {"type": "object", "properties": {"a": {}}},
        {"type": "object", "properties": {"a": {"type": "array"}}},
        {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": True},
        {
            "type": "object",
            "properties": {"a": {"type": "array", "prefixItems": [{"type": "null"}]}},
        },
        {"type": "object", "properties": {"a": {"type": "integer"}}, "if": {"required": ["a"]}},
        {"type": "object", "properties": {"a": {"not": {"type": "null"}}}},
        {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["b"]},
    ],
)
def test_what_strict_mode_cannot_say_has_no_strict_schema(schema):
    assert AnswerSchema.of(schema).strict() is None


def test_choices_and_described_references_become_what_strict_mode_knows():
    schema = AnswerSchema.of(
        {
            "type": "object",
            "properties": {
                "a": {"oneOf": [{"type": "integer"}, {"$ref": "#/$defs/b"}]},
                "c": {"allOf": [{"$ref": "#/$defs/b"}], "description": "a b"},
                "d": {"$ref": "#/$defs/b", "description": "another"},
                "e": {"type": ["string", "null"], "minLength": 2},
            },
            "required": ["a", "c", "d"],
            "$defs": {"b": {"enum": ["x", "y"]}},
        }
    )
    assert schema.strict()["properties"] == {
        "a": {"anyOf": [{"type": "integer"}, {"$ref": "#/$defs/b"}]},
        "c": {"$ref": "#/$defs/b"},
        "d": {"$ref": "#/$defs/b"},
        "e": {"type": ["string", "null"]},
    }


# ------------------------------------------------------------------------------------ corrections


def corrected(schema, text):
    correction = Correction.of(schema, schema.read(text))
    assert correction is not None
    return correction


def test_only_the_wrong_fields_are_asked_for_and_put_into_the_draft():
    text = '{"q": "a long and costly text that is fine", "n": "many", "level": "Hard", "tags": []}'
    correction = corrected(SCHEMA, text)
    assert correction.fields == ("n", "level")
    assert correction.schema.json["required"] == ["n", "level"]
    assert set(correction.schema.json["properties"]) == {"n", "level"}
    read = correction.merge('{"level": "hard", "n": 3}')
    assert read.value == {
        "q": "a long and costly text that is fine", "n": 3, "level": "hard", "tags": []
    }  # fmt: skip


def test_the_follow_up_says_what_is_wrong_and_what_to_send():
    text = '{"q": "a", "n": "many"}'
    assistant, user = corrected(SCHEMA, text).messages(text)
    assert assistant == {"role": "assistant", "content": text}
    assert user["role"] == "user"
    assert 'n should be an integer, and is "many"' in user["content"]
    assert "level" not in user["content"]
    assert '"tags"' not in user["content"]


def test_a_thousand_problems_do_not_make_a_thousand_lines():
    text = json.dumps({"q": "a", "tags": [1.5] * 1000})
    told = corrected(SCHEMA, text).messages(text)[1]["content"]
    assert told.count("should be a text") == 20
    assert "and 980 more" in told


def test_a_wrong_part_of_a_field_asks_for_the_whole_field():
    correction = corrected(PLAN, '{"title": "Tidy", "steps": [{"text": "a"}, {"text": 1.5}]}')
    assert correction.fields == ("steps",)
    read = correction.merge('{"steps": [{"text": "a"}, {"text": "b"}]}')
    assert read.value == Plan(title="Tidy", steps=[Step(text="a"), Step(text="b")])


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ('{"n": 1}', ("q",)),
        ('{"q": "a", "n": NaN}', ("n",)),
        ('{"q": "a", "q": "b", "n": 1}', ("q",)),
        ('{"q": "a", "n": 1 2}', ()),
        ('{"q": "a"} {"q": "b"}', ()),
        ('{"q": 1.5, "n": 1.5, "tags": 1, "level": 1, "ok": 2}', ()),
        ('["a"]', ()),
        ("Sorry, no.", ()),
    ],
)
def test_what_is_asked_for_again(text, fields):
    correction = corrected(SCHEMA, text)
    assert correction.fields == fields
    assert (correction.schema is SCHEMA) == (not fields)
    assert (correction.discarded(100) < 100) == bool(fields)


def test_a_problem_of_the_whole_asks_for_the_whole():
    correction = corrected(PLAN, '{"title": "Tidy", "steps": [], "kind": "work"}')
    assert correction.fields == ()
    whole = '{"title": "Tidy", "steps": [{"text": "a"}], "kind": "work"}'
    assert correction.merge(whole).value.kind == "work"
    assert correction.discarded(70) == 70


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"type": "integer"}}},
        {
            "type": "object",
            "properties": {"a": {"type": "string"}, "b": {"$ref": "#/properties/a"}},
        },
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "object", "patternProperties": {"^b": {"type": "integer"}}},
    ],
)
def test_fields_that_cannot_stand_alone_ask_for_the_whole(schema):
    schema = AnswerSchema.of(schema)
    assert corrected(schema, '{"b": [1]}').fields == ()


@pytest.mark.parametrize("definition", [{"$ref": "#/$defs/a"}, True])
def test_a_reference_that_leads_to_no_fields_asks_for_the_whole(definition):
    schema = AnswerSchema.of({"$ref": "#/$defs/a", "$defs": {"a": definition}})
    assert corrected(schema, "Sorry, no.").fields == ()


def test_fields_of_a_recursive_model_are_asked_for_alone():
    correction = corrected(AnswerSchema.of(Node), '{"value": 1, "children": [{"value": "x"}]}')
    assert correction.fields == ("children",)
    read = correction.merge('{"children": [{"value": 2}]}')
    assert read.value == Node(value=1, children=[Node(value=2)])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"n": "still many"}', "schema_mismatch"),
        ('{"n": ', "unparsable_answer"),
        ("", "empty_answer"),
        ('{"q": "b"}', "schema_mismatch"),
    ],
)
def test_a_correction_that_is_wrong_too_leaves_the_draft_and_says_why(text, reason):
    read = corrected(SCHEMA, '{"q": "a", "n": "many"}').merge(text)
    assert (read.value, read.reason) == (None, reason)
    assert read.draft == {"q": "a", "n": "many"}
    assert read.problems


def test_a_correction_that_sends_everything_changes_only_what_was_asked_for():
    read = corrected(SCHEMA, '{"q": "a", "n": "many"}').merge('{"q": "b", "n": 1}')
    assert read.value == {"q": "a", "n": 1}
    assert "extra field q left out" in read.repaired


def test_a_correction_that_was_cut_off_is_called_so():
    read = corrected(SCHEMA, '{"q": "a", "n": "many"}').merge('{"n": 1', truncated=True)
    assert read.reason == "truncated"


def test_the_repairs_of_both_answers_are_told():
    read = corrected(SCHEMA, "{'q': 'a', 'n': 'many'}").merge('{"n": "3"}')
    assert set(read.repaired) == {"quotes", "text to integer at n"}


def test_the_tokens_thrown_away_are_the_share_of_the_wrong_fields():
    text = json.dumps({"q": "x" * 89, "n": "y"}, separators=(",", ":"))
    correction = corrected(SCHEMA, text)
    assert correction.discarded(1000) == round(1000 * len('"n":"y"') / (len(text) - 2) + 0.5)
    assert corrected(SCHEMA, '{"n": 1}').discarded(1000) == 0
    assert corrected(SCHEMA, "no JSON").discarded(1000) == 1000


def test_an_answer_that_fits_needs_no_correction():
    assert Correction.of(SCHEMA, SCHEMA.read('{"q": "a"}')) is None
    assert Correction.of(SCHEMA, SCHEMA.read("")) is None


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(SAFE_TEXT, LEAVES, min_size=2, max_size=5), st.data())
def test_any_fields_that_went_wrong_are_mended_by_sending_them_alone(fields, data):
    schema_of, value = object_of(fields)
    schema = AnswerSchema.of(schema_of)
    wrong = data.draw(st.sets(st.sampled_from(sorted(value)), min_size=1, max_size=len(value) - 1))
    spoilt = {name: [["spoilt"]] if name in wrong else part for name, part in value.items()}
    correction = corrected(schema, json.dumps(spoilt))
    assert set(correction.fields) == wrong or ("" in wrong and not correction.fields)
    if not correction.fields:  # the validator does not name empty keys
        wrong = set(value)
    read = correction.merge(json.dumps({name: value[name] for name in wrong}))
    assert json.dumps(read.value, sort_keys=True) == json.dumps(value, sort_keys=True)
