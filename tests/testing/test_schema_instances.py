"""Instances that the fault server makes of schemas, judged by an independent validator."""

import enum
import re
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter

from dataflow_core.testing.server.instances import instance_of, misfit_of
from dataflow_core.testing.server.question import Refusal

SEEDS = [f" sample {number}" for number in range(4)]


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Node(BaseModel):
    label: str
    children: list["Node"] = []
    parent: "Node | None" = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(ge=1, le=9)


class Dog(BaseModel):
    kind: Literal["dog"]
    good: bool


class Everything(BaseModel):
    text: Annotated[str, Field(min_length=3, max_length=5)]
    long: Annotated[str, Field(min_length=200)]
    code: Annotated[str, Field(pattern=r"^[A-Z]{2}-\d{3,}$")]
    colour: Colour
    score: Annotated[float, Field(gt=0, lt=1)]
    tiny: Annotated[float, Field(gt=0, lt=1e-9)]
    count: Annotated[int, Field(gt=10, lt=12)]
    even: Annotated[int, Field(multiple_of=4, ge=5)]
    cold: Annotated[int, Field(le=-5)]
    pair: tuple[int, str]
    distinct: Annotated[set[Literal["a", "b", "c"]], Field(min_length=2)]
    counts: dict[str, int]
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    tree: Node
    day: date
    id: UUID
    anything: object
    nothing: None
    some: int | str | None


@pytest.mark.parametrize("seed", SEEDS)
def test_an_instance_of_a_model_is_one(seed):
    schema = Everything.model_json_schema()
    value = instance_of(schema, "ok:123", seed)
    Everything.model_validate(value)
    assert value["tree"]["label"].startswith("ok:123")
    assert value == instance_of(schema, "ok:123", seed)


def test_other_seeds_make_other_choices():
    made = [instance_of({"enum": list(range(50))}, "ok", seed) for seed in SEEDS]
    assert len(set(made)) > 2


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "pattern",
    [
        r"^\d{4}-\d{2}$",
        r"^(foo|ba[rz])+$",
        r"^[^a-z\s]+$",
        r"\w+@\w+\.(com|org)",
        r"^(a)\1b?$",
        r"^.{3,5}\S\D\W$",
        r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$",
        "",
    ],
)
def test_a_string_matches_its_pattern(pattern, seed):
    assert re.search(pattern, instance_of({"type": "string", "pattern": pattern}, "ok", seed))


def test_a_string_of_a_pattern_is_as_long_as_it_must_be():
    schema = {"type": "string", "pattern": "^[ab]+$", "minLength": 7}
    assert re.fullmatch("[ab]{7,}", instance_of(schema, "ok"))


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (False, "false"),
        ({"enum": []}, "no choice"),
        ({"$ref": "#/$defs/none"}, "no #/"),
        ({"$ref": "#"}, "no end"),
        ({"type": "integer", "minimum": 2, "maximum": 1}, "no number"),
        ({"type": "integer", "minimum": 1.2, "maximum": 1.8}, "no number"),
        ({"type": "string", "pattern": "^(?!x)x"}, "pattern"),
        ({"type": "string", "pattern": "("}, "pattern"),
        ({"type": "array", "items": {"const": 1}, "minItems": 2, "uniqueItems": True}, "too few"),
        (
            {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
            "no end",
        ),
    ],
)
def test_a_schema_without_an_instance_is_refused(schema, why):
    with pytest.raises(Refusal, match=why) as told:
        instance_of(schema, "ok")
    assert told.value.status == 400


@pytest.mark.parametrize(
    "schema",
    [
        Everything.model_json_schema(),
        {"type": "object", "properties": {"a": {}}},
        {"type": "array", "items": {"type": "string"}},
        {"type": "integer"},
        {"type": "string"},
        {"enum": [1, 2]},
    ],
)
def test_a_misfit_does_not_fit(schema):
    validator = pytest.importorskip("jsonschema_rs").validator_for(schema)
    assert validator.is_valid(instance_of(schema, "ok"))
    assert not validator.is_valid(misfit_of(schema, "ok"))


def bounded(kind, least, most, low, high):
    """Return schemas with bounds that leave something."""
    numbers = st.tuples(st.integers(low, high), st.integers(0, 20))
    return numbers.map(lambda pair: {"type": kind, least: pair[0], most: pair[0] + pair[1]})


def containers(inner):
    named = st.dictionaries(st.sampled_from("abcd"), inner, max_size=3)
    objects = named.flatmap(
        lambda found: st.builds(
            lambda required: {"type": "object", "properties": found, "required": required},
            st.lists(st.sampled_from(sorted(found)), unique=True) if found else st.just([]),
        )
    )
    arrays = st.builds(
        lambda items, least: {"type": "array", "items": items, "minItems": least},
        inner,
        st.integers(0, 4),
    )
    unions = st.lists(inner, min_size=1, max_size=3).map(lambda found: {"anyOf": found})
    return objects | arrays | unions


SCHEMAS = st.recursive(
    bounded("integer", "minimum", "maximum", -50, 50)
    | bounded("number", "exclusiveMinimum", "maximum", -50, 50).filter(
        lambda schema: schema["exclusiveMinimum"] < schema["maximum"]
    )
    | bounded("string", "minLength", "maxLength", 0, 40)
    | st.sampled_from([{"type": "null"}, {"type": "boolean"}, {"const": [1]}, {}, True])
    | st.lists(st.integers() | st.text(), min_size=1, max_size=3).map(lambda v: {"enum": v}),
    containers,
    max_leaves=12,
)


@given(SCHEMAS, st.sampled_from(SEEDS))
def test_an_instance_fits_its_schema(schema, seed):
    jsonschema = pytest.importorskip("jsonschema_rs")
    assert jsonschema.is_valid(schema, instance_of(schema, "ok:123", seed))


def test_types_are_read_as_pydantic_writes_them():
    for kind in (int, str, list[int], dict[str, bool], Literal["x"], int | None, bool, float):
        adapter = TypeAdapter(kind)
        adapter.validate_python(instance_of(adapter.json_schema(), "ok"), strict=True)
